import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { secret } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { mountedSecrets, secretChecks, startupSecrets, unwantedSecrets } from '../../../lib/prow/mounted-secrets.ts'
import { EKS, LOCAL, settings } from '../world.ts'

const S3 = JSON.stringify({ region: 'a', endpoint: 'http://s:1', access_key: 'b', secret_key: 'c' })

const names = (secrets: { namespace: string; secret: string }[]) =>
  secrets.map(({ namespace, secret }) => `${namespace}/${secret}`).sort()

test('the Secrets that the settings want, and those that they leave to be removed', () => {
  const one = settings(LOCAL)
  assert.deepEqual(names(mountedSecrets(one)), [
    'prow/cookie',
    'prow/github-oauth-config',
    'prow/hmac-token',
    'prow/oauth-token',
    'prow/s3-credentials',
    'test-pods/s3-credentials',
  ])
  assert.deepEqual(names(unwantedSecrets(one)), ['prow/github-token', 'prow/object-store', 'test-pods/clone-token'])
  const other = settings({
    ...LOCAL,
    OAUTH: 'off',
    GITHUB_AUTH: 'app',
    GITHUB_APP_ID: '1',
    PRIVATE_CLONES: 'on',
    OBJECT_STORE: 'on',
  })
  assert.deepEqual(names(unwantedSecrets(other)), ['prow/cookie', 'prow/github-oauth-config', 'prow/oauth-token'])
  assert.ok(names(mountedSecrets(other)).includes('prow/object-store'))
})

test('the bot token is in no namespace where jobs run', () => {
  for (const given of [LOCAL, EKS])
    for (const { file, namespace } of mountedSecrets(settings({ ...given, PRIVATE_CLONES: 'on' })))
      if (namespace === 'test-pods') assert.match(file, /^(s3-credentials|clone-token)$/)
})

test('what components read only when they start', () => {
  assert.deepEqual(startupSecrets().sort(), ['cookie', 'github-oauth-config', 'object-store', 's3-credentials'])
})

describe('the checks of the Secrets in the cluster', () => {
  const MORE = { OAUTH: 'off', OBJECT_STORE: 'on', GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' }
  // The Secrets of the App have a test of their own.
  const CHECKED = /hmac-token|s3-credentials|object-store/

  const data: Record<string, Record<string, string>> = {
    'prow/hmac-token': { hmac: 'x'.repeat(20) },
    'prow/s3-credentials': { 'service-account.json': S3 },
    'test-pods/s3-credentials': { 'service-account.json': `${S3}\n` },
    'prow/object-store': { access_key: 'b', secret_key: 'c', region: 'a' },
  }

  /** What the checks find with these Secrets instead of valid ones; undefined for one that does not exist. */
  async function problems(changed: Record<string, Record<string, string> | undefined> = {}, given: object = LOCAL) {
    const snapshot = new Snapshot()
    for (const [path, values] of Object.entries({ ...data, ...changed })) {
      const [namespace = '', name = ''] = path.split('/')
      if (values) snapshot.put(secret(namespace, name, values).object)
    }
    const one = settings({ ...given, ...MORE })
    const rows = secretChecks(one).filter(({ fact }) => CHECKED.test(fact))
    const verdicts = await Promise.all(rows.map(({ inspect }) => inspect(snapshot, one)))
    return verdicts.filter((verdict) => verdict !== true)
  }

  test('pass where all are valid', async () => {
    assert.deepEqual(await problems(), [])
  })

  test('inspect the content, not only the key', async () => {
    assert.deepEqual(await problems({ 'prow/hmac-token': { hmac: 'short' } }), [
      'Secret prow/hmac-token is shorter than 16 characters',
    ])
    assert.deepEqual(await problems({ 'prow/hmac-token': { hmac: '' } }), ['Secret prow/hmac-token is empty'])
  })

  test('name a Secret or a key that does not exist', async () => {
    assert.deepEqual(await problems({ 'prow/hmac-token': undefined }), ['Secret prow/hmac-token does not exist'])
    assert.deepEqual(await problems({ 'prow/hmac-token': { token: 'x'.repeat(20) } }), [
      'Secret prow/hmac-token has no key hmac',
    ])
    assert.deepEqual(await problems({ 'prow/object-store': { access_key: 'b', secret_key: 'c' } }), [
      'Secret prow/object-store has no key region',
    ])
  })

  test('name a copy that differs', async () => {
    const other = S3.replace('"c"', '"d"')
    assert.deepEqual(await problems({ 'test-pods/s3-credentials': { 'service-account.json': other } }), [
      'Secret test-pods/s3-credentials differs from Secret prow/s3-credentials in service-account.json',
    ])
    assert.deepEqual(await problems({ 'prow/object-store': { access_key: 'b', secret_key: 'd', region: 'a' } }), [
      'Secret prow/object-store differs from Secret prow/s3-credentials in secret_key',
    ])
    assert.deepEqual(await problems({ 'prow/s3-credentials': { 'service-account.json': '{' } }), [
      'Secret prow/s3-credentials is not valid JSON',
      'Secret test-pods/s3-credentials is a copy of Secret prow/s3-credentials, which is not valid JSON',
      'Secret prow/object-store is a copy of Secret prow/s3-credentials, which is not valid JSON',
    ])
  })

  test('access keys do not pass under IDENTITY=irsa', () => {
    const one = settings({ ...EKS, OAUTH: 'off' })
    const snapshot = new Snapshot()
    snapshot.put(secret('prow', 's3-credentials', { 'service-account.json': '{"region":"a"}' }).object)
    snapshot.put(secret('test-pods', 's3-credentials', { 'service-account.json': S3 }).object)
    const check = secretChecks(one).find(({ fact }) => fact.includes('test-pods/s3-credentials'))!
    assert.match(
      String(check.inspect(snapshot, one)),
      /differs from Secret prow\/s3-credentials in service-account.json/,
    )
    snapshot.put(secret('prow', 's3-credentials', { 'service-account.json': S3 }).object)
    assert.match(String(check.inspect(snapshot, one)), /has access keys, which IDENTITY=irsa does not use/)
  })

  test('the id of the App is compared with the settings', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const cert = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const one = settings({ ...LOCAL, GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' })
    const check = secretChecks(one).find(({ fact }) => fact.includes('github-token'))!
    const verdict = (values: Record<string, string>) => {
      const snapshot = new Snapshot()
      snapshot.put(secret('prow', 'github-token', values).object)
      return check.inspect(snapshot, one)
    }
    assert.equal(verdict({ cert, appid: '7' }), true)
    assert.equal(verdict({ cert, appid: '8' }), 'Secret prow/github-token differs from the settings in appid')
    assert.equal(verdict({ cert }), 'Secret prow/github-token has no key appid')
  })
})
