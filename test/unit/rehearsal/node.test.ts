import assert from 'node:assert/strict'
import { test } from 'node:test'
import { daemonCommands, isNodeRunning } from '../../../lib/rehearsal/node.ts'
import { nodePaths } from '../../../lib/rehearsal/node-processes.ts'

const NAMESPACES = { pid: 4, host: '198.18.0.1', node: '198.18.0.2', github: '198.18.0.3' }
const PROGRAMS = { coredns: '/c/coredns', kubelet: '/c/kubelet', 'kube-proxy': '/c/kube-proxy' }

test('the daemons are the built programs, with the files of this node', () => {
  const commands = daemonCommands('/r', NAMESPACES, PROGRAMS)
  assert.deepEqual(commands.containerd, ['containerd', '--config', '/r/node/containerd.toml'])
  assert.deepEqual(commands.coredns, ['/c/coredns', '-conf', '/r/node/Corefile'])
  assert.equal(commands.kubelet[0], '/c/kubelet')
  const at = commands.kubelet.indexOf('--node-ip')
  assert.equal(commands.kubelet[at + 1], '198.18.0.2')
  for (const name of ['kubelet', 'kube-proxy'] as const)
    assert.ok(commands[name].includes(nodePaths('/r').kubeconfig), name)
})

test('ports 80 and 443 of the node are forwarded to ingress-nginx', () => {
  const commands = daemonCommands('/r', NAMESPACES, PROGRAMS)
  for (const port of [80, 443] as const) {
    const [, , , listen, to] = commands[`ingress-${port}`]
    assert.match(listen!, new RegExp(`^TCP-LISTEN:${port},bind=198\\.18\\.0\\.2,`))
    assert.match(to!, new RegExp(`ingress-nginx-controller\\..*:${port}$`))
  }
})

test('a folder without a node has none that runs', { skip: process.platform !== 'linux' }, () => {
  assert.equal(isNodeRunning('/no/such/rehearsal'), false)
})
