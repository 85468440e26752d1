import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import {
  ensureWebhook,
  type Hook,
  hookUrl,
  listWebhooks,
  removeWebhook,
  wantedEvents,
  webhookDifferences,
} from '../../../lib/github/webhook.ts'
import { recordedWebhooks } from '../../../lib/github/webhook-record.ts'
import { targetByPath, webhookTargets } from '../../../lib/github/webhook-targets.ts'
import { snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { EKS, LOCAL, settings } from '../world.ts'
import { beginRun, fakeKubectl, outcomes, startGitHub } from './fakes.ts'

const URL = 'https://prow.example.com/hook'
const WANTED = { secret: '0123456789', events: ['push'] }

const recorded = async () => recordedWebhooks((await snapshot()).get('Namespace', 'prow'))

test('external plugins add their events, and one without a list wants all', () => {
  assert.equal(wantedEvents('plugins: {}').length, 7)
  assert.ok(wantedEvents('external_plugins: {o: [{name: a, events: [release]}]}').includes('release'))
  assert.deepEqual(wantedEvents('external_plugins: {o: [{name: a}]}'), ['*'])
})

test('the URL that GitHub delivers to has the port where it is not 443', () => {
  assert.equal(hookUrl(settings(EKS)), URL)
  assert.equal(hookUrl(settings({ ...EKS, HTTPS_PORT: '8443' })), 'https://prow.example.com:8443/hook')
})

test('the settings name the owners of the webhooks', () => {
  const paths = (values: Record<string, string>) =>
    webhookTargets(settings({ ...LOCAL, ...values })).map((one) => one.path)
  assert.deepEqual(paths({}), ['/orgs/my-org'])
  assert.deepEqual(paths({ GITHUB_REPOS: 'web,api' }), ['/repos/my-org/web', '/repos/my-org/api'])
  assert.deepEqual(paths({ GITHUB_REPOS: 'web', WEBHOOK: 'organisation' }), ['/orgs/my-org'])
  assert.deepEqual(paths({ WEBHOOK: 'repositories' }), [])
  assert.deepEqual(paths({ WEBHOOK: 'none' }), [])
  assert.deepEqual(paths({ GITHUB_AUTH: 'app', GITHUB_APP_ID: '7', GITHUB_REPOS: 'web' }), ['/app'])
  const world = settings(LOCAL)
  assert.equal(targetByPath(world, '/orgs/old-org').operation.description, 'read and change the webhooks of old-org')
  assert.equal(targetByPath(world, '/repos/old-org/web').page, 'https://github.com/old-org/web/settings/hooks')
})

test('a webhook differs in what a delivery depends on; further events and the secret do not count', () => {
  const right: Hook = { id: 1, active: true, events: ['push', 'release'], config: { url: URL, content_type: 'json' } }
  const differing = (more: object) =>
    webhookDifferences({ ...right, ...more }, URL, ['push'], 'w').map((one) => one.path)
  assert.deepEqual(differing({}), [])
  assert.deepEqual(differing({ events: ['*'] }), [])
  assert.deepEqual(differing({ active: false, events: ['issues'] }), ['active', 'events'])
  assert.deepEqual(
    differing({ config: { url: 'http://prow.example.com/hook', content_type: 'form', insecure_ssl: 1 } }),
    ['config.url', 'config.content_type', 'config.insecure_ssl'],
  )
})

test('a webhook is created once, and recorded in the namespace prow', async () => {
  const kubectl = fakeKubectl()
  const { github, server, settings } = await startGitHub()
  const [target] = webhookTargets(settings)
  const created = await ensureWebhook(github, settings, target!, WANTED)
  const [hook] = server.state.orgs[0]!.hooks
  assert.equal(created?.path, `/orgs/my-org/hooks/${hook!.id}`)
  assert.equal(outcomes()['webhook of my-org'], 'created')
  assert.deepEqual(kubectl.annotations(), { [`prow-runbook/webhook-${hook!.id}`]: '/orgs/my-org' })
  assert.equal(currentRun().steps[0]!.wrote, true)
  beginRun(settings)
  await ensureWebhook(github, settings, target!, WANTED)
  assert.equal(outcomes()['webhook of my-org'], 'unchanged')
  assert.equal(server.state.orgs[0]!.hooks.length, 1)
  await removeWebhook(github, settings, String(hook!.id), '/orgs/my-org')
  assert.equal(server.state.orgs[0]!.hooks.length, 0)
  assert.deepEqual(kubectl.annotations(), {})
})

test('killed between the creation of a webhook and its record, the next run records it', async () => {
  const kubectl = fakeKubectl()
  const { github, server, settings } = await startGitHub()
  const [target] = webhookTargets(settings)
  kubectl.failAt(2)
  await assert.rejects(ensureWebhook(github, settings, target!, WANTED), Problem)
  const [hook] = server.state.orgs[0]!.hooks
  assert.ok(hook)
  kubectl.failAt(0)
  beginRun(settings)
  await ensureWebhook(github, settings, target!, WANTED)
  assert.equal(server.state.orgs[0]!.hooks.length, 1)
  assert.deepEqual(await recorded(), [{ id: String(hook.id), path: '/orgs/my-org' }])
})

test('killed there, a removal also finds the webhook, and no other', async () => {
  const kubectl = fakeKubectl()
  const { github, server, settings } = await startGitHub({
    orgs: [
      {
        login: 'my-org',
        members: { 'prow-bot': 'admin' },
        hooks: [{ id: 1, events: ['push'], config: { url: 'https://ci.example.com/hook' } }],
      },
    ],
  })
  const [target] = webhookTargets(settings)
  kubectl.failAt(2)
  await assert.rejects(ensureWebhook(github, settings, target!, WANTED), Problem)
  assert.equal(server.state.orgs[0]!.hooks.length, 2)
  kubectl.failAt(0)
  beginRun(settings)
  for (const { id, path } of await recorded()) await removeWebhook(github, settings, id, path)
  assert.deepEqual(
    server.state.orgs[0]!.hooks.map(({ id }) => id),
    [1],
  )
  assert.deepEqual(kubectl.annotations(), {})
})

test('a webhook that existed is never recorded, also after a creation that GitHub denied', async () => {
  const kubectl = fakeKubectl()
  const { github, server, settings } = await startGitHub({
    faults: [{ method: 'POST', path: '/hooks$', status: 404, times: 1 }],
  })
  const [target] = webhookTargets(settings)
  await assert.rejects(
    ensureWebhook(github, settings, target!, WANTED),
    (error) => error instanceof Problem && error.code === 'denied',
  )
  assert.deepEqual(kubectl.annotations(), {})
  // Somebody creates it by hand.
  const hook = { name: 'web', active: true, events: ['*'], config: { url: URL, content_type: 'json' } }
  await github.request('POST /orgs/my-org/hooks', hook)
  beginRun(settings)
  await ensureWebhook(github, settings, target!, WANTED)
  assert.equal(server.state.orgs[0]!.hooks.length, 1)
  assert.deepEqual(kubectl.annotations(), {})
})

test('a webhook of another spelling is corrected, and a second one is a warning', async () => {
  fakeKubectl()
  const { github, server, settings } = await startGitHub({
    orgs: [
      {
        login: 'my-org',
        members: { 'prow-bot': 'admin' },
        hooks: [
          { id: 1, events: ['release'], config: { url: 'http://Prow.example.com/hook/', content_type: 'form' } },
          { id: 2, events: ['issues'], config: { url: 'http://prow.example.com/hook', content_type: 'json' } },
        ],
      },
    ],
  })
  const [target] = webhookTargets(settings)
  await ensureWebhook(github, settings, target!, WANTED)
  const [first] = server.state.orgs[0]!.hooks
  assert.deepEqual(first!.events, ['push', 'release'])
  assert.deepEqual(first!.config, { url: URL, content_type: 'json', insecure_ssl: '0', secret: WANTED.secret })
  assert.equal(outcomes()['webhook of my-org'], 'changed')
  assert.equal(
    outcomes()[`a second webhook of my-org delivers to ${URL}: each event would be handled twice`],
    'warning',
  )
})

test('whether to create one is decided by a fresh read', async () => {
  fakeKubectl()
  const { github, server, settings } = await startGitHub()
  const [target] = webhookTargets(settings)
  // As preflight does. Then somebody else creates the webhook.
  assert.deepEqual(await listWebhooks(github, settings, target!), [])
  const hook = { name: 'web', active: true, events: ['*'], config: { url: URL, content_type: 'json' } }
  await github.request('POST /orgs/my-org/hooks', hook)
  await ensureWebhook(github, settings, target!, WANTED)
  assert.equal(outcomes()['webhook of my-org'], 'unchanged')
  assert.equal(server.state.orgs[0]!.hooks.length, 1)
})

test('under --plan nothing is created, corrected or recorded', async () => {
  const kubectl = fakeKubectl()
  const { github, server, settings } = await startGitHub()
  beginRun(settings, { plan: true })
  const [target] = webhookTargets(settings)
  assert.equal(await ensureWebhook(github, settings, target!, WANTED), undefined)
  assert.equal(outcomes()['webhook of my-org'], 'would create')
  assert.ok(server.state.asked.every(({ method }) => method === 'GET'))
  assert.ok(kubectl.calls().every((call) => call.startsWith('get ')))
})
