import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { appliedChanges, foreignFields, isApplied } from '../../../lib/kubernetes/applied.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'

type Json = Record<string, unknown>

const wanted = (): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'tide', namespace: 'prow', labels: { app: 'tide' } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'tide' } },
    template: {
      spec: {
        automountServiceAccountToken: false,
        containers: [
          {
            name: 'tide',
            args: ['--dry-run=false'],
            ports: [
              { name: 'http', containerPort: 8888 },
              { name: 'metrics', containerPort: 9090 },
            ],
            env: [{ name: 'HOME', value: '/tmp' }],
          },
        ],
        volumes: [{ name: 'tmp', emptyDir: {} }],
      },
    },
  },
})

const FIELDS = {
  'f:metadata': { 'f:labels': { 'f:app': {} } },
  'f:spec': {
    'f:replicas': {},
    'f:selector': {},
    'f:template': {
      'f:spec': {
        'f:automountServiceAccountToken': {},
        'f:containers': {
          'k:{"name":"tide"}': {
            '.': {},
            'f:name': {},
            'f:args': {},
            'f:env': { 'k:{"name":"HOME"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
            'f:ports': {
              'k:{"containerPort":8888,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:name': {} },
              'k:{"containerPort":9090,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:name': {} },
            },
          },
        },
        'f:volumes': { 'k:{"name":"tmp"}': { '.': {}, 'f:name': {}, 'f:emptyDir': {} } },
      },
    },
  },
}

/** The object as the API server has it after an apply: with defaults, and what others have added. */
function found(change: (object: KubeObject, container: Json, fields: typeof FIELDS) => void = () => {}): KubeObject {
  const object = structuredClone(wanted())
  const spec = object.spec as { template: { spec: Json & { containers: Json[] } }; strategy?: object }
  const [container] = spec.template.spec.containers as [Json]
  for (const port of container.ports as Json[]) port.protocol = 'TCP'
  ;(container.env as Json[]).unshift({ name: 'INJECTED', value: 'by somebody' })
  container.terminationMessagePath = '/dev/termination-log'
  spec.strategy = { type: 'RollingUpdate' }
  object.metadata.labels!.team = 'theirs'
  const fields = structuredClone(FIELDS)
  object.metadata.managedFields = [
    {
      manager: 'kube-controller-manager',
      operation: 'Update',
      apiVersion: 'apps/v1',
      fieldsV1: {},
      subresource: 'status',
    },
    { manager: 'prow-runbook', operation: 'Apply', apiVersion: 'apps/v1', fieldsV1: fields },
  ]
  change(object, container, fields)
  return object
}

const spec = (object: KubeObject) => object.spec as Json

describe('an apply would change nothing', () => {
  test('when the manager owns the fields of the manifest with their values, whatever else is there', () => {
    assert.equal(isApplied(found(), wanted()), true)
  })

  test('where the API server leaves out false', () => {
    assert.equal(
      isApplied(
        found((object) => {
          delete (spec(object).template as { spec: Json }).spec.automountServiceAccountToken
        }),
        wanted(),
      ),
      true,
    )
  })
})

function withoutPort(): KubeObject {
  const object = wanted()
  const { containers } = (spec(object).template as { spec: { containers: { ports: Json[] }[] } }).spec
  containers[0]!.ports.pop()
  return object
}

describe('an apply is needed', () => {
  const cases: [name: string, old: KubeObject, wanted?: KubeObject][] = [
    ['a value was changed', found((object) => Object.assign(spec(object), { replicas: 0 }))],
    ['an atomic list was changed', found((_, container) => Object.assign(container, { args: ['--dry-run=true'] }))],
    ['a field was removed', found((object) => void delete object.metadata.labels!.app)],
    ['an item of a list was removed', found((_, container) => void (container.ports as Json[]).pop())],
    [
      'an item of a list was changed',
      found((_, container) => Object.assign((container.ports as Json[])[1]!, { name: 'other' })),
    ],
    ['the items of a list were reordered', found((_, container) => void (container.ports as Json[]).reverse())],
    ['somebody else owns a field', found((_o, _c, fields) => void delete (fields['f:spec'] as Json)['f:replicas'])],
    [
      'the manifest no longer has a field',
      found((_o, _c, fields) => Object.assign(fields['f:spec'], { 'f:paused': {} })),
    ],
    ['the manifest no longer has an item of a list', found(), withoutPort()],
    ['the manifest has a new field', found(), { ...wanted(), spec: { ...spec(wanted()), paused: true } }],
    ['the manifest has a new value', found(), { ...wanted(), spec: { ...spec(wanted()), replicas: 2 } }],
    ['the manifest has another version', found(), { ...wanted(), apiVersion: 'apps/v2' }],
    ['nothing is known about who owns what', found((object) => void delete object.metadata.managedFields)],
    [
      'the manager has not applied it, but updated it',
      found((object) => {
        for (const one of object.metadata.managedFields as Json[]) one.operation = 'Update'
      }),
    ],
  ]
  for (const [name, old, manifest = wanted()] of cases)
    test(`when ${name}`, () => assert.equal(isApplied(old, manifest), false))
})

