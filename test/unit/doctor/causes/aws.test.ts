import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Policy, Statement } from '../../../../lib/aws/policy.ts'
import type { AwsEvidence } from '../../../../lib/doctor/aws-evidence.ts'
import { awsRows } from '../../../../lib/doctor/causes/aws.ts'
import type { KubeObject } from '../../../../lib/kubernetes/manifests.ts'
import { aws, BUCKET, changed, cluster, diagnose, evidence, KEY, PROVIDER, roles, withPolicy } from '../eks.ts'

async function find(more: Partial<AwsEvidence> = {}, objects?: KubeObject[]) {
  return diagnose(awsRows, evidence({ aws: aws(more), objects }))
}
const ids = async (...given: Parameters<typeof find>) => (await find(...given)).map(({ id }) => id)
const deny = (more: Partial<Statement> = {}): Statement => ({ Effect: 'Deny', Action: 's3:*', Resource: '*', ...more })
const controllers = () => roles().get('prow-controllers')!
const jobs = () => roles().get('prow-jobs')!

test('a healthy account has no finding, nor has what was not read', async () => {
  assert.deepEqual(await find(), [])
  const nothing = { oidc: undefined, bucket: undefined, roles: undefined, volumes: undefined }
  assert.deepEqual(await ids({ ...nothing, certificate: undefined, dns: undefined, targets: undefined }), [])
})

