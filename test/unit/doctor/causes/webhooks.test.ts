import assert from 'node:assert/strict'
import { test } from 'node:test'
import { webhookRows } from '../../../../lib/doctor/causes/webhooks.ts'
import { beginRun } from '../../github/fakes.ts'
import { LOCAL, settings } from '../../world.ts'
import { delivery, evidence, findings, type Given, NOW } from '../evidence.ts'

beginRun(settings(LOCAL))

const URL = 'https://prow.example.com/hook'
const RIGHT = { id: 1, active: true, events: ['*'], config: { url: URL, content_type: 'json', insecure_ssl: '0' } }
const find = (webhook: Given['webhook'], more: Given = {}) => findings(webhookRows, evidence({ webhook, ...more }))

test('a webhook as hook needs it, whose newest delivery was accepted, is no finding', async () => {
  assert.deepEqual(await find({}), [])
  assert.deepEqual(await find({ deliveries: [] }), [])
  assert.deepEqual(await find({ deliveries: [delivery(0, 0), delivery(200, 5)] }), [])
})

const CASES: [id: string, webhook: NonNullable<Given['webhook']>, message: RegExp][] = [
  [
    'PRW-GH-001',
    { hook: undefined, webhook: undefined, elsewhere: ['https://old.example.com/hook?token=secret'], deliveries: [] },
    /no webhook of my-org delivers to .*One delivers to https:\/\/old.example.com\/hook$/,
  ],
  ['PRW-GH-002', { hook: { ...RIGHT, active: false } }, /switched off/],
  ['PRW-GH-002', { hook: { ...RIGHT, config: { ...RIGHT.config, content_type: 'form' } } }, /content type is form/],
  [
    'PRW-GH-002',
    { hook: { ...RIGHT, events: ['push', 'status'] } },
    /does not deliver issue_comment, issues, pull_request,/,
  ],
  [
    'PRW-GH-002',
    { hook: { ...RIGHT, config: { ...RIGHT.config, url: 'http://prow.example.com/hook' } } },
    /no redirect/,
  ],
  ['PRW-GH-014', { hook: { ...RIGHT, config: { ...RIGHT.config, insecure_ssl: '1' } } }, /does not verify/],
  ['PRW-GH-003', { duplicates: [RIGHT] }, /handled twice/],
  ['PRW-GH-003', { twins: ['webhook of my-org/web'] }, /the webhook of my-org\/web delivers/],
  [
    'PRW-GH-004',
    {
      deliveries: [delivery(403, 5), delivery(403, 9), delivery(200, 99)],
      answer: '403 Forbidden: Invalid X-Hub-Signature-256',
    },
    /2 of the last 3 deliveries .* the newest 5 min ago: .*the signature is not valid/,
  ],
  ['PRW-GH-005', { deliveries: [delivery(502, 5, 'failed to connect to host')], answer: '' }, /no healthy target/],
  ['PRW-GH-006', { deliveries: [delivery(404, 5)], answer: 'not found' }, /answers 404/],
  ['PRW-GH-006', { deliveries: [delivery(200, 5)], answer: '<html>' }, /not with the response of hook/],
  [
    'PRW-GH-013',
    { deliveries: [delivery(200, 1), delivery(502, 2), delivery(502, 3), delivery(403, 4)] },
    /3 of the last 4 failed \(502 2 times, 403 once\): their events were lost/,
  ],
]

for (const [id, webhook, message] of CASES) {
  test(`${id}: ${message.source.slice(0, 50)}`, async () => {
    const [found, ...more] = await find(webhook)
    assert.deepEqual(more, [])
    assert.equal(found?.id, id)
    assert.match(found?.message ?? '', message)
    assert.doesNotMatch(JSON.stringify(found), /token=secret/)
  })
}

test('deliveries before the time that is asked for do not count', async () => {
  const since = new Date(NOW.getTime() - 60_000 * 60)
  const webhook = { deliveries: [delivery(403, 90)], answer: '403 Forbidden: Invalid X-Hub-Signature' }
  assert.deepEqual(await find(webhook, { since }), [])
})

test('what nobody answers follows from hook and the ingress, a signature from its Secret', async () => {
  const ingress = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'prow', namespace: 'prow' } }
  const [dead] = await find({ deliveries: [delivery(503, 5)], answer: '' }, { objects: [ingress] })
  for (const root of ['Deployment prow/hook', 'Service prow/hook', 'Ingress prow/prow'])
    assert.ok(dead?.follows?.includes(root), root)
  const [forbidden] = await find({ deliveries: [delivery(403, 5)], answer: '403 Forbidden: Invalid X-Hub-Signature' })
  assert.deepEqual(forbidden?.follows, ['Secret prow/hmac-token'])
})
