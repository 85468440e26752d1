import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type FileName, webhookSecret } from '../../../lib/prow/secret-files.ts'
import { inspectSecrets } from '../../../lib/prow/secrets.ts'
import { readSettings } from '../../../lib/settings/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'secrets-test-'))

after(() => rmSync(folder, { recursive: true }))

const settings = readSettings(join(folder, '.env'), {
  TARGET: 'local',
  KUBECONFIG_FILE: 'k',
  KUBE_CONTEXT: 'c',
  PROW_HOST: 'prow.example.com',
  GITHUB_ORG: 'my-org',
  LOG_BUCKET: 'logs',
  IDENTITY: 'keys',
  INGRESS: 'none',
  SECRETS_DIR: folder,
})

/** What is said of a file's content; nothing when it is right. */
function said(name: FileName, text: string, given: Partial<typeof settings> = {}): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  const { faults } = inspectSecrets({ ...settings, ...given }, undefined)
  rmSync(file)
  const told = faults.map(({ message }) => message).find((message) => message.startsWith(file))
  return told?.slice(file.length + 1) ?? ''
}

const REDIRECT = 'redirect_url: "https://prow.example.com/github-login/redirect"'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const curve = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey

const pem = (key: typeof privateKey, type: 'pkcs1' | 'pkcs8') => key.export({ type, format: 'pem' }) as string

const CONTENTS: [FileName, string, RegExp | '', Partial<typeof settings>?][] = [
  ['hmac-token', '0123456789abcdef0123\n', ''],
  ['hmac-token', '12345678901234567890\n', ''],
  ['hmac-token', 'short', /shorter than 16/],
  ['hmac-token', '', /is empty/],
  ['hmac-token', '"*":\n- value: 0123456789abcdef\n  created_at: 2026-01-01T00:00:00Z\n', ''],
  ['hmac-token', 'my-org:\n- value: 0123456789abcdef\n  created_at: "2026-01-01T00:00:00Z"\n', ''],
  ['hmac-token', 'my-org/web:\n- value: 0123456789abcdef\n  created_at: 2026-01-01T00:00:00Z\n', ''],
  ['hmac-token', 'other:\n- value: 0123456789abcdef\n  created_at: 2026-01-01T00:00:00Z\n', /no entry for my-org/],
  ['hmac-token', '"*":\n- value: 0123456789abcdef\n', /without value or created_at/],
  ['hmac-token', '"*": 0123456789abcdef\n', /has no list/],
  ['hmac-token', '"*":\n- value: 0123456789abcdef\n  created_at: soon\n', /no time such as/],
  ['hmac-token', '"*":\n- value: 0123456789abcdef\n  created_at: 2999-01-01T00:00:00Z\n', /yet to come/],
  ['hmac-token', 'two words', /neither one word nor a map/],
  ['cookie', `${Buffer.alloc(32, 1).toString('base64')}\n`, ''],
  ['cookie', Buffer.alloc(31, 1).toString('base64'), /base64 of 32 bytes/],
  ['cookie', Buffer.alloc(33, 1).toString('base64'), /base64 of 32 bytes/],
  ['cookie', '0123456789abcdef0123456789abcdef', /base64 of 32 bytes/],
  ['github-oauth-config', `client_id: "123"\nclient_secret: "x"\n${REDIRECT}\n`, ''],
  ['github-oauth-config', `client_id: Iv1.abc\nclient_secret: abc\n${REDIRECT}\nscopes: [repo]\n`, ''],
  ['github-oauth-config', `client_id:123\nclient_secret: "x"\n${REDIRECT}\n`, /needs a space after client_id:/],
  ['github-oauth-config', `client_id: 123\nclient_secret: "x"\n${REDIRECT}\n`, /client_id without quotes/],
  ['github-oauth-config', `client_id: "1"\nclient_secret: 12e5\n${REDIRECT}\n`, /client_secret without quotes/],
  ['github-oauth-config', `client_id: "1"\n${REDIRECT}\n`, /lacks client_secret/],
  [
    'github-oauth-config',
    'client_id: "1"\nclient_secret: "x"\nredirect_url: "https://prow.example.com"\n',
    /another redirect_url/,
  ],
  [
    'github-oauth-config',
    'client_id: "1"\nclient_secret: "x"\nredirect_url: "http://prow.example.com/github-login/redirect"\n',
    /another redirect_url/,
  ],
  ['github-oauth-config', 'client_id: "1', /is no YAML/],
  ['oauth-token', `ghp_${'a'.repeat(36)}\n`, ''],
  ['oauth-token', `github_pat_${'a'.repeat(71)}`, ''],
  ['oauth-token', 'a'.repeat(40), ''],
  ['oauth-token', 'ghp_abcdefghijklmnopqrst', /too short for a token of GitHub/],
  ['oauth-token', 'oauth: ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', /more than one word/],
  ['oauth-token', 'REPLACE with the personal access token', /text of the example/],
  ['github-app-key', pem(privateKey, 'pkcs1'), '', { GITHUB_AUTH: 'app' }],
  ['github-app-key', pem(privateKey, 'pkcs8'), '', { GITHUB_AUTH: 'app' }],
  ['github-app-key', pem(curve, 'pkcs8'), /not an RSA key/, { GITHUB_AUTH: 'app' }],
  ['github-app-key', pem(privateKey, 'pkcs1').slice(0, 400), /no private key in PEM/, { GITHUB_AUTH: 'app' }],
  ['clone-token', `github_pat_${'b'.repeat(71)}`, '', { PRIVATE_CLONES: 'on' }],
  ['clone-token', 'REPLACE with a token', /text of the example/, { PRIVATE_CLONES: 'on' }],
  ['s3-credentials', '{"region":"a","endpoint":"http://s:1","access_key":"a","secret_key":"b"}', ''],
  ['s3-credentials', '{"region":"a","endpoint":"s:1","access_key":"a","secret_key":"b"}', /endpoint without http/],
  ['s3-credentials', '{"endpoint":"http://s:1","access_key":"a","secret_key":"b"}', /lacks region/],
  ['s3-credentials', '{"region":"a","endpoint":"http://s:1"}', /lacks access_key and secret_key/],
  ['s3-credentials', '{"region":"a","endpoint":"http://s:1","access_key":"a"}', /without the other/],
  ['s3-credentials', '{"region":"a","access_key":"a","secret_key":"b"}', /lacks endpoint/],
  ['s3-credentials', '{"region":"a","endpoint":"http://s:1","accessKey":"a"}', /accessKey, which Prow does not know/],
  [
    's3-credentials',
    '{"region":"a","endpoint":"http://s:1","access_key":"a","secret_key":"b","insecure":"no"}',
    /insecure in quotes/,
  ],
  [
    's3-credentials',
    '{"region":"a","endpoint":"http://s:1","access_key":1,"secret_key":"b"}',
    /access_key without quotes/,
  ],
  ['s3-credentials', 'region: a', /is no JSON/],
]

