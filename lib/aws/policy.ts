import { structuredPatch } from 'diff'
import type { Difference } from '../run/result.ts'

/** One statement of a policy of IAM. */
export interface Statement {
  Sid?: string
  Effect: 'Allow' | 'Deny'
  Action?: string | string[]
  Resource?: string | string[]
  Principal?: unknown
  Condition?: Record<string, Record<string, string | string[]>>
  [more: string]: unknown
}

/** A policy of IAM as a document. */
export interface Policy {
  Version: string
  Statement: Statement[]
}

/** A policy as AWS gave it: as a document or, from some versions of aws, as its encoded text. */
export function policyOf(given: unknown): Policy {
  const parsed =
    typeof given === 'string' ? JSON.parse(given.startsWith('%') ? decodeURIComponent(given) : given) : given
  const { Version = '2012-10-17', Statement: statements = [] } = (parsed ?? {}) as Partial<Policy>
  return { Version, Statement: ([] as Statement[]).concat(statements) }
}

/** The same meaning as one text: lists are sets, a single value is a list of one, and order says nothing. */
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
 * A trust policy with our statement in it: put in place of the one with our Sid, left as it is when another says the
 * same, else added. What others wrote is kept.
 */
export function withStatement(now: Policy | undefined, ours: Statement): Policy {
  const statements = now?.Statement ?? []
  const without = ({ Sid: _, ...rest }: Statement) => rest
  const mine = statements.findIndex((one) => one.Sid === ours.Sid)
  if (mine >= 0) {
    return { ...now!, Statement: statements.map((one, index) => (index === mine ? ours : one)) }
  }
  if (statements.some((one) => samePolicy(without(one), without(ours)))) return now!
  return { Version: now?.Version ?? '2012-10-17', Statement: [...statements, ours] }
}

/** The differing lines of two documents; none when they mean the same. */
export function policyDifferences(object: string, path: string, was: unknown, is: unknown): Difference[] {
  const [a, b] = [was === undefined ? '' : `${canonical(was)}\n`, `${canonical(is)}\n`]
  if (a === b) return []
  const lines = structuredPatch('', '', a, b, '', '', { context: 1 }).hunks.flatMap((hunk) => hunk.lines)
  return [{ object, path, lines: lines.filter((line) => !line.startsWith('\\')) }]
}

type Partition = 'aws' | 'aws-cn' | 'aws-us-gov'

