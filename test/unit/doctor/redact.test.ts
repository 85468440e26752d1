import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { knownSecrets, publicObject, REDACTED, Redactor } from '../../../lib/doctor/redact.ts'
import { folder } from '../world.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const secret = (value: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'a', namespace: 'prow' },
  data: { key: base64(value) },
})

describe('a redactor', () => {
  test('removes known values in every form', () => {
    const value = 'pa ss/wörd"1'
    const redactor = new Redactor([value])
    for (const text of [
      value,
      JSON.stringify(value),
      encodeURIComponent(value),
      base64(value),
      base64(value).replace(/=+$/, ''),
    ])
      assert.doesNotMatch(redactor.text(`before ${text} after`), /ss.{0,3}w|cGEgc3/, text)
    assert.equal(redactor.text(`before ${value} after`), `before ${REDACTED} after`)
  })

  test('removes the values inside a file that is a secret', () => {
    const redactor = new Redactor([
      '{"access_key": "AKEY-123456", "secret_key":"SKEY-123456"}',
      'client_id: CID-123456\n',
    ])
    for (const one of ['AKEY-123456', 'SKEY-123456', 'CID-123456']) assert.equal(redactor.text(one), REDACTED)
  })

  test('removes what looks like a secret, and leaves the rest', () => {
    const redactor = new Redactor([])
    const cases: [text: string, clean: string][] = [
      ['token ghp_abcdefghijklmnop1234 used', `token ${REDACTED} used`],
      ['https://user:hunter22@example.com/x', `https://${REDACTED}@example.com/x`],
      ['Authorization: Bearer abc.def.ghi', `Authorization: Bearer ${REDACTED}`],
      ['--password=hunter22 --dry-run=false', `--password=${REDACTED} --dry-run=false`],
      ['posted with xoxb-1-2-abc', `posted with ${REDACTED}`],
      ['slack_token: xoxb-1-2-abc', `slack_token: ${REDACTED}`],
      ['{"api_key":"k-1"}', `{"api_key":"${REDACTED}"}`],
      ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----', REDACTED],
      ['GET /x?X-Amz-Signature=abc&part=1', `GET /x?X-Amz-Signature=${REDACTED}&part=1`],
      ['key id AKIAIOSFODNN7EXAMPLE', `key id ${REDACTED}`],
      ['secret "hmac-token" not found', 'secret "hmac-token" not found'],
      ['serviceaccount prow/hook cannot list secrets', 'serviceaccount prow/hook cannot list secrets'],
    ]
    for (const [text, clean] of cases) assert.equal(redactor.text(text), clean)
  })

  test('knows the values of Secrets, of the files in secrets/, and of the environment', () => {
    process.env.SOME_TOKEN = 'from-the-environment'
    const known = knownSecrets([secret('in-the-cluster')], folder({ 'oauth-token': 'in-a-file\n' }))
    delete process.env.SOME_TOKEN
    for (const one of ['in-the-cluster', 'in-a-file\n', 'from-the-environment']) assert.ok(known.includes(one), one)
    assert.deepEqual(
      knownSecrets([], '/does/not/exist').filter((one) => one === 'in-a-file\n'),
      [],
    )
  })
})

describe('an object for others', () => {
  const text = (object: object) => JSON.stringify(publicObject(object as never))

  test('has of a Secret the sizes', () => {
    assert.match(text(secret('hidden')), /"key":"6 bytes"/)
    assert.doesNotMatch(text(secret('hidden')), new RegExp(base64('hidden')))
  })

  test('has of a ConfigMap the text when it is of Prow', () => {
    const map = (name: string) => ({ kind: 'ConfigMap', metadata: { name, namespace: 'prow' }, data: { a: 'content' } })
    assert.match(text(map('plugins')), /content/)
    assert.match(text(map('other')), /"a":"7 bytes"/)
  })

  test('has no values of environment variables, no unknown annotations, and of a job not what it runs', () => {
    const pod = (namespace: string) => ({
      kind: 'Pod',
      metadata: {
        name: 'a',
        namespace,
        annotations: { 'prow.k8s.io/job': 'unit', note: 'marked' },
        managedFields: [{}],
      },
      spec: {
        containers: [
          {
            name: 'test',
            command: ['run', 'it'],
            args: ['--flag'],
            env: [
              { name: 'A', value: 'marked' },
              { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
            ],
          },
        ],
      },
    })
    assert.doesNotMatch(text(pod('prow')), /marked|managedFields/)
    assert.match(text(pod('prow')), /--flag/)
    assert.match(text(pod('prow')), /"prow.k8s.io\/job":"unit"/)
    assert.match(text(pod('prow')), /"secretKeyRef":{"name":"s","key":"k"}/)
    assert.doesNotMatch(text(pod('test-pods')), /--flag|"it"/)
  })
})
