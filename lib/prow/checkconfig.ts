import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { type Completed, tryRun } from '../base/shell.ts'
import { kubectl, tryKubectl } from '../kubernetes/kubectl.ts'
import { getObjects, snapshot } from '../kubernetes/snapshot.ts'
import type { Settings } from '../settings/table.ts'
import type { ProwConfig } from './config.ts'

/** What Prow's own checkconfig says of a configuration, or why it could not be asked. */
export interface Verdict {
  by?: 'the checkconfig on PATH' | 'checkconfig in the cluster'
  /** Its own words, when it refuses. */
  refused?: string[]
  /** Why nobody was asked. */
  skipped?: string
}

/**
 * Asks checkconfig: the program on PATH, else a pod of the installed version, which is gone again afterwards.
 * A pod is a write, so under `plan` only the program is asked.
 */
export async function runCheckconfig(prow: ProwConfig, settings: Settings, plan: boolean): Promise<Verdict> {
  if (settings.CHECKCONFIG === 'off') return { skipped: 'CHECKCONFIG=off' }
  const files = texts(prow)
  const local = await onPath(files, settings)
  if (local) return { by: 'the checkconfig on PATH', ...judged(local) }
  if (plan) return { skipped: 'not on PATH, and a plan starts no pod' }
  const why = await noPod()
  if (why) return { skipped: `not on PATH, and ${why}` }
  const ended = await inCluster(files, settings)
  if (/ImagePullBackOff|ErrImagePull|timed out waiting/.test(ended.stderr)) {
    return { skipped: 'not on PATH, and its pod did not start in time' }
  }
  return { by: 'checkconfig in the cluster', ...judged(ended) }
}

function texts(prow: ProwConfig): Record<string, string> {
  return {
    'config.yaml': prow.config.text,
    'plugins.yaml': prow.plugins.text,
    ...Object.fromEntries([...prow.jobs].map(([name, { text }]) => [`jobs/${name}`, text])),
  }
}

function flags(folder: string, settings: Settings): string[] {
  return [
    `--config-path=${folder}/config.yaml`,
    `--plugin-config=${folder}/plugins.yaml`,
    `--job-config-path=${folder}/jobs`,
    ...(settings.CONFIG_STRICT === 'on' ? ['--strict'] : []),
  ]
}

async function onPath(files: Record<string, string>, settings: Settings): Promise<Completed | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'prow-runbook-'))
  try {
    chmodSync(folder, 0o700)
    mkdirSync(join(folder, 'jobs'))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return await tryRun('checkconfig', flags(folder, settings))
  } catch (error) {
    if (error instanceof Problem && /not on this machine/.test(error.message)) return undefined
    throw error
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Why a pod cannot be asked, or nothing. */
async function noPod(): Promise<string | undefined> {
  const nodes = await getObjects('nodes')
  const simulated = (node: (typeof nodes)[number]) => node.metadata.annotations?.['kwok.x-k8s.io/node'] !== undefined
  if (nodes.length === 0) return 'the cluster has no nodes'
  if (nodes.every(simulated)) return 'the nodes are simulated: no program runs there'
  return (await snapshot()).has('Namespace', 'prow') ? undefined : 'the namespace prow is missing'
}

const LABEL = 'app.kubernetes.io/component=checkconfig'

async function inCluster(files: Record<string, string>, settings: Settings): Promise<Completed> {
  const name = `checkconfig-${Date.now().toString(36)}`
  const security = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    runAsUser: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  }
  const image = `${settings.PROW_IMAGE_REGISTRY}/checkconfig:${settings.PROW_IMAGE_TAG}`
  const script = `mkdir -p /tmp/c/jobs && base64 -d | tar -xzC /tmp/c && exec /ko-app/checkconfig ${flags('/tmp/c', settings).join(' ')}`
  const overrides = {
    apiVersion: 'v1',
    spec: {
      automountServiceAccountToken: false,
      nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': settings.NODE_ARCH },
      containers: [
        { name, image, command: ['sh', '-c', script], stdin: true, stdinOnce: true, securityContext: security },
      ],
    },
  }
  const { gzipSync } = await import('node:zlib')
  const input = gzipSync(tar(files)).toString('base64')
  try {
    return await tryKubectl(
      [
        ...['run', name, '-n', 'prow', `--image=${image}`, '--restart=Never', '--stdin', '--quiet'],
        ...[`--labels=app.kubernetes.io/managed-by=prow-runbook,${LABEL}`, '--pod-running-timeout=2m'],
        `--overrides=${JSON.stringify(overrides)}`,
      ],
      { input, comment: 'the configuration, packed', timeout: 180 },
    )
  } finally {
    const gone = ['delete', 'pod', '-n', 'prow', '--ignore-not-found', '--wait=false']
    // Also the one of a run that was killed. What still works is of somebody else's run.
    const ended = ['-l', LABEL, '--field-selector=status.phase!=Running,status.phase!=Pending']
    await Promise.all([kubectl([...gone, name]), kubectl([...gone, ...ended])])
  }
}

function judged({ exitCode, stdout, stderr }: Completed): Pick<Verdict, 'refused'> {
  if (exitCode === 0) return {}
  const said = `${stdout}\n${stderr}`.split('\n').flatMap((line): string[] => {
    try {
      const { level, severity, msg, error } = JSON.parse(line)
      if (!/error|fatal|warning/.test(level ?? severity)) return []
      if (/^(Validation failed|Strict is set)/.test(msg) && !error) return []
      return [String(error ?? msg)]
    } catch {
      return []
    }
  })
  return { refused: said.length > 0 ? [...new Set(said)] : [stderr.trim().split('\n').at(-1) ?? ''] }
}

/** The files as a tar archive, for a pod that has tar and no other way to get them. */
function tar(files: Record<string, string>): Buffer {
  const blocks: Buffer[] = []
  for (const [name, text] of Object.entries(files)) {
    const body = Buffer.from(text)
    const head = Buffer.alloc(512)
    head.write(name, 0, 100)
    head.write('0000644\0', 100)
    head.write('0000000\0', 108)
    head.write('0000000\0', 116)
    head.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124)
    head.write('00000000000\0', 136)
    head.write('        ', 148)
    head.write('0', 156)
    head.write('ustar\x0000', 257)
    const sum = head.reduce((all, byte) => all + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    blocks.push(head, body, Buffer.alloc((512 - (body.length % 512)) % 512))
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
