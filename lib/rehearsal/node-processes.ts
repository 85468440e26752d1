import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { paths } from './folder.ts'
import { killProcesses } from './processes.ts'

/** The name of the node's network link and of its cgroups: short enough for an interface, and unique to the folder. */
export const nodeTag = (dir: string) => `prw${createHash('sha256').update(dir).digest('hex').slice(0, 8)}`

/** The files and folders of the node in `dir`. */
export const nodePaths = (dir: string) => {
  const node = join(dir, 'node')
  return {
    node,
    init: join(node, 'init.sh'),
    logs: join(node, 'logs'),
    ready: join(node, 'ready'),
    lib: join(node, 'lib'),
    log: join(node, 'log'),
    resolv: join(node, 'resolv.conf'),
    containerd: join(node, 'containerd.toml'),
    corefile: join(node, 'Corefile'),
    kubelet: join(node, 'kubelet.yaml'),
    socatLog: join(node, 'logs', 'ingress.log'),
    github: join(node, 'github'),
    images: join(node, 'images'),
    imported: join(node, 'imported'),
    /** The administrator's kubeconfig, with the API server's address in the node's network. */
    kubeconfig: join(paths(dir).cluster, 'kubeconfig.yaml'),
  }
}

// The option by which each program of the node is recognized, and the file or folder of this node that it names.
const OPTIONS: Record<string, [option: string, file: Exclude<keyof ReturnType<typeof nodePaths>, 'init'>]> = {
  containerd: ['--config', 'containerd'],
  coredns: ['-conf', 'corefile'],
  kubelet: ['--config', 'kubelet'],
  'kube-proxy': ['--kubeconfig', 'kubeconfig'],
  socat: ['-lf', 'socatLog'],
  // The local GitHub.
  node: ['--folder', 'github'],
}

/**
 * Which program of the node in `dir` the arguments of a process belong to, if any; also that of an nsenter that waits
 * for it. Only the programs themselves count: an editor or pager that has a file of the node open is not one.
 */
export function nodeProgramOf(dir: string, argv: string[]): string | undefined {
  const nsenter = argv[0] === 'nsenter' && argv[1] === '-t' && argv[3] === '-a'
  const [program = '', ...args] = nsenter ? argv.slice(4) : argv
  const files = nodePaths(dir)
  const name = basename(program)
  if (name === 'sh') return args.length === 1 && args[0] === files.init ? 'init' : undefined
  if (name === 'unshare') return args.at(-2) === 'sh' && args.at(-1) === files.init ? name : undefined
  const [option, file] = OPTIONS[name] ?? []
  const found = file && args.some((arg, index) => arg === option && args[index + 1] === files[file])
  return found ? name : undefined
}

/** The processes of the node in `dir`, as this machine numbers them. */
export function nodeProcesses(dir: string): { pid: number; name: string }[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const argv = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0').slice(0, -1)
      const name = nodeProgramOf(dir, argv)
      return name ? [{ pid: Number(entry), name }] : []
    } catch {
      return [] // It has ended meanwhile.
    }
  })
}

/**
 * Ends every process of the node: they are in one process namespace, so the kernel ends them with its first. Throws a
 * Problem when some do not end.
 */
export async function endNode(dir: string): Promise<void> {
  const holders = nodeProcesses(dir).filter(({ name }) => name === 'init' || name === 'unshare')
  killProcesses(holders.map(({ pid }) => pid))
  for (let tries = 0; ; tries++) {
    const remaining = nodeProcesses(dir).map(({ pid }) => pid)
    if (remaining.length === 0) return
    if (tries > 100) {
      throw new Problem(
        `processes of the node do not end: ${remaining.join(', ')}`,
        `Kill them: kill -9 ${remaining.join(' ')}`,
      )
    }
    // Those that have outlived their namespaces.
    if (tries > 10) killProcesses(remaining)
    await sleep(100)
  }
}
