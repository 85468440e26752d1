import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessOf, findDeny, isAllowed, readRoleRights, statementsAbout } from '../../../lib/aws/permissions.ts'
import type { Policy, Statement } from '../../../lib/aws/policy.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws, refusal } from './fake.ts'

const PUT = { action: 's3:PutObject', resource: 'arn:aws:s3:::logs/pr-logs/any' }
const policy = (...statements: Statement[]) => [{ label: 'p', statements }]

test('patterns: actions in any case, * and ?, NotAction and NotResource', () => {
  const allows = (more: Partial<Statement>) =>
    isAllowed(policy({ Effect: 'Allow', Action: 's3:PutObject', Resource: '*', ...more }), PUT)
  assert.ok(allows({}))
  assert.ok(allows({ Action: ['S3:putobject'] }))
  assert.ok(allows({ Action: '*' }))
  assert.ok(allows({ Action: 's3:Put*', Resource: 'arn:aws:s3:::logs/??-logs/*' }))
  assert.ok(!allows({ Action: 's3:PutObjectAcl' }))
  assert.ok(!allows({ Resource: 'arn:aws:s3:::logs/logs/*' }))
  // A dot is no pattern.
  assert.ok(
    !isAllowed(policy({ Effect: 'Allow', Action: 's3:PutObject', Resource: 'a.b' }), { ...PUT, resource: 'axb' }),
  )
  assert.ok(allows({ Action: undefined, NotAction: 'iam:*' }))
  assert.ok(!allows({ Action: undefined, NotAction: ['s3:*'] }))
  assert.ok(!allows({ Resource: undefined, NotResource: 'arn:aws:s3:::logs/*' }))
})

test('a condition: what it allows may be allowed, what it denies may not be denied', () => {
  const Condition = { Bool: { 'aws:SecureTransport': 'false' } }
  assert.ok(isAllowed(policy({ Effect: 'Allow', Action: 's3:*', Resource: '*', Condition }), PUT))
  assert.equal(findDeny(policy({ Effect: 'Deny', Action: 's3:*', Resource: '*', Condition }), PUT), undefined)
  assert.equal(findDeny(policy({ Effect: 'Deny', Action: 's3:*', Resource: '*' }), PUT)?.label, 'p')
})

test('the statements of a bucket policy about a role', () => {
  const all = { Effect: 'Deny', Principal: '*' } as Statement
  const everybody = { Effect: 'Deny', Principal: { AWS: '*' } } as Statement
  const role = { Effect: 'Deny', Principal: { AWS: ['other', 'role'] } } as Statement
  const others = { Effect: 'Deny', Principal: { Service: 'x' } } as Statement
  const except = { Effect: 'Deny', NotPrincipal: { AWS: 'admin' } } as Statement
  const given: Policy = { Version: '1', Statement: [all, everybody, role, others, except] }
  assert.deepEqual(statementsAbout(given, 'role'), [all, everybody, role])
})

test('what a policy allows, an action and a resource each', () => {
  const given: Policy = {
    Version: '1',
    Statement: [
      { Effect: 'Allow', Action: ['a', 'b'], Resource: ['x/*'] },
      { Effect: 'Deny', Action: 'c', Resource: '*' },
    ],
  }
  assert.deepEqual(accessOf(given), [
    { action: 'a', resource: 'x/any' },
    { action: 'b', resource: 'x/any' },
  ])
})

test('a role is read with its inline and attached policies and its boundary; one that does not exist is none', async () => {
  const document = (Action: string) => ({ Version: '1', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] })
  const boundary = { PermissionsBoundaryArn: 'arn:b' }
  fakeAws(settings(EKS), {
    'get-role --role-name r': { Role: { Arn: 'arn:r', AssumeRolePolicyDocument: {}, PermissionsBoundary: boundary } },
    'list-role-policies': { PolicyNames: ['prow-logs', 'guard'] },
    '--policy-name prow-logs': { PolicyDocument: document('s3:1') },
    '--policy-name guard': { PolicyDocument: document('s3:2') },
    'list-attached-role-policies': { AttachedPolicies: [{ PolicyArn: 'arn:a' }] },
    'get-policy --policy-arn': { Policy: { DefaultVersionId: 'v2' } },
    'get-policy-version --policy-arn arn:a --version-id v2': { PolicyVersion: { Document: document('s3:3') } },
    'get-policy-version --policy-arn arn:b --version-id v2': { PolicyVersion: { Document: document('s3:4') } },
  })
  const found = await readRoleRights('r', 'prow-logs')
  assert.deepEqual(
    found!.policies.map(({ label, statements }) => [label, statements[0]!.Action]),
    [
      ['inline policy prow-logs', 's3:1'],
      ['inline policy guard', 's3:2'],
      ['attached policy arn:a', 's3:3'],
    ],
  )
  assert.deepEqual(
    [found!.boundary?.label, found?.boundary?.statements[0]?.Action],
    ['permissions boundary arn:b', 's3:4'],
  )
  fakeAws(settings(EKS), { 'iam ': refusal('NoSuchEntity') })
  assert.equal(await readRoleRights('r', 'prow-logs'), undefined)
})
