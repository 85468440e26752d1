import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { sleep, tryRun } from '../base/shell.ts'
import { adminAccess, isHealthy } from './api-server.ts'
import { type Ports, writeTokenWebhook } from './aws-seed.ts'
import { paths } from './folder.ts'
import type { ProgramName } from './go-modules.ts'
import { freePorts, kwokConfig } from './kwok-config.ts'
import { findNamespaces, NO_PROXIES, nsenterArgs } from './namespaces.ts'
import { needsDownload, type Program, programFile } from './programs.ts'
import type { Progress } from './task.ts'

// kwokctl downloads the programs, up to its own limit of 15 minutes.
const LIMIT = 20 * 60

/** Runs kwokctl. Answers its last error, or undefined when the cluster is healthy afterwards. */
async function kwokctl(
  dir: string,
  programs: Record<ProgramName, Program>,
  args: string[],
  progress: Progress,
): Promise<string | undefined> {
  const { work, kubeconfig } = paths(dir)
  const { source, path } = programs.kubectl
  const namespaces = findNamespaces(dir)
  const [program, ...before] = [
    ...(namespaces ? nsenterArgs(namespaces, 'network') : []),
    programFile(programs.kwokctl),
  ]
  const options = ['--name', 'rehearsal', ...args, '--wait', '60s', '--timeout', '15m']
  const { stderr, exitCode } = await tryRun(program!, [...before, ...options], {
    timeout: LIMIT,
    env: {
      // ~/.kwok and ~/.kube are neither read nor written.
      KWOK_WORKDIR: work,
      KWOK_RUNTIME: 'binary',
      KUBECONFIG: kubeconfig,
      KUBECACHEDIR: join(work, 'kubectl-cache'),
      KUBERC: 'off',
      ...(namespaces ? NO_PROXIES : {}),
      PATH: source === 'built' ? `${dirname(path)}${delimiter}${process.env.PATH}` : `${process.env.PATH}`,
    },
    onStderr: (text) => {
      for (const [, uri] of text.matchAll(/"Download".*?"uri":"([^"]+)"/g)) progress(`downloading ${basename(uri!)}`)
    },
  })
  // On a busy machine, the API server does not answer in time while its caches are filled.
  for (const until = Date.now() + 60_000; exitCode === 0 && Date.now() < until; await sleep(500))
    if (await isHealthy(dir)) return undefined
  return lastError(stderr) || (exitCode === 0 ? 'its API server is not ready' : `kwokctl exited with ${exitCode}`)
}

/** The last error in kwokctl's output, which has a JSON object a line. */
export function lastError(stderr: string): string {
  for (const line of stderr.trim().split('\n').reverse()) {
    try {
      const { level, msg, err } = JSON.parse(line)
      if (level === 'ERROR' || level === 'WARN') return err ? `${msg}: ${err}` : msg
    } catch {
      if (line.trim()) return line.trim()
    }
  }
  return ''
}

/** Creates the cluster of a rehearsal and its kubeconfig. Answers the error, or undefined when it is healthy. */
export async function createCluster(
  dir: string,
  programs: Record<ProgramName, Program>,
  eks: boolean,
  progress: Progress,
): Promise<string | undefined> {
  const { work, config, kubeconfig } = paths(dir)
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  await writeConfig(dir, programs, eks)
  progress('starting the cluster')
  const create = () => kwokctl(dir, programs, ['create', 'cluster', '--config', config, '--kubeconfig', ''], progress)
  // Two kwokctl that download the same file at the same time would corrupt it.
  const error = await (needsDownload(programs)
    ? withLock(
        join(cacheFolder(), 'locks', 'downloads.lock'),
        (pid) => progress(`waiting for process ${pid}, which downloads the programs`),
        create,
      )
    : create())
  if (!error) writeFileSync(kubeconfig, kubeconfigText(dir), { mode: 0o600 })
  return error
}

/** Starts the cluster that is in the folder. Answers whether it is healthy. */
export async function startCluster(
  dir: string,
  programs: Record<ProgramName, Program>,
  progress: Progress,
): Promise<boolean> {
  const { cluster, config } = paths(dir)
  // kwokctl trusts these process numbers, which may belong to other processes by now.
  rmSync(join(cluster, 'pids'), { recursive: true, force: true })
  mkdirSync(join(cluster, 'pids'), { recursive: true })
  progress('starting the cluster again')
  return (await kwokctl(dir, programs, ['start', 'cluster', '--config', config], progress)) === undefined
}

async function writeConfig(dir: string, programs: Record<ProgramName, Program>, eks: boolean): Promise<void> {
  const { aws, ports: portsFile, config } = paths(dir)
  const [etcd, peer, apiServer, controllerManager, scheduler, kwok, http, tls] = await freePorts(8)
  const awsPorts: Ports = { http: http!, tls: tls! }
  const tokenWebhook = eks ? writeTokenWebhook(aws, awsPorts) : undefined
  if (eks) writeFileSync(portsFile, `${JSON.stringify(awsPorts)}\n`)
  const ports = {
    etcd: etcd!,
    peer: peer!,
    apiServer: apiServer!,
    controllerManager: controllerManager!,
    scheduler: scheduler!,
    kwok: kwok!,
  }
  const content = kwokConfig(dir, { programs, ports, node: findNamespaces(dir)?.node, tokenWebhook })
  // JSON is YAML.
  writeFileSync(config, `${JSON.stringify(content, null, 2)}\n`)
}

// kwokctl's own kubeconfig names files; this one holds everything, and its context has a name to type.
function kubeconfigText(dir: string): string {
  const { server } = adminAccess(dir)
  const pem = (file: string) => readFileSync(join(paths(dir).cluster, 'pki', file)).toString('base64')
  return `apiVersion: v1
kind: Config
current-context: rehearsal
clusters:
  - name: rehearsal
    cluster:
      server: ${server}
      certificate-authority-data: ${pem('ca.crt')}
contexts:
  - name: rehearsal
    context:
      cluster: rehearsal
      user: rehearsal
users:
  - name: rehearsal
    user:
      client-certificate-data: ${pem('admin.crt')}
      client-key-data: ${pem('admin.key')}
`
}
