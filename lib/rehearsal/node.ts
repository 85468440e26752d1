import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { sleep, tryRun } from '../base/shell.ts'
import { createCgroup, removeCgroup } from './cgroups.ts'
import { paths } from './folder.ts'
import { buildNodePrograms } from './go-build.ts'
import { findNamespaces, type Namespaces, nsenterArgs, startDaemon } from './namespaces.ts'
import { cniConfig, containerdConfig, corefile, kubeletConfig, POD_CIDR } from './node-config.ts'
import { removeLink } from './node-link.ts'
import { endNode, nodePaths, nodeProcesses, nodeTag } from './node-processes.ts'
import type { Progress, TaskResult } from './task.ts'

/** Builds the programs of the node, with Prow's own; answers the file of each. */
export async function ensureNodePrograms(progress: Progress): Promise<[Record<string, string>, TaskResult]> {
  let built = false
  const files = await buildNodePrograms((text) => {
    built = true
    progress(text)
  })
  return [files, { outcome: built ? 'created' : 'unchanged', note: 'built: kubelet, kube-proxy, CoreDNS, Prow' }]
}

/** Whether the node in `dir` is up: its namespaces and all its daemons. */
export function isNodeRunning(dir: string): boolean {
  const names = new Set(nodeProcesses(dir).map(({ name }) => name))
  return (
    findNamespaces(dir) !== undefined &&
    ['containerd', 'coredns', 'kubelet', 'kube-proxy', 'socat'].every((name) => names.has(name))
  )
}

/** The command line of each daemon of the node, by its name; `programs` are the files of those that were built. */
export function daemonCommands(dir: string, { node }: Namespaces, programs: Record<string, string>) {
  const files = nodePaths(dir)
  // Port 80 or 443 of the node, as a load balancer would forward it.
  const ingress = (port: number) => [
    'socat',
    ...['-lf', files.socatLog],
    `TCP-LISTEN:${port},bind=${node},fork,reuseaddr`,
    // Resolved at each connection: the Service does not exist before 11-ingress.
    `TCP4:ingress-nginx-controller.ingress-nginx.svc.cluster.local:${port}`,
  ]
  return {
    containerd: ['containerd', '--config', files.containerd],
    coredns: [programs.coredns!, '-conf', files.corefile],
    kubelet: [
      programs.kubelet!,
      ...['--config', files.kubelet],
      ...['--kubeconfig', files.kubeconfig],
      ...['--hostname-override', 'prow-rehearsal'],
      ...['--node-ip', node],
      '--v=1',
    ],
    'kube-proxy': [
      programs['kube-proxy']!,
      ...['--kubeconfig', files.kubeconfig],
      ...['--proxy-mode', 'iptables'],
      ...['--hostname-override', 'prow-rehearsal'],
      ...['--cluster-cidr', POD_CIDR],
      // The limits of connection tracking belong to the machine.
      ...['--conntrack-max-per-core', '0', '--conntrack-tcp-timeout-established', '0'],
      ...['--conntrack-tcp-timeout-close-wait', '0'],
      '--config-sync-period=1m',
    ],
    'ingress-80': ingress(80),
    'ingress-443': ingress(443),
  }
}

/** Starts the node in its namespaces: containerd, the cluster's DNS, kubelet, kube-proxy, and ports 80 and 443. */
export async function startNode(
  dir: string,
  namespaces: Namespaces,
  programs: Record<string, string>,
  hosts: Record<string, string>,
): Promise<void> {
  const files = nodePaths(dir)
  const write = (file: string, text: string) => writeFileSync(file, text, { mode: 0o600 })
  // The kubelet expects its cgroup to exist.
  createCgroup(nodeTag(dir))
  mkdirSync(join(files.node, 'cni'), { recursive: true })
  write(join(files.node, 'cni/10-rehearsal.conflist'), JSON.stringify(cniConfig(), null, 2))
  write(files.containerd, containerdConfig(dir))
  write(files.corefile, corefile(dir, namespaces, hosts))
  const ca = join(paths(dir).cluster, 'pki', 'ca.crt')
  write(files.kubelet, `${JSON.stringify(kubeletConfig(dir, namespaces, ca), null, 2)}\n`)

  const { containerd, ...others } = daemonCommands(dir, namespaces, programs)
  startDaemon(dir, namespaces, 'containerd', containerd)
  await waitForContainerd(dir, namespaces)
  for (const [name, command] of Object.entries(others)) startDaemon(dir, namespaces, name, command)
}

async function waitForContainerd(dir: string, namespaces: Namespaces): Promise<void> {
  const [program = '', ...args] = [...nsenterArgs(namespaces), 'ctr', 'version']
  for (let tries = 0; tries < 100; tries++) {
    if ((await tryRun(program, args)).stdout.includes('Server:')) return
    await sleep(100)
  }
  const log = join(nodePaths(dir).logs, 'containerd.log')
  const last = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-2).join('\n') : ''
  throw new Problem(`containerd does not answer: ${last}`, `Its log is ${log}. Run the same line again.`)
}

/** Ends the node in `dir` and removes what outlives its processes: cgroups, link and files. */
export async function removeNode(dir: string): Promise<void> {
  await endNode(dir)
  await removeLink(dir)
  removeCgroup(nodeTag(dir))
  rmSync(nodePaths(dir).node, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
