import { randomBytes } from 'node:crypto'
import { Problem, passed } from '../base/problem.ts'
import { withSpinner } from '../base/terminal.ts'
import { kubectl, tryKubectl } from '../kubernetes/kubectl.ts'
import { type KubeObject, managedLabels } from '../kubernetes/manifests.ts'
import { currentRun, markWritten } from '../run/context.ts'
import { findings } from '../run/findings.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { skipped } from '../run/task.ts'
import { prowUrl, templateValues } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { readProwConfig } from './config.ts'
import type { Decoration } from './rules/rule.ts'

const JOB = 'runbook-verify'

/** The decoration that Prow gives a job of no repository, from the text of config.yaml. */
export async function defaultDecoration(config: string): Promise<Decoration> {
  const { parseYaml } = await import('../base/yaml-parse.ts')
  const { decorator } = await import('./rules/decoration.ts')
  return decorator(parseYaml(config).tree)('')
}

/** A ProwJob that prints a line and ends, as horologium would create it. */
export function testJob(settings: Settings, decoration: Decoration, name: string, now = new Date()): KubeObject {
  const labels = { 'created-by-prow': 'true', 'prow.k8s.io/type': 'periodic', 'prow.k8s.io/job': JOB }
  return {
    apiVersion: 'prow.k8s.io/v1',
    kind: 'ProwJob',
    metadata: {
      name,
      namespace: 'prow',
      labels: { ...managedLabels('13-verify'), ...labels, 'prow.k8s.io/id': name },
      annotations: { 'prow.k8s.io/job': JOB },
    },
    spec: {
      type: 'periodic',
      agent: 'kubernetes',
      cluster: 'default',
      namespace: 'test-pods',
      job: JOB,
      decoration_config: { ...decoration, timeout: '10m' },
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
 * Verifies with a job that a ProwJob gets as far as its log in Deck, by the configuration in the files. Prints a line
 * with the URL of the log. Under --plan no job is created.
 */
export async function verifyWithJob(settings: Settings): Promise<void> {
  if (currentRun().plan) return skipped('test job', 'a plan creates no job')
  const { config } = readProwConfig(settings)
  markWritten()
  const url = await withSpinner('test job', (progress) => runTestJob(settings, config.text, progress))
  await findings(passed('a test job ran, and Deck shows its log', `its log stays: ${url}`))
}

/**
 * Runs a harmless job through all of Prow: its pod, its log in the bucket, its page in Deck. Removes job and pod
 * afterwards; the log stays. Answers the URL of the log; throws a Problem that shows where the job stopped.
 */
async function runTestJob(settings: Settings, config: string, progress: (text: string) => void): Promise<string> {
  const name = `verify-${randomBytes(6).toString('hex')}`
  progress('creating a job')
  const job = testJob(settings, await defaultDecoration(config), name)
  await kubectl(['create', '-f', '-'], { input: JSON.stringify(job), comment: `ProwJob ${name}` })
  progress('waiting for the job to finish')
  const seconds = settings.WAIT_SECONDS
  const condition = '--for=jsonpath={.status.completionTime}'
  const wait = ['wait', '-n', 'prow', condition, `--timeout=${seconds}s`, `prowjob/${name}`]
  const { exitCode } = await tryKubectl(wait, { timeout: seconds + 30 })
  const { status } = JSON.parse(await kubectl(['get', '-n', 'prow', '-o', 'json', 'prowjob', name]))
  const { state, description, build_id: build } = status
  if (exitCode !== 0 || state !== 'success') {
    const pods = kubectlLine('-n', 'test-pods', 'describe', 'pod', '-l', `prow.k8s.io/job=${JOB}`)
    throw new Problem(
      `job ${name} is ${state}${description ? `: ${description}` : ''}`,
      state === 'triggered'
        ? `prow-controller-manager creates no pod for it: ${kubectlLine('-n', 'prow', 'logs', 'deployment/prow-controller-manager')}`
        : `Its pod is kept: ${pods}`,
    )
  }
  progress('reading its log in Deck')
  const path = `s3/${settings.LOG_BUCKET}/logs/${JOB}/${build}`
  const page = await kubectl(['get', '--raw', `/api/v1/namespaces/prow/services/deck:80/proxy/view/${path}`])
  if (!page.includes('build-log.txt')) {
    throw new Problem(
      `Deck does not find the log of job ${name} in ${settings.LOG_BUCKET}`,
      `Check whether it was uploaded: ${kubectlLine('-n', 'test-pods', 'logs', name, '-c', 'sidecar')}`,
    )
  }
  // One that failed is kept for inspection; sinker removes it in time.
  await kubectl(['delete', '-n', 'prow', '--ignore-not-found', 'prowjob', name])
  await kubectl(['delete', '-n', 'test-pods', '--ignore-not-found', '--wait=false', 'pod', name])
  return `${prowUrl(settings)}/view/${path}`
}