for (const [name, text, expected, given] of CONTENTS) {
  test(`${name}: ${JSON.stringify(text.slice(0, 50))} is ${expected === '' ? 'right' : `refused: ${expected}`}`, () => {
    const told = said(name, text, given)
    if (expected === '') assert.equal(told, '')
    else assert.match(told, expected)
    // A value is never quoted.
    for (const value of text.match(/[0-9a-zA-Z_+/]{16,}/g) ?? [])
      assert.ok(!told.includes(value) || /redirect_url|REPLACE/.test(told))
  })
}

test('the webhook of a repository is signed with the newest of its own list, else of the organisation, else of all', () => {
  const map = `
"*": [{value: everybody, created_at: 2026-01-01T00:00:00Z}]
my-org: [{value: old, created_at: 2026-01-01T00:00:00Z}, {value: new, created_at: 2026-02-01T00:00:00Z}]
my-org/web: [{value: web, created_at: 2026-01-01T00:00:00Z}]
`
  assert.equal(webhookSecret('plain', 'my-org', 'web'), 'plain')
  assert.equal(webhookSecret(map, 'my-org', 'web'), 'web')
  assert.equal(webhookSecret(map, 'my-org', 'backend'), 'new')
  assert.equal(webhookSecret(map, 'my-org'), 'new')
  assert.equal(webhookSecret(map, 'other'), 'everybody')
})
