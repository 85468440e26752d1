import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { explainDelivery, hookUrl, sendTestEvent, wantedEvents } from '../../../lib/github/webhook.ts'
import { SECRET_FILES } from '../../../lib/prow/secret-files.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { startHook } from '../../fakes/hook.ts'

const settings = { PROW_HOST: 'prow.example.com', GITHUB_ORG: 'my-org' } as Settings

const ANSWERS: [status: number, answer: string, message: RegExp | undefined, remedy?: RegExp][] = [
  [200, 'Event received. Have a nice day.', undefined],
  [200, '', /not in the words of hook/, /11-ingress/],
  [200, '<html>', /not in the words of hook/],
  [400, '400 Bad Request: Missing X-GitHub-Event Header', /answers 400/, /drops X-GitHub-Event/],
  [400, '400 Bad Request: Missing X-GitHub-Delivery Header', /answers 400/],
  [400, '400 Bad Request: Hook only accepts content-type: application/json - please reconfigure', /content type/],
  [403, '403 Forbidden: Missing X-Hub-Signature-256', /not signed/, /12-webhook/],
  [403, '403 Forbidden: Missing X-Hub-Signature', /not signed/],
  [403, '403 Forbidden: Invalid X-Hub-Signature-256 - invalid signature', /signature does not fit/, /03-secrets/],
  [403, '403 Forbidden: Invalid X-Hub-Signature', /signature does not fit/],
  [
    403,
    '403 Forbidden: Invalid X-Hub-Signature-256 - failed to get an appropriate hmac secret',
    /no secret for this organisation/,
    /my-org/,
  ],
  [403, '<html>nginx', /not in the words of hook/, /HOOK_CIDRS/],
  [404, 'default backend - 404', /answers 404/, /11-ingress/],
  [405, '405 Method not allowed', /did not arrive as a POST/],
  [301, '', /redirect/],
  [502, 'failed to connect to host', /not reached by GitHub/, /internal load balancer/],
  [502, '<html>', /nobody stands behind/, /pods of hook/],
  [503, '', /nobody stands behind/],
  [0, 'ENOTFOUND', /was not reached \(ENOTFOUND\)/, /DNS/],
  [500, 'oops', /answers 500/],
]

for (const [status, answer, message, remedy] of ANSWERS) {
  test(`${status} ${JSON.stringify(answer.slice(0, 60))} is explained`, () => {
    const told = explainDelivery(status, answer, settings)
    if (!message) return assert.equal(told, undefined)
    assert.match(told?.message ?? '', message)
    assert.match(told?.remedy ?? '', remedy ?? /./)
  })
}

test('an event of our own is signed both ways; hook takes it, and refuses another secret', async (t) => {
  const { url, server } = await startHook(() => 'right\n')
  t.after(() => server.close())
  assert.equal(explainDelivery(...both(await sendTestEvent(`${url}/hook`, 'right')), settings), undefined)
  assert.match(
    explainDelivery(...both(await sendTestEvent(`${url}/hook`, 'wrong')), settings)?.message ?? '',
    /signature does not fit/,
  )
  assert.match(explainDelivery(...both(await sendTestEvent(`${url}/other`, 'right')), settings)?.message ?? '', /404/)
  server.closeAllConnections()
  server.close()
  assert.match(
    explainDelivery(...both(await sendTestEvent(`${url}/hook`, 'right')), settings)?.message ?? '',
    /was not reached/,
  )
})

test('both signature headers are there, for old hooks and new ones', async (t) => {
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

test('external plugins add their events, and one without a list wants all', () => {
  assert.equal(wantedEvents('plugins: {}').length, 7)
  assert.ok(wantedEvents('external_plugins: {o: [{name: a, events: [release]}]}').includes('release'))
  assert.deepEqual(wantedEvents('external_plugins: {o: [{name: a}]}'), ['*'])
})

function both({ status, answer }: { status: number; answer: string }): [number, string] {
  return [status, answer]
}

test('another port of https is in the address that GitHub delivers to, and in the one people log in by', () => {
  const one = { ...settings, TARGET: 'eks', HTTPS_PORT: 8443 } as Settings
  assert.equal(hookUrl(one), `https://${one.PROW_HOST}:8443/hook`)
  const text = (port: string) =>
    `client_id: "a"\nclient_secret: "b"\nredirect_url: "https://${one.PROW_HOST}${port}/github-login/redirect"\n`
  assert.equal(SECRET_FILES['github-oauth-config'].validate(text(':8443'), one), undefined)
  assert.match(SECRET_FILES['github-oauth-config'].validate(text(''), one) ?? '', /another redirect_url/)
})
