import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { daemonCommands } from '../../../lib/rehearsal/node.ts'
import { endNode, nodePaths, nodeProcesses, nodeProgramOf, nodeTag } from '../../../lib/rehearsal/node-processes.ts'
import { folder } from '../world.ts'

const DIR = '/r/one'

describe('a process belongs to a node', () => {
  test('when it is one of the daemons that the node starts', () => {
    const namespaces = { pid: 4, host: '198.18.0.1', node: '198.18.0.2', github: '198.18.0.3' }
    const programs = { coredns: '/c/coredns', kubelet: '/c/kubelet', 'kube-proxy': '/c/kube-proxy' }
    const names = Object.values(daemonCommands(DIR, namespaces, programs)).map((argv) => {
      assert.equal(nodeProgramOf('/r/two', argv), undefined)
      // The nsenter outside the namespaces waits for it.
      assert.equal(nodeProgramOf(DIR, ['nsenter', '-t', '4', '-a', ...argv]), nodeProgramOf(DIR, argv))
      return nodeProgramOf(DIR, argv)
    })
    assert.deepEqual(names, ['containerd', 'coredns', 'kubelet', 'kube-proxy', 'socat', 'socat'])
  })

  test('when it holds the namespaces, or is the local GitHub', () => {
    const { init, github } = nodePaths(DIR)
    assert.equal(nodeProgramOf(DIR, ['sh', init]), 'init')
    assert.equal(nodeProgramOf(DIR, ['unshare', '--fork', '--net', 'sh', init]), 'unshare')
    assert.equal(nodeProgramOf(DIR, ['/usr/bin/node', '--import', 'tsx', 'r.ts', '--folder', github]), 'node')
  })

  test('not when it only has a file of the node open', () => {
    const { init, kubelet, logs, containerd, corefile } = nodePaths(DIR)
    for (const argv of [
      ['less', join(logs, 'kubelet.log')],
      ['tail', '-f', join(logs, 'kubelet.log')],
      ['vim', '--config', kubelet],
      ['sh', '-c', `grep root ${containerd}`],
      ['sh', '-x', init],
      ['cat', corefile],
      ['node', 'report.js', kubelet],
      ['nsenter', '-t', '4', '-a', 'less', kubelet],
    ])
      assert.equal(nodeProgramOf(DIR, argv), undefined, argv.join(' '))
  })
})

test('the removal of a node leaves a pager on its log running', { skip: process.platform !== 'linux' }, async () => {
  const dir = folder()
  const { logs } = nodePaths(dir)
  mkdirSync(logs, { recursive: true })
  const log = join(logs, 'kubelet.log')
  writeFileSync(log, '')
  const pager = spawn('tail', ['-f', log], { stdio: 'ignore' })
  // One that is of the node, so that the removal waits and then kills what remains.
  const init = nodePaths(dir).init
  writeFileSync(init, 'trap "" TERM; while :; do sleep 0.2; done')
  const holder = spawn('sh', [init], { stdio: 'ignore' })
  await Promise.all([once(pager, 'spawn'), once(holder, 'spawn')])
  const held = once(holder, 'exit')
  try {
    assert.deepEqual(
      nodeProcesses(dir).map(({ name }) => name),
      ['init'],
    )
    await endNode(dir)
    await held
    assert.deepEqual([pager.exitCode, pager.signalCode], [null, null])
    assert.doesNotThrow(() => process.kill(pager.pid!, 0))
  } finally {
    pager.kill()
    holder.kill('SIGKILL')
  }
})

test('the tag of a node is unique to its folder and short enough for a network interface', () => {
  assert.match(nodeTag(DIR), /^\w{1,15}$/)
  assert.notEqual(nodeTag(DIR), nodeTag('/r/two'))
})
