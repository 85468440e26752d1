import { randomBytes } from 'node:crypto'
import { load, YAML11_SCHEMA } from 'js-yaml'
import { Problem } from '../base/problem.ts'
import { kubectl, kubectlLine, tryKubectl } from '../kubernetes/kubectl.ts'
import { type KubeObject, MANAGED_LABELS } from '../kubernetes/manifests.ts'
import { prowUrl, templateValues } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

const JOB = 'runbook-verify'

interface Entry {
  repo?: string
  cluster?: string
  config?: Record<string, unknown>
}

/** What Prow would decorate a job of no repository with: every entry for all, later ones winning field by field. */
export function defaultDecoration(config: string): Record<string, unknown> {
  const { plank } = (load(config, { schema: YAML11_SCHEMA }) ?? {}) as {
    plank?: {
      default_decoration_config_entries?: Entry[]
      default_decoration_configs?: Record<string, Record<string, unknown>>
    }
  }
  const all = (text?: string) => !text || text === '*'
  const entries = (plank?.default_decoration_config_entries ?? [])
    .filter(({ repo, cluster }) => all(repo) && (all(cluster) || cluster === 'default'))
    .map(({ config }) => config ?? {})
  return Object.assign({}, plank?.default_decoration_configs?.['*'], ...entries)
}

/** A ProwJob that says a word and ends, as horologium would make it. */
export function testJob(settings: Settings, config: string, name: string, now = new Date()): KubeObject {
  const labels = { 'created-by-prow': 'true', 'prow.k8s.io/type': 'periodic', 'prow.k8s.io/job': JOB }
  return {
    apiVersion: 'prow.k8s.io/v1',
    kind: 'ProwJob',
    metadata: {
      name,
      namespace: 'prow',
      labels: { ...MANAGED_LABELS, ...labels, 'prow.k8s.io/id': name },
      annotations: { 'prow.k8s.io/job': JOB },
    },
    spec: {
      type: 'periodic',
      agent: 'kubernetes',
      cluster: 'default',
      namespace: 'test-pods',
      job: JOB,
      decoration_config: { ...defaultDecoration(config), timeout: '10m' },
      pod_spec: {
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65532,
          runAsGroup: 65532,
          fsGroup: 65532,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: '',
            image: templateValues(settings).HELLO_IMAGE,
            command: ['sh', '-c'],
            args: ['echo "Prow works."'],
            resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    },
    status: { state: 'triggered', startTime: now.toISOString().replace(/\.\d+Z$/, 'Z') },
  }
}

/**
 * Sends a harmless job of its own all the way: pod, log in the bucket, page in Deck. Removes job and pod afterwards;
 * its log stays, as logs do. Answers where the log is; throws a Problem that says how far it came.
 */
export async function runTestJob(settings: Settings, config: string, say: (text: string) => void): Promise<string> {
  const name = `verify-${randomBytes(6).toString('hex')}`
  say('making a job')
  await kubectl(['create', '-f', '-'], {
    input: JSON.stringify(testJob(settings, config, name)),
    comment: `ProwJob ${name}`,
  })
  say('waiting for its end')
  const limit = `--timeout=${settings.WAIT_SECONDS}s`
  const ended = await tryKubectl([
    'wait',
    '-n',
    'prow',
    '--for=jsonpath={.status.completionTime}',
    limit,
    `prowjob/${name}`,
  ])
  const job = JSON.parse(await kubectl(['get', '-n', 'prow', '-o', 'json', 'prowjob', name]))
  const { state, description, build_id } = job.status
  if (ended.exitCode !== 0 || state !== 'success') {
    throw new Problem(
      `the job ${name} is ${state}${description ? `: ${description}` : ''}`,
      state === 'triggered'
        ? `prow-controller-manager makes no pod of it: ${kubectlLine('logs', '-n', 'prow', 'deployment/prow-controller-manager')}`
        : `See ${kubectlLine('describe', '-n', 'test-pods', 'pod', '-l', `prow.k8s.io/job=${JOB}`)}; it is kept.`,
    )
  }
  say('looking for its log in Deck')
  const path = `s3/${settings.LOG_BUCKET}/logs/${JOB}/${build_id}`
  const page = await kubectl(['get', '--raw', `/api/v1/namespaces/prow/services/deck:80/proxy/view/${path}`])
  if (!page.includes('build-log.txt')) {
    throw new Problem(
      `Deck does not find the log of the job ${name} in ${settings.LOG_BUCKET}`,
      `See ${kubectlLine('logs', '-n', 'test-pods', name, '-c', 'sidecar')}`,
    )
  }
  // What failed is kept to be looked at; sinker removes it in time.
  await kubectl(['delete', '-n', 'prow', '--ignore-not-found', 'prowjob', name])
  await kubectl(['delete', '-n', 'test-pods', '--ignore-not-found', '--wait=false', 'pod', name])
  return `${prowUrl(settings)}/view/${path}`
}
