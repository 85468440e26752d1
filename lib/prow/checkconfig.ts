import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Finding, failed, Problem, passed, warning } from '../base/problem.ts'
import { type Completed, onPath, quote, tryRun } from '../base/shell.ts'
import { withSpinner } from '../base/terminal.ts'
import { explainKubectl } from '../kubernetes/errors.ts'
import { tryKubectl } from '../kubernetes/kubectl.ts'
import { managedLabels } from '../kubernetes/manifests.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import { currentRun } from '../run/context.ts'
import { skipped } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import type { ProwConfig } from './config.ts'
import { jobTexts } from './config-maps.ts'
import { inspectNodes } from './simulation.ts'

/** How long the pod may take to start and to end, in seconds. */
const START_LIMIT = 120
const LIMIT = 180

/**
 * Has Prow's own checkconfig check a configuration: the program on PATH, else that of the installed version in a pod,
 * which is removed afterwards. Answers what it refuses, or that it accepts; a warning when it did not run. Under --plan
 * only the program on PATH is asked, since a pod is a write.
 */
export async function runCheckconfig(settings: Settings, prow: ProwConfig): Promise<Finding[]> {
  const files = {
    'config.yaml': prow.config.text,
    'plugins.yaml': prow.plugins.text,
    ...Object.fromEntries(Object.entries(jobTexts(prow)).map(([name, text]) => [`jobs/${name}`, text])),
  }
  try {
    if (settings.CHECKCONFIG === 'off') return skip('CHECKCONFIG=off')
    if (onPath('checkconfig')) return verdict('the checkconfig on PATH', await runProgram(files, settings), settings)
    if (currentRun().plan) return skip('not on PATH, and a plan starts no pod')
    const nodes = await inspectNodes()
    if (nodes.count === 0) return skip('not on PATH, and the cluster has no nodes')
    if (nodes.simulated) return skip('not on PATH, and the nodes are simulated: no program runs there')
    if (!(await snapshot()).has('Namespace', 'prow')) return skip('not on PATH, and namespace prow does not exist')
    return await withSpinner('running checkconfig in the cluster', () => runPod(files, settings))
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'interrupted') throw error
    return [didNotRun(error.message, error.findings[0]!.remedy)]
  }
}

function skip(reason: string): Finding[] {
  skipped('checkconfig', reason)
  return []
}

function didNotRun(reason: string, remedy: string): Finding {
  const rest = 'Without it only the rules of this runbook check the configuration; CHECKCONFIG=off leaves it out.'
  return warning(`checkconfig did not run: ${reason}`, `${remedy} ${rest}`)
}

/**
 * What checkconfig found out, by how it ended. Only its own log lines refuse a configuration: any other failure is one
 * of what runs it.
 */
export function verdict(program: string, { exitCode, stdout, stderr }: Completed, settings: Settings): Finding[] {
  if (exitCode === 0) return [passed(`${program} accepts the configuration`)]
  const errors = loggedErrors(`${stdout}\n${stderr}`)
  if (errors.length === 0) {
    const reason = stderr.trim().split('\n')[0] || `exit code ${exitCode}`
    return [didNotRun(reason, `Check that ${program} works.`)]
  }
  const strict = settings.CONFIG_STRICT === 'on' ? ', or set CONFIG_STRICT=off where it is only a warning' : ''
  return errors.map((error) =>
    failed(`checkconfig: ${error}`, `${program} refuses the configuration. Correct the file${strict}.`),
  )
}

/** The errors that a program of Prow has logged, as JSON lines: those that carry one, else all of that level. */
function loggedErrors(log: string): string[] {
  const entries = log.split('\n').flatMap((line): { msg: string; error?: unknown }[] => {
    try {
      const entry = JSON.parse(line)
      const isError = /^(warning|error|fatal|panic)$/.test(entry?.level ?? entry?.severity)
      return isError && typeof entry.msg === 'string' ? [entry] : []
    } catch {
      return []
    }
  })
  const errors = entries.filter(({ error }) => error).map(({ error }) => String(error))
  return [...new Set(errors.length > 0 ? errors : entries.map(({ msg }) => msg))]
}

function flags(folder: string, settings: Settings): string[] {
  return [
    `--config-path=${folder}/config.yaml`,
    `--plugin-config=${folder}/plugins.yaml`,
    `--job-config-path=${folder}/jobs`,
    ...(settings.CONFIG_STRICT === 'on' ? ['--strict'] : []),
  ]
}

