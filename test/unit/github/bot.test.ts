import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkBot } from '../../../lib/github/bot.ts'
import { checkCloneToken } from '../../../lib/github/clone-token.ts'
import { startGitHub, TOKEN } from './fakes.ts'

const FILE = 'secrets/oauth-token'
const FINE = `github_pat_${'1'.repeat(60)}`
const ALL = {
  metadata: 'read',
  contents: 'write',
  issues: 'write',
  pull_requests: 'write',
  statuses: 'write',
  members: 'read',
  administration: 'read',
  repository_hooks: 'write',
  organization_hooks: 'write',
}

const fineGrained = (permissions: Record<string, string>, more = {}) => ({
  [FINE]: { kind: 'fine-grained' as const, login: 'prow-bot', resource_owner: 'my-org', permissions, ...more },
})

const web = { owner: 'my-org', name: 'web', private: true, collaborators: { 'prow-bot': 'write' as const } }

test('a classic token that is enough passes, with the name of the bot and the scopes', async () => {
  const { settings } = await startGitHub({ repos: [web] }, { GITHUB_REPOS: 'web' })
  const found = await checkBot(settings, TOKEN, FILE)
  assert.deepEqual(
    found.map(({ outcome, message }) => [outcome, message]),
    [['passed', 'the bot is prow-bot: classic token, scopes repo, admin:org, admin:org_hook, admin:repo_hook']],
  )
})

test('an installation token fails before GitHub is asked', async () => {
  const { settings, server } = await startGitHub()
  const found = await checkBot(settings, `ghs_${'0'.repeat(36)}`, FILE)
  assert.match(found[0]?.message ?? '', /is an installation token of an App/)
  assert.equal(server.state.asked.length, 0)
})

test('everything that fails is reported at once, and nothing passes beside it', async () => {
  const { settings } = await startGitHub(
    { repos: [{ ...web, collaborators: {} }], orgs: [{ login: 'my-org', members: {} }] },
    { GITHUB_REPOS: 'web,nowhere' },
  )
  const found = await checkBot(settings, TOKEN, FILE)
  assert.deepEqual(
    found.map(({ outcome, message }) => `${outcome}: ${message}`),
    [
      'failed: GitHub shows the bot prow-bot no repository my-org/web',
      'failed: GitHub shows the bot prow-bot no repository my-org/nowhere',
      'warning: the bot prow-bot is not a member of my-org: it cannot see private members, so trigger does not trust them',
    ],
  )
})

test('a bot that may only read is denied, with the page of the role', async () => {
  const { settings } = await startGitHub(
    { repos: [{ ...web, private: false, collaborators: {} }], orgs: [{ login: 'my-org', members: {} }] },
    { GITHUB_REPOS: 'web' },
  )
  const found = await checkBot(settings, TOKEN, FILE)
  const denied = found.find(({ outcome }) => outcome === 'failed')
  assert.equal(denied?.message, 'the bot prow-bot may not write to my-org/web')
  assert.equal(denied?.code, 'denied')
  assert.match(denied?.remedy ?? '', /my-org\/web\/settings\/access/)
})

test('a fine-grained token: what it cannot read is named as on the page of GitHub', async () => {
  const { settings } = await startGitHub(
    { repos: [web], tokens: fineGrained({ ...ALL, contents: 'none', members: 'none' }) },
    { GITHUB_REPOS: 'web' },
  )
  const messages = (await checkBot(settings, FINE, FILE)).filter(({ outcome }) => outcome === 'failed')
  assert.ok(messages.some(({ message }) => /lacks the permission Contents in my-org\/web/.test(message)))
  assert.ok(messages.every(({ remedy }) => /personal-access-tokens/.test(remedy)))
})

test('the private repository by which permissions are checked is found beyond the first hundred', async () => {
  const many = Array.from({ length: 230 }, (_, index) => ({ owner: 'my-org', name: `open-${index}` }))
  const { settings } = await startGitHub({ repos: [...many, web], tokens: fineGrained(ALL) })
  const found = await checkBot(settings, FINE, FILE)
  assert.ok(
    found.some(({ outcome, message }) => outcome === 'passed' && message === "the bot's token can read my-org/web"),
    JSON.stringify(found, null, 1),
  )
  assert.ok(!found.some(({ message }) => /are not checked/.test(message)))
})

test('a fine-grained token that was not given a repository does not reach it', async () => {
  const { settings } = await startGitHub(
    { repos: [{ ...web, private: false }], tokens: fineGrained(ALL, { resource_owner: 'prow-bot' }) },
    { GITHUB_REPOS: 'web' },
  )
  const found = await checkBot(settings, FINE, FILE)
  assert.ok(found.some(({ message }) => message.startsWith(`${FILE} does not reach my-org/web`)))
})

test('the token for cloning: one that may also write is a warning, one that cannot read fails', async () => {
  const { settings } = await startGitHub(
    { repos: [web], tokens: fineGrained({ metadata: 'read' }) },
    { GITHUB_REPOS: 'web' },
  )
  const file = 'secrets/clone-token'
  assert.deepEqual(
    (await checkCloneToken(settings, TOKEN, file)).map(({ outcome, message }) => [outcome, message]),
    [['warning', `${file} may also write, and any job can mount it`]],
  )
  const [unreadable] = await checkCloneToken(settings, FINE, file)
  assert.equal(unreadable?.message, `${file} cannot read my-org/web, so jobs could not clone it`)
  const [unknown] = await checkCloneToken(settings, `ghp_${'9'.repeat(36)}`, file)
  assert.equal(unknown?.message, `GitHub does not accept ${file} (Bad credentials)`)
  assert.equal(unknown?.code, 'denied')
  const [installation] = await checkCloneToken(settings, `ghs_${'9'.repeat(36)}`, file)
  assert.match(installation?.message ?? '', /installation token/)
})
