import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encryptionKey } from '../../../lib/aws/kms.ts'
import { jobsPolicy } from '../../../lib/aws/policy.ts'
import { EKS, settings } from '../world.ts'
import { ANSWERS } from './answers.ts'
import { type Answers, fakeAws, refusal } from './fake.ts'

const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'

function encryptedWith(key: string | undefined, more: Answers = {}): () => string[] {
  const rule = { SSEAlgorithm: 'aws:kms', ...(key ? { KMSMasterKeyID: key } : {}) }
  const encryption = { ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: rule }] } }
  return fakeAws(settings(EKS), { ...ANSWERS, 'get-bucket-encryption': encryption, ...more })
}

test('a key is named by its ARN, whether the bucket has the ARN or the id', async () => {
  encryptedWith(KEY)
  assert.equal(await encryptionKey(settings(EKS)), KEY)
  encryptedWith(KEY.slice(KEY.indexOf('/') + 1))
  assert.equal(await encryptionKey(settings(EKS)), KEY)
  encryptedWith(undefined)
  assert.equal(await encryptionKey(settings(EKS)), undefined)
})

test('an alias is resolved to the one key behind it: a job role never gets all keys of the account', async () => {
  for (const alias of ['alias/logs', 'arn:aws:kms:eu-central-1:123456789012:alias/logs']) {
    encryptedWith(alias, { [`kms describe-key --key-id ${alias}`]: { KeyMetadata: { Arn: KEY } } })
    const key = await encryptionKey(settings(EKS))
    assert.equal(key, KEY)
    assert.ok(!JSON.stringify(jobsPolicy('aws', 'my-logs', key)).includes('key/*'))
  }
})

test('an alias that cannot be resolved stops with what to do, and no policy is written', async () => {
  encryptedWith('alias/logs', { 'kms describe-key': refusal('NotFoundException', 'Alias is not found.') })
  await assert.rejects(encryptionKey(settings(EKS)), {
    code: 'not-found',
    message: /bucket my-logs is encrypted with alias\/logs.*KMS has no such alias/,
  })
  encryptedWith('alias/logs', { 'kms describe-key': refusal('AccessDeniedException', 'no', 'DescribeKey') })
  await assert.rejects(encryptionKey(settings(EKS)), {
    code: 'denied',
    message: /alias\/logs.*not authorized to perform kms:DescribeKey/,
  })
})