/** What Prow's components may do in the log bucket. Nothing of Prow deletes; the bucket's own rules do. */
export function controllersPolicy(partition: Partition, bucket: string, key?: string): Policy {
  return {
    Version: '2012-10-17',
    Statement: [
      // Without it a missing log is "forbidden" instead of "not found", and Prow then writes nothing in its place.
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

/** What a job may do there: its pod's helpers write the log, and the job itself has this right too. */
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

/** Who may take a role: service accounts of one cluster, by its OIDC provider. */
export function trust(provider: string, subjects: string[]): Statement {
  const host = provider.slice(provider.indexOf(':oidc-provider/') + ':oidc-provider/'.length)
  return {
    Sid: 'ProwRunbook',
    Effect: 'Allow',
    Principal: { Federated: provider },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: {
      StringEquals: {
        // The same in China: the webhook of EKS asks for tokens with this audience everywhere.
        [`${host}:aud`]: 'sts.amazonaws.com',
        [`${host}:sub`]: subjects.map((one) => `system:serviceaccount:${one}`),
      },
    },
  }
}

function allow(
  Sid: string,
  Action: string | string[],
  Resource: string | string[] = '*',
  Condition?: Statement['Condition'],
): Statement {
  return { Sid, Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) }
}

/**
 * What the AWS Load Balancer Controller does: it reads the network, makes load balancers, target groups, listeners,
 * rules and security groups, and changes only those that carry this cluster's tag. The controller's own
 * docs/install/iam_policy.json (v3.5.0; iam_policy_cn.json and iam_policy_us-gov.json say the same) less WAF and
 * Shield: the Ingresses here use neither.
 */
export function loadBalancerPolicy(partition: Partition): Policy {
  const OWN = 'aws:ResourceTag/elbv2.k8s.aws/cluster'
  const ASKED = 'aws:RequestTag/elbv2.k8s.aws/cluster'
  const tagged = { Null: { [OWN]: 'false' } }
  const tagging = { Null: { [ASKED]: 'false' } }
  // Tags of what is the cluster's, but never the one that says so.
  const retagging = { Null: { [ASKED]: 'true', [OWN]: 'false' } }
  const elb = (kind: string) => `arn:${partition}:elasticloadbalancing:*:*:${kind}`
  const may = (...actions: string[]) => actions.map((action) => `elasticloadbalancing:${action}`)
  const groups = `arn:${partition}:ec2:*:*:security-group/*`
  const balancers = [elb('targetgroup/*/*'), elb('loadbalancer/net/*/*'), elb('loadbalancer/app/*/*')]
  const parts = ['listener', 'listener-rule'].flatMap((kind) => [elb(`${kind}/net/*/*/*`), elb(`${kind}/app/*/*/*`)])
  return {
    Version: '2012-10-17',
    Statement: [
      allow('FirstLoadBalancer', 'iam:CreateServiceLinkedRole', '*', {
        // Without .cn in China too.
        StringEquals: { 'iam:AWSServiceName': 'elasticloadbalancing.amazonaws.com' },
      }),
      allow('Look', [
        'acm:DescribeCertificate',
        'acm:ListCertificates',
        'cognito-idp:DescribeUserPoolClient',
        'ec2:DescribeAccountAttributes',
        'ec2:DescribeAddresses',
        'ec2:DescribeAvailabilityZones',
        'ec2:DescribeCoipPools',
        'ec2:DescribeInstances',
        'ec2:DescribeInternetGateways',
        'ec2:DescribeIpamPools',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeRouteTables',
        'ec2:DescribeSecurityGroups',
        'ec2:DescribeSubnets',
        'ec2:DescribeTags',
        'ec2:DescribeVpcPeeringConnections',
        'ec2:DescribeVpcs',
        'ec2:GetCoipPoolUsage',
        'ec2:GetSecurityGroupsForVpc',
        'elasticloadbalancing:Describe*',
        'iam:GetServerCertificate',
        'iam:ListServerCertificates',
      ]),
      allow('MakeSecurityGroups', 'ec2:CreateSecurityGroup'),
      allow('TagNewSecurityGroups', 'ec2:CreateTags', groups, {
        StringEquals: { 'ec2:CreateAction': 'CreateSecurityGroup' },
        ...tagging,
      }),
      allow('TagSecurityGroups', ['ec2:CreateTags', 'ec2:DeleteTags'], groups, retagging),
      // Also on the nodes' own groups, which carry no tag: that is how traffic gets from the balancer to the pods.
      allow('OpenSecurityGroups', ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress']),
      allow('RemoveSecurityGroups', 'ec2:DeleteSecurityGroup', '*', tagged),
      allow('MakeLoadBalancers', may('CreateLoadBalancer', 'CreateTargetGroup'), '*', tagging),
      allow(
        'Listeners',
        may(
          'CreateListener',
          'CreateRule',
          'DeleteListener',
          'DeleteRule',
          'AddListenerCertificates',
          'RemoveListenerCertificates',
          'ModifyListener',
          'ModifyRule',
          'SetRulePriorities',
        ),
      ),
      allow('TagNew', may('AddTags'), balancers, {
        StringEquals: { 'elasticloadbalancing:CreateAction': ['CreateTargetGroup', 'CreateLoadBalancer'] },
        ...tagging,
      }),
      allow('Tag', may('AddTags', 'RemoveTags'), balancers, retagging),
      allow('TagListeners', may('AddTags', 'RemoveTags'), parts),
      allow(
        'ChangeAndRemove',
        may(
          'DeleteLoadBalancer',
          'DeleteTargetGroup',
          'ModifyCapacityReservation',
          'ModifyIpPools',
          'ModifyListenerAttributes',
          'ModifyLoadBalancerAttributes',
          'ModifyTargetGroup',
          'ModifyTargetGroupAttributes',
          'SetIpAddressType',
          'SetSecurityGroups',
          'SetSubnets',
        ),
        '*',
        tagged,
      ),
      allow('Targets', may('DeregisterTargets', 'RegisterTargets'), elb('targetgroup/*/*')),
    ],
  }
}
