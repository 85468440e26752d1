import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  canonical,
  controllersPolicy,
  jobsPolicy,
  loadBalancerPolicy,
  policyDifferences,
  policyOf,
  providerHost,
  type Statement,
  samePolicy,
  trust,
  withStatement,
} from '../../../lib/aws/policy.ts'

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

test('the statement of the runbook is put into a trust policy, what others wrote stays', () => {
  const wanted = trust('arn:aws:iam::1:oidc-provider/oidc.eks.r.amazonaws.com/id/A', ['prow:deck', 'prow:crier'])
  const theirs: Statement = { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }
  const merged = withStatement({ Version: '2012-10-17', Statement: [theirs] }, wanted)
  assert.deepEqual(merged.Statement, [theirs, wanted])
  assert.deepEqual(withStatement(merged, wanted), merged)
  // The same by hand, without the Sid, is enough.
  const { Sid: _, ...unnamed } = wanted
  assert.deepEqual(withStatement({ Version: '2012-10-17', Statement: [unnamed] }, wanted).Statement, [unnamed])
  // That of an older cluster is replaced.
  const older = trust('arn:aws:iam::1:oidc-provider/oidc.eks.r.amazonaws.com/id/OLD', ['prow:deck'])
  assert.deepEqual(withStatement({ Version: '2012-10-17', Statement: [older, theirs] }, wanted).Statement, [
    wanted,
    theirs,
  ])
})

test('a trust policy names the issuer of the cluster, and the audience without .cn in China too', () => {
  const provider = 'arn:aws-cn:iam::1:oidc-provider/oidc.eks.cn-north-1.amazonaws.com.cn/id/A'
  assert.equal(providerHost(provider), 'oidc.eks.cn-north-1.amazonaws.com.cn/id/A')
  assert.deepEqual(trust(provider, ['test-pods:prow-jobs']).Condition, {
    StringEquals: {
      'oidc.eks.cn-north-1.amazonaws.com.cn/id/A:aud': 'sts.amazonaws.com',
      'oidc.eks.cn-north-1.amazonaws.com.cn/id/A:sub': ['system:serviceaccount:test-pods:prow-jobs'],
    },
  })
})

test('jobs can write logs and nothing else; nobody can delete', () => {
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
  assert.ok(!/shield|waf/i.test(JSON.stringify(loadBalancerPolicy('aws-cn'))))
})

test('the controller changes and deletes only what carries the tag of its cluster', () => {
  const writes =
    /^ec2:Delete|^elasticloadbalancing:(Delete(LoadBalancer|TargetGroup)|Modify(LoadBalancer|TargetGroup)|Set[IS])/
  for (const { Action, Condition } of loadBalancerPolicy('aws').Statement) {
    if (![Action].flat().some((action) => writes.test(action!))) continue
    assert.equal(Condition?.Null?.['aws:ResourceTag/elbv2.k8s.aws/cluster'], 'false', String(Action))
  }
})
