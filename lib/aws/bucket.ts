import { Problem } from '../base/problem.ts'
import { currentRun } from '../run/context.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { allOrProblem, readAws, rememberAws, writeAws } from './cli.ts'
import { canonical, type Policy, policyOf } from './policy.ts'
import { TAG, TAG_ADOPTED, TAG_VALUE, type Tag, tagValue } from './tags.ts'

interface Rule {
  ID?: string
  Status: string
  Filter?: { Prefix?: string }
  [more: string]: unknown
}

/** The log bucket as it is. */
export interface Bucket {
  region: string
  /** The KMS key of its default encryption as the bucket names it: an ARN, an id or an alias; undefined for S3's own. */
  key?: string
  access?: Record<string, boolean>
  encrypted: boolean
  ownership?: string
  rules: Rule[]
}

const PRIVATE = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true }
const OWNERSHIP = { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] }

/**
 * The log bucket as it is; undefined when nobody has a bucket of that name. Throws a Problem when it belongs to another
 * account ('denied') or is in another region.
 */
export async function readBucket(settings: Settings): Promise<Bucket | undefined> {
  const { LOG_BUCKET: name, AWS_REGION: region } = settings
  const of = (operation: string) => bucketArguments(settings, operation)
  const at = await bucketRegion(settings)
  if (!at) return undefined
  if (at !== region) {
    throw new Problem(
      `bucket ${name} is in ${at}, not in ${region}`,
      'A bucket cannot be moved. Set LOG_BUCKET to a name that is free: the bucket is created in the region of the cluster.',
    )
  }
  const [access, encryption, ownership, lifecycle] = await allOrProblem(
    readAws<{ PublicAccessBlockConfiguration: Record<string, boolean> }>(
      of('get-public-access-block'),
      /^NoSuchPublicAccessBlockConfiguration/,
    ),
    readAws<{ ServerSideEncryptionConfiguration: { Rules: EncryptionRule[] } }>(
      of('get-bucket-encryption'),
      /^ServerSideEncryptionConfigurationNotFoundError/,
    ),
    readAws<{ OwnershipControls: { Rules: { ObjectOwnership: string }[] } }>(
      of('get-bucket-ownership-controls'),
      /^OwnershipControlsNotFoundError/,
    ),
    readAws<{ Rules: Rule[] }>(of('get-bucket-lifecycle-configuration'), /^NoSuchLifecycleConfiguration/),
  )
  const rule = encryption?.ServerSideEncryptionConfiguration.Rules[0]?.ApplyServerSideEncryptionByDefault
  return {
    region: at,
    key: rule?.KMSMasterKeyID,
    encrypted: rule !== undefined,
    access: access?.PublicAccessBlockConfiguration,
    ownership: ownership?.OwnershipControls.Rules[0]?.ObjectOwnership,
    rules: lifecycle?.Rules ?? [],
  }
}

/** The region of the log bucket; undefined when nobody has a bucket of that name. */
export async function bucketRegion(settings: Settings): Promise<string | undefined> {
  const where = await readLocation(settings)
  if (!where) return undefined
  // S3 answers for the two oldest regions as it did when it had no others.
  return { '': 'us-east-1', EU: 'eu-west-1' }[where.LocationConstraint ?? ''] ?? where.LocationConstraint!
}

/** The policy of the log bucket, which exists; undefined when it has none. */
export async function readBucketPolicy(settings: Settings): Promise<Policy | undefined> {
  const answer = await readAws<{ Policy: string }>(
    bucketArguments(settings, 'get-bucket-policy'),
    /^NoSuchBucketPolicy/,
  )
  return answer && policyOf(answer.Policy)
}

/** The tags of the log bucket, which exists. */
export async function readBucketTags(settings: Settings): Promise<Tag[]> {
  const args = bucketArguments(settings, 'get-bucket-tagging')
  return (await readAws<{ TagSet: Tag[] }>(args, /^NoSuchTagSet/))?.TagSet ?? []
}

