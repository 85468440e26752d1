import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { quote, sleep, tryRun } from '../base/shell.ts'
import { type Addresses, createLink } from './node-link.ts'
import { endNode, nodePaths, nodeProcesses } from './node-processes.ts'

/**
 * The namespaces in which a node whose pods really run lives: processes, mounts and network of its own. Its bridge,
 * iptables rules, mounts and containers are inside, and end with the one process that holds the namespaces.
 */
export interface Namespaces extends Addresses {
  /** The process that holds the namespaces: the first one inside. */
  pid: number
}

// The host name is set last: when it is there, all before it is done.
const HOSTNAME = 'prow-rehearsal'

/** The folders that go/node/cluster.yaml names as volumes. */
const VOLUMES = ['1', '2', '3', '4']

/** The environment of a program inside: none of this machine's proxies, to which the API server would send its calls. */
export function nodeEnvironment(): Record<string, string> {
  return { PATH: `${process.env.PATH}`, HOME: '/root', LANG: 'C.UTF-8' }
}

/** Takes the proxies out of the environment of a program that is started with the rest of it. */
export const NO_PROXIES: Record<string, string> = Object.fromEntries(
  ['http_proxy', 'https_proxy', 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]).map((name) => [name, '']),
)

/** The namespaces of the node in `dir`; undefined when there are none. */
export function findNamespaces(dir: string): Namespaces | undefined {
  const pid = nodeProcesses(dir).find(({ name }) => name === 'init')?.pid
  if (!pid) return undefined
  try {
    return { pid, ...JSON.parse(readFileSync(nodePaths(dir).ready, 'utf8')) }
  } catch {
    return undefined
  }
}

/** What the first process runs: `lib` and `log` are folders of the node that replace those in /var. */
export function initScript(lib: string, log: string): string {
  return `# The first process of the node's namespaces: all that lives in them ends with it.
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind ${quote(lib)} /var/lib
mount --bind ${quote(log)} /var/log
ip link set lo up
hostname ${HOSTNAME}
echo 1 >/proc/sys/net/ipv4/ip_forward
while :; do sleep 3600 & wait $!; done
`
}

/** Creates the namespaces of the node in `dir`, and the network link to them. Ends those that are there. */
export async function createNamespaces(dir: string): Promise<Namespaces> {
  const { node, init, logs, ready, lib, log } = nodePaths(dir)
  await endNode(dir)
  for (const folder of [node, logs, lib, log, ...VOLUMES.map((number) => join(lib, 'volumes', number))])
    mkdirSync(folder, { recursive: true, mode: 0o755 })
  rmSync(ready, { force: true })
  writeFileSync(init, initScript(lib, log))
  const output = openSync(join(logs, 'init.log'), 'a')
  const unshare = ['--fork', '--kill-child', '--pid', '--mount', '--net', '--uts', '--ipc', '--mount-proc', 'sh', init]
  const holder = spawn('unshare', unshare, {
    detached: true,
    stdio: ['ignore', output, output],
    env: nodeEnvironment(),
    cwd: '/',
  })
  closeSync(output)
  let ended = false
  for (const event of ['exit', 'error'])
    holder.once(event, () => {
      ended = true
    })
  holder.unref()
  let pid: number | undefined
  for (let tries = 0; tries < 100 && !ended; tries++) {
    pid = nodeProcesses(dir).find(({ name }) => name === 'init')?.pid
    if (pid && (await tryRun('nsenter', ['-t', `${pid}`, '-a', 'hostname'])).stdout.trim() === HOSTNAME) break
    await sleep(50)
  }
  if (!pid || ended) {
    throw new Problem(
      `the node's namespaces could not be created: ${readFileSync(join(logs, 'init.log'), 'utf8').trim().split('\n').at(-1)}`,
      'This needs root with all rights over mounts and networks; a container may not have them.',
    )
  }
  const addresses = await createLink(dir, pid)
  writeFileSync(ready, JSON.stringify(addresses))
  return { pid, ...addresses }
}

/** The command line, up to the program, that runs a program in the node's namespaces, or in its network only. */
export function nsenterArgs({ pid }: Namespaces, which: 'all' | 'network' = 'all'): string[] {
  return which === 'all' ? ['nsenter', '-t', `${pid}`, '-a'] : ['nsenter', `--net=/proc/${pid}/ns/net`]
}

/** Starts a daemon in the node's namespaces; its output goes to a log of its name. It outlives this process. */
export function startDaemon(dir: string, namespaces: Namespaces, name: string, command: string[]): ChildProcess {
  const log = openSync(join(nodePaths(dir).logs, `${name}.log`), 'a')
  const [program, ...args] = [...nsenterArgs(namespaces), ...command]
  const child = spawn(program!, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: nodeEnvironment(),
    cwd: '/',
  })
  closeSync(log)
  child.once('error', () => {})
  child.unref()
  return child
}
