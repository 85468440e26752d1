import { gzipSync } from 'node:zlib'
import { type Completed, quote } from '../base/shell.ts'
import { tryKubectl } from '../kubernetes/kubectl.ts'
import { managedLabels } from '../kubernetes/manifests.ts'
import type { Settings } from '../settings/table.ts'

/** How long the pod may take to start and to end, in seconds. */
const START_LIMIT = 120
const LIMIT = 180

const LABELS = { ...managedLabels('06-config'), 'app.kubernetes.io/component': 'checkconfig' }
/** The folder of the configuration in the pod. */
export const FOLDER = '/tmp/c'
/** The last file that is unpacked in the pod. */
const COMPLETE = 'complete'

/**
 * Runs checkconfig of the installed version with `args` in a pod, which is removed afterwards, on files that are unpacked
 * into FOLDER. Answers how it ended and, when it failed, what the status of its pod shows.
 */
export async function runPod(
  files: Record<string, string>,
  args: string[],
  settings: Settings,
): Promise<{ completed: Completed; status: string }> {
  const name = `checkconfig-${Date.now().toString(36)}`
  try {
    const completed = await tryKubectl(podArguments(name, args, settings), {
      input: unpackScript(files, FOLDER),
      comment: 'the configuration, packed',
      timeout: LIMIT,
    })
    return { completed, status: completed.exitCode === 0 ? '' : await podStatus(name) }
  } finally {
    const remove = ['delete', 'pod', '-n', 'prow', '--ignore-not-found', '--wait=false']
    // Also that of a run that was killed; one that still runs belongs to somebody else's run.
    const label = `app.kubernetes.io/component=${LABELS['app.kubernetes.io/component']}`
    const ended = ['-l', label, '--field-selector=status.phase!=Running,status.phase!=Pending']
    // A failure here must not replace the verdict; whoever may not create the pod may not delete it either.
    await Promise.allSettled([tryKubectl([...remove, name]), tryKubectl([...remove, ...ended])])
  }
}

function podArguments(name: string, args: string[], settings: Settings): string[] {
  const image = `${settings.PROW_IMAGE_REGISTRY}/checkconfig:${settings.PROW_IMAGE_TAG}`
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    runAsUser: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  }
  // Input that was cut off lacks the last file: checkconfig must not judge the rest.
  const script = `set -e; eval "$(cat)"; test -f ${FOLDER}/${COMPLETE}; exec /ko-app/checkconfig ${args.join(' ')}`
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