describe('what an apply would change', () => {
  const changes = (old: KubeObject, manifest = wanted()) =>
    appliedChanges(old, manifest).map(({ path, before, after }) => [path, before, after])
  const container = 'spec.template.spec.containers[tide]'

  test('is nothing when it is applied, or when only its owner differs', () => {
    assert.deepEqual(changes(found()), [])
    assert.deepEqual(changes(found((_o, _c, fields) => void delete (fields['f:spec'] as Json)['f:replicas'])), [])
  })

  test('is each field with another value, at its place; what others have added stays', () => {
    const scaled = found((object, one) => {
      Object.assign(spec(object), { replicas: 0 })
      Object.assign(one, { args: ['--dry-run=true'] })
    })
    assert.deepEqual(changes(scaled), [
      ['spec.replicas', 0, 1],
      [`${container}.args`, ['--dry-run=true'], ['--dry-run=false']],
    ])
    const removed = found((object, one) => {
      delete object.metadata.labels!.app
      ;(one.ports as Json[]).pop()
    })
    assert.deepEqual(changes(removed), [
      [`${container}.ports[metrics]`, undefined, { name: 'metrics', containerPort: 9090 }],
      ['metadata.labels.app', undefined, 'tide'],
    ])
  })

  test('is what the manifest no longer has, of the fields that are ours', () => {
    const paused = found((object, _c, fields) => {
      Object.assign(spec(object), { paused: true })
      Object.assign(fields['f:spec'], { 'f:paused': {}, 'f:gone': {} })
    })
    assert.deepEqual(changes(paused), [['spec.paused', true, undefined]])
    assert.deepEqual(changes(found(), withoutPort()), [
      [`${container}.ports[metrics]`, { name: 'metrics', containerPort: 9090, protocol: 'TCP' }, undefined],
    ])
  })
})

describe('fields that others have set in the pods of a Deployment', () => {
  const entry = (manager: string, container: object, subresource?: string) => ({
    manager,
    operation: 'Update',
    apiVersion: 'apps/v1',
    ...(subresource ? { subresource } : {}),
    fieldsV1: { 'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"tide"}': container } } } } },
  })
  const edited = (...entries: object[]) => {
    const object = wanted()
    const { template } = object.spec as { template: { spec: { containers: Json[] } } }
    template.spec.containers.unshift({ name: 'proxy' })
    Object.assign(template.spec.containers[1]!, { command: ['/tidee'] })
    const own = { manager: 'prow-runbook', operation: 'Apply', apiVersion: 'apps/v1', fieldsV1: FIELDS }
    return { ...object, metadata: { ...object.metadata, managedFields: [own, ...entries] } } as KubeObject
  }

  test('are named with who set them, and where a patch finds them', () => {
    assert.deepEqual(foreignFields(edited(entry('kubectl-patch', { 'f:command': {} }))), [
      {
        path: 'spec.template.spec.containers[tide].command',
        pointer: '/spec/template/spec/containers/1/command',
        value: ['/tidee'],
        manager: 'kubectl-patch',
      },
    ])
  })

  test('are not those of the runbook, of Kubernetes, or of a status', () => {
    assert.deepEqual(foreignFields(edited(entry('kubectl-edit', { '.': {}, 'f:name': {}, 'f:args': {} }))), [])
    assert.deepEqual(foreignFields(edited(entry('kube-controller-manager', { 'f:command': {} }))), [])
    assert.deepEqual(foreignFields(edited(entry('somebody', { 'f:command': {} }, 'status'))), [])
    assert.deepEqual(foreignFields(edited()), [])
  })
})