async function runProgram(files: Record<string, string>, settings: Settings): Promise<Completed> {
  const folder = mkdtempSync(join(tmpdir(), 'prow-runbook-'))
  try {
    chmodSync(folder, 0o700)
    mkdirSync(join(folder, 'jobs'))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return await tryRun('checkconfig', flags(folder, settings))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const LABELS = { ...managedLabels('06-config'), 'app.kubernetes.io/component': 'checkconfig' }
const IN_CLUSTER = 'checkconfig in the cluster'
/** The last file that is unpacked in the pod. */
const COMPLETE = 'complete'

async function runPod(files: Record<string, string>, settings: Settings): Promise<Finding[]> {
  const name = `checkconfig-${Date.now().toString(36)}`
  try {
    const completed = await tryKubectl(podArguments(name, settings), {
      input: unpackScript(files, '/tmp/c'),
      comment: 'the configuration, packed',
      timeout: LIMIT,
    })
    const findings = verdict(IN_CLUSTER, completed, settings)
    if (completed.exitCode === 0 || findings.some(({ outcome }) => outcome === 'failed')) return findings
    const { message, findings: explained } = explainKubectl(completed.stderr)
    const status = await podStatus(name)
    return [
      status
        ? didNotRun(`its pod shows ${status}`, 'Check that the nodes can pull its image and have room for it.')
        : didNotRun(message, explained[0]!.remedy),
    ]
  } finally {
    const remove = ['delete', 'pod', '-n', 'prow', '--ignore-not-found', '--wait=false']
    // Also that of a run that was killed; one that still runs belongs to somebody else's run.
    const label = `app.kubernetes.io/component=${LABELS['app.kubernetes.io/component']}`
    const ended = ['-l', label, '--field-selector=status.phase!=Running,status.phase!=Pending']
    // A failure here must not replace the verdict; whoever may not create the pod may not delete it either.
    await Promise.allSettled([tryKubectl([...remove, name]), tryKubectl([...remove, ...ended])])
  }
}

function podArguments(name: string, settings: Settings): string[] {
  const image = `${settings.PROW_IMAGE_REGISTRY}/checkconfig:${settings.PROW_IMAGE_TAG}`
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    runAsUser: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  }
  // Input that was cut off lacks the last file: checkconfig must not judge the rest.
  const script = `set -e; eval "$(cat)"; test -f /tmp/c/${COMPLETE}; exec /ko-app/checkconfig ${flags('/tmp/c', settings).join(' ')}`
  const overrides = {
    apiVersion: 'v1',
    spec: {
      automountServiceAccountToken: false,
      nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': settings.NODE_ARCH },
      containers: [{ name, image, command: ['sh', '-c', script], stdin: true, stdinOnce: true, securityContext }],
    },
  }
  const labels = Object.entries(LABELS).map(([key, value]) => `${key}=${value}`)
  return [
    ...['run', name, '-n', 'prow', `--image=${image}`, '--restart=Never', '--stdin', '--quiet'],
    ...[`--labels=${labels.join(',')}`, `--pod-running-timeout=${START_LIMIT}s`],
    `--overrides=${JSON.stringify(overrides)}`,
  ]
}

/**
 * A shell script that writes files into a folder, by what the image of checkconfig has: a shell, base64 and gzip. No
 * tar: its header has no room for names of more than 100 bytes.
 */
export function unpackScript(files: Record<string, string>, folder: string): string {
  const write = ([name, text]: [string, string]) =>
    `base64 -d <<'END' | gzip -d >${quote(`${folder}/${name}`)}\n${gzipSync(text).toString('base64')}\nEND\n`
  const lines = Object.entries(files).map(write).join('')
  // In braces the shell reads it to its end before it runs any of it.
  return `{\nmkdir -p ${quote(`${folder}/jobs`)}\n${lines}touch ${quote(`${folder}/${COMPLETE}`)}\n}\n`
}

/** Why the pod does not run or has failed, as its status shows it; empty when it was never created or shows nothing. */
async function podStatus(name: string): Promise<string> {
  const { stdout } = await tryKubectl(['get', 'pod', '-n', 'prow', name, '--ignore-not-found', '-o', 'json'])
  if (!stdout.trim()) return ''
  const { status } = JSON.parse(stdout) as {
    status: {
      conditions?: { type: string; status: string; message?: string }[]
      containerStatuses?: {
        state?: Partial<Record<'waiting' | 'terminated', { reason?: string; message?: string }>>
      }[]
    }
  }
  const { waiting, terminated } = status.containerStatuses?.[0]?.state ?? {}
  const unscheduled = status.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False')
  const failed = terminated?.reason === 'Error' ? undefined : terminated
  const { reason = '', message = '' } = waiting ?? failed ?? { message: unscheduled?.message }
  return [reason, message].filter(Boolean).join(': ')
}
