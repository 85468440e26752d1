import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fingerprint } from '../../../lib/base/fingerprint.ts'
import { ROOT } from '../../../lib/base/paths.ts'
import { secret } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { secretFiles } from '../../../lib/prow/secret-files.ts'
import { exposedFiles, inspectFileModes, inspectSecrets } from '../../../lib/prow/secrets.ts'
import { EKS, folder, LOCAL, settings, write } from '../world.ts'

const TOKEN = `ghp_${'a'.repeat(36)}`

const OAUTH = `client_id: "Ov23li"\nclient_secret: "${'c'.repeat(40)}"\nredirect_url: "https://prow.example.com/github-login/redirect"\n`

const S3 = { region: 'us-west-2', endpoint: 'http://store:7070', access_key: 'AKIA', secret_key: 'k'.repeat(40) }

const GOOD = { 'oauth-token': TOKEN, 'github-oauth-config': OAUTH, 's3-credentials': JSON.stringify(S3) }

/** What is found in secrets/ with these files. */
function inspect(files: Record<string, string | Buffer>, more: Record<string, string> = {}, now = new Snapshot()) {
  const path = folder()
  write(join(path, 'secrets'), { ...GOOD, ...files })
  return inspectSecrets(settings({ ...LOCAL, ...more }, path), now)
}

