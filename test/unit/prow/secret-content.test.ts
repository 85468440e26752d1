import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { objectStoreData, reviewOauthConfig, webhookSecret } from '../../../lib/prow/secret-content.ts'
import { contentProblem, type FileName, inspectContent } from '../../../lib/prow/secret-files.ts'
import { EKS, LOCAL, settings } from '../world.ts'

const APP = { GITHUB_AUTH: 'app', GITHUB_APP_ID: '1' }

const ROLES = EKS

const REDIRECT = 'redirect_url: "https://prow.example.com/github-login/redirect"'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const curve = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey

const pem = (key: typeof privateKey, type: 'pkcs1' | 'pkcs8') => key.export({ type, format: 'pem' }) as string

const CONTENTS: [FileName, string, RegExp | '', Record<string, string>?][] = [
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
  ['hmac-token', '"*":\n- value: 0123456789abcdef\n  created_at: soon\n', /not a timestamp such as/],
  ['hmac-token', '"*":\n- value: 0123456789abcdef\n  created_at: 2999-01-01T00:00:00Z\n', /in the future/],
  ['hmac-token', 'two words', /neither one word nor a map of organizations/],
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
    /redirect_url other than https/,
  ],
  [
    'github-oauth-config',
    'client_id: "1"\nclient_secret: "x"\nredirect_url: "http://prow.example.com/github-login/redirect"\n',
    /redirect_url other than https/,
  ],
  ['github-oauth-config', 'client_id: "1', /is not valid YAML/],
  ['oauth-token', `ghp_${'a'.repeat(36)}\n`, ''],
  ['oauth-token', `github_pat_${'a'.repeat(71)}`, ''],
  ['oauth-token', 'a'.repeat(40), ''],
  ['oauth-token', 'ghp_abcdefghijklmnopqrst', /too short for a GitHub token/],
  ['oauth-token', 'oauth: ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', /more than one word/],
  ['oauth-token', 'REPLACE with the personal access token', /still contains the text of the example/],
  ['github-app-key', pem(privateKey, 'pkcs1'), '', APP],
  ['github-app-key', pem(privateKey, 'pkcs8'), '', APP],
  ['github-app-key', pem(curve, 'pkcs8'), /not an RSA key/, APP],
  ['github-app-key', pem(privateKey, 'pkcs1').slice(0, 400), /not a private key in PEM/, APP],
  ['clone-token', `github_pat_${'b'.repeat(71)}`, '', { PRIVATE_CLONES: 'on' }],
  ['clone-token', 'REPLACE with a token', /still contains the text of the example/, { PRIVATE_CLONES: 'on' }],
  ['s3-credentials', '{"region":"a","endpoint":"http://s:1","access_key":"a","secret_key":"b"}', ''],
  ['s3-credentials', '{"region":"a","endpoint":"s:1","access_key":"a","secret_key":"b"}', /endpoint without http/],
  ['s3-credentials', '{"endpoint":"http://s:1","access_key":"a","secret_key":"b"}', /lacks region/],
  ['s3-credentials', '{"region":"a","endpoint":"http://s:1"}', /lacks access_key and secret_key/],
  ['s3-credentials', '{"region":"a","endpoint":"http://s:1","access_key":"a"}', /without the other/],
  ['s3-credentials', '{"region":"a","access_key":"a","secret_key":"b"}', /lacks endpoint/],
  [
    's3-credentials',
    '{"region":"a","endpoint":"http://s:1","accessKey":"a"}',
    /unknown key accessKey \(Prow knows region/,
  ],
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
  ['s3-credentials', 'region: a', /is not valid JSON/],
  ['hmac-token', 'org: []\n', /has no list of values for org/],
  ['hmac-token', 'my-org:\n- null\n', /without value or created_at for my-org/],
  ['cookie', `${Buffer.alloc(32, 1).toString('base64')}=`, /base64 of 32 bytes/],
  ['cookie', 'REPLACE or delete', /still contains the text of the example/],
  ['oauth-token', '\n \n', /is empty/],
  ['oauth-token', `\u0000\u0001binary-binary-binary`, /is not text/],
  ['oauth-token', '0123456789012345678901234567890123456789', ''],
  ['s3-credentials', '"text"', /is not a JSON object/],
  ['s3-credentials', '[1]', /is not a JSON object/],
  ['s3-credentials', '{"region":"","endpoint":"http://s:1","access_key":"a","secret_key":"b"}', /lacks region/],
  // With roles there is nothing secret in it: it is mounted in job pods.
  ['s3-credentials', '{"region":"a"}', '', ROLES],
  ['s3-credentials', '{"region":"a","endpoint":"https://s3.example.com"}', '', ROLES],
  ['s3-credentials', '{"region":"a","access_key":"a","secret_key":"b"}', /access keys, which IDENTITY=irsa/, ROLES],
  ['s3-credentials', '{"region":"a","session_token":"a"}', /access keys, which IDENTITY=irsa/, ROLES],
]

for (const [name, text, expected, given] of CONTENTS) {
  test(`${name}: ${JSON.stringify(text.slice(0, 50))} is ${expected === '' ? 'valid' : `refused: ${expected}`}`, () => {
    const message = contentProblem(name, text.trim(), settings(given === ROLES ? ROLES : { ...LOCAL, ...given })) ?? ''
    if (expected === '') assert.equal(message, '')
    else assert.match(message, expected)
    // A value is never quoted.
    for (const value of text.match(/[0-9a-zA-Z_+/]{16,}/g) ?? [])
      assert.ok(!message.includes(value) || /redirect_url|REPLACE/.test(message))
  })
}

test('access keys that IDENTITY=irsa does not use have a remedy of their own', () => {
  const [finding] = inspectContent(
    's3-credentials',
    '{"region":"a","access_key":"a","secret_key":"b"}',
    settings(ROLES),
    'secrets/s3-credentials',
  )
  assert.deepEqual(finding, {
    outcome: 'failed',
    message: 'secrets/s3-credentials has access keys, which IDENTITY=irsa does not use and any job could read',
    remedy: 'Remove the keys, or set IDENTITY=keys.',
  })
})

test('the client_id of a GitHub App is a warning', () => {
  for (const id of ['"Iv1.0123456789abcdef"', 'Iv23liABC', "'Iv23liABC'"])
    assert.equal(reviewOauthConfig(`client_id: ${id}`)?.outcome, 'warning')
  assert.equal(reviewOauthConfig('client_id: "Ov23liABC"'), undefined)
})

test('the object store gets its three keys, which are never absent', () => {
  assert.deepEqual(objectStoreData('{"region":"a","endpoint":"http://s:1","access_key":"b","secret_key":"c"}'), {
    access_key: 'b',
    secret_key: 'c',
    region: 'a',
  })
  assert.deepEqual(objectStoreData('{"region":"a"}'), { access_key: '', secret_key: '', region: 'a' })
})

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
