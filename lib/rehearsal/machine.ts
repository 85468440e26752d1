import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, failed, Problem } from '../base/problem.ts'
import { onPath } from '../base/shell.ts'
import { PLUGINS } from './node-config.ts'

type Packaged = [program: string, debianPackage: string]

const PROGRAMS: Packaged[] = [
  ['containerd', 'containerd'],
  ['ctr', 'containerd'],
  ['runc', 'runc'],
  ['iptables', 'iptables'],
  ['conntrack', 'conntrack'],
  ['ip', 'iproute2'],
  ['unshare', 'util-linux'],
  ['nsenter', 'util-linux'],
  ['mount', 'mount'],
  ['socat', 'socat'],
  ['openssl', 'openssl'],
  ['git', 'git'],
  ['curl', 'curl'],
  ['tar', 'tar'],
]

// These go into images only, so apt-get can download their packages without installing them.
const IN_IMAGES: Packaged[] = [
  ['nginx', 'nginx-light'],
  ['prometheus-pushgateway', 'prometheus-pushgateway'],
]

/** Throws a Problem with everything that this machine lacks for a node whose pods really run. */
export function requireMachine(): void {
  if (process.platform !== 'linux') {
    throw new Problem('--real needs Linux', 'Leave it out: the simulated cluster works on this system too.')
  }
  const problems: Finding[] = []
  if (process.getuid?.() !== 0) {
    problems.push(failed('--real needs root: it creates namespaces, mounts and a network link', 'Run it as root.'))
  }
  const missing = missingPrograms((program) =>
    program.startsWith('/') ? existsSync(program) : Boolean(onPath(program)),
  )
  if (missing) problems.push(missing)
  if (!readFileSync('/proc/filesystems', 'utf8').includes('overlay') && !onPath('modprobe')) {
    problems.push(failed('the kernel has no overlay file system', 'modprobe overlay'))
  }
  if (problems.length > 0) throw Problem.all(problems)
}

/** The finding about all programs of the node that are not installed; `isInstalled` gets names and absolute files. */
export function missingPrograms(isInstalled: (program: string) => boolean): Finding | undefined {
  const plugins = ['bridge', 'host-local', 'portmap', 'loopback'].every((name) => isInstalled(join(PLUGINS, name)))
  const missing = [
    ...PROGRAMS.filter(([program]) => !isInstalled(program)),
    ...(plugins ? [] : [[join(PLUGINS, 'bridge'), 'containernetworking-plugins'] as Packaged]),
    ...IN_IMAGES.filter(([program]) => ![program, `/usr/sbin/${program}`, 'apt-get'].some(isInstalled)),
  ]
  if (missing.length === 0) return undefined
  const packages = new Set(missing.map(([, debianPackage]) => debianPackage))
  return failed(
    `not installed on this machine: ${missing.map(([program]) => program).join(', ')}`,
    `apt-get install --no-install-recommends ${[...packages].join(' ')}`,
    'missing-program',
  )
}
