import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import { checkApp, installationFindings } from '../../../lib/github/app.ts'
import { LOCAL, settings } from '../world.ts'
import { startGitHub } from './fakes.ts'

const PERMISSIONS = {
  metadata: 'read',
  contents: 'write',
  issues: 'write',
  pull_requests: 'write',
  statuses: 'write',
  members: 'read',
  checks: 'read',
  actions: 'read',
  workflows: 'write',
  administration: 'read',
}
const EVENTS = [
  'issues',
  'issue_comment',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
  'status',
]

const world = settings(LOCAL)

const found = (app: object, installation: object) =>
  installationFindings(world, { name: 'Prow', ...app }, { permissions: PERMISSIONS, events: EVENTS, ...installation })

test('an installation with all permissions and events is enough; write includes read, admin includes write', () => {
  assert.deepEqual(found({}, {}), [])
  assert.deepEqual(found({}, { permissions: { ...PERMISSIONS, members: 'write', contents: 'admin' } }), [])
})

test('a missing permission fails or warns, and the remedy depends on whether the App requests it', () => {
  const { contents: _, actions: __, ...some } = PERMISSIONS
  const [contents, actions] = found({ permissions: { contents: 'write' } }, { permissions: some })
  assert.equal(contents?.outcome, 'failed')
  assert.equal(contents?.message, 'the App Prow lacks the permission contents: write (Tide merges; clones)')
  assert.match(contents?.remedy ?? '', /^The App requests it already/)
  assert.equal(actions?.outcome, 'warning')
  assert.match(actions?.remedy ?? '', /^Add it at/)
  assert.equal(found({}, { permissions: { ...PERMISSIONS, issues: 'read' } })[0]?.outcome, 'failed')
})

test('a suspended installation and missing events fail', () => {
  const [suspended, events] = found({}, { suspended_at: '2026-01-01', events: EVENTS.slice(0, -2) })
  assert.equal(suspended?.message, 'the installation of the App Prow in my-org is suspended')
  assert.equal(events?.message, 'the App Prow is not subscribed to push, status')
})

test('GitHub is asked as the App: key and ID, then the installation', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const app = { id: 7, name: 'Prow', public_key: publicKey.export({ type: 'spki', format: 'pem' }) as string }
  const given = { ...app, permissions: PERMISSIONS, events: EVENTS }
  const { settings, server } = await startGitHub({ apps: [given as never] }, { GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' })
  const [absent] = await checkApp(settings, key)
  assert.equal(absent?.message, 'the App Prow is not installed in my-org')
  assert.equal(absent?.code, 'not-found')
  server.state.apps[0]!.installations.push({
    id: 1,
    account: 'my-org',
    repository_selection: 'all',
    permissions: PERMISSIONS,
    events: EVENTS,
    suspended_at: null,
  } as never)
  assert.deepEqual(
    (await checkApp(settings, key)).map(({ outcome, message }) => [outcome, message]),
    [['passed', 'the App is Prow, installed in my-org (all repositories)']],
  )
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  await assert.rejects(
    checkApp(settings, other.export({ type: 'pkcs8', format: 'pem' }) as string),
    (error) =>
      error instanceof Problem && /does not accept the App's key/.test(error.message) && error.code === 'denied',
  )
})