async function readLocation(settings: Settings): Promise<{ LocationConstraint?: string | null } | undefined> {
  const { LOG_BUCKET: name, AWS_ACCOUNT_ID: account } = settings
  try {
    return await readAws(bucketArguments(settings, 'get-bucket-location'), /^(NoSuchBucket|404)\b/)
  } catch (error) {
    // S3 answers the same for a bucket of another account and for one that the caller may not read.
    if (!(error instanceof Problem) || error.code !== 'denied') throw error
    throw new Problem(
      `bucket ${name} belongs to another account than ${account}, or you are not authorized to perform s3:GetBucketLocation`,
      'All accounts share the names of buckets: set LOG_BUCKET to another name, or ask for the permission.',
      { cause: error, code: 'denied' },
    )
  }
}

function bucketArguments({ LOG_BUCKET: name, AWS_ACCOUNT_ID: account }: Settings, operation: string): string[] {
  return ['s3api', operation, '--bucket', name, '--expected-bucket-owner', account]
}

interface EncryptionRule {
  ApplyServerSideEncryptionByDefault?: { SSEAlgorithm: string; KMSMasterKeyID?: string }
}

/** How the IDs of the runbook's lifecycle rules begin. */
const RULES = 'prow-runbook-'

/** The lifecycle rules by which logs expire after `days`: Prow itself deletes none. */
export function expiryRules(days: number): Rule[] {
  const expire = (prefix: string): Rule => ({
    ID: `${RULES}${prefix}`,
    Status: 'Enabled',
    Filter: { Prefix: `${prefix}/` },
    Expiration: { Days: days },
  })
  return [
    expire('logs'),
    expire('pr-logs'),
    {
      ID: `${RULES}unfinished`,
      Status: 'Enabled',
      Filter: { Prefix: '' },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    },
  ]
}

/** The lifecycle rules of a bucket with `wanted` in place of those with the same IDs: a write replaces all rules. */
export function withRules(now: Rule[], wanted: Rule[]): Rule[] {
  const ids = wanted.map((one) => one.ID)
  return [...now.filter((one) => !ids.includes(one.ID)), ...wanted]
}

/** What the bucket lacks, a message each: it is not private, not encrypted, or keeps logs for ever or another time. */
export function bucketProblems({ LOG_BUCKET: name, LOG_DAYS: days }: Settings, bucket: Bucket | undefined): string[] {
  if (!bucket) return [`bucket ${name} does not exist`]
  const { access = {}, encrypted, ownership, rules } = bucket
  const open = Object.keys(PRIVATE).filter((key) => !access[key])
  const differing = expiryRules(days).filter((rule) => !rules.some((one) => sameRule(one, rule)))
  return [
    open.length > 0 ? `bucket ${name} may become public: ${open.join(', ')} is not set` : '',
    encrypted ? '' : `bucket ${name} has no default encryption`,
    ownership === 'BucketOwnerEnforced' ? '' : `the account does not own all objects in bucket ${name}`,
    differing.length > 0
      ? `bucket ${name} has no rule ${differing.map(({ ID }) => ID).join(', ')}, or another than LOG_DAYS=${days} needs`
      : '',
  ].filter(Boolean)
}

