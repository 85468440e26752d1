import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCreatedForCluster, removeBucket, removeRecord, removeRole } from '../../../lib/aws/removal.ts'
import { clusterArn } from '../../../lib/aws/tags.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { EKS, settings } from '../world.ts'
import { ANSWERS } from './answers.ts'
import { type Answers, fakeAws, refusal } from './fake.ts'

const wanted = settings({ ...EKS, HOSTED_ZONE: 'example.com' })
const CREATED = [
  { Key: 'app.kubernetes.io/managed-by', Value: 'prow-runbook' },
  { Key: 'prow-runbook/cluster', Value: clusterArn(wanted) },
]
const ADOPTED = [...CREATED, { Key: 'prow-runbook/adopted', Value: 'true' }]

function aws(answers: Answers, plan = false): () => string[] {
  const log = fakeAws(wanted, answers, plan)
  currentRun().steps.push({
    step: 's',
    title: '',
    outcome: 'done',
    results: [],
    problems: [],
    seconds: 0,
    wrote: false,
  })
  return log
}
const outcomes = () => currentRun().steps[0]!.results.map(({ outcome }) => outcome)

test('only what the runbook created for this cluster is its own', () => {
  assert.ok(isCreatedForCluster(CREATED, wanted))
  // A bucket carries no cluster: its name is not shared.
  assert.ok(isCreatedForCluster(CREATED.slice(0, 1), wanted))
  assert.ok(!isCreatedForCluster(ADOPTED, wanted))
  assert.ok(!isCreatedForCluster([], wanted))
  assert.ok(!isCreatedForCluster(undefined, wanted))
  const other = { Key: 'prow-runbook/cluster', Value: 'arn:aws:eks:eu-west-1:123456789012:cluster/prow' }
  assert.ok(!isCreatedForCluster([CREATED[0]!, other], wanted))
})

test('a role is removed with its policies; an adopted one is kept', async () => {
  const role = (Tags: object[]) => ({ Role: { Arn: 'x', AssumeRolePolicyDocument: {}, Tags } })
  const log = aws({
    'get-role': role(CREATED),
    'list-role-policies': { PolicyNames: ['prow-logs'] },
    'list-attached-role-policies': { AttachedPolicies: [{ PolicyArn: 'arn:aws:iam::aws:policy/X' }] },
    'delete-role-policy': {},
    'detach-role-policy': {},
    'delete-role ': {},
  })
  await removeRole(wanted, 'prow-jobs')
  assert.deepEqual(
    log()
      .map((line) => line.split(' ')[1])
      .filter((operation) => /^(delete|detach)/.test(operation!)),
    ['delete-role-policy', 'detach-role-policy', 'delete-role'],
  )
  assert.deepEqual(outcomes(), ['removed'])
  const kept = aws({ 'get-role': role(ADOPTED) })
  await removeRole(wanted, 'prow-jobs')
  assert.deepEqual([kept().length, outcomes()], [1, ['skipped']])
  aws({ 'get-role': refusal('NoSuchEntity') })
  await removeRole(wanted, 'prow-jobs')
  assert.deepEqual(outcomes(), [])
})

test('the bucket is removed only when it is asked for, and under a plan nothing is', async () => {
  const bucket = { ...ANSWERS, 'get-bucket-tagging': { TagSet: CREATED.slice(0, 1) } }
  const kept = aws(bucket)
  await removeBucket(wanted, false)
  assert.ok(kept().every((line) => line.startsWith('s3api get-')))
  assert.deepEqual(outcomes(), ['skipped'])
  const planned = aws(bucket, true)
  await removeBucket(wanted, true)
  assert.ok(planned().every((line) => line.startsWith('s3api get-')))
  assert.deepEqual(outcomes(), ['would remove'])
  const log = aws({ ...bucket, 's3 rm': {}, 'delete-bucket': {} })
  await removeBucket(wanted, true)
  assert.deepEqual(
    log()
      .slice(-2)
      .map((line) => line.split(' ')[1]),
    ['rm', 'delete-bucket'],
  )
})

test('of the records of the host only those to load balancers that are removed', async () => {
  const set = (value: string) => ({
    Name: 'prow.example.com.',
    Type: 'CNAME',
    TTL: 300,
    ResourceRecords: [{ Value: value }],
  })
  const answers = (value: string): Answers => ({
    'list-hosted-zones-by-name': { HostedZones: [{ Id: '/hostedzone/Z1', Name: 'example.com.' }] },
    'list-resource-record-sets': { ResourceRecordSets: [set(value)] },
    'change-resource-record-sets': {},
  })
  const log = aws(answers('One.elb.amazonaws.com.'))
  await removeRecord(wanted, ['one.elb.amazonaws.com'])
  assert.match(log().at(-1)!, /"Action":"DELETE"/)
  const kept = aws(answers('elsewhere.example.com'))
  await removeRecord(wanted, ['one.elb.amazonaws.com'])
  assert.ok(kept().every((line) => !line.includes('change-')))
  const none = aws({})
  await removeRecord(wanted, [])
  assert.deepEqual(none(), [])
})
