import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import { secret } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot, snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { readSecrets, secretResources } from '../../../lib/prow/secret-reader.ts'
import { newRun, readOnce, setRun } from '../../../lib/run/context.ts'
import { folder, LOCAL, settings, write } from '../world.ts'

const GENERATED = '0123456789abcdef'.repeat(2)
const HELD = 'from-the-cluster-123'
const GOOD = {
  'oauth-token': `ghp_${'a'.repeat(36)}`,
  's3-credentials': JSON.stringify({ region: 'a', endpoint: 'http://s:1', access_key: 'b', secret_key: 'c' }),
}

afterEach(() => setRun())

/** A run on a cluster with these objects in prow, and a folder secrets/ with these files. */
async function run(files: Record<string, string>, hmac?: string, options: { plan?: boolean } = {}) {
  const path = folder()
  write(join(path, 'secrets'), { ...GOOD, ...files })
  const one = settings({ ...LOCAL, OAUTH: 'off' }, path)
  setRun(newRun(one, options))
  const cluster = new Snapshot()
  if (hmac) cluster.put(secret('prow', 'hmac-token', { hmac }).object)
  await readOnce('kubectl get snapshot', () => Promise.resolve(cluster))
  assert.equal(await snapshot(), cluster)
  const file = (name: string) => join(path, 'secrets', name)
  const text = (name: string) => readFileSync(file(name), 'utf8').trim()
  return { one, file, text }
}

const generate = () => Promise.resolve(GENERATED)
const unexpected = () => Promise.reject(new Error('nothing is to be generated'))

test('what neither secrets/ nor the cluster has is generated, and saved for its owner alone', async () => {
  const { one, file, text } = await run({})
  const secrets = await readSecrets(one)
  const hmac = await secrets.readOrGenerate('hmac-token', generate)
  assert.equal(hmac?.text, GENERATED)
  assert.equal(hmac?.from, 'generated')
  assert.deepEqual(secrets.findings, [])
  // Of two operators at the same time only one creates it in the cluster, which comes before.
  assert.equal(existsSync(file('hmac-token')), false)
  secrets.save()
  assert.equal(text('hmac-token'), GENERATED)
  assert.equal(statSync(file('hmac-token')).mode & 0o777, 0o600)
})

test('what the cluster has is not generated again, and is saved', async () => {
  const { one, text } = await run({}, HELD)
  const secrets = await readSecrets(one)
  assert.equal((await secrets.readOrGenerate('hmac-token', unexpected))?.text, HELD)
  secrets.save()
  assert.equal(text('hmac-token'), HELD)
})

test("the token of another operator is taken from the cluster, but not saved on this operator's disk", async () => {
  const { one, file } = await run({ 'hmac-token': GENERATED })
  rmSync(file('oauth-token'))
  ;(await snapshot()).put(secret('prow', 'oauth-token', { oauth: GOOD['oauth-token'] }).object)
  const secrets = await readSecrets(one)
  assert.equal(secrets.read('oauth-token')?.from, 'cluster')
  secrets.save()
  assert.equal(existsSync(file('oauth-token')), false)
})

test('under --plan nothing is generated and nothing is saved', async () => {
  const { one, file } = await run({}, undefined, { plan: true })
  const secrets = await readSecrets(one)
  const hmac = await secrets.readOrGenerate('hmac-token', unexpected)
  assert.equal(hmac?.text, '')
  assert.match(hmac?.note ?? '', /to be generated$/)
  secrets.save()
  assert.equal(existsSync(file('hmac-token')), false)
})

test('nothing is generated for a step that is about to stop', async () => {
  const { one } = await run({ 'oauth-token': 'short' })
  const secrets = await readSecrets(one)
  assert.equal(await secrets.readOrGenerate('hmac-token', unexpected), undefined)
  assert.equal(secrets.read('oauth-token'), undefined)
  assert.equal(secrets.findings.length, 1)
})

test('a generator that fails is a finding among the others', async () => {
  const { one } = await run({})
  const secrets = await readSecrets(one)
  const fail = () => Promise.reject(new Problem('openssl is not installed, or not on PATH', 'Install openssl.'))
  assert.equal(await secrets.readOrGenerate('hmac-token', fail), undefined)
  assert.deepEqual(
    secrets.findings.map(({ message }) => message),
    ['openssl is not installed, or not on PATH'],
  )
})

test('a second --prefer cluster keeps the file that the first one has kept', async () => {
  const { one, text } = await run({ 'hmac-token': 'a'.repeat(20), 'hmac-token.replaced': 'b'.repeat(20) }, HELD)
  const secrets = await readSecrets(one, 'cluster')
  secrets.save()
  assert.equal(text('hmac-token'), HELD)
  assert.equal(text('hmac-token.replaced'), 'b'.repeat(20))
  assert.equal(text('hmac-token.replaced-2'), 'a'.repeat(20))
})

test('a file that cannot be written is a Problem, and leaves nothing half written', async () => {
  const { one, file } = await run({})
  const secrets = await readSecrets(one)
  await secrets.readOrGenerate('hmac-token', generate)
  symlinkSync('nowhere', file('hmac-token'))
  assert.throws(
    () => secrets.save(),
    (error) => error instanceof Problem && /hmac-token cannot be written \(EEXIST/.test(error.message),
  )
  assert.equal(existsSync(file(`.hmac-token.${process.pid}`)), false)
})

test('--prefer takes file or cluster', async () => {
  const { one } = await run({})
  await assert.rejects(readSecrets(one, 'both'), (error) => error instanceof Problem && error.exitCode === 64)
})

test('a value becomes each Secret that the settings want of it, in their order', async () => {
  const { one } = await run({ 'hmac-token': GENERATED })
  const local = { ...one, OBJECT_STORE: 'on' as const }
  const { read } = await readSecrets(one)
  const resources = secretResources(local, read('hmac-token'), undefined, read('s3-credentials'))
  assert.deepEqual(
    resources.map(({ name }) => name),
    ['hmac-token in prow', 's3-credentials in prow', 's3-credentials in test-pods', 'object-store in prow'],
  )
  assert.match(resources[0]!.note ?? '', /^key hmac {18}[0-9a-f]{8} {2}.*secrets\/hmac-token$/)
  assert.equal(resources[3]!.note, 'keys access_key, secret_key, region  from s3-credentials')
  const data = resources[3]!.manifests[0]!.object.data as Record<string, string>
  assert.equal(Buffer.from(data.access_key!, 'base64').toString(), 'b')
})