/** Creates or corrects the log bucket: private, encrypted, with no owner but the account, and logs that expire after LOG_DAYS. */
export async function ensureBucket(settings: Settings): Promise<Change> {
  const { LOG_BUCKET: name, AWS_REGION: region, LOG_DAYS: days } = settings
  const { plan } = currentRun()
  const bucket = await readBucket(settings)
  const object = `bucket ${name}`
  const differences: Difference[] = []
  // `answer` is what a read of it answers from now on: S3 has acknowledged the write of the whole of it.
  const put = async (aspect: string, answer: object, ...args: string[]) => {
    if (plan) return
    // A bucket created a moment ago is not known everywhere.
    const again = bucket ? undefined : /^NoSuchBucket/
    const read = bucketArguments(settings, `get-${aspect}`)
    await writeAws([...bucketArguments(settings, `put-${aspect}`), ...args], read.join(' '), again)
    rememberAws(read, answer)
  }

  // Only when there is none: in us-east-1 creating it again succeeds, and resets its access control list.
  if (!bucket) {
    // The one region whose name S3 refuses here.
    const where = region === 'us-east-1' ? [] : ['--create-bucket-configuration', `LocationConstraint=${region}`]
    const create = ['s3api', 'create-bucket', '--bucket', name, ...where, '--object-ownership', 'BucketOwnerEnforced']
    if (!plan) {
      await writeAws(create, name)
      // It is where S3 was told to create it, and stays there.
      rememberAws(bucketArguments(settings, 'get-bucket-location'), {
        LocationConstraint: where.length ? region : null,
      })
      rememberAws(bucketArguments(settings, 'get-bucket-ownership-controls'), { OwnershipControls: OWNERSHIP })
    }
  }
  if (canonical(bucket?.access ?? {}) !== canonical(PRIVATE)) {
    differences.push({ object, path: 'public access block', before: text(bucket?.access), after: text(PRIVATE) })
    const all = Object.keys(PRIVATE).map((key) => `${key}=true`)
    const answer = { PublicAccessBlockConfiguration: PRIVATE }
    await put('public-access-block', answer, '--public-access-block-configuration', all.join(','))
  }
  if (!bucket?.encrypted) {
    differences.push({ object, path: 'encryption', after: 'AES256' })
    const rule = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] }
    const answer = { ServerSideEncryptionConfiguration: rule }
    await put('bucket-encryption', answer, '--server-side-encryption-configuration', JSON.stringify(rule))
  }
  if (bucket && bucket.ownership !== 'BucketOwnerEnforced') {
    differences.push({ object, path: 'object ownership', before: bucket.ownership, after: 'BucketOwnerEnforced' })
    const answer = { OwnershipControls: OWNERSHIP }
    await put('bucket-ownership-controls', answer, '--ownership-controls', JSON.stringify(OWNERSHIP))
  }
  const rules = bucket?.rules ?? []
  // Before the rules: a bucket that has them is tagged.
  const tags = bucket && !rules.some(({ ID }) => ID?.startsWith(RULES)) ? await readBucketTags(settings) : undefined
  const adopted = tags !== undefined && tagValue(tags, TAG) !== TAG_VALUE
  if (!bucket || adopted) {
    const added = [{ Key: TAG, Value: TAG_VALUE }, ...(adopted ? [{ Key: TAG_ADOPTED, Value: 'true' }] : [])]
    // A write replaces all tags.
    const kept = (tags ?? []).filter((tag) => !added.some(({ Key }) => Key === tag.Key))
    differences.push({ object, path: `tag ${TAG}`, before: tagValue(tags, TAG), after: TAG_VALUE })
    const answer = { TagSet: [...kept, ...added] }
    await put('bucket-tagging', answer, '--tagging', JSON.stringify(answer))
  }
  const differing = expiryRules(days).filter((rule) => !rules.some((one) => sameRule(one, rule)))
  if (differing.length > 0) {
    for (const rule of differing) {
      const before = rules.find((one) => one.ID === rule.ID)
      differences.push({ object, path: `rule ${rule.ID}`, before: before && text(plain(before)), after: text(rule) })
    }
    const answer = { Rules: withRules(rules, expiryRules(days)) }
    await put('bucket-lifecycle-configuration', answer, '--lifecycle-configuration', JSON.stringify(answer))
  }
  const note = `${region}, logs for ${days} days`
  return change(bucket !== undefined, differences, adopted ? `existed, adopted; ${note}` : note)
}

function text(value: object | undefined): string | undefined {
  return value && JSON.stringify(value)
}

/** A rule in one form: S3 may answer an older one, with the prefix outside the filter, and leaves out what is empty. */
function plain(rule: Rule): Rule {
  const { Prefix, ...rest } = rule as Rule & { Prefix?: string }
  return { ...rest, Filter: { Prefix: rule.Filter?.Prefix ?? Prefix ?? '' } }
}

const sameRule = (one: Rule, other: Rule) => canonical(plain(one)) === canonical(plain(other))
