import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, Problem } from '../base/problem.ts'
import { onPath, run, tryRun } from '../base/shell.ts'
import { type Image, layOut } from './oci.ts'

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
const PLUGINS = '/usr/lib/cni'

/** Throws a Problem with all that this machine lacks for a node whose pods really run. */
export function needMachine(): void {
  const faults: Fault[] = []
  if (process.platform !== 'linux') {
    throw new Problem('--real needs Linux', 'Leave it out: the simulated cluster works here too.')
  }
  if (process.getuid?.() !== 0) {
    faults.push({
      wrong: '--real needs root: it makes namespaces, mounts and a network link',
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
      wrong: `This machine lacks ${lacking.map(([program]) => program).join(', ')}`,
      remedy: `apt-get install --no-install-recommends ${[...packages].join(' ')}`,
    })
  }
  if (!readFileSync('/proc/filesystems', 'utf8').includes('overlay') && !onPath('modprobe')) {
    faults.push({ wrong: 'The kernel has no overlay file system', remedy: 'modprobe overlay' })
  }
  if (faults.length > 0) throw Problem.all(faults)
}

/** Short enough for the name of a network interface, and of this rehearsal alone. */
export const tag = (dir: string) => `prw${createHash('sha256').update(dir).digest('hex').slice(0, 8)}`

/** The files of the node. */
const files = (dir: string) => ({
  node: join(dir, 'node'),
  init: join(dir, 'node', 'init.sh'),
  logs: join(dir, 'node', 'logs'),
  ready: join(dir, 'node', 'ready'),
})

// What a program in there may see of our environment: no proxy, above all. The API server would send its calls there.
function environment(): NodeJS.ProcessEnv {
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

const PODS = '10.244.0.0/16'

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

/** Ends the node in `dir` and takes away what outlives its processes: cgroups and the link. */
export async function removeNode(dir: string): Promise<void> {
  closeSpace(dir)
  await gone(dir)
  if (onPath('ip')) await tryRun('ip', ['link', 'delete', tag(dir)])
  for (const folder of cgroupRoots()) removeCgroup(join(folder, tag(dir)))
  rmSync(files(dir).node, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}

async function gone(dir: string): Promise<void> {
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
function processesOf(dir: string): { pid: number; line: string }[] {
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

const q = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`

function conflist() {
  return {
    cniVersion: '1.0.0',
    name: 'rehearsal',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: PODS }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
}

function containerdToml(node: string, pause: string): string {
  return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause}"
  # A container without the right to change these, as this may be in, would start no pod.
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  # As newer versions have it by default: ports below 1024 for everybody, in the pod's own network.
  enable_unprivileged_ports = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${PLUGINS}"
    conf_dir = "${join(node, 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`
}

function kubeletConfig(dir: string, at: Space, ca: string, resolve: string) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: ca } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${tag(dir)}`,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    enforceNodeAllocatable: [],
    clusterDNS: [at.node],
    clusterDomain: 'cluster.local',
    resolvConf: resolve,
    // A change of a ConfigMap arrives within this time.
    syncFrequency: '10s',
    // The disk is shared with everything else on this machine, and an image that is collected cannot be pulled again.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
  }
}
