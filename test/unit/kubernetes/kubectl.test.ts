import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isCreatedByRunbook, isManaged } from '../../../lib/kubernetes/apply.ts'
import { explainKubectl } from '../../../lib/kubernetes/errors.ts'
import { inputStream } from '../../../lib/kubernetes/kubectl.ts'
import { type KubeObject, MANAGED_LABELS, splitDocuments } from '../../../lib/kubernetes/manifests.ts'
import { parseObjects, Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { isReady } from '../../../lib/kubernetes/wait.ts'
import { combineOutcomes } from '../../../lib/run/result.ts'

const object = (kind: string, more: object = {}, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'one', namespace: 'prow', ...metadata },
  ...more,
})

describe('what kubectl printed', () => {
  const print = (...all: object[]) => all.map((one) => `${JSON.stringify(one, null, 4)}\n`).join('')

  test('is nothing, one, several or a list', () => {
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

test('a stream of texts and objects is YAML of as many documents', () => {
  assert.equal(splitDocuments(inputStream(['a: {kind: x}', { kind: 'y' }]), 'f').length, 2)
})

describe('ready', () => {
  const deployment = (status: object, generation = 2) =>
    object('Deployment', { spec: { replicas: 2 }, status }, { generation })
  const whole = { observedGeneration: 2, updatedReplicas: 2, replicas: 2, availableReplicas: 2 }

  test('a Deployment is when the last change is out whole and nothing old is left', () => {
    assert.equal(isReady(deployment(whole)), true)
    assert.equal(isReady(deployment({ ...whole, observedGeneration: 1 })), false)
    assert.equal(isReady(deployment({ ...whole, updatedReplicas: 1 })), false)
    assert.equal(isReady(deployment({ ...whole, replicas: 3 })), false)
    assert.equal(isReady(deployment({ ...whole, availableReplicas: 1 })), false)
    assert.equal(isReady(deployment({})), false)
  })

  test('a Job is when it is complete, a definition when it is established', () => {
    const conditions = (type: string, status: string) => ({ status: { conditions: [{ type, status }] } })
    assert.equal(isReady(object('Job', conditions('Complete', 'True'))), true)
    assert.equal(isReady(object('Job', conditions('Failed', 'True'))), false)
    assert.equal(isReady(object('CustomResourceDefinition', conditions('Established', 'False'))), false)
    assert.equal(isReady(object('CustomResourceDefinition', conditions('Established', 'True'))), true)
  })
})

test('a thing is one word: created when all of it is', () => {
  assert.equal(combineOutcomes(['created', 'created']), 'created')
  assert.equal(combineOutcomes(['created', 'unchanged']), 'changed')
  assert.equal(combineOutcomes(['unchanged', 'unchanged']), 'unchanged')
  assert.equal(combineOutcomes(['unchanged', 'would create']), 'would change')
  assert.equal(combineOutcomes([]), 'unchanged')
})

test('adopted is ours, but not made by us', () => {
  const adopted = object('Role', {}, { labels: MANAGED_LABELS, annotations: { 'prow-runbook/adopted': 'true' } })
  assert.equal(isManaged(adopted), true)
  assert.equal(isCreatedByRunbook(adopted), false)
  assert.equal(isCreatedByRunbook(object('Role', {}, { labels: MANAGED_LABELS })), true)
  assert.equal(isCreatedByRunbook(object('Role')), false)
})

describe('a look at the cluster', () => {
  test('knows what it has seen, what it has seen is not there, and what it did not look for', () => {
    const world = new Snapshot()
    world.put(object('Secret'))
    assert.equal(world.has('Secret', 'one', 'prow'), true)
    assert.equal(world.has('Secret', 'one', 'test-pods'), false)
    assert.equal(world.wasQueried(object('Role', {}, { name: 'other' })), true)
    const strange = object('ClusterRole', {}, { namespace: undefined, name: 'x' })
    assert.equal(world.wasQueried(strange), false)
    world.markAbsent(strange)
    assert.equal(world.wasQueried(strange), true)
    world.drop(object('Secret'))
    assert.equal(world.has('Secret', 'one', 'prow'), false)
  })
})

describe('what the API server says', () => {
  const rows: [string, RegExp][] = [
    ['The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?', /cluster is up/],
    ['error: You must be logged in to the server (Unauthorized)', /not known to this cluster/],
    ['Unable to connect to the server: x509: certificate signed by unknown authority', /another cluster|cluster is up/],
    ['Error from server (Forbidden): secrets is forbidden: User "x" cannot list', /docs\/permissions\.md/],
    [
      'failed calling webhook "validate.nginx.ingress.kubernetes.io": failed to call webhook: x509: certificate is valid for a, not b',
      /NGINX_ADMISSION=off/,
    ],
    ['failed calling webhook "vingress.elbv2.k8s.aws": context deadline exceeded', /port 9443/],
    ['failed calling webhook "other.example.com": connection refused', /Bring it back/],
    ['error: no matches for kind "ProwJob" in version', /04-crd/],
    ['namespaces "prow" not found', /02-namespaces/],
    ['spec.selector: Invalid value: field is immutable', /cannot be changed in place/],
  ]
  for (const [text, remedy] of rows) {
    test(`has a remedy: ${text.slice(0, 50)}`, () => assert.match(explainKubectl(text).findings[0]!.remedy, remedy))
  }

  test('is told without warnings', () => {
    const { message } = explainKubectl(
      'Warning: would violate PodSecurity\nE1123 memcache.go:265] x\nError: what it is\n',
    )
    assert.equal(message, 'Error: what it is')
  })
})
