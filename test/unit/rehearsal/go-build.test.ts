import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildProgress, builtName, cacheKey } from '../../../lib/rehearsal/go-build.ts'

test('one set of inputs has one cache key, and another when any of them changes', () => {
  const inputs = ['module', 'sums', 'go1.26.8 linux amd64', '-s -w']
  assert.equal(cacheKey(inputs), cacheKey([...inputs]))
  for (const at of inputs.keys()) {
    assert.notEqual(cacheKey(inputs.with(at, `${inputs[at]} `)), cacheKey(inputs))
  }
  assert.notEqual(cacheKey(['ab', 'c']), cacheKey(['a', 'bc']))
})

test('Go names a program after the last part of its package that is not a version', () => {
  assert.equal(builtName('k8s.io/kubernetes/cmd/kubelet'), 'kubelet')
  assert.equal(builtName('go.etcd.io/etcd/server/v3'), 'server')
})

test('the progress of a build is how many packages of how many', () => {
  assert.equal(buildProgress(812, 1834), 'compiled 44 % (812 of 1,834 packages)')
  assert.equal(buildProgress(1834, 1834), 'linking the programs')
})