test('a bucket that does not exist, is in another region, is open, or keeps logs for ever', async () => {
  assert.deepEqual(await ids({ bucket: {} }), ['PRW-AWS-001'])
  const [elsewhere] = await find({ bucket: { region: 'us-east-1' } })
  assert.deepEqual([elsewhere?.id, elsewhere?.object], ['PRW-AWS-002', 'bucket my-logs'])
  assert.match(elsewhere!.message, /is in us-east-1, and Prow's components ask for it in eu-central-1/)
  const [open] = await find({ bucket: { region: 'eu-central-1', bucket: { ...BUCKET, access: {}, rules: [] } } })
  assert.deepEqual([open?.id, open?.outcome], ['PRW-AWS-003', 'warning'])
  assert.match(open!.message, /may become public[^\n]*\nbucket my-logs has no rule prow-runbook-logs/)
})

test('a policy of the bucket denies a role; one under a condition, or for others, does not', async () => {
  const bucket = (...Statement: Statement[]) => ({
    bucket: { region: 'eu-central-1', bucket: BUCKET, policy: { Version: '1', Statement } as Policy },
  })
  const [found] = await find(bucket(deny({ Principal: '*', Action: 's3:PutObject' })))
  assert.equal(found?.id, 'PRW-AWS-004')
  assert.match(found!.message, /the policy of bucket my-logs denies s3:PutObject on arn:aws:s3:::my-logs\/\S*\*/)
  assert.deepEqual(await ids(bucket(deny({ Principal: { AWS: [jobs().arn] } }))), ['PRW-AWS-004'])
  for (const statement of [
    deny({ Principal: '*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    deny({ Principal: { AWS: 'arn:aws:iam::123456789012:role/other' } }),
    deny({ Principal: '*', Action: 's3:DeleteObject' }),
    deny({ Principal: '*', NotAction: 's3:*', Action: undefined }),
  ])
    assert.deepEqual(await ids(bucket(statement)), [], JSON.stringify(statement))
})

test('an OIDC provider that is missing or has another audience', async () => {
  assert.deepEqual(await ids({ oidc: { arn: PROVIDER } }), ['PRW-AWS-010'])
  const [found] = await find({ oidc: { arn: PROVIDER, audiences: ['sts.amazonaws.com.cn'] } })
  assert.match(found!.message, /lacks the audience sts\.amazonaws\.com:/)
})

test('a role that is missing, and one whose trust policy admits others', async () => {
  const gone = await find({ roles: new Map([...roles(), ['prow-jobs', undefined as never]]) })
  assert.deepEqual(
    gone.map(({ id, object, message }) => [id, object, message.split(': ')[1]]),
    [['PRW-AWS-011', 'role prow-prow-jobs', 'job pods cannot upload their logs']],
  )
  const other = JSON.parse(JSON.stringify(controllers()).replaceAll('oidc.eks.eu-central-1', 'oidc.eu-central-1.eks'))
  const [found] = await find({ roles: new Map([...roles(), ['prow-controllers', other]]) })
  assert.equal(found?.id, 'PRW-AWS-012')
  assert.match(found!.message, /does not admit prow:crier, prow:deck/)
  assert.match(found!.evidence!, /- .*oidc\.eu-central-1\.eks.* {2}\+ .*oidc\.eks\.eu-central-1/)
})

test('a Deny of an inline or an attached policy is named, with the line that removes it', async () => {
  const inline = withPolicy(jobs(), 'inline policy guard', deny({ Resource: 'arn:aws:s3:::my-logs/pr-logs/*' }))
  const [found] = await find({ roles: new Map([...roles(), ['prow-jobs', inline]]) })
  assert.equal(found?.id, 'PRW-AWS-013')
  assert.match(found!.message, /^inline policy guard of role prow-prow-jobs denies s3:PutObject on \S+\/pr-logs\/\*/)
  assert.match(found!.remedy, /: aws iam delete-role-policy --role-name prow-prow-jobs --policy-name guard$/)
  const attached = withPolicy(controllers(), 'attached policy arn:aws:iam::1:policy/guard', deny({ Action: 's3:Get*' }))
  const [second] = await find({ roles: new Map([...roles(), ['prow-controllers', attached]]) })
  assert.match(second!.remedy, /detach-role-policy .* --policy-arn arn:aws:iam::1:policy\/guard$/)
  // A Deny about the logs alone is about Deck and crier too.
  const logs = withPolicy(controllers(), 'inline policy logs', deny({ Resource: 'arn:aws:s3:::my-logs/logs/*' }))
  assert.deepEqual(await ids({ roles: new Map([...roles(), ['prow-controllers', logs]]) }), ['PRW-AWS-013'])
  for (const statement of [deny({ Action: 's3:Delete*' }), deny({ Resource: 'arn:aws:s3:::other/*' })]) {
    const harmless = withPolicy(jobs(), 'inline policy guard', statement)
    assert.deepEqual(await ids({ roles: new Map([...roles(), ['prow-jobs', harmless]]) }), [])
  }
})

test('a permissions boundary that does not allow what the role needs', async () => {
  const boundary = (Action: string) => ({
    ...jobs(),
    boundary: {
      label: 'permissions boundary arn:aws:iam::1:policy/b',
      statements: [{ Effect: 'Allow', Action, Resource: '*' } as Statement],
    },
  })
  const [found] = await find({ roles: new Map([...roles(), ['prow-jobs', boundary('s3:Get*')]]) })
  assert.equal(found?.id, 'PRW-AWS-014')
  assert.match(
    found!.message,
    /permissions boundary arn:aws:iam::1:policy\/b of role prow-prow-jobs does not allow s3:PutObject/,
  )
  assert.deepEqual(await ids({ roles: new Map([...roles(), ['prow-jobs', boundary('s3:*')]]) }), [])
})

test('a role without its permissions, and one that may not use the key of the bucket', async () => {
  const empty = { ...jobs(), policies: [] }
  const [found] = await find({ roles: new Map([...roles(), ['prow-jobs', empty]]) })
  assert.equal(found?.id, 'PRW-AWS-015')
  assert.match(found!.message, /role prow-prow-jobs lacks s3:PutObject, s3:AbortMultipartUpload: job pods cannot/)
  const bucket = { region: 'eu-central-1', bucket: BUCKET, key: KEY }
  const keys = await find({ bucket })
  // One cause, of both roles.
  assert.deepEqual(
    keys.map(({ id, object, also }) => [id, object, also]),
    [['PRW-AWS-016', 'role prow-prow-controllers', ['role prow-prow-jobs']]],
  )
  assert.match(keys[0]!.message, /may not use the KMS key that encrypts bucket my-logs/)
  assert.deepEqual(await ids({ bucket, roles: roles(KEY) }), [])
})

test('a ServiceAccount without its role, and pods that are older than the annotation', async () => {
  const account = cluster().find(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === 'prow-jobs')!
  const bare = { ...account, metadata: { name: 'prow-jobs', namespace: 'test-pods' } }
  const [found] = await find({}, changed(bare))
  assert.deepEqual([found?.id, found?.object], ['PRW-AWS-020', 'ServiceAccount test-pods/prow-jobs'])
  assert.match(found!.message, /names no role: its pods act as their node, and job pods cannot upload/)
  const pod = cluster().find(({ kind, metadata }) => kind === 'Pod' && metadata.name === 'crier-1')!
  const old = { ...pod, spec: { containers: [{ name: 'crier' }] } }
  assert.deepEqual(await ids({}, changed(old)), ['PRW-AWS-021'])
  // The reason is shown first, and the pods follow from it.
  const crier = cluster().find(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === 'crier')!
  const both = await find({}, changed(old, { ...crier, metadata: { name: 'crier', namespace: 'prow' } }))
  assert.deepEqual([both.map(({ id }) => id), both[0]?.consequences.length], [['PRW-AWS-020'], 1])
})

test('an add-on that is missing or DEGRADED, with its issue and a remedy that is no circle', async () => {
  assert.deepEqual(await ids({ volumes: { source: { kind: 'add-on' }, roleProblems: [] } }), ['PRW-AWS-030'])
  const health = {
    issues: [{ code: 'AccessDenied', message: 'not authorized to perform sts:AssumeRoleWithWebIdentity' }],
  }
  const addon = { status: 'DEGRADED', addonVersion: 'v1', health }
  const degraded = async (roleProblems: string[]) =>
    (await find({ volumes: { source: { kind: 'add-on', addon }, roleProblems } }))[0]!
  const role = await degraded(['role prow-ebs-csi-driver does not exist'])
  assert.match(role.message, /is DEGRADED\nAccessDenied: not authorized.*\nrole prow-ebs-csi-driver does not exist/)
  assert.match(role.remedy, /07-ebs-csi/)
  const right = await degraded([])
  assert.match(right.remedy, /rollout restart deployment\/ebs-csi-controller/)
  assert.doesNotMatch(right.remedy, /07-ebs-csi/)
  for (const source of [{ kind: 'auto' }, { kind: 'self-managed' }] as const)
    assert.deepEqual(await ids({ volumes: { source, roleProblems: [] } }), [])
  const updating = { kind: 'add-on', addon: { ...addon, status: 'UPDATING' } } as const
  assert.deepEqual(await ids({ volumes: { source: updating, roleProblems: [] } }), [])
})
