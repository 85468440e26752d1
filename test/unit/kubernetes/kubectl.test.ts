import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { made, ours } from '../../../lib/kubernetes/apply.ts'
import { explained } from '../../../lib/kubernetes/errors.ts'
import { stream } from '../../../lib/kubernetes/kubectl.ts'
import { documents, type KubeObject, OURS } from '../../../lib/kubernetes/manifests.ts'
import { objects, World } from '../../../lib/kubernetes/snapshot.ts'
import { ready } from '../../../lib/kubernetes/wait.ts'
import { together } from '../../../lib/run/result.ts'

const object = (kind: string, more: object = {}, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'one', namespace: 'prow', ...metadata },
  ...more,
})

describe('what kubectl printed', () => {
  const print = (...all: object[]) => all.map((one) => `${JSON.stringify(one, null, 4)}\n`).join('')

  test('is nothing, one, several or a list', () => {
    assert.deepEqual(objects(''), [])
    assert.equal(objects(print(object('Secret'))).length, 1)
    assert.equal(objects(print(object('Secret'), object('ConfigMap'))).length, 2)
    assert.equal(objects(print({ kind: 'List', items: [object('A'), object('B')] }, object('C'))).length, 3)
    assert.equal(objects(print({ kind: 'SecretList', items: [] })).length, 0)
  })

  test('is taken apart at the right braces', () => {
    const one = object('ConfigMap', { data: { text: '{\n}\n{' } })
    assert.deepEqual(objects(print(one, one)), [one, one])
  })
})

test('a stream of texts and objects is YAML of as many documents', () => {
  assert.equal(documents(stream(['a: {kind: x}', { kind: 'y' }]), 'f').length, 2)
})

describe('ready', () => {
  const deployment = (status: object, generation = 2) =>
    object('Deployment', { spec: { replicas: 2 }, status }, { generation })
  const whole = { observedGeneration: 2, updatedReplicas: 2, replicas: 2, availableReplicas: 2 }

  test('a Deployment is when the last change is out whole and nothing old is left', () => {
    assert.equal(ready(deployment(whole)), true)
    assert.equal(ready(deployment({ ...whole, observedGeneration: 1 })), false)
    assert.equal(ready(deployment({ ...whole, updatedReplicas: 1 })), false)
    assert.equal(ready(deployment({ ...whole, replicas: 3 })), false)
    assert.equal(ready(deployment({ ...whole, availableReplicas: 1 })), false)
    assert.equal(ready(deployment({})), false)
  })

  test('a Job is when it is complete, a definition when it is established', () => {
    const conditions = (type: string, status: string) => ({ status: { conditions: [{ type, status }] } })
    assert.equal(ready(object('Job', conditions('Complete', 'True'))), true)
    assert.equal(ready(object('Job', conditions('Failed', 'True'))), false)
    assert.equal(ready(object('CustomResourceDefinition', conditions('Established', 'False'))), false)
    assert.equal(ready(object('CustomResourceDefinition', conditions('Established', 'True'))), true)
  })
})

test('a thing is one word: created when all of it is', () => {
  assert.equal(together(['created', 'created']), 'created')
  assert.equal(together(['created', 'unchanged']), 'changed')
  assert.equal(together(['unchanged', 'unchanged']), 'unchanged')
  assert.equal(together(['unchanged', 'would create']), 'would change')
  assert.equal(together([]), 'unchanged')
})

test('adopted is ours, but not made by us', () => {
  const adopted = object('Role', {}, { labels: OURS, annotations: { 'prow-runbook/adopted': 'true' } })
  assert.equal(ours(adopted), true)
  assert.equal(made(adopted), false)
  assert.equal(made(object('Role', {}, { labels: OURS })), true)
  assert.equal(made(object('Role')), false)
})

describe('a look at the cluster', () => {
  test('knows what it has seen, what it has seen is not there, and what it did not look for', () => {
    const world = new World()
    world.put(object('Secret'))
    assert.equal(world.has('Secret', 'one', 'prow'), true)
    assert.equal(world.has('Secret', 'one', 'test-pods'), false)
    assert.equal(world.covers(object('Role', {}, { name: 'other' })), true)
    const strange = object('ClusterRole', {}, { namespace: undefined, name: 'x' })
    assert.equal(world.covers(strange), false)
    world.markAbsent(strange)
    assert.equal(world.covers(strange), true)
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
    test(`has a remedy: ${text.slice(0, 50)}`, () => assert.match(explained(text).faults[0]!.remedy, remedy))
  }

  test('is told without warnings', () => {
    const { message } = explained('Warning: would violate PodSecurity\nE1123 memcache.go:265] x\nError: what it is\n')
    assert.equal(message, 'Error: what it is')
  })
})
