import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import {
  deliveryFindings,
  noDelivery,
  pingUntilDelivered,
  sendTestEvent,
  testEventFinding,
} from '../../../lib/github/delivery.ts'
import { explainDelivery } from '../../../lib/github/explain-delivery.ts'
import type { Webhook } from '../../../lib/github/webhook.ts'
import { webhookTargets } from '../../../lib/github/webhook-targets.ts'
import { startHook } from '../../fakes/hook.ts'
import { LOCAL, settings as settingsOf } from '../world.ts'
import { beginRun, startGitHub } from './fakes.ts'

const settings = settingsOf(LOCAL)
beginRun(settings)

const ANSWERS: [status: number, body: string, message: RegExp | undefined, remedy?: RegExp][] = [
  [200, 'Event received. Have a nice day.', undefined],
  [200, '', /not with the response of hook/, /11-ingress/],
  [200, '<html>', /not with the response of hook/],
  [400, '400 Bad Request: Missing X-GitHub-Event Header', /answers 400/, /drops X-GitHub-Event/],
  [400, '400 Bad Request: Missing X-GitHub-Delivery Header', /answers 400/],
  [400, '400 Bad Request: Hook only accepts content-type: application/json - please reconfigure', /content type/],
  [403, '403 Forbidden: Missing X-Hub-Signature-256', /not signed/, /12-webhook/],
  [403, '403 Forbidden: Missing X-Hub-Signature', /not signed/],
  [403, '403 Forbidden: Invalid X-Hub-Signature-256 - invalid signature', /signature is not valid/, /03-secrets/],
  [403, '403 Forbidden: Invalid X-Hub-Signature', /signature is not valid/],
  [
    403,
    '403 Forbidden: Invalid X-Hub-Signature-256 - failed to get an appropriate hmac secret',
    /no secret for this organization/,
    /my-org/,
  ],
  [403, '<html>nginx', /not with the response of hook/, /HOOK_CIDRS/],
  [404, 'default backend - 404', /answers 404/, /11-ingress/],
  [405, '405 Method not allowed', /did not arrive as a POST/],
  [301, '', /redirect/],
  [502, 'failed to connect to host', /cannot be reached by GitHub/, /internal load balancer/],
  [502, '<html>', /no healthy target/, /kubectl .* get pods -l app=hook/],
  [503, '', /no healthy target/],
  [0, 'ENOTFOUND', /cannot be reached \(ENOTFOUND\)/, /DNS/],
  [500, 'oops', /answers 500 \(oops\)/, /logs deployment\/hook/],
]

for (const [status, body, message, remedy] of ANSWERS) {
  test(`${status} ${JSON.stringify(body.slice(0, 60))} is explained`, () => {
    const found = explainDelivery(status, body, settings)
    if (!message) return assert.equal(found, undefined)
    assert.equal(found?.outcome, 'failed')
    assert.match(found?.message ?? '', message)
    assert.match(found?.remedy ?? '', remedy ?? /./)
  })
}

test('hook accepts a test event, and rejects one that is signed with another secret', async (t) => {
  const { url, server } = await startHook(() => 'right\n')
  t.after(() => server.close())
  const answer = async (path: string, secret: string) =>
    testEventFinding(settings, await sendTestEvent(`${url}${path}`, secret))
  assert.equal((await answer('/hook', 'right')).outcome, 'passed')
  const rejected = await answer('/hook', 'other')
  // This machine need not be able to reach hook.
  assert.equal(rejected.outcome, 'warning')
  assert.match(rejected.message, /^from this machine, .*signature is not valid/)
  assert.match((await answer('/other', 'right')).message, /404/)
  server.closeAllConnections()
  server.close()
  assert.match((await answer('/hook', 'right')).message, /cannot be reached/)
})

test('both signature headers are sent, for old versions of hook and new ones', async (t) => {
  let headers: Record<string, unknown> = {}
  const server = createServer((request, response) => {
    headers = request.headers
    response.end()
  }).listen(0, '127.0.0.1')
  t.after(() => server.closeAllConnections())
  await once(server, 'listening')
  await sendTestEvent(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, 'secret')
  server.close()
  assert.match(String(headers['x-hub-signature']), /^sha1=[0-9a-f]{40}$/)
  assert.match(String(headers['x-hub-signature-256']), /^sha256=[0-9a-f]{64}$/)
  assert.equal(headers['content-type'], 'application/json')
})

const HOOK = {
  id: 1,
  active: true,
  events: ['*'],
  config: { url: 'https://prow.example.com/hook', content_type: 'json', secret: 'right' },
}

async function pinged(reach: Record<string, string>, seconds: number) {
  const world = await startGitHub({
    orgs: [{ login: 'my-org', members: { 'prow-bot': 'admin' }, hooks: [HOOK] }],
    reach,
  })
  const webhook: Webhook = { target: webhookTargets(world.settings)[0]!, path: '/orgs/my-org/hooks/1' }
  return { ...world, webhook, delivery: await pingUntilDelivered(world.github, world.settings, webhook, seconds) }
}

test('a ping is waited for, and nothing is found about one that hook accepted', async (t) => {
  const { url, server } = await startHook(() => 'right')
  t.after(() => server.close())
  const { delivery, github, settings, webhook } = await pinged({ 'https://prow.example.com': url }, 10)
  assert.equal(delivery?.status_code, 200)
  assert.deepEqual(await deliveryFindings(github, settings, webhook, delivery!), [])
})

test('at the limit the wait ends with the last delivery, and with where GitHub lists it', async () => {
  const { delivery, github, settings, webhook } = await pinged({ 'https://prow.example.com': 'http://127.0.0.1:9' }, 1)
  assert.equal(delivery?.status_code, 502)
  const [found] = await deliveryFindings(github, settings, webhook, delivery!)
  assert.match(found?.message ?? '', /cannot be reached by GitHub/)
  assert.match(found?.remedy ?? '', /organizations\/my-org\/settings\/hooks, Recent Deliveries/)
})

test('a ping that GitHub never lists is a timeout', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  t.after(() => silent.closeAllConnections())
  await once(silent, 'listening')
  const { delivery, webhook } = await pinged(
    { 'https://prow.example.com': `http://127.0.0.1:${(silent.address() as AddressInfo).port}` },
    1,
  )
  silent.closeAllConnections()
  silent.close()
  assert.equal(delivery, undefined)
  const found = noDelivery(webhook, 1)
  assert.equal(found.code, 'timeout')
  assert.equal(found.message, 'GitHub listed no delivery of its ping of the webhook of my-org within 1 s')
})
