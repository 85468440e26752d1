import { Problem } from '../base/problem.ts'
import { currentRun, markWritten } from '../run/context.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import { partition } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { allOrProblem, readAws, writeAws } from './cli.ts'
import { canonical } from './policy.ts'
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
  /** The KMS key that encrypts it, when it is one of the account's own. */
  key?: string
  access?: Record<string, boolean>
  encrypted: boolean
  ownership?: string
  rules: Rule[]
  tags: Tag[]
}

const PRIVATE = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true }

/**
 * The log bucket as it is; undefined when there is none of that name anywhere. Throws a Problem when it is somebody
 * else's or in another region.
 */
export async function readBucket(settings: Settings): Promise<Bucket | undefined> {
  const { LOG_BUCKET: name, AWS_REGION: region, AWS_ACCOUNT_ID: account } = settings
  const of = (operation: string) => ['s3api', operation, '--bucket', name, '--expected-bucket-owner', account]
  let where: { LocationConstraint?: string | null } | undefined
  try {
    where = await readAws(of('get-bucket-location'), /^(NoSuchBucket|404)\b/)
  } catch (error) {
    // The owner of a bucket is told by this alone; what is not ours answers that it may not be looked at.
    if (!(error instanceof Problem) || !/you may not/.test(error.message)) throw error
    throw new Problem(
      `bucket ${name} is not account ${account}'s, or you may not look at it (s3:GetBucketLocation)`,
      'Bucket names are shared by everybody: set LOG_BUCKET to another name, or ask for the right.',
      { cause: error },
    )
  }
  if (!where) return undefined
  const at = { '': 'us-east-1', EU: 'eu-west-1' }[where.LocationConstraint ?? ''] ?? where.LocationConstraint!
  if (at !== region) {
    throw new Problem(
      `bucket ${name} is in ${at}, not in ${region}`,
      'Set LOG_BUCKET to a name that is not taken: it is made in the region of the cluster. A bucket cannot be moved.',
    )
  }
  const [access, encryption, ownership, lifecycle, tags] = await allOrProblem(
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
    readAws<{ TagSet: Tag[] }>(of('get-bucket-tagging'), /^NoSuchTagSet/),
  )
  const rule = encryption?.ServerSideEncryptionConfiguration.Rules[0]?.ApplyServerSideEncryptionByDefault
  return {
    region: at,
    key: keyArn(settings, rule?.KMSMasterKeyID),
    encrypted: rule !== undefined,
    access: access?.PublicAccessBlockConfiguration,
    ownership: ownership?.OwnershipControls.Rules[0]?.ObjectOwnership,
    rules: lifecycle?.Rules ?? [],
    tags: tags?.TagSet ?? [],
  }
}

// A policy takes the ARN of a key alone, not its id or an alias of it.
function keyArn(settings: Settings, key: string | undefined): string | undefined {
  if (!key || key.includes(':key/')) return key
  const { AWS_REGION: region, AWS_ACCOUNT_ID: account } = settings
  return `arn:${partition(region)}:kms:${region}:${account}:key/${/alias\//.test(key) ? '*' : key}`
}

interface EncryptionRule {
  ApplyServerSideEncryptionByDefault?: { SSEAlgorithm: string; KMSMasterKeyID?: string }
}

/** The rules by which the bucket cleans itself: nothing of Prow deletes a log. */
export function rules(days: number): Rule[] {
  const expire = (prefix: string): Rule => ({
    ID: `prow-runbook-${prefix}`,
    Status: 'Enabled',
    Filter: { Prefix: `${prefix}/` },
    Expiration: { Days: days },
  })
  return [
    expire('logs'),
    expire('pr-logs'),
    {
      ID: 'prow-runbook-unfinished',
      Status: 'Enabled',
      Filter: { Prefix: '' },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    },
  ]
}

/** The rules of a bucket with ours among them, each known by its ID: a write replaces all that there are. */
export function withRules(now: Rule[], ours: Rule[]): Rule[] {
  const names = ours.map((one) => one.ID)
  return [...now.filter((one) => !names.includes(one.ID)), ...ours]
}

