import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import { run, tryRun } from '../base/shell.ts'

/**
 * A node whose pods really run lives in namespaces of its own: processes, mounts and the network. Its bridge, its
 * iptables rules, its mounts, containers and their shims are inside, and go with the one process that holds them.
 */
export interface Space {
  /** The process that holds the namespaces: the first one in there. */
  pid: number
  /** The address of the node, on a link that only this machine has. */
  node: string
  /** The other end of the link. */
  host: string
  /** A second address in there, for the local GitHub. */
  github: string
}

/** Short enough for the name of a network interface, and of this rehearsal alone. */
export const tag = (dir: string) => `prw${createHash('sha256').update(dir).digest('hex').slice(0, 8)}`

/** The files of the node. */
export const files = (dir: string) => ({
  node: join(dir, 'node'),
  init: join(dir, 'node', 'init.sh'),
  logs: join(dir, 'node', 'logs'),
  ready: join(dir, 'node', 'ready'),
})

// What a program in there may see of our environment: no proxy, above all. The API server would send its calls there.
export function environment(): NodeJS.ProcessEnv {
  return { PATH: `${process.env.PATH}`, HOME: '/root', LANG: 'C.UTF-8' }
}

const SILENT = { http_proxy: '', https_proxy: '', all_proxy: '', HTTP_PROXY: '', HTTPS_PROXY: '', ALL_PROXY: '' }

// The 10th /16 of the range for benchmarks, which no network routes; eight addresses of it each.
function link(dir: string, attempt: number): { prefix: string; host: string; node: string; github: string } {
  const number = (createHash('sha256').update(dir).digest().readUInt16BE() + attempt * 257) % 8192
  const at = (last: number) => `198.18.${number >> 5}.${((number & 31) << 3) + last}`
  return { prefix: `${at(0)}/29`, host: at(1), node: at(2), github: at(3) }
}

// The folders that go/node/cluster.yaml names as volumes.
const VOLUMES = ['1', '2', '3', '4']

/** The namespaces of the node in `dir`, if they are there. */
export function space(dir: string): Space | undefined {
  const pid = processesOf(dir).find(({ line }) => line.startsWith(`sh ${files(dir).init}`))?.pid
  if (!pid) return undefined
  try {
    return { pid, ...JSON.parse(readFileSync(files(dir).ready, 'utf8')) }
  } catch {
    return undefined
  }
}

/** Opens the namespaces of the node in `dir`, and the link to them. */
export async function openSpace(dir: string): Promise<Space> {
  const { node, init, logs, ready } = files(dir)
  closeSpace(dir)
  await gone(dir)
  for (const folder of [
    node,
    logs,
    join(node, 'lib'),
    join(node, 'log'),
    ...VOLUMES.map((number) => join(node, 'lib', 'volumes', number)),
  ])
    mkdirSync(folder, { recursive: true, mode: 0o755 })
  rmSync(ready, { force: true })
  writeFileSync(
    init,
    `# The first process of the node's namespaces: all that lives in them ends with it.
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind ${q(join(node, 'lib'))} /var/lib
mount --bind ${q(join(node, 'log'))} /var/log
ip link set lo up
hostname prow-rehearsal
echo 1 >/proc/sys/net/ipv4/ip_forward
while :; do sleep 3600 & wait $!; done
`,
  )
  const log = openSync(join(logs, 'init.log'), 'a')
  const held = spawn(
    'unshare',
    ['--fork', '--kill-child', '--pid', '--mount', '--net', '--uts', '--ipc', '--mount-proc', 'sh', init],
    { detached: true, stdio: ['ignore', log, log], env: environment(), cwd: '/' },
  )
  closeSync(log)
  let ended = false
  held.once('exit', () => {
    ended = true
  })
  held.once('error', () => {
    ended = true
  })
  held.unref()
  let pid: number | undefined
  for (let tries = 0; tries < 100 && !ended; tries++) {
    pid = processesOf(dir).find(({ line }) => line.startsWith(`sh ${init}`))?.pid
    // The name is set last: all before it is done then.
    if (pid && (await tryRun('nsenter', ['-t', `${pid}`, '-a', 'hostname'])).stdout.trim() === 'prow-rehearsal') break
    await sleep(50)
  }
  if (!pid || ended) {
    throw new Problem(
      `The node's namespaces could not be made: ${readFileSync(join(logs, 'init.log'), 'utf8').trim().split('\n').at(-1)}`,
      'This needs root with all rights over mounts and networks; inside a container it may be refused.',
    )
  }
  const addresses = await connect(dir, pid)
  writeFileSync(ready, JSON.stringify(addresses))
  return { pid, ...addresses }
}

