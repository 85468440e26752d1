import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atLeast, parseVersion } from '../../../lib/base/version.ts'

test('a version is read from what each program prints', () => {
  assert.deepEqual(parseVersion('Kubernetes v1.36.3\n'), [1, 36, 3])
  assert.deepEqual(parseVersion('kwok version v0.8.0 go1.26.8 (linux/amd64)'), [0, 8, 0])
  assert.deepEqual(parseVersion('etcd Version: 3.6.8\nGit SHA: 0\nGo Version: go1.26.8'), [3, 6, 8])
  assert.deepEqual(parseVersion('Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0'), [1, 32, 4])
  assert.deepEqual(parseVersion('go1.26 linux amd64'), [1, 26, 0])
  assert.equal(parseVersion('no version here'), undefined)
})

test('versions are compared as numbers, not as text', () => {
  assert.equal(atLeast([1, 9, 0], [1, 10, 0]), false)
  assert.equal(atLeast([1, 10, 0], [1, 9, 9]), true)
  assert.equal(atLeast([1, 10, 0], [1, 10, 0]), true)
  assert.equal(atLeast([2, 0, 0], [1, 10, 5]), true)
})
