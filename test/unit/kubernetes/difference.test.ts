import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fingerprint } from '../../../lib/base/fingerprint.ts'
import { differences, essence } from '../../../lib/kubernetes/difference.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'

const object = (more: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'one', namespace: 'prow', ...metadata },
  ...more,
})

const base64 = (text: string) => Buffer.from(text).toString('base64')

test('what the API server keeps for itself is no difference', () => {
  const was = object({ data: { a: '1' }, status: { x: 1 } }, { resourceVersion: '1', generation: 1, uid: 'a' })
  const is = object(
    { data: { a: '1' }, status: { x: 2 } },
    {
      resourceVersion: '2',
      generation: 2,
      managedFields: [{ manager: 'x' }],
      annotations: {
        'deployment.kubernetes.io/revision': '2',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
      },
    },
  )
  assert.deepEqual(differences(was, is), [])
  assert.equal('status' in essence(is), false)
})

test('labels, annotations, data and fields of lists are shown with their path', () => {
  const list = (image: string, args: string[]) => object({ spec: { containers: [{ name: 'hook', image, args }] } })
  const found = differences(list('a:1', ['--x', '--y']), list('a:2', ['--x', '--z']))
  assert.deepEqual(found[0], {
    object: 'ConfigMap prow/one',
    path: 'spec.containers[hook].image',
    before: 'a:1',
    after: 'a:2',
  })
  assert.equal(found[1]!.path, 'spec.containers[hook].args')
  assert.equal(found[1]!.lines!.filter((line) => line.startsWith('+')).length, 1)
  const labelled = differences(object({}), object({}, { labels: { a: 'b' } }))
  assert.deepEqual(labelled, [
    { object: 'ConfigMap prow/one', path: 'metadata.labels', before: undefined, after: '{"a":"b"}' },
  ])
})

test('of a text of several lines the lines that differ are shown', () => {
  const [found] = differences(object({ data: { f: 'a\nb\nc\n' } }), object({ data: { f: 'a\nB\nc\n' } }))
  const changed = found!.lines!.filter((line) => /^[+-]/.test(line)).map((line) => line.replace(/\s/g, ''))
  assert.deepEqual(changed, ['-b', '+B'])
})

describe('a Secret', () => {
  const made = (data: Record<string, string> | undefined, more: object = {}) => ({
    ...object({ data, ...more }),
    kind: 'Secret',
  })
  const shown = (was: KubeObject, is: KubeObject) => JSON.stringify(differences(was, is))

  test('is shown by fingerprints', () => {
    const text = shown(made({ hmac: base64('old-value-1') }), made({ hmac: base64('new-value-2') }))
    assert.match(text, new RegExp(fingerprint('old-value-1')))
    assert.match(text, new RegExp(fingerprint('new-value-2')))
    assert.doesNotMatch(text, /b2xk|bmV3|value/)
  })

  test('gives no value away when a key comes, goes, or all of its data does', () => {
    for (const [was, is] of [
      [made({ a: base64('kept-value') }), made({ a: base64('kept-value'), b: base64('new-value') })],
      [made({ a: base64('kept-value'), b: base64('old-value') }), made({ a: base64('kept-value') })],
      [made(undefined), made({ a: base64('new-value') })],
      [made({ a: base64('old-value') }), made(undefined)],
      [made({}, { stringData: { a: 'old-value' } }), made({})],
    ] as const) {
      assert.doesNotMatch(shown(was, is), new RegExp(`${base64('new-value')}|${base64('old-value')}|-value`))
    }
  })
})

test('a fingerprint is short, and the same with or without a newline at the end', () => {
  assert.equal(fingerprint('token\n'), fingerprint('token'))
  assert.match(fingerprint('token'), /^[0-9a-f]{8}$/)
  assert.notEqual(fingerprint('token'), fingerprint('tokem'))
})
