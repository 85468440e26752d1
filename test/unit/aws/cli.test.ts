import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rules, withRules } from '../../../lib/aws/bucket.ts'
import { matchesHost } from '../../../lib/aws/certificate.ts'
import { awsProblem, parseError } from '../../../lib/aws/cli.ts'
import { principalArn } from '../../../lib/aws/eks.ts'
import {
  canonical,
  controllersPolicy,
  jobsPolicy,
  loadBalancerPolicy,
  policyDifferences,
  policyOf,
  type Statement,
  samePolicy,
  trust,
  withStatement,
} from '../../../lib/aws/policy.ts'

const said = (text: string, args = ['iam', 'create-role']) => awsProblem(args, text).findings[0]!

test('a refusal is read from the words of version 1 and version 2 alike', () => {
  const one = '\nAn error occurred (NoSuchEntity) when calling the GetRole operation: Role x not found\n'
  const two = '\naws: [ERROR]: An error occurred (NoSuchEntity) when calling the GetRole operation: Role x not found\n'
  for (const text of [one, two]) {
    assert.deepEqual(parseError(text), { code: 'NoSuchEntity', operation: 'GetRole', message: 'Role x not found' })
  }
  const tried = 'An error occurred (404) when calling the HeadBucket operation (reached max retries: 4): Not Found'
  assert.equal(parseError(tried)?.code, '404')
  assert.equal(parseError(tried)?.message, 'Not Found')
  assert.equal(parseError('Unable to locate credentials'), undefined)
})

test('what aws says becomes one sentence and something to do', () => {
  const rows: [text: string, message: RegExp][] = [
    [
      'An error occurred (ExpiredToken) when calling the GetRole operation: The security token expired',
      /credentials have expired/,
    ],
    [
      'An error occurred (ExpiredTokenException) when calling the GetCallerIdentity operation: x',
      /credentials have expired/,
    ],
    ['Error when retrieving token from sso: Token has expired and refresh failed', /credentials have expired/],
    ['The SSO session associated with this profile has expired or is otherwise invalid.', /credentials have expired/],
    ['Unable to locate credentials. You can configure credentials by running "aws configure".', /no credentials/],
    ['The config profile (work) could not be found', /no profile work/],
    ['aws: [ERROR]: The config profile (work) could not be found', /no profile work/],
    ['You must specify a region. You can also configure your region by running "aws configure".', /no region/],
    ['An error occurred (ThrottlingException) when calling the X operation: Rate exceeded', /fewer calls/],
    ['Could not connect to the endpoint URL: "https://eks.eu-nowhere-1.amazonaws.com/"', /cannot be reached/],
    ['aws: error: argument operation: Invalid choice, valid choices are:', /too old/],
  ]
  for (const [text, message] of rows) assert.match(said(text).message, message, text)
})

test('a right that is lacking is named, in the words of AWS or by the call', () => {
  const long =
    'An error occurred (AccessDenied) when calling the CreateRole operation: User: a is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::1:role/x because no identity-based policy allows it'
  assert.equal(said(long).message, 'you may not iam:CreateRole on arn:aws:iam::1:role/x')
  const short = 'An error occurred (403) when calling the HeadBucket operation: Forbidden'
  assert.equal(said(short, ['s3api', 'head-bucket']).message, 'you may not s3:HeadBucket')
  const scp = `${long} with an explicit deny in a service control policy`
  assert.match(said(scp).message, /service control policy denies it/)
})

test('policies are compared by meaning', () => {
  assert.ok(samePolicy({ Action: ['a', 'b'] }, { Action: ['b', 'a'] }))
  assert.ok(samePolicy({ Action: 'a' }, { Action: ['a'] }))
  assert.ok(samePolicy({ A: 1, B: [{ y: 1 }, { x: 1 }] }, { B: [{ x: 1 }, { y: 1 }], A: 1 }))
  assert.ok(!samePolicy({ Action: ['a'] }, { Action: ['a', 'b'] }))
  assert.equal(canonical({ A: ['x', 'x'] }), canonical({ A: ['x'] }))
  assert.deepEqual(policyDifferences('role r', 'p', { A: ['b', 'a'] }, { A: ['a', 'b'] }), [])
  const [one] = policyDifferences('role r', 'p', { A: 'a' }, { A: 'b' })
  assert.ok(one?.lines?.includes('-  "A": "a"') && one.lines.includes('+  "A": "b"'))
})

