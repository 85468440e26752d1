import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureRole, findRole, type RoleSpec, roleProblems } from '../../../lib/aws/iam.ts'
import { controllersPolicy, trust } from '../../../lib/aws/policy.ts'
import { clusterArn } from '../../../lib/aws/tags.ts'
import { EKS, settings } from '../world.ts'
import { type Answers, fakeAws, refusal } from './fake.ts'

const PROVIDER = 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/A'
const POLICIES = ['arn:aws:iam::aws:policy/Newer', 'arn:aws:iam::aws:policy/service-role/Older']
const TRUST = { Version: '2012-10-17', Statement: [trust(PROVIDER, ['prow:crier'])] }
const TAGS = [
  { Key: 'app.kubernetes.io/managed-by', Value: 'prow-runbook' },
  { Key: 'prow-runbook/cluster', Value: clusterArn(settings(EKS)) },
]

const ROLE: RoleSpec = {
  name: 'r',
  description: 'd',
  serviceAccounts: ['prow:crier'],
  policy: { name: 'p', document: controllersPolicy('aws', 'my-logs') },
}
const MANAGED: RoleSpec = { name: 'r', description: 'd', serviceAccounts: ['prow:crier'], managed: POLICIES }

const ANSWERS: Answers = {
  'describe-cluster': {
    cluster: { identity: { oidc: { issuer: 'https://oidc.eks.eu-central-1.amazonaws.com/id/A' } } },
  },
  'get-role ': { Role: { Arn: 'x', AssumeRolePolicyDocument: TRUST, Tags: TAGS } },
  'get-role-policy': { PolicyDocument: ROLE.policy!.document },
  'list-attached-role-policies': { AttachedPolicies: [{ PolicyArn: POLICIES[1] }] },
}

const aws = (more: Answers = {}, plan = false) => fakeAws(settings(EKS), { ...more, ...ANSWERS, ...more }, plan)

test('a role that is as wanted has no problems and is not written', async () => {
  for (const role of [ROLE, MANAGED]) {
    const log = aws()
    assert.deepEqual(await roleProblems(settings(EKS), role), [])
    assert.equal((await ensureRole(settings(EKS), role)).outcome, 'unchanged')
    assert.ok(log().every((line) => /describe-cluster|iam (get|list)-/.test(line)))
  }
})

test('what a role lacks is named', async () => {
  const problems = async (role: RoleSpec, more: Answers) => {
    aws(more)
    return (await roleProblems(settings(EKS), role)).join('; ')
  }
  assert.equal(await problems(ROLE, { 'get-role ': refusal('NoSuchEntity') }), 'role r does not exist')
  const other = { Role: { Arn: 'x', AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } } }
  assert.match(
    await problems(ROLE, { 'get-role ': other }),
    /trust policy of role r differs: prow:crier cannot assume it/,
  )
  assert.match(await problems(ROLE, { 'get-role-policy': refusal('NoSuchEntity') }), /policy p of role r is missing/)
  assert.match(await problems(ROLE, { 'get-role-policy': { PolicyDocument: TRUST } }), /policy p of role r differs/)
  assert.match(
    await problems(MANAGED, { 'list-attached-role-policies': { AttachedPolicies: [] } }),
    /role r has no Newer or Older/,
  )
})

test('a role that does not exist is one question, and what IAM answers when it is created is not asked again', async () => {
  const created = { Role: { Arn: 'x', AssumeRolePolicyDocument: TRUST, Tags: TAGS } }
  const log = aws({ 'get-role ': refusal('NoSuchEntity'), 'create-role': created, 'put-role-policy': {} })
  assert.equal(await findRole(settings(EKS), ROLE), false)
  assert.equal((await ensureRole(settings(EKS), ROLE)).outcome, 'created')
  assert.deepEqual(await roleProblems(settings(EKS), ROLE), [])
  assert.deepEqual(
    log()
      .filter((line) => line.startsWith('iam'))
      .map((line) => line.split(' ')[1]),
    ['get-role', 'create-role', 'put-role-policy'],
  )
})

test('a role of another cluster is refused before anything is written', async () => {
  const Tags = [{ Key: 'prow-runbook/cluster', Value: 'arn:aws:eks:eu-west-1:123456789012:cluster/prow' }]
  const log = aws({ 'get-role ': { Role: { Arn: 'x', AssumeRolePolicyDocument: TRUST, Tags } } })
  await assert.rejects(findRole(settings(EKS), ROLE), /role r belongs to another cluster, arn:aws:eks:eu-west-1/)
  await assert.rejects(ensureRole(settings(EKS), ROLE), /role r belongs to another cluster, arn:aws:eks:eu-west-1/)
  assert.ok(log().every((line) => !/tag-role|put-role|update-/.test(line)))
})

test('a role that existed is adopted: its statements stay, and its tags show it', async () => {
  const theirs = { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }
  const document = { Version: '2012-10-17', Statement: [theirs] }
  const log = aws({
    'get-role ': { Role: { Arn: 'x', AssumeRolePolicyDocument: document } },
    'update-assume-role-policy': {},
    'tag-role': {},
  })
  const { outcome, note } = await ensureRole(settings(EKS), ROLE)
  assert.deepEqual([outcome, note], ['changed', 'existed, adopted'])
  const lines = log()
  assert.match(lines.find((line) => line.includes('update-assume'))!, /ec2\.amazonaws\.com.*oidc\.eks/)
  assert.match(lines.find((line) => line.includes('tag-role'))!, /prow-runbook\/adopted,Value=true/)
})

test('where a partition lacks the newer policy the older one is attached, by the code of the error', async () => {
  const none = { 'list-attached-role-policies': { AttachedPolicies: [] } }
  const missing = refusal('NoSuchEntity', `Policy ${POLICIES[0]} does not exist or is not attachable.`)
  const log = aws({ ...none, [`--policy-arn ${POLICIES[0]}`]: missing, [`--policy-arn ${POLICIES[1]}`]: {} })
  const { differences } = await ensureRole(settings(EKS), MANAGED)
  assert.deepEqual(differences, [{ object: 'role r', path: 'attached policy', after: POLICIES[1] }])
  assert.equal(log().filter((line) => line.includes('attach-role-policy')).length, 2)

  // Another error that only mentions that code.
  const other = aws({ ...none, [`--policy-arn ${POLICIES[0]}`]: refusal('ServiceFailure', 'after NoSuchEntity') })
  await assert.rejects(ensureRole(settings(EKS), MANAGED), /ServiceFailure/)
  assert.equal(other().filter((line) => line.includes('attach-role-policy')).length, 1)
})

test('a plan writes nothing and shows the differing lines', async () => {
  const wider = { ...ROLE.policy!.document, Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }
  const log = aws({ 'get-role-policy': { PolicyDocument: wider } }, true)
  const { outcome, differences } = await ensureRole(settings(EKS), ROLE)
  assert.equal(outcome, 'would change')
  assert.ok(differences[0]?.lines?.some((line) => line.startsWith('-') && line.includes('s3:*')))
  assert.ok(log().every((line) => !/put-role|tag-role|update-/.test(line)))
})
