import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from '../../../lib/base/paths.ts'
import { secret } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { unwantedSecrets } from '../../../lib/prow/checks.ts'
import { SECRET_FILES } from '../../../lib/prow/secret-files.ts'
import { exposedFiles, inspectSecrets } from '../../../lib/prow/secrets.ts'
import { EKS, folder, LOCAL, settings, write } from '../world.ts'

const TOKEN = `ghp_${'a'.repeat(36)}`

const OAUTH = `client_id: "Ov23li"\nclient_secret: "${'c'.repeat(40)}"\nredirect_url: "https://prow.example.com/github-login/redirect"\n`

const S3 = { region: 'us-west-2', endpoint: 'http://store:7070', access_key: 'AKIA', secret_key: 'k'.repeat(40) }

const GOOD = { 'oauth-token': TOKEN, 'github-oauth-config': OAUTH, 's3-credentials': JSON.stringify(S3) }

/** What look says of secret files. */
function looked(files: Record<string, string | Buffer>, more: Record<string, string> = {}, now = new Snapshot()) {
  const path = folder()
  write(join(path, 'secrets'), { ...GOOD, ...files })
  return inspectSecrets(settings({ ...LOCAL, ...more }, path), now)
}

const said = (...given: Parameters<typeof looked>) =>
  looked(...given).faults.map(({ message }) => message.replace(/^.*secrets\//, ''))

test('files that are right are taken; what can be made is left to be made', () => {
  const { values, missing, faults } = looked({})
  assert.deepEqual(faults, [])
  assert.deepEqual(missing, ['hmac-token', 'cookie'])
  assert.equal(values.get('oauth-token')!.text, TOKEN)
  assert.doesNotMatch(values.get('oauth-token')!.note, /ghp_/)
})

test('whitespace at the ends, a BOM and CRLF do no harm', () => {
  assert.equal(looked({ 'oauth-token': `\uFEFF${TOKEN}\r\n` }).values.get('oauth-token')!.text, TOKEN)
})

describe('what is in a file', () => {
  const cookie = Buffer.alloc(32, 7).toString('base64')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pem = (key: typeof ec) => key.export({ type: 'pkcs8', format: 'pem' }) as string
  const app = { GITHUB_AUTH: 'app', GITHUB_APP_ID: '1' }
  const rows: [string, string, string | undefined, Record<string, string>?][] = [
    ['hmac-token', 'a'.repeat(40), undefined],
    ['hmac-token', 'short', 'is shorter than 16 characters'],
    ['hmac-token', '"*":\n  - value: abcdefghijklmnop\n    created_at: 2026-01-01T00:00:00Z\n', undefined],
    ['hmac-token', 'two words', 'is neither one word nor a map of organisations'],
    ['hmac-token', 'org: []\n', 'has no list of values for org'],
    ['hmac-token', 'org:\n  - value: abcdefghijklmnop\n', 'has an entry without value or created_at for org'],
    ['cookie', cookie, undefined],
    ['cookie', `${cookie}=`, 'is not the base64 of 32 bytes'],
    ['cookie', Buffer.alloc(31).toString('base64'), 'is not the base64 of 32 bytes'],
    ['cookie', 'REPLACE or delete', 'still holds the text of the example'],
    ['oauth-token', 'ghp_tooshort', 'is too short for a token of GitHub'],
    ['oauth-token', `${TOKEN} ${TOKEN}`, 'has more than one word'],
    ['oauth-token', '0123456789012345678901234567890123456789', undefined],
    ['oauth-token', '', 'is empty'],
    ['oauth-token', '\n \n', 'is empty'],
    [
      'github-oauth-config',
      OAUTH.replace('"Ov23li"', '12345678'),
      'has client_id without quotes: its digits would be read as a number',
    ],
    ['github-oauth-config', OAUTH.replace('client_id: ', 'client_id:'), 'needs a space after client_id:'],
    ['github-oauth-config', OAUTH.replace(/client_secret.*/, ''), 'lacks client_secret'],
    [
      'github-oauth-config',
      OAUTH.replace('prow.example.com', 'other.example.com'),
      'has another redirect_url than https://prow.example.com/github-login/redirect',
    ],
    ['github-oauth-config', '{', 'is no YAML with client_id, client_secret and redirect_url'],
    ['s3-credentials', '{', 'is no JSON'],
    ['s3-credentials', '"text"', 'is no JSON object'],
    ['s3-credentials', JSON.stringify({ ...S3, region: '' }), 'lacks region'],
    [
      's3-credentials',
      JSON.stringify({ ...S3, endpoint: undefined }),
      'lacks endpoint, the address of the object store',
    ],
    [
      's3-credentials',
      JSON.stringify({ ...S3, endpoint: 'store:7070' }),
      'has an endpoint without http:// or https://',
    ],
    [
      's3-credentials',
      JSON.stringify({ ...S3, secret_key: undefined }),
      'has one of access_key and secret_key without the other',
    ],
    [
      's3-credentials',
      JSON.stringify({ region: 'x', endpoint: 'http://x' }),
      'lacks access_key and secret_key, which IDENTITY=keys needs',
    ],
    ['github-app-key', pem(privateKey), undefined, app],
    ['github-app-key', pem(ec), 'is a key, but not an RSA key', app],
    ['github-app-key', 'no key', 'is no private key in PEM form', app],
    ['clone-token', `github_pat_${'b'.repeat(40)}`, undefined, { PRIVATE_CLONES: 'on' }],
    ['clone-token', TOKEN, "holds the bot's own token", { PRIVATE_CLONES: 'on' }],
  ]
  for (const [name, text, message, more] of rows) {
    test(`${name}: ${message ?? 'right'} (${JSON.stringify(text).slice(0, 40)})`, () => {
      assert.deepEqual(said({ [name]: text }, more), message ? [`${name} ${message}`] : [])
    })
  }

  test('is never quoted', () => {
    const { faults } = looked({ 'hmac-token': 'Xq7', cookie: 'Zk9', 'oauth-token': 'Wv3 Wv3', 's3-credentials': 'Jj5' })
    assert.equal(faults.length, 4)
    assert.doesNotMatch(JSON.stringify(faults), /Xq7|Zk9|Wv3|Jj5/)
  })
})

describe('the cluster', () => {
  const now = () => {
    const world = new Snapshot()
    world.put(secret('prow', 'hmac-token', { hmac: 'from-the-cluster-123' }).object)
    world.put(secret('prow', 'oauth-token', { oauth: `ghp_${'z'.repeat(36)}` }).object)
    return world
  }

  test('has what is not in secrets/; a file wins over it', () => {
    const { values, missing } = looked({}, {}, now())
    assert.equal(values.get('hmac-token')!.text, 'from-the-cluster-123')
    assert.equal(values.get('hmac-token')!.from, 'cluster')
    assert.equal(values.get('oauth-token')!.text, TOKEN)
    assert.deepEqual(missing, ['cookie'])
  })

  test('and a file that is broken is not passed over for it', () => {
    assert.deepEqual(said({ 'hmac-token': '' }, {}, now()), ['hmac-token is empty'])
  })
})

test('with roles nothing is asked for that follows from the settings', () => {
  const { values, faults } = inspectSecrets(
    settings({ ...EKS, OAUTH: 'off' }, folder({ 'secrets/oauth-token': TOKEN })),
    new Snapshot(),
  )
  assert.deepEqual(faults, [])
  assert.deepEqual(JSON.parse(values.get('s3-credentials')!.text), { region: 'eu-central-1' })
})

test('what the settings want and what they leave to be removed are apart', () => {
  const named = (more: Record<string, string>) =>
    unwantedSecrets(settings({ ...LOCAL, ...more }))
      .map((one) => one.secret)
      .sort()
  assert.deepEqual(named({}), ['clone-token', 'github-token', 'object-store'])
  assert.deepEqual(
    named({ OAUTH: 'off', GITHUB_AUTH: 'app', GITHUB_APP_ID: '1', PRIVATE_CLONES: 'on', OBJECT_STORE: 'on' }),
    ['cookie', 'github-oauth-config', 'oauth-token'],
  )
})

test('a file that others can read is told', () => {
  const path = folder({ 'secrets/oauth-token': TOKEN, 'secrets/cookie': 'x' })
  chmodSync(join(path, 'secrets/oauth-token'), 0o640)
  chmodSync(join(path, 'secrets/cookie'), 0o600)
  assert.deepEqual(exposedFiles(settings(LOCAL, path)), [join(path, 'secrets/oauth-token')])
})

test('secrets.example/ has a file for each that a person makes, and none would be taken as it is', () => {
  const names = readdirSync(join(ROOT, 'secrets.example')).filter((name) => name !== 'README.md')
  for (const name of names) {
    assert.ok(name in SECRET_FILES, name)
    assert.match(readFileSync(join(ROOT, 'secrets.example', name), 'utf8'), /REPLACE/)
  }
  for (const name of Object.keys(SECRET_FILES)) assert.ok(names.includes(name), `secrets.example/${name} is missing`)
})
