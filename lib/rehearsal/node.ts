import { spawn } from 'node:child_process'
import { accessSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Finding, Problem } from '../base/problem.ts'
import { onPath, tryRun } from '../base/shell.ts'
import { readSettings } from '../settings/settings.ts'
import { places, type TaskResult } from './folder.ts'
import { authority } from './github.ts'
import { buildReal } from './go-build.ts'
import {
  closeSpace,
  daemon,
  environment,
  files,
  gone,
  processesOf,
  type Space,
  space,
  tag,
  within,
} from './namespaces.ts'
import { conflist, containerdToml, kubeletConfig, PLUGINS, PODS } from './node-config.ts'
import { type Image, layOut } from './oci.ts'

export async function nodePrograms(say: (text: string) => void): Promise<[Record<string, string>, TaskResult]> {
  let built = false
  const files = await buildReal((text) => {
    built = true
    say(text)
  })
  return [files, { outcome: built ? 'created' : 'unchanged', note: 'built: kubelet, kube-proxy, CoreDNS, Prow' }]
}

const NEEDED: [program: string, pkg: string][] = [
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

const PACKED: [program: string, pkg: string][] = [
  ['nginx', 'nginx-light'],
  ['prometheus-pushgateway', 'prometheus-pushgateway'],
]

/** Throws a Problem with all that this machine lacks for a node whose pods really run. */
export function needMachine(): void {
  const faults: Finding[] = []
  if (process.platform !== 'linux') {
    throw new Problem('--real needs Linux', 'Leave it out: the simulated cluster works here too.')
  }
  if (process.getuid?.() !== 0) {
    faults.push({
      message: '--real needs root: it makes namespaces, mounts and a network link',
      remedy: 'Run it as root.',
    })
  }
  const lacking = NEEDED.filter(([program]) => !onPath(program))
  const packages = new Set(lacking.map(([, pkg]) => pkg))
  if (!['bridge', 'host-local', 'portmap', 'loopback'].every((name) => existsSync(join(PLUGINS, name)))) {
    lacking.push([`${PLUGINS}/bridge`, 'containernetworking-plugins'])
    packages.add('containernetworking-plugins')
  }
  // These two only make images, so their packages need not be installed: see debian() in images.ts.
  for (const [program, pkg] of PACKED) {
    if (onPath(program) || existsSync(`/usr/sbin/${program}`) || onPath('apt-get')) continue
    lacking.push([program, pkg])
    packages.add(pkg)
  }
  if (lacking.length > 0) {
    faults.push({
      message: `This machine lacks ${lacking.map(([program]) => program).join(', ')}`,
      remedy: `apt-get install --no-install-recommends ${[...packages].join(' ')}`,
    })
  }
  if (!readFileSync('/proc/filesystems', 'utf8').includes('overlay') && !onPath('modprobe')) {
    faults.push({ message: 'The kernel has no overlay file system', remedy: 'modprobe overlay' })
  }
  if (faults.length > 0) throw Problem.all(faults)
}

export interface NodeInput {
  /** Files of the programs: kubelet, kube-proxy, coredns. */
  programs: Record<string, string>
  /** The certificate authority of the cluster, and its administrator's kubeconfig with the address from in there. */
  ca: string
  kubeconfig: string
  /** Names that the cluster's DNS answers beside those of Services. */
  names: Record<string, string>
  pause: string
}

/** The daemons of the node, each known by a file of the node in its command line. */
const DAEMONS = ['containerd', 'kubelet', 'kube-proxy', 'coredns']

/** Whether all daemons of the node run. */
export function nodeRuns(dir: string): boolean {
  const lines = processesOf(dir).map(({ line }) => line)
  return space(dir) !== undefined && DAEMONS.every((name) => lines.some((line) => line.split(' ')[0]!.endsWith(name)))
}

/** Starts the node: containerd, the cluster's DNS, kubelet, kube-proxy, and the way in at ports 80 and 443. */
export async function startNode(dir: string, at: Space, input: NodeInput): Promise<void> {
  const { node, logs } = files(dir)
  const file = (name: string, text: string) => {
    writeFileSync(join(node, name), text, { mode: 0o600 })
    return join(node, name)
  }
  // The kubelet wants its cgroup to be there; on version 1 each controller has a tree of its own.
  for (const folder of cgroupRoots()) makeCgroup(join(folder, tag(dir)))
  mkdirSync(join(node, 'cni'), { recursive: true })
  file('cni/10-rehearsal.conflist', JSON.stringify(conflist(), null, 2))
  const containerd = file('containerd.toml', containerdToml(node, input.pause))
  daemon(dir, at, 'containerd', ['containerd', '--config', containerd])

  const hosts = Object.entries(input.names).map(([name, address]) => `    ${address} ${name}`)
  // A zone each: in one block the last of these would answer before the others, whatever their order here.
  const corefile = file(
    'Corefile',
    `cluster.local {
  bind ${at.node}
  errors
  kubernetes {
    kubeconfig ${input.kubeconfig}
    ttl 2
  }
}
rehearsal.example {
  bind ${at.node}
  hosts {
${hosts.join('\n')}
  }
}
. {
  bind ${at.node}
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`,
  )
  daemon(dir, at, 'coredns', [input.programs.coredns!, '-conf', corefile])

  const resolve = join(node, 'resolv.conf')
  const kubelet = file('kubelet.yaml', `${JSON.stringify(kubeletConfig(dir, at, input.ca, resolve), null, 2)}\n`)
  for (
    let tries = 0;
    !(await tryRun('nsenter', [...within(at).slice(1), 'ctr', 'version'])).stdout.includes('Server:');
    tries++
  ) {
    if (tries > 100) throw stopped(dir, 'containerd')
    await sleep(100)
  }
  daemon(dir, at, 'kubelet', [
    input.programs.kubelet!,
    ...['--config', kubelet],
    ...['--kubeconfig', input.kubeconfig],
    ...['--hostname-override', 'prow-rehearsal'],
    ...['--node-ip', at.node],
    '--v=1',
  ])
  daemon(dir, at, 'kube-proxy', [
    input.programs['kube-proxy']!,
    ...['--kubeconfig', input.kubeconfig],
    ...['--proxy-mode', 'iptables'],
    ...['--hostname-override', 'prow-rehearsal'],
    ...['--cluster-cidr', PODS],
    // The limits of connection tracking are the machine's, not ours.
    ...['--conntrack-max-per-core', '0', '--conntrack-tcp-timeout-established', '0'],
    ...['--conntrack-tcp-timeout-close-wait', '0'],
    `--config-sync-period=1m`,
  ])
  for (const port of [80, 443]) {
    daemon(dir, at, `way-in-${port}`, [
      'socat',
      ...['-lf', join(logs, `way-in-${port}.log`)],
      `TCP-LISTEN:${port},bind=${at.node},fork,reuseaddr`,
      // Looked up at each connection: the Service exists only after 11-ingress.
      `TCP4:ingress-nginx-controller.ingress-nginx.svc.cluster.local:${port}`,
    ])
  }
}

function stopped(dir: string, name: string): Problem {
  const log = join(files(dir).logs, `${name}.log`)
  const last = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-2).join('\n') : ''
  return new Problem(`${name} does not answer: ${last}`, `Its log is ${log}. Run the same line again.`)
}

