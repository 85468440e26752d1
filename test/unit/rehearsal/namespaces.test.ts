import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import {
  findNamespaces,
  initScript,
  NO_PROXIES,
  nodeEnvironment,
  nsenterArgs,
} from '../../../lib/rehearsal/namespaces.ts'

test('a program enters all namespaces of the node, or its network only', () => {
  const namespaces = { pid: 42, host: '', node: '', github: '' }
  assert.deepEqual(nsenterArgs(namespaces), ['nsenter', '-t', '42', '-a'])
  assert.deepEqual(nsenterArgs(namespaces, 'network'), ['nsenter', '--net=/proc/42/ns/net'])
})

test("no proxy of this machine reaches the node's programs", () => {
  process.env.HTTPS_PROXY = 'http://proxy.example'
  assert.deepEqual(Object.keys(nodeEnvironment()).sort(), ['HOME', 'LANG', 'PATH'])
  assert.equal(NO_PROXIES.HTTPS_PROXY, '')
  assert.equal(NO_PROXIES.https_proxy, '')
  assert.equal(Object.keys(NO_PROXIES).length, 6)
  delete process.env.HTTPS_PROXY
})

test('the first process mounts the folders of the node, whatever their names, and sets the host name last', () => {
  const script = initScript("/r/it's here/lib", '/r/log')
  assert.equal(spawnSync('sh', ['-n'], { input: script }).status, 0)
  assert.match(script, /mount --bind '\/r\/it'\\''s here\/lib' \/var\/lib/)
  assert.ok(script.indexOf('hostname') > script.lastIndexOf('mount'))
})

test('a folder without a node has no namespaces', { skip: process.platform !== 'linux' }, () => {
  assert.equal(findNamespaces('/no/such/rehearsal'), undefined)
})
