import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { isUpToDate, replacement } from '../../../lib/kubernetes/replace.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const LABELS = { 'app.kubernetes.io/managed-by': 'prow-runbook' }
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
const object = (kind: string, data: Record<string, string>, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'one', namespace: 'prow', labels: LABELS, ...metadata },
  data,
})
const secret = (data: Record<string, string>, metadata: object = {}) =>
  object('Secret', Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])), metadata)

describe('an object that is replaced', () => {
  test('is up to date with the same data, whatever whitespace a Secret ends in', () => {
    assert.equal(isUpToDate(secret({ hmac: 'abc\n' }), secret({ hmac: 'abc' })), true)
    assert.equal(isUpToDate(object('ConfigMap', { a: 'x\n' }), object('ConfigMap', { a: 'x' })), false)
  })

  test('is not with a key too many or too few, another value, a label missing, or a copy of its values', () => {
    const wanted = secret({ hmac: 'abc' })
    assert.equal(isUpToDate(secret({ hmac: 'abc', old: 'x' }), wanted), false)
    assert.equal(isUpToDate(secret({}), wanted), false)
    assert.equal(isUpToDate(secret({ hmac: 'abd' }), wanted), false)
    assert.equal(isUpToDate(secret({ hmac: 'abc' }, { labels: {} }), wanted), false)
    assert.equal(isUpToDate(secret({ hmac: 'abc' }, { annotations: { [LAST_APPLIED]: '{}' } }), wanted), false)
  })

  test('keeps labels and annotations of others, its type and equal values, and loses stale keys', () => {
    const old = {
      ...secret(
        { hmac: 'abc\n', stale: 'x' },
        {
          labels: { team: 'ci' },
          annotations: { note: 'y', [LAST_APPLIED]: '{}' },
          resourceVersion: '7',
        },
      ),
      type: 'kubernetes.io/tls',
    }
    const next = replacement(old, secret({ hmac: 'abc', more: 'z' }))
    assert.deepEqual(next.data, { hmac: base64('abc\n'), more: base64('z') })
    assert.equal(next.type, 'kubernetes.io/tls')
    assert.deepEqual(next.metadata.labels, { team: 'ci', ...LABELS })
    assert.deepEqual(next.metadata.annotations, { note: 'y', 'prow-runbook/adopted': 'true' })
    assert.equal(next.metadata.resourceVersion, '7')
  })
})
