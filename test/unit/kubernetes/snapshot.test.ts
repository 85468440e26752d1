import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { objectName } from '../../../lib/kubernetes/difference.ts'
import { type KubeObject, manifests } from '../../../lib/kubernetes/manifests.ts'
import { isCreatedByRunbook, isManaged, stepOf } from '../../../lib/kubernetes/ownership.ts'
import { listObjects, parseObjects, Snapshot, snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { folder, LOCAL, settings } from '../world.ts'

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
  const some = new Snapshot()
  some.put(object('Secret'))
  assert.equal(some.has('Secret', 'one', 'prow'), true)
  assert.equal(some.has('Secret', 'one', 'test-pods'), false)
  assert.equal(some.wasQueried(object('Role', {}, { name: 'other' })), true)
  const clusterRole = object('ClusterRole', {}, { namespace: undefined, name: 'x' })
  assert.equal(some.wasQueried(clusterRole), false)
  some.markAbsent(clusterRole)
  assert.equal(some.wasQueried(clusterRole), true)
  some.drop(object('Secret'))
  assert.equal(some.has('Secret', 'one', 'prow'), false)
})

describe('the snapshot of a run', () => {
  const path = process.env.PATH
  afterEach(() => {
    process.env.PATH = path
  })

  /** What kubectl is asked with an INGRESS, one line a process. */
  async function asked(INGRESS: string): Promise<{ lines: string[]; taken: Snapshot }> {
    const home = folder({ kubectl: '#!/bin/bash\necho "$*" >>"$(dirname "$0")/asked"\n' })
    chmodSync(join(home, 'kubectl'), 0o755)
    process.env.PATH = [home, path].join(delimiter)
    const run = newRun(settings({ ...LOCAL, INGRESS }))
    run.target = { kubeconfig: 'x', context: 'x', server: 'x' }
    setRun(run)
    const taken = await snapshot()
    assert.deepEqual(await listObjects('Node'), [])
    return { lines: readFileSync(join(home, 'asked'), 'utf8').trim().split('\n').sort(), taken }
  }

  const webhook = object(
    'ValidatingWebhookConfiguration',
    {},
    { name: 'ingress-nginx-admission', namespace: undefined },
  )
  const deployment = object('Deployment', {}, { name: 'ingress-nginx-controller', namespace: 'ingress-nginx' })

  test('is one process for what has a name and one for each namespace; the nodes and classes come with it', async () => {
    const { lines, taken } = await asked('none')
    assert.equal(lines.length, 3, lines.join('\n'))
    assert.equal(lines.filter((line) => / -n prow .*nodes.*ingressclasses/.test(line)).length, 1)
    for (const line of lines) assert.match(line, /--show-managed-fields/)
    assert.equal(taken.wasQueried(object('IngressClass', {}, { name: 'alb', namespace: undefined })), true)
    assert.equal(taken.wasQueried(object('Role', {}, { namespace: 'test-pods' })), true)
    assert.equal(taken.wasQueried(object('CronJob', {}, { namespace: 'test-pods' })), false)
    assert.equal(taken.wasQueried(webhook), false)
    assert.equal(taken.wasQueried(deployment), false)
  })

  test('with INGRESS=nginx has what that consists of', async () => {
    const { lines, taken } = await asked('nginx')
    assert.equal(lines.length, 4, lines.join('\n'))
    for (const manifest of manifests(settings(LOCAL), 'ingress-nginx'))
      assert.equal(taken.wasQueried(manifest.object), true, objectName(manifest.object))
    assert.equal(taken.wasQueried(webhook), true)
  })
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