test('a policy comes as a document or as its encoded text, its statement as a list or alone', () => {
  const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'a' }] }
  assert.deepEqual(policyOf(encodeURIComponent(JSON.stringify(document))), document)
  assert.deepEqual(policyOf({ ...document, Statement: document.Statement[0] }), document)
})

test('our statement is put into a trust policy, what others wrote stays', () => {
  const ours = trust('arn:aws:iam::1:oidc-provider/oidc.eks.r.amazonaws.com/id/A', ['prow:deck', 'prow:crier'])
  const theirs: Statement = { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }
  const merged = withStatement({ Version: '2012-10-17', Statement: [theirs] }, ours)
  assert.deepEqual(merged.Statement, [theirs, ours])
  assert.deepEqual(withStatement(merged, ours), merged)
  // The same by hand, without our name on it, is enough.
  const { Sid: _, ...unnamed } = ours
  assert.deepEqual(withStatement({ Version: '2012-10-17', Statement: [unnamed] }, ours).Statement, [unnamed])
  // Ours of an older cluster goes.
  const older = trust('arn:aws:iam::1:oidc-provider/oidc.eks.r.amazonaws.com/id/OLD', ['prow:deck'])
  assert.deepEqual(withStatement({ Version: '2012-10-17', Statement: [older, theirs] }, ours).Statement, [ours, theirs])
})

test('jobs may write logs and nothing else; nobody may delete', () => {
  const jobs = jobsPolicy('aws-cn', 'b').Statement
  assert.deepEqual(
    jobs.flatMap((one) => one.Action),
    ['s3:PutObject', 's3:AbortMultipartUpload'],
  )
  assert.deepEqual(
    jobs.flatMap((one) => one.Resource),
    ['arn:aws-cn:s3:::b/logs/*', 'arn:aws-cn:s3:::b/pr-logs/*'],
  )
  const all = JSON.stringify([controllersPolicy('aws', 'b'), jobs])
  assert.ok(!/Delete|Acl|\*:\*|"s3:\*"/.test(all))
  assert.ok(JSON.stringify(controllersPolicy('aws', 'b', 'arn:aws:kms:r:1:key/k')).includes('kms:GenerateDataKey'))
})

test("the controller's policy is of its partition and fits into a role", () => {
  for (const part of ['aws', 'aws-cn', 'aws-us-gov'] as const) {
    const text = JSON.stringify(loadBalancerPolicy(part))
    assert.ok(text.length < 10_240, `${text.length} characters`)
    assert.deepEqual([...new Set(text.match(/arn:[\w-]+:/g))], [`arn:${part}:`])
  }
  assert.ok(!JSON.stringify(loadBalancerPolicy('aws-cn')).includes('shield'))
})

test('the rules of a bucket: ours by name, others stay', () => {
  const theirs = { ID: 'theirs', Status: 'Enabled' }
  const merged = withRules([theirs, { ...rules(1)[0]! }], rules(90))
  assert.deepEqual(merged, [theirs, ...rules(90)])
})

test('a star in a certificate stands for one label', () => {
  assert.ok(matchesHost('prow.example.com', ['prow.example.com']))
  assert.ok(matchesHost('prow.example.com', ['example.com', '*.example.com']))
  assert.ok(!matchesHost('a.prow.example.com', ['*.example.com']))
  assert.ok(!matchesHost('example.com', ['*.example.com']))
})

test('EKS knows an assumed role by the role', () => {
  assert.equal(principalArn('arn:aws-cn:sts::1:assumed-role/Admin/me@example.com'), 'arn:aws-cn:iam::1:role/Admin')
  assert.equal(principalArn('arn:aws:iam::1:user/me'), 'arn:aws:iam::1:user/me')
})
