import assert from 'node:assert/strict'
import { test } from 'node:test'
import { webhookTargets } from '../../../lib/github/webhook-targets.ts'
import { findingsOf, rows } from '../../../lib/kubernetes/check.ts'
import { secretFor, webhookChecks, webhookPrerequisites } from '../../../lib/prow/webhook.ts'
import type { Hook } from '../../../lib/rehearsal/fakes/github/state.ts'
import { fakeKubectl, startGitHub, TOKEN } from '../github/fakes.ts'
import { LOCAL, settings } from '../world.ts'

const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'oauth-token', namespace: 'prow' },
  data: { oauth: Buffer.from(TOKEN).toString('base64') },
}

const EVENTS = [
  'issue_comment',
  'issues',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
  'status',
]
const HOOK = {
  id: 1,
  active: true,
  events: EVENTS,
  config: { url: 'https://prow.example.com/hook', content_type: 'json' },
}

const delivery = (status_code: number, payload: string) => ({
  id: 9,
  guid: '',
  event: 'ping',
  action: null,
  delivered_at: '',
  redelivery: false,
  duration: 0,
  status: '',
  status_code,
  request: { headers: {}, payload: {} },
  response: { headers: {}, payload },
})

/** What the checks find when the organization has this webhook. */
async function found(hook?: Partial<Hook>): Promise<string[]> {
  const hooks = hook ? [{ ...HOOK, ...hook }] : []
  await startGitHub({ orgs: [{ login: 'my-org', members: { 'prow-bot': 'admin' }, hooks: hooks as never }] })
  fakeKubectl(SECRET)
  return (await findingsOf(rows(webhookChecks))).flat().map(({ outcome, message }) => `${outcome}: ${message}`)
}

const PASSED = 'passed: webhook of my-org delivers to https://prow.example.com/hook'

test('a webhook as it is wanted passes, when hook accepted its last delivery', async () => {
  assert.deepEqual(await found({ deliveries: [delivery(200, 'Event received. Have a nice day.')] }), [
    PASSED,
    'passed: hook accepted the last delivery of the webhook of my-org',
  ])
})

test('one that does not exist, that differs, or whose last delivery failed is a failure', async () => {
  assert.deepEqual(await found(), ['failed: no webhook of my-org delivers to https://prow.example.com/hook'])
  const config = { url: 'https://prow.example.com/hook', content_type: 'form' }
  const [differs] = await found({ active: false, events: ['push'], config })
  assert.equal(differs, 'failed: webhook of my-org differs in config.content_type, active, events')
  const [, rejected] = await found({ deliveries: [delivery(404, 'default backend - 404')] })
  assert.equal(rejected, 'failed: https://prow.example.com/hook answers 404')
})

test('without a recent delivery there is a warning', async () => {
  assert.deepEqual(await found({ deliveries: [] }), [
    PASSED,
    'warning: GitHub lists no recent delivery of the webhook of my-org',
  ])
})

test('a bot that may not configure the webhook is a problem of preflight', async () => {
  await startGitHub({
    tokens: { [TOKEN]: { kind: 'classic', login: 'prow-bot', scopes: ['repo', 'read:org'] } },
  })
  fakeKubectl(SECRET)
  const [finding] = (await findingsOf(rows(webhookPrerequisites))).flat()
  assert.equal(finding?.code, 'denied')
  assert.match(finding?.message ?? '', /read and change the webhooks of my-org/)
  assert.match(finding?.remedy ?? '', /the scope admin:org_hook at/)
})

test('WEBHOOK=repositories needs GITHUB_REPOS; WEBHOOK=none and GITHUB_CHECKS=off need nothing', async () => {
  const of = (values: Record<string, string>) => settings({ ...LOCAL, ...values })
  assert.equal(
    webhookPrerequisites(of({ WEBHOOK: 'repositories' }))[0]?.remedy,
    'Name them in GITHUB_REPOS, or set WEBHOOK=organisation.',
  )
  for (const world of [of({ WEBHOOK: 'none' }), of({ GITHUB_CHECKS: 'off' })]) {
    assert.deepEqual([...webhookPrerequisites(world), ...webhookChecks(world)], [])
  }
})

test('the secret of a webhook is that of its repository, of its organization, or the one of all', () => {
  const map = (value: string) => `- {value: ${value}, created_at: 2026-01-01T00:00:00Z}`
  const hmac = `my-org:\n  ${map('org')}\nmy-org/web:\n  ${map('web')}\n`
  const secrets = (values: Record<string, string>) => {
    const world = settings({ ...LOCAL, ...values })
    return webhookTargets(world).map((target) => secretFor(hmac, world, target))
  }
  assert.deepEqual(secrets({}), ['org'])
  assert.deepEqual(secrets({ GITHUB_REPOS: 'web,api' }), ['web', 'org'])
  const world = settings(LOCAL)
  assert.equal(secretFor('one-secret', world, webhookTargets(world)[0]!), 'one-secret')
})
