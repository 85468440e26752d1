import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Bucket,
  bucketProblems,
  ensureBucket,
  expiryRules,
  readBucket,
  withRules,
} from '../../../lib/aws/bucket.ts'
import { EKS, settings } from '../world.ts'
import { ANSWERS, PRIVATE } from './answers.ts'
import { fakeAws, refusal } from './fake.ts'

const GOOD: Bucket = {
  region: 'eu-central-1',
  encrypted: true,
  access: PRIVATE,
  ownership: 'BucketOwnerEnforced',
  rules: expiryRules(90),
}

test('the rules of the runbook are known by their IDs, others stay', () => {
  const theirs = { ID: 'theirs', Status: 'Enabled' }
  const merged = withRules([theirs, { ...expiryRules(1)[0]! }], expiryRules(90))
  assert.deepEqual(merged, [theirs, ...expiryRules(90)])
})

test('what a bucket lacks is named, and a rule in the older form of S3 is the same rule', () => {
  const wanted = settings(EKS)
  assert.deepEqual(bucketProblems(wanted, GOOD), [])
  const older = expiryRules(90).map(({ Filter, ...rest }) => ({ ...rest, Prefix: Filter?.Prefix }))
  assert.deepEqual(bucketProblems(wanted, { ...GOOD, rules: older }), [])
  assert.match(bucketProblems(wanted, undefined).join(), /bucket my-logs does not exist/)
  const open = { ...GOOD, access: { ...PRIVATE, BlockPublicPolicy: false } }
  assert.match(bucketProblems(wanted, open).join(), /may become public: BlockPublicPolicy is not set/)
  assert.match(bucketProblems(wanted, { ...GOOD, access: undefined }).join(), /may become public/)
  assert.match(bucketProblems(wanted, { ...GOOD, encrypted: false }).join(), /no default encryption/)
  assert.match(bucketProblems(wanted, { ...GOOD, ownership: 'ObjectWriter' }).join(), /does not own all objects/)
  assert.match(bucketProblems(wanted, { ...GOOD, rules: [] }).join(), /prow-runbook-logs, prow-runbook-pr-logs/)
  const shorter = { ...GOOD, rules: expiryRules(30) }
  assert.match(bucketProblems(wanted, shorter).join(), /prow-runbook-logs.* LOG_DAYS=90/)
})

test('a bucket that is as wanted is read and not written', async () => {
  const aws = fakeAws(settings(EKS), ANSWERS)
  assert.equal((await ensureBucket(settings(EKS))).outcome, 'unchanged')
  assert.ok(aws().every((line) => line.startsWith('s3api get-')))
  // Its rules show that the runbook manages it.
  assert.deepEqual(
    aws().filter((line) => line.includes('tagging')),
    [],
  )
})

test('a new bucket is as wanted without being read: S3 has acknowledged each write', async () => {
  const aws = fakeAws(settings(EKS), {
    'get-bucket-location': refusal('NoSuchBucket'),
    'create-bucket': {},
    'put-': {},
  })
  assert.equal((await ensureBucket(settings(EKS))).outcome, 'created')
  const calls = aws().length
  assert.deepEqual(bucketProblems(settings(EKS), await readBucket(settings(EKS))), [])
  assert.equal(aws().length, calls)
  // Only what was written is known: the rest of one that existed is read.
  const other = fakeAws(settings(EKS), {
    ...ANSWERS,
    'get-bucket-encryption': refusal('ServerSideEncryptionConfigurationNotFoundError'),
    'put-bucket-encryption': {},
  })
  await ensureBucket(settings(EKS))
  assert.deepEqual(bucketProblems(settings(EKS), await readBucket(settings(EKS))), [])
  assert.deepEqual(
    other().map((line) => line.split(' ')[1]!.split('-')[0]),
    ['get', 'get', 'get', 'get', 'get', 'put'],
  )
})

test('a bucket of another account is recognized by the code of the error, whatever its wording', async () => {
  fakeAws(settings(EKS), { 'get-bucket-location': refusal('AccessDenied', 'Access Denied', 'GetBucketLocation') })
  await assert.rejects(readBucket(settings(EKS)), {
    code: 'denied',
    message: /bucket my-logs belongs to another account/,
  })
  fakeAws(settings(EKS), { 'get-bucket-location': refusal('InternalError') })
  await assert.rejects(readBucket(settings(EKS)), /InternalError/)
})

test('a bucket in another region is refused; S3 answers nothing for us-east-1', async () => {
  fakeAws(settings(EKS), { 'get-bucket-location': { LocationConstraint: null } })
  await assert.rejects(readBucket(settings(EKS)), /bucket my-logs is in us-east-1, not in eu-central-1/)
  fakeAws(settings(EKS), { 'get-bucket-location': refusal('NoSuchBucket') })
  assert.equal(await readBucket(settings(EKS)), undefined)
})

test('a plan of a bucket that does not exist writes nothing', async () => {
  const aws = fakeAws(settings(EKS), { 'get-bucket-location': refusal('NoSuchBucket') }, true)
  assert.equal((await ensureBucket(settings(EKS))).outcome, 'would create')
  assert.equal(aws().length, 1)
})