const messages = (...given: Parameters<typeof inspect>) =>
  inspect(...given).findings.map(({ message }) => message.replace(/^.*secrets\//, ''))

test('valid files are taken; what can be generated is left to be generated', () => {
  const { values, missing, findings } = inspect({})
  assert.deepEqual(findings, [])
  assert.deepEqual(missing, ['hmac-token', 'cookie'])
  assert.equal(values.get('oauth-token')!.text, TOKEN)
  assert.doesNotMatch(values.get('oauth-token')!.note, /ghp_/)
})

test('whitespace at the ends, a BOM and CRLF do no harm', () => {
  assert.equal(inspect({ 'oauth-token': `\uFEFF${TOKEN}\r\n` }).values.get('oauth-token')!.text, TOKEN)
})

describe('the content of a file', () => {
  const cookie = Buffer.alloc(32, 7).toString('base64')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pem = (key: typeof ec) => key.export({ type: 'pkcs8', format: 'pem' }) as string
  const app = { GITHUB_AUTH: 'app', GITHUB_APP_ID: '1' }
  const rows: [string, string, string | undefined, Record<string, string>?][] = [
    ['hmac-token', 'a'.repeat(40), undefined],
    ['hmac-token', 'short', 'is shorter than 16 characters'],
    ['hmac-token', '"*":\n  - value: abcdefghijklmnop\n    created_at: 2026-01-01T00:00:00Z\n', undefined],
    ['hmac-token', 'two words', 'is neither one word nor a map of organizations'],
    ['hmac-token', 'org: []\n', 'has no list of values for org'],
    ['hmac-token', 'org:\n  - value: abcdefghijklmnop\n', 'has an entry without value or created_at for org'],
    ['cookie', cookie, undefined],
    ['cookie', `${cookie}=`, 'is not the base64 of 32 bytes'],
    ['cookie', Buffer.alloc(31).toString('base64'), 'is not the base64 of 32 bytes'],
    ['cookie', 'REPLACE or delete', 'still contains the text of the example'],
    ['oauth-token', 'ghp_tooshort', 'is too short for a GitHub token'],
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
      'has a redirect_url other than https://prow.example.com/github-login/redirect',
    ],
    ['github-oauth-config', '{', 'is not valid YAML with client_id, client_secret and redirect_url'],
    ['s3-credentials', '{', 'is not valid JSON'],
    ['s3-credentials', '"text"', 'is not a JSON object'],
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
    ['github-app-key', 'no key', 'is not a private key in PEM format', app],
    ['clone-token', `github_pat_${'b'.repeat(40)}`, undefined, { PRIVATE_CLONES: 'on' }],
    ['clone-token', TOKEN, 'contains the bot token', { PRIVATE_CLONES: 'on' }],
  ]
  for (const [name, text, message, more] of rows) {
    test(`${name}: ${message ?? 'valid'} (${JSON.stringify(text).slice(0, 40)})`, () => {
      assert.deepEqual(messages({ [name]: text }, more), message ? [`${name} ${message}`] : [])
    })
  }

  test('is never quoted', () => {
    const { findings } = inspect({
      'hmac-token': 'Xq7',
      cookie: 'Zk9',
      'oauth-token': 'Wv3 Wv3',
      's3-credentials': 'Jj5',
    })
    assert.equal(findings.length, 4)
    assert.doesNotMatch(JSON.stringify(findings), /Xq7|Zk9|Wv3|Jj5/)
  })
})

describe('the cluster', () => {
  const now = () => {
    const cluster = new Snapshot()
    cluster.put(secret('prow', 'hmac-token', { hmac: 'from-the-cluster-123' }).object)
    cluster.put(secret('prow', 'oauth-token', { oauth: `ghp_${'z'.repeat(36)}` }).object)
    return cluster
  }

  test('has what secrets/ does not have; a file wins over it', () => {
    const { values, missing } = inspect({}, {}, now())
    assert.equal(values.get('hmac-token')!.text, 'from-the-cluster-123')
    assert.equal(values.get('hmac-token')!.from, 'cluster')
    assert.equal(values.get('oauth-token')!.text, TOKEN)
    assert.deepEqual(missing, ['cookie'])
  })

  test('an unusable file is not skipped in favor of it', () => {
    assert.deepEqual(messages({ 'hmac-token': '' }, {}, now()), ['hmac-token is empty'])
  })
})

test('with IAM roles nothing has to be provided that follows from the settings', () => {
  const { values, findings } = inspectSecrets(
    settings({ ...EKS, OAUTH: 'off' }, folder({ 'secrets/oauth-token': TOKEN })),
    new Snapshot(),
  )
  assert.deepEqual(findings, [])
  assert.deepEqual(JSON.parse(values.get('s3-credentials')!.text), { region: 'eu-central-1' })
})

test('files that other users can read are reported, also those that --prefer cluster has kept', () => {
  const path = folder({ 'secrets/oauth-token': TOKEN, 'secrets/cookie': 'x', 'secrets/cookie.replaced-2': 'y' })
  chmodSync(join(path, 'secrets/oauth-token'), 0o640)
  chmodSync(join(path, 'secrets/cookie'), 0o600)
  chmodSync(join(path, 'secrets/cookie.replaced-2'), 0o604)
  symlinkSync('nowhere', join(path, 'secrets/clone-token'))
  mkdirSync(join(path, 'secrets/hmac-token'))
  const exposed = exposedFiles(settings(LOCAL, path))
  assert.deepEqual(exposed.sort(), [join(path, 'secrets/cookie.replaced-2'), join(path, 'secrets/oauth-token')])
  const [finding] = inspectFileModes(settings(LOCAL, path))
  assert.equal(finding?.outcome, 'warning')
  assert.match(finding?.message ?? '', /is readable by other users of this machine$/)
  assert.deepEqual(exposedFiles(settings(LOCAL, folder())), [])
})

describe('a file that cannot be used is a failure, though the cluster has the value', () => {
  const cluster = new Snapshot()
  cluster.put(secret('prow', 'oauth-token', { oauth: `ghp_${'z'.repeat(36)}` }).object)
  const unusable: [string, (file: string) => void, RegExp][] = [
    [
      'a dangling link',
      (file) => symlinkSync('nowhere', file),
      /cannot be read \(it is a link to a file that does not/,
    ],
    ['a link to itself', (file) => symlinkSync('oauth-token', file), /cannot be read \(ELOOP: /],
    ['a folder', (file) => mkdirSync(file), /cannot be read \(it is a folder\)/],
    ['a pipe', (file) => void execFileSync('mkfifo', [file]), /cannot be read \(it is not a regular file\)/],
    ['too large', (file) => writeFileSync(file, 'a'.repeat(65 * 1024)), /cannot be read \(it is larger than 64 KiB\)/],
    ['empty', (file) => writeFileSync(file, '\n'), /is empty/],
  ]
  for (const [what, create, message] of unusable) {
    test(what, () => {
      const path = folder({ 'secrets/github-oauth-config': OAUTH, 'secrets/s3-credentials': JSON.stringify(S3) })
      create(join(path, 'secrets/oauth-token'))
      const { values, findings } = inspectSecrets(settings(LOCAL, path), cluster)
      assert.equal(values.has('oauth-token'), false)
      assert.deepEqual(
        findings.map(({ outcome, remedy }) => [outcome, remedy]),
        [['failed', 'Put the bot token into it, and nothing else.']],
      )
      assert.match(findings[0]!.message, message)
    })
  }

  test('in a folder that may not be searched', {
    skip: process.getuid?.() !== 0 && 'only root can become somebody else',
  }, () => {
    const path = folder({ 'secrets/oauth-token': TOKEN })
    const one = settings(LOCAL, path)
    process.seteuid!(65534)
    try {
      const messages = inspectSecrets(one, cluster).findings.map(({ message }) => message)
      assert.ok(
        messages.some((message) => /oauth-token cannot be read \(EACCES: permission denied\)/.test(message)),
        `${messages}`,
      )
    } finally {
      process.seteuid!(0)
    }
  })

  test('while secrets/ is itself a file', () => {
    const { findings } = inspectSecrets(settings(LOCAL, folder({ secrets: 'x' })), cluster)
    assert.match(findings[0]!.message, /hmac-token cannot be read \(ENOTDIR: not a directory\)/)
  })
})

describe('--prefer cluster', () => {
  const held = 'from-the-cluster-123'
  const cluster = (hmac = held) => {
    const found = new Snapshot()
    found.put(secret('prow', 'hmac-token', { hmac }).object)
    return found
  }
  const hmacOf = (files: Record<string, string>, snapshot = cluster()) => {
    const path = folder()
    write(join(path, 'secrets'), { ...GOOD, ...files })
    const { values, findings } = inspectSecrets(settings(LOCAL, path), snapshot, 'cluster')
    return { value: values.get('hmac-token'), findings, path }
  }

  test('takes the value of the cluster, and shows both by their fingerprints', () => {
    const { value, path } = hmacOf({ 'hmac-token': 'a'.repeat(20) })
    assert.equal(value?.text, held)
    assert.equal(value?.replaced, join(path, 'secrets/hmac-token.replaced'))
    assert.ok(value?.note.includes(fingerprint(held)) && value.note.includes(fingerprint('a'.repeat(20))), value?.note)
  })

  test('keeps each file that it replaces under a name of its own', () => {
    const { value, path } = hmacOf({
      'hmac-token': 'a'.repeat(20),
      'hmac-token.replaced': 'b'.repeat(20),
      'hmac-token.replaced-2': 'c'.repeat(20),
    })
    assert.equal(value?.replaced, join(path, 'secrets/hmac-token.replaced-3'))
    assert.ok(value?.note.endsWith('hmac-token.replaced-3'), value?.note)
  })

  test('replaces nothing where both are the same', () => {
    const { value } = hmacOf({ 'hmac-token': `${held}\n` })
    assert.equal(value?.from, 'file')
    assert.equal(value?.replaced, undefined)
  })

  test('does not take a value that Prow could not use', () => {
    const { value, findings } = hmacOf({ 'hmac-token': 'a'.repeat(20) }, cluster('short'))
    assert.equal(value, undefined)
    assert.match(findings[0]!.message, /^Secret prow\/hmac-token is shorter than 16 characters/)
    assert.match(findings[0]!.remedy, /^Run it without --prefer cluster/)
  })
})

test('a Secret created by hand under another key is a failure that names its keys', () => {
  const cluster = new Snapshot()
  cluster.put(secret('prow', 'hmac-token', { token: 'x'.repeat(20), more: 'y' }).object)
  assert.deepEqual(messages({}, {}, cluster), ['Secret prow/hmac-token has no key hmac (it has token, more)'])
})

test('a file that does not exist is a failure with the example to copy, but none as long as the cluster was not read', () => {
  const one = settings({ ...LOCAL, OAUTH: 'off' }, folder({ 'secrets/s3-credentials': JSON.stringify(S3) }))
  const { findings } = inspectSecrets(one, new Snapshot())
  assert.equal(findings.length, 1)
  assert.match(findings[0]!.message, /secrets\/oauth-token does not exist$/)
  assert.match(
    findings[0]!.remedy,
    /^Copy secrets.example\/oauth-token to .* \(chmod 600\)\. Put the bot token into it/,
  )
  assert.deepEqual(inspectSecrets(one, undefined).findings, [])
})

test('access keys under IDENTITY=irsa are a failure; those in the cluster are replaced by the region', () => {
  const cluster = new Snapshot()
  cluster.put(secret('prow', 's3-credentials', { 'service-account.json': JSON.stringify(S3) }).object)
  const path = folder({ 'secrets/oauth-token': TOKEN })
  const one = settings({ ...EKS, OAUTH: 'off' }, path)
  assert.deepEqual(JSON.parse(inspectSecrets(one, cluster).values.get('s3-credentials')!.text), {
    region: 'eu-central-1',
  })
  write(path, { 'secrets/s3-credentials': JSON.stringify(S3) })
  const { values, findings } = inspectSecrets(one, cluster)
  assert.equal(values.has('s3-credentials'), false)
  assert.match(findings[0]!.message, /secrets\/s3-credentials has access keys, which IDENTITY=irsa does not use/)
  assert.equal(findings[0]!.remedy, 'Remove the keys, or set IDENTITY=keys.')
})

test('secrets.example/ has an example of each file, and none is accepted as it is', () => {
  const names = readdirSync(join(ROOT, 'secrets.example')).filter((name) => name !== 'README.md')
  for (const name of names) {
    assert.ok(name in secretFiles, name)
    assert.match(readFileSync(join(ROOT, 'secrets.example', name), 'utf8'), /REPLACE/)
  }
  for (const name of Object.keys(secretFiles)) assert.ok(names.includes(name), `secrets.example/${name} is missing`)
})
