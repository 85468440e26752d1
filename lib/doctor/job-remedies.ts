import type { KubeObject } from '../kubernetes/manifests.ts'
import type { Cause } from '../kubernetes/pod-causes.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'

/** What Prow adds to the pod of a decorated job; all else in it comes from the job. */
const UTILITIES = ['clonerefs', 'initupload', 'place-entrypoint', 'sidecar']

/** The Secrets in test-pods that 03-secrets creates. */
const SECRETS = ['s3-credentials', 'clone-token']

interface Spec {
  containers?: { name: string; image: string }[]
  initContainers?: { name: string; image: string }[]
  nodeSelector?: Record<string, string>
}

/**
 * What to do about the cause that keeps the pod of a job from starting. The remedies of a component's pod are about the
 * runbook's settings; what is in the pod of a job is mostly the job's own. `place` is where the job is written.
 */
export function jobRemedy(cause: Cause, pod: KubeObject, place: string): string {
  const { containers = [], initContainers = [], nodeSelector = {} } = (pod.spec ?? {}) as Spec
  const name = /(?:image of|container) ([\w-]+)/.exec(cause.cause)?.[1] ?? ''
  const isOwn = name !== '' && !UTILITIES.includes(name)
  const image = [...initContainers, ...containers].find((one) => one.name === name)?.image ?? ''
  const change = (what: string) => `${what} in ${place}, and run ${rerunLine('06-config')} if it is in CONFIG_DIR.`
  switch (cause.id) {
    case 'PRW-IMG-001':
    case 'PRW-IMG-005':
      return isOwn ? change(`Correct the image ${image} of the job`) : cause.remedy
    case 'PRW-IMG-002':
      return isOwn
        ? change(`Use an image for the architecture of the nodes instead of ${image}, or a nodeSelector`)
        : cause.remedy
    case 'PRW-IMG-004':
      return isOwn
        ? `The registry of ${image} wants credentials. Give the nodes' role the right to pull there (ECR: AmazonEC2ContainerRegistryReadOnly), or name a pull Secret of test-pods under imagePullSecrets in ${place}.`
        : cause.remedy
    case 'PRW-SEC-001':
    case 'PRW-SEC-002':
    case 'PRW-CFG-001': {
      const kind = cause.id === 'PRW-CFG-001' ? 'configmap' : 'secret'
      const named = /(?:secret|configmap)s? "([^"]+)"/.exec(cause.cause)?.[1] ?? ''
      if (named === '' || SECRETS.includes(named)) return cause.remedy
      return `The job names it. Create it: ${kubectlLine('-n', 'test-pods', 'create', kind, ...(kind === 'secret' ? ['generic'] : []), named, '--from-file=KEY=FILE')}\nOr take it out of ${place}.`
    }
    case 'PRW-SCH-004':
      return `${cause.remedy} Or lower the requests of the job in ${place}.`
    case 'PRW-SCH-010': {
      const wanted = Object.entries(nodeSelector).map(([key, value]) => `${key}=${value}`)
      return wanted.length === 0
        ? cause.remedy
        : `It needs a node with ${wanted.join(', ')}. Add one, or change the nodeSelector in ${place}: ${kubectlLine('get', 'nodes', '--show-labels')}`
    }
    case 'PRW-SCH-011':
      return change('Correct the name of the PersistentVolumeClaim')
    case 'PRW-CTR-001':
      return change('The image runs as root, which its securityContext forbids. Set runAsUser to another user')
    case 'PRW-CTR-002':
      return isOwn ? change(`Correct the command of container ${name}`) : cause.remedy
    case 'PRW-CRA-016':
      return isOwn
        ? change(`Raise the memory limit of container ${name}`)
        : `Raise decoration_config.resources.${name.replace(/-/g, '_')} in config.yaml, and run ${rerunLine('06-config')}.`
    default:
      return cause.remedy
  }
}
