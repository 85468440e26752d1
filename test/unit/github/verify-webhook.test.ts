import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { appWebhook, ensureAppWebhook, verifyAppWebhook } from '../../../lib/github/app-webhook.ts'
import { asApp } from '../../../lib/github/client.ts'
import { verifyWebhooks } from '../../../lib/github/verify-webhook.ts'
import { webhookTargets } from '../../../lib/github/webhook-targets.ts'
import { startHook } from '../../fakes/hook.ts'
import { beginRun, outcomes, startGitHub } from './fakes.ts'

const hookOf = (secret: string) => ({
  id: 1,
  active: true,
  events: ['*'],
  config: { url: 'https://prow.invalid/hook', content_type: 'json', secret },
})

async function world(secret: string, reach: string) {
  const found = await startGitHub(
    {
      orgs: [{ login: 'my-org', members: { 'prow-bot': 'admin' }, hooks: [hookOf(secret)] }],
      reach: { 'https://prow.invalid': reach },
    },
    { PROW_HOST: 'prow.invalid' },
  )
  const [target] = webhookTargets(found.settings)
  return { ...found, webhooks: [{ webhook: { target: target!, path: '/orgs/my-org/hooks/1' }, secret: 'right' }] }
}

test('a ping that hook accepts passes, though this machine cannot reach hook', async (t) => {
  const { url, server: hook } = await startHook(() => 'right')
  t.after(() => hook.close())
  const { github, settings, webhooks } = await world('right', url)
  assert.deepEqual(
    (await verifyWebhooks(github, settings, webhooks)).map(({ outcome, message }) => `${outcome}: ${message}`),
    ["passed: hook accepted GitHub's ping of the webhook of my-org"],
  )
  assert.equal(outcomes()['test event'], 'skipped')
})

test('a secret that hook rejects is sent to GitHub again, and then hook accepts the ping', async (t) => {
  const { url, server: hook } = await startHook(() => 'right')
  t.after(() => hook.close())
  const { github, server, settings, webhooks } = await world('other', url)
  const [passed] = await verifyWebhooks(github, settings, webhooks)
  assert.equal(passed?.outcome, 'passed')
  assert.equal(outcomes()['secret of the webhook of my-org'], 'changed')
  assert.equal(server.state.orgs[0]!.hooks[0]!.config.secret, 'right')
})

test('a ping that fails is reported beside what this machine sees; under --plan nothing is sent', async () => {
  const { github, server, settings, webhooks } = await world('right', 'http://127.0.0.1:9')
  beginRun(settings, { plan: true })
  assert.deepEqual(await verifyWebhooks(github, settings, webhooks), [])
  assert.equal(server.state.asked.length, 0)
  beginRun(settings)
  const [own, ping] = await verifyWebhooks(github, settings, webhooks)
  assert.equal(own?.outcome, 'warning')
  assert.match(own?.message ?? '', /^from this machine, /)
  assert.equal(ping?.outcome, 'failed')
  assert.match(ping?.message ?? '', /cannot be reached by GitHub/)
})

test("an App's webhook is corrected, and its secret sent when hook rejected the last delivery", async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const app = { id: 7, public_key: publicKey.export({ type: 'spki', format: 'pem' }) as string }
  const { server, settings } = await startGitHub(
    { apps: [app] },
    { GITHUB_AUTH: 'app', GITHUB_APP_ID: '7', PROW_HOST: 'prow.invalid' },
  )
  const github = await asApp(settings, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
  const { hook } = server.state.apps[0]!
  const line = appWebhook(settings).target.name
  beginRun(settings, { plan: true })
  await ensureAppWebhook(github, settings, 'right')
  assert.equal(outcomes()[line], 'would change')
  assert.equal(hook.config.url, '')
  for (const outcome of ['changed', 'unchanged']) {
    beginRun(settings)
    await ensureAppWebhook(github, settings, 'right')
    assert.equal(outcomes()[line], outcome)
  }
  assert.deepEqual(hook.config, {
    url: 'https://prow.invalid/hook',
    content_type: 'json',
    insecure_ssl: '0',
    secret: 'right',
  })
  await verifyAppWebhook(github, settings, 'right')
  assert.equal(outcomes()['webhook delivery'], 'skipped')
  hook.deliveries.push({ id: 9, event: 'push', status: '', status_code: 403, response: { payload: '' } } as never)
  beginRun(settings)
  await ensureAppWebhook(github, settings, 'right')
  assert.equal(outcomes()[line], 'changed')
})