/** Makes the log bucket be there, private, encrypted, the owner's alone, and clean itself after LOG_DAYS. */
export async function ensureBucket(settings: Settings): Promise<Change> {
  const { plan } = currentRun()
  const { LOG_BUCKET: name, AWS_REGION: region, AWS_ACCOUNT_ID: account, LOG_DAYS: days } = settings
  const now = await readBucket(settings)
  const object = `bucket ${name}`
  const changes: Difference[] = []
  const put = async (operation: string, ...args: string[]) => {
    if (plan) return
    markWritten()
    const owner = operation === 'create-bucket' ? [] : ['--expected-bucket-owner', account]
    // What was made a moment ago is not known everywhere.
    await writeAws(['s3api', operation, '--bucket', name, ...owner, ...args], name, now ? undefined : /^NoSuchBucket/)
  }

  // Only when there is none: in us-east-1 a second one "succeeds" and takes the rights of the first away.
  if (!now) {
    // The one region where naming it is refused.
    const where = region === 'us-east-1' ? [] : ['--create-bucket-configuration', `LocationConstraint=${region}`]
    await put('create-bucket', ...where, '--object-ownership', 'BucketOwnerEnforced')
  }
  if (canonical(now?.access ?? {}) !== canonical(PRIVATE)) {
    changes.push({ object, path: 'public access block', before: now?.access && text(now.access), after: text(PRIVATE) })
    const all = Object.keys(PRIVATE).map((key) => `${key}=true`)
    await put('put-public-access-block', '--public-access-block-configuration', all.join(','))
  }
  if (!now?.encrypted) {
    changes.push({ object, path: 'encryption', after: 'AES256' })
    const rule = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] }
    await put('put-bucket-encryption', '--server-side-encryption-configuration', JSON.stringify(rule))
  }
  if (now && now.ownership !== 'BucketOwnerEnforced') {
    changes.push({ object, path: 'object ownership', before: now.ownership, after: 'BucketOwnerEnforced' })
    const rule = { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] }
    await put('put-bucket-ownership-controls', '--ownership-controls', JSON.stringify(rule))
  }
  const wanted = withRules(now?.rules ?? [], rules(days))
  if (canonical(now?.rules.map(plain) ?? []) !== canonical(wanted.map(plain))) {
    for (const rule of rules(days)) {
      const was = now?.rules.find((one) => one.ID === rule.ID)
      if (was && canonical(plain(was)) === canonical(plain(rule))) continue
      changes.push({ object, path: `rule ${rule.ID}`, before: was && text(plain(was)), after: text(plain(rule)) })
    }
    const rule = JSON.stringify({ Rules: wanted })
    await put('put-bucket-lifecycle-configuration', '--lifecycle-configuration', rule)
  }
  const adopted = now !== undefined && tagValue(now.tags, TAG) !== TAG_VALUE
  if (!now || adopted) {
    const ours = [{ Key: TAG, Value: TAG_VALUE }, ...(adopted ? [{ Key: TAG_ADOPTED, Value: 'true' }] : [])]
    const tags = [...(now?.tags ?? []).filter((tag) => !ours.some(({ Key }) => Key === tag.Key)), ...ours]
    changes.push({ object, path: `tag ${TAG}`, before: tagValue(now?.tags, TAG), after: TAG_VALUE })
    await put('put-bucket-tagging', '--tagging', JSON.stringify({ TagSet: tags }))
  }
  const kept = `${region}, logs for ${days} days`
  return change(now !== undefined, changes, adopted ? `was there, adopted; ${kept}` : kept)
}

function text(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value)
}

/** A rule as we compare it: S3 may put the prefix where it was before, and leave out what is empty. */
function plain(rule: Rule): Rule {
  const { Prefix, ...rest } = rule as Rule & { Prefix?: string }
  return { ...rest, Filter: { Prefix: rule.Filter?.Prefix ?? Prefix ?? '' } }
}
