import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { structuredPatch } from 'diff'
import { ROOT } from '../base/paths.ts'
import type { Difference } from '../run/result.ts'

/** One statement of an IAM policy. */
export interface Statement {
  Sid?: string
  Effect: 'Allow' | 'Deny'
  Action?: string | string[]
  Resource?: string | string[]
  Principal?: unknown
  Condition?: Record<string, Record<string, string | string[]>>
  [more: string]: unknown
}

/** An IAM policy document. */
export interface Policy {
  Version: string
  Statement: Statement[]
}

/** A policy as AWS answers it: a document or, from some versions of aws, its URL-encoded text. */
export function policyOf(given: unknown): Policy {
  const parsed =
    typeof given === 'string' ? JSON.parse(given.startsWith('%') ? decodeURIComponent(given) : given) : given
  const { Version = '2012-10-17', Statement: statements = [] } = (parsed ?? {}) as Partial<Policy>
  return { Version, Statement: ([] as Statement[]).concat(statements) }
}

/** A text that is equal for policies of equal meaning: a list is a set, and a single value is a list of one. */
export function canonical(value: unknown): string {
  const walk = (one: unknown): unknown => {
    if (Array.isArray(one)) {
      const sorted = unique(one.map((each) => walk(each)).sort((a, b) => compare(JSON.stringify(a), JSON.stringify(b))))
      return sorted.length === 1 && typeof sorted[0] !== 'object' ? sorted[0] : sorted
    }
    if (typeof one === 'object' && one !== null) {
      return Object.fromEntries(
        Object.entries(one)
          .sort(([a], [b]) => compare(a, b))
          .map(([key, each]) => [key, walk(each)]),
      )
    }
    return one
  }
  return JSON.stringify(walk(value), null, 2)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function unique(values: unknown[]): unknown[] {
  return values.filter((one, index) => index === 0 || JSON.stringify(one) !== JSON.stringify(values[index - 1]))
}

/** Whether two documents mean the same. */
export function samePolicy(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

/**
 * A policy with `wanted` in it: in place of the statement with the same Sid; unchanged when another statement means the
 * same; else added. All other statements are kept.
 */
export function withStatement(now: Policy | undefined, wanted: Statement): Policy {
  const statements = now?.Statement ?? []
  const withoutSid = ({ Sid: _, ...rest }: Statement) => rest
  const same = statements.findIndex((one) => one.Sid === wanted.Sid)
  if (same >= 0) return { ...now!, Statement: statements.with(same, wanted) }
  if (statements.some((one) => samePolicy(withoutSid(one), withoutSid(wanted)))) return now!
  return { Version: now?.Version ?? '2012-10-17', Statement: [...statements, wanted] }
}

/** The differing lines of two documents; none when they mean the same. */
export function policyDifferences(object: string, path: string, before: unknown, after: unknown): Difference[] {
  const [old, wanted] = [before === undefined ? '' : `${canonical(before)}\n`, `${canonical(after)}\n`]
  if (old === wanted) return []
  const lines = structuredPatch('', '', old, wanted, '', '', { context: 1 }).hunks.flatMap((hunk) => hunk.lines)
  return [{ object, path, lines: lines.filter((line) => !line.startsWith('\\')) }]
}

type Partition = 'aws' | 'aws-cn' | 'aws-us-gov'

/** What Prow's components may do in the log bucket. None of them deletes: the bucket's expiry rules do. `key` is a KMS key's ARN. */
export function controllersPolicy(partition: Partition, bucket: string, key?: string): Policy {
  return {
    Version: '2012-10-17',
    Statement: [
      // Without it S3 answers 403 for an object that does not exist, and Prow takes that for a failure.
      { Sid: 'List', Effect: 'Allow', Action: ['s3:ListBucket'], Resource: [`arn:${partition}:s3:::${bucket}`] },
      {
        Sid: 'ReadAndWrite',
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'],
        Resource: [`arn:${partition}:s3:::${bucket}/*`],
      },
      ...encryption(key, ['kms:Decrypt', 'kms:GenerateDataKey']),
    ],
  }
}

/** What a job pod may do there: upload its log. The job's own containers have the same role, so it reads nothing. */
export function jobsPolicy(partition: Partition, bucket: string, key?: string): Policy {
  const below = ['logs', 'pr-logs'].map((prefix) => `arn:${partition}:s3:::${bucket}/${prefix}/*`)
  return {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'WriteLogs', Effect: 'Allow', Action: ['s3:PutObject', 's3:AbortMultipartUpload'], Resource: below },
      ...encryption(key, ['kms:Decrypt', 'kms:GenerateDataKey']),
    ],
  }
}

function encryption(key: string | undefined, actions: string[]): Statement[] {
  return key ? [{ Sid: 'Encryption', Effect: 'Allow', Action: actions, Resource: [key] }] : []
}

/** The host and path of an OIDC provider's URL, by its ARN. */
export function providerHost(arn: string): string {
  return arn.slice(arn.indexOf(':oidc-provider/') + ':oidc-provider/'.length)
}

/** The statement that lets service accounts of one cluster assume a role, by the ARN of the cluster's OIDC provider. */
export function trust(provider: string, serviceAccounts: string[]): Statement {
  const host = providerHost(provider)
  return {
    Sid: 'ProwRunbook',
    Effect: 'Allow',
    Principal: { Federated: provider },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: {
      StringEquals: {
        // Without .cn in China too: EKS's webhook requests tokens for this audience everywhere.
        [`${host}:aud`]: 'sts.amazonaws.com',
        [`${host}:sub`]: serviceAccounts.map((one) => `system:serviceaccount:${one}`),
      },
    },
  }
}

/**
 * What the AWS Load Balancer Controller may do: read the network; create load balancers, target groups and security
 * groups; change only those with this cluster's tag. The file is the controller's own docs/install/iam_policy.json
 * (v3.5.0) without WAF and Shield, which Prow's Ingresses do not use, and with every Describe of load balancers; `diff`
 * shows it. Upstream's files for the other partitions differ in the ARNs alone.
 */
export function loadBalancerPolicy(partition: Partition): Policy {
  const text = readFileSync(join(ROOT, 'manifests/aws/load-balancer-policy.json'), 'utf8')
  return policyOf(JSON.parse(text.replaceAll('arn:aws:', `arn:${partition}:`)))
}