/** Brings images into the node's containerd; does nothing when the same are there already. */
export async function importImages(dir: string, at: Space, images: Image[]): Promise<boolean> {
  const { node } = files(dir)
  const folder = join(node, 'images')
  const digest = layOut(images, folder)
  const told = join(node, 'imported')
  if (existsSync(told) && readFileSync(told, 'utf8') === digest) return false
  const tar = spawn('tar', ['-C', folder, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [program, ...args] = [...within(at), 'ctr', '-n', 'k8s.io', 'images', 'import', '-']
  const log: string[] = []
  const ctr = spawn(program!, args, { stdio: [tar.stdout, 'pipe', 'pipe'], env: environment() })
  for (const stream of [ctr.stdout, ctr.stderr]) stream?.on('data', (chunk: Buffer) => log.push(chunk.toString()))
  const code = await new Promise<number | null>((settle, fail) => {
    ctr.once('error', fail)
    ctr.once('exit', settle)
  })
  if (code !== 0) {
    throw new Problem(
      `The images could not be brought into containerd: ${log.join('').trim().split('\n').at(-1)}`,
      'Run the same line again.',
    )
  }
  writeFileSync(told, digest)
  return true
}

/** Ends the node in `dir` and takes away what outlives its processes: cgroups and the link. */
export async function removeNode(dir: string): Promise<void> {
  closeSpace(dir)
  await gone(dir)
  if (onPath('ip')) await tryRun('ip', ['link', 'delete', tag(dir)])
  for (const folder of cgroupRoots()) removeCgroup(join(folder, tag(dir)))
  rmSync(files(dir).node, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}

/** The roots of the cgroup trees: one, or with version 1 one a controller. */
function cgroupRoots(): string[] {
  const root = '/sys/fs/cgroup'
  if (existsSync(join(root, 'cgroup.controllers'))) return [root]
  return readdirSync(root, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [join(root, one.name)] : []))
}

function makeCgroup(folder: string): void {
  mkdirSync(folder, { recursive: true })
  // Version 1 gives a new group neither processors nor memory nodes.
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    try {
      accessSync(join(folder, name))
      if (readFileSync(join(folder, name), 'utf8').trim() === '')
        writeFileSync(join(folder, name), readFileSync(join(folder, '..', name), 'utf8'))
    } catch {
      // This tree is of another controller.
    }
  }
}

function removeCgroup(folder: string): void {
  if (!existsSync(folder)) return
  for (const one of readdirSync(folder, { withFileTypes: true })) {
    if (one.isDirectory()) removeCgroup(join(folder, one.name))
  }
  try {
    rmdirSync(folder)
  } catch {
    // A process in it is still ending; the group is empty then and harms nobody.
  }
}

export async function bringImages(dir: string, say: (text: string) => void): Promise<[undefined, TaskResult]> {
  // What makes Deck's pages is for tests alone, and not there for somebody who only installs.
  const { buildImages: standIns } = await import('./prow-images.ts')
  const [files] = await nodePrograms(say)
  const began = Date.now()
  const images = await standIns(readSettings(places(dir).env, {}), files, await authority(dir), say)
  say('bringing the images into containerd')
  const changed = await importImages(dir, space(dir)!, images)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  return [
    undefined,
    changed ? { outcome: 'created', note: `${images.length} in ${seconds} s` } : { outcome: 'unchanged' },
  ]
}
