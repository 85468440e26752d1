import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { isCreatedByRunbook, isManaged, stepOf } from '../../../lib/kubernetes/ownership.ts'
import { parseObjects, Snapshot } from '../../../lib/kubernetes/snapshot.ts'

const object = (kind: string, more: object = {}, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'one', namespace: 'prow', ...metadata },
  ...more,
})

describe('what kubectl printed', () => {
  const print = (...all: object[]) => all.map((one) => `${JSON.stringify(one, null, 4)}\n`).join('')

  test('is nothing, one object, several or a list', () => {
    assert.deepEqual(parseObjects(''), [])
    assert.equal(parseObjects(print(object('Secret'))).length, 1)
    assert.equal(parseObjects(print(object('Secret'), object('ConfigMap'))).length, 2)
    assert.equal(parseObjects(print({ kind: 'List', items: [object('A'), object('B')] }, object('C'))).length, 3)
    assert.equal(parseObjects(print({ kind: 'SecretList', items: [] })).length, 0)
  })

  test('is taken apart at the right braces', () => {
    const one = object('ConfigMap', { data: { text: '{\n}\n{' } })
    assert.deepEqual(parseObjects(print(one, one)), [one, one])
  })
})

test('a snapshot knows what exists, what was queried and does not exist, and what was not queried', () => {
  const snapshot = new Snapshot()
  snapshot.put(object('Secret'))
  assert.equal(snapshot.has('Secret', 'one', 'prow'), true)
  assert.equal(snapshot.has('Secret', 'one', 'test-pods'), false)
  assert.equal(snapshot.wasQueried(object('Role', {}, { name: 'other' })), true)
  const clusterRole = object('ClusterRole', {}, { namespace: undefined, name: 'x' })
  assert.equal(snapshot.wasQueried(clusterRole), false)
  snapshot.markAbsent(clusterRole)
  assert.equal(snapshot.wasQueried(clusterRole), true)
  snapshot.drop(object('Secret'))
  assert.equal(snapshot.has('Secret', 'one', 'prow'), false)
})

test('an adopted object is managed, but was not created by the runbook', () => {
  const labels = { 'app.kubernetes.io/managed-by': 'prow-runbook', 'prow-runbook/step': '08-prow' }
  const adopted = object('Role', {}, { labels, annotations: { 'prow-runbook/adopted': 'true' } })
  assert.deepEqual([isManaged(adopted), isCreatedByRunbook(adopted)], [true, false])
  assert.equal(isCreatedByRunbook(object('Role', {}, { labels })), true)
  assert.equal(isCreatedByRunbook(object('Role')), false)
  assert.equal(stepOf(adopted), '08-prow')
  assert.equal(stepOf(object('Role')), undefined)
})
