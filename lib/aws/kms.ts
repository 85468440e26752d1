import { Problem } from '../base/problem.ts'
import { partition } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { readBucket } from './bucket.ts'
import { readAws } from './cli.ts'

/**
 * The ARN of the KMS key that encrypts the log bucket, which a policy for its users has to name; undefined when it is
 * S3's own. Throws a Problem when the bucket names the key by an alias that cannot be resolved: a policy takes no alias,
 * and a wildcard would open every key of the account to untrusted jobs.
 */
export async function encryptionKey(settings: Settings): Promise<string | undefined> {
  const { AWS_REGION: region, AWS_ACCOUNT_ID: account, LOG_BUCKET: name } = settings
  const key = (await readBucket(settings))?.key
  if (!key || key.includes(':key/')) return key
  if (!/(^|:)alias\//.test(key)) return `arn:${partition(region)}:kms:${region}:${account}:key/${key}`
  const remedy = `Make KMS resolve it (kms:DescribeKey), or name the key by its ARN in the default encryption of the bucket.`
  const message = `bucket ${name} is encrypted with ${key}, and the key behind this alias is not known`
  try {
    const args = ['kms', 'describe-key', '--key-id', key]
    const found = await readAws<{ KeyMetadata?: { Arn?: string } }>(args, /^NotFoundException/)
    const arn = found?.KeyMetadata?.Arn
    if (arn?.includes(':key/')) return arn
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'denied') throw error
    throw new Problem(`${message}: ${error.message}`, remedy, { cause: error, code: 'denied' })
  }
  throw new Problem(`${message}: KMS has no such alias`, remedy, { code: 'not-found' })
}