async function connect(dir: string, pid: number): Promise<Omit<Space, 'pid'>> {
  const routes = await run('ip', ['-4', 'route', 'show', 'table', 'all'])
  let chosen = link(dir, 0)
  for (let attempt = 1; routes.includes(chosen.prefix.split('/')[0]!) && attempt < 20; attempt++)
    chosen = link(dir, attempt)
  const name = tag(dir)
  await tryRun('ip', ['link', 'delete', name])
  await run('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`])
  await run('ip', ['addr', 'add', `${chosen.host}/29`, 'dev', name])
  await run('ip', ['link', 'set', name, 'up'])
  const inside = (...args: string[]) => run('nsenter', ['-t', `${pid}`, '-a', 'ip', ...args])
  await inside('addr', 'add', `${chosen.node}/29`, 'dev', 'eth0')
  await inside('addr', 'add', `${chosen.github}/29`, 'dev', 'eth0')
  await inside('link', 'set', 'eth0', 'up')
  // A node without a default route is refused by the kubelet; nothing out there answers.
  await inside('route', 'add', 'default', 'via', chosen.host)
  const { host, node, github } = chosen
  const resolve = join(files(dir).node, 'resolv.conf')
  writeFileSync(resolve, `nameserver ${node}\n`)
  const over =
    'at=$(realpath -m /etc/resolv.conf); mkdir -p "${at%/*}"; [ -e "$at" ] || : >"$at"; mount --bind "$0" "$at"'
  await run('nsenter', ['-t', `${pid}`, '-a', 'sh', '-c', over, resolve])
  return { host, node, github }
}

/** The arguments that run a program in the node's namespaces; with `network` alone in its network only. */
export function within(space: Space, how: 'all' | 'network' = 'all'): string[] {
  return how === 'all' ? ['nsenter', '-t', `${space.pid}`, '-a'] : ['nsenter', `--net=/proc/${space.pid}/ns/net`]
}

/** Settings for a program that is started from here: none of the proxies of this environment. */
export const NO_PROXY_AT_ALL: Record<string, string> = SILENT

/** Starts a daemon in the node's namespaces; its output goes to a log of its name. */
export function daemon(
  dir: string,
  at: Space,
  name: string,
  command: string[],
  options: { how?: 'all' | 'network'; env?: Record<string, string> } = {},
): ChildProcess {
  const log = openSync(join(files(dir).logs, `${name}.log`), 'a')
  const [program, ...args] = [...within(at, options.how), ...command]
  const child = spawn(program!, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...environment(), ...options.env },
    cwd: '/',
  })
  closeSync(log)
  child.once('error', () => {})
  child.unref()
  return child
}

/** Ends every process of the node: they are in one process namespace, so the kernel ends them with its first. */
export function closeSpace(dir: string): void {
  for (const { pid, line } of processesOf(dir)) {
    if (!line.startsWith('unshare ') && !line.startsWith(`sh ${files(dir).init}`)) continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
}

export async function gone(dir: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const left = processesOf(dir)
    if (left.length === 0) return
    if (tries > 100) {
      throw new Problem(
        `Processes of the node do not end: ${left.map(({ pid }) => pid).join(', ')}`,
        'End them by hand.',
      )
    }
    // Those in the network alone, or whose namespaces' first process is gone already.
    if (tries > 10) {
      for (const { pid } of left) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended by itself.
        }
      }
    }
    await sleep(100)
  }
}

/** The processes that have a file of the node in their command line. */
export function processesOf(dir: string): { pid: number; line: string }[] {
  const mark = `${files(dir).node}/`
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return line.includes(mark) ? [{ pid: Number(name), line }] : []
    } catch {
      return [] // It ended meanwhile.
    }
  })
}

const q = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`
