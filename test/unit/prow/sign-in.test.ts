import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import type { FileName } from '../../../lib/prow/secret-files.ts'
import { checkCredentials, readSecretValue, signIn } from '../../../lib/prow/sign-in.ts'
import { beginRun, fakeKubectl, startGitHub, TOKEN } from '../github/fakes.ts'
import { folder, LOCAL, settings } from '../world.ts'

const HMAC = '0123456789012345678901234567890123456789'

/** The Secret that 03-secrets has created of a file. */
const secretOf = (name: string, key: string, text: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'prow' },
  data: { [key]: Buffer.from(text).toString('base64') },
})

function world(files: Record<string, string>, options: { plan?: boolean } = {}) {
  const path = folder(Object.fromEntries(Object.entries(files).map(([name, text]) => [`secrets/${name}`, text])))
  const found = settings(LOCAL, path)
  beginRun(found, options)
  return found
}

const messagesOf = async (work: Promise<unknown>): Promise<string[]> => {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  )
  assert.ok(error instanceof Problem, `${error}`)
  return error.findings.map(({ message }) => message)
}

test('a secret is read from its file, else from the cluster', async () => {
  fakeKubectl(secretOf('hmac-token', 'hmac', HMAC))
  assert.equal(await readSecretValue(world({}), 'hmac-token'), HMAC)
  assert.equal(await readSecretValue(world({ 'hmac-token': `${HMAC}9\n` }), 'hmac-token'), `${HMAC}9`)
})

for (const plan of [false, true]) {
  const how = plan ? ', also under --plan' : ''

  test(`an empty or unusable file ends the step with its finding, whatever the cluster has${how}`, async () => {
    fakeKubectl(secretOf('hmac-token', 'hmac', HMAC), secretOf('oauth-token', 'oauth', TOKEN))
    for (const text of ['', ' \n', 'short\n']) {
      const found = world({ 'hmac-token': text, 'oauth-token': text }, { plan })
      const messages = await messagesOf(readSecretValue(found, 'hmac-token'))
      assert.ok(
        messages.some((message) => /hmac-token is /.test(message)),
        messages.join('\n'),
      )
      // Both are reported, so that one reading shows all there is to correct.
      assert.ok(
        messages.some((message) => /oauth-token is /.test(message)),
        messages.join('\n'),
      )
      assert.deepEqual(await messagesOf(signIn(found)), messages)
    }
  })

  test(`a link to nothing is a file that cannot be used${how}`, async () => {
    fakeKubectl()
    const path = folder({ 'secrets/.keep': '' })
    symlinkSync(join(path, 'nothing'), join(path, 'secrets/oauth-token'))
    const found = settings(LOCAL, path)
    beginRun(found, { plan })
    assert.match((await messagesOf(signIn(found))).join('\n'), /oauth-token cannot be read/)
  })
}

test('an unusable file of another secret is no concern of the step', async () => {
  fakeKubectl()
  assert.equal(await readSecretValue(world({ 'hmac-token': HMAC, 's3-credentials': '{' }), 'hmac-token'), HMAC)
})

test('a secret that neither side has is absent under --plan, and a problem otherwise', async () => {
  fakeKubectl()
  for (const name of ['hmac-token', 'oauth-token'] as FileName[]) {
    assert.equal(await readSecretValue(world({}, { plan: true }), name), undefined)
    assert.match(
      (await messagesOf(readSecretValue(world({}), name))).join('\n'),
      /oauth-token does not exist|hmac-token nor/,
    )
  }
  assert.equal(await signIn(world({}, { plan: true })), undefined)
})

test('the credentials are checked side by side, and one that GitHub does not accept hides no other', async () => {
  const { settings: found } = await startGitHub({}, { PRIVATE_CLONES: 'on' })
  const values = new Map([
    ['oauth-token', { text: `ghp_${'7'.repeat(36)}` }],
    ['clone-token', { text: `ghp_${'8'.repeat(36)}` }],
  ] as [FileName, { text: string }][])
  const findings = await checkCredentials(found, values)
  assert.deepEqual(
    findings.map(({ message }) => message),
    [
      'GitHub does not accept the token (Bad credentials)',
      'GitHub does not accept secrets/clone-token (Bad credentials)',
    ],
  )
  assert.deepEqual(await checkCredentials(found, new Map()), [])
  assert.deepEqual(await checkCredentials({ ...found, GITHUB_CHECKS: 'off' }, values), [])
})

test('the bot signs in with its token', async () => {
  const { settings: found } = await startGitHub()
  fakeKubectl(secretOf('oauth-token', 'oauth', TOKEN))
  const github = await signIn(found)
  assert.equal((await github!.request('GET /user')).data.login, 'prow-bot')
})
