import { withLastWords } from '../../kubernetes/diagnose.ts'
import type { KubeObject } from '../../kubernetes/manifests.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import type { ContainerStatus, PodStatus } from '../../kubernetes/pod-causes.ts'
import { isReady } from '../../kubernetes/wait.ts'
import { type Context, isPast, isReadyPod, workloadCause } from '../../kubernetes/workload-cause.ts'
import { COMPONENTS } from '../../prow/checks.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import { type Evidence, wasNotRead } from '../evidence.ts'
import type { Found, Row } from '../row.ts'

/** How many restarts within the last hour are too many, for a component that runs now. */
const RESTARTS = 5
const HOUR = 3600 * 1000

/** What a pod of a namespace is judged with, besides its own objects. */
export function contextOf({ objects, settings, unread }: Evidence, namespace = 'prow'): Context {
  return {
    settings,
    taints: objects.ofKind('Node').flatMap(({ spec }) => {
      const { taints = [] } = (spec ?? {}) as { taints?: { key: string; value?: string; effect: string }[] }
      return taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`)
    }),
    exists: (kind, name) => {
      if (unread.some(({ source }) => /^(secrets|configmaps|namespace)/.test(source))) return undefined
      return objects.get(kind, name, namespace) !== undefined
    },
  }
}

/** The Deployments that the settings want in prow. */
function wantedDeployments({ settings }: Evidence): string[] {
  return [...COMPONENTS, ...(settings.OBJECT_STORE === 'on' ? ['object-store'] : [])]
}

export const podRows: Row[] = [
  {
    id: 'PRW-POD-002',
    title: 'every component has a Deployment',
    severity: 'error',
    find: (evidence) => {
      if (wasNotRead(evidence, 'deployments')) return []
      return wantedDeployments(evidence)
        .filter((name) => !evidence.objects.get('Deployment', name, 'prow'))
        .map((name) => ({
          object: objectLabel('Deployment', name, 'prow'),
          message: `Deployment prow/${name} does not exist`,
          evidence: 'no Deployment of that name in prow',
          remedy: `Run ${rerunLine('08-prow')}.`,
        }))
    },
  },
  {
    // Each cause has an id of its own: PRW-POD, -SCH, -VOL, -IMG, -CRA, -ADM, -SEC, -CFG and -NET.
    id: 'PRW-POD-099',
    title: 'every component is ready',
    severity: 'error',
    find: async (evidence) => {
      const { objects, settings } = evidence
      const deployments = objects.ofKind('Deployment', 'prow').filter((one) => !isReady(one))
      return Promise.all(
        deployments.map(async (deployment): Promise<Found> => {
          const first = workloadCause(objects, deployment, contextOf(evidence))
          const found = await withLastWords(objects, first, settings)
          const { name } = deployment.metadata
          return {
            id: found.id,
            object: labelOf(deployment),
            message: `Deployment prow/${name} is not ready: ${found.cause}`,
            remedy: found.remedy,
            evidence: found.evidence,
            follows: found.follows,
          }
        }),
      )
    },
  },
  {
    id: 'PRW-POD-010',
    title: 'no component restarts again and again',
    severity: 'warning',
    find: ({ objects, now }) =>
      objects
        .ofKind('Pod', 'prow')
        .filter((pod) => isReadyPod(pod) && !isPast(pod))
        .flatMap((pod) =>
          ((pod.status as PodStatus).containerStatuses ?? [])
            .filter((one) => restartsOften(one, now))
            .map((status) => restartFinding(pod, status)),
        ),
  },
  {
    id: 'PRW-POD-011',
    title: 'no pod hangs while it is deleted',
    severity: 'warning',
    find: ({ objects, now }) =>
      ['prow', 'test-pods'].flatMap((namespace) => {
        const stuck = objects.ofKind('Pod', namespace).filter((pod) => isStuck(pod, now))
        const [first] = stuck
        if (!first) return []
        const finalizers = (first.metadata.finalizers ?? []) as string[]
        const reporter = finalizers.includes('prow.x-k8s.io/gcsk8sreporter')
        const { name } = first.metadata
        return [
          {
            object: labelOf(first),
            message: `${stuck.length === 1 ? `Pod ${namespace}/${name} hangs` : `${stuck.length} pods in ${namespace} hang`} while being deleted, since ${first.metadata.deletionTimestamp}${finalizers.length > 0 ? `: ${finalizers.join(', ')} is not removed` : ''}`,
            evidence: `finalizers: ${finalizers.join(', ') || 'none'}; deletionTimestamp: ${first.metadata.deletionTimestamp}`,
            remedy: reporter
              ? `crier removes this finalizer when it has reported the job. Check its log: ${kubectlLine('-n', 'prow', 'logs', 'deployment/crier')}\nWhen crier runs and it stays: ${kubectlLine('-n', namespace, 'patch', 'pod', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}')}`
              : `Check ${kubectlLine('-n', namespace, 'describe', 'pod', name)}; if its node is gone: ${kubectlLine('-n', namespace, 'delete', 'pod', name, '--force')}`,
            follows: reporter ? ['Deployment prow/crier'] : [],
          },
        ]
      }),
  },
]

function restartsOften({ restartCount, lastState }: ContainerStatus, now: Date): boolean {
  const ended = lastState?.terminated?.finishedAt
  return restartCount >= RESTARTS && (!ended || now.getTime() - Date.parse(ended) < HOUR)
}

function restartFinding(pod: KubeObject, { name, restartCount, lastState }: ContainerStatus): Found {
  const { reason = 'Error', exitCode } = lastState?.terminated ?? {}
  const memory = reason === 'OOMKilled'
  const { namespace = '' } = pod.metadata
  return {
    object: labelOf(pod),
    message: `container ${name} of ${pod.metadata.name} is ready, but was restarted ${restartCount} times${memory ? ': it needs more memory than its limit' : ''}`,
    evidence: `${reason}${exitCode === undefined ? '' : `, exit code ${exitCode}`}, ${restartCount} restarts`,
    remedy: memory
      ? `Raise its memory limit: ${kubectlLine('-n', namespace, 'set', 'resources', `deployment/${name}`, '-c', name, '--limits=memory=SIZE')}`
      : `Read why it ended: ${kubectlLine('-n', namespace, 'logs', pod.metadata.name, '-c', name, '--previous')}`,
  }
}

/** Whether a pod is being deleted for ten minutes more than it was granted. */
function isStuck({ metadata }: KubeObject, now: Date): boolean {
  const { deletionTimestamp } = metadata as { deletionTimestamp?: string }
  return deletionTimestamp !== undefined && now.getTime() - Date.parse(deletionTimestamp) > 10 * 60 * 1000
}
