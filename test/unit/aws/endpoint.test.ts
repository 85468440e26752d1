import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster } from '../../../lib/aws/eks.ts'
import { endpointProblem } from '../../../lib/aws/endpoint.ts'
import { EKS, settings } from '../world.ts'

const TIMEOUT = 'Unable to connect to the server: dial tcp 10.0.1.7:443: i/o timeout'
const why = (access: Cluster['resourcesVpcConfig'], stderr = TIMEOUT) =>
  endpointProblem(settings(EKS), { resourcesVpcConfig: { vpcId: 'vpc-1', ...access } } as Cluster, stderr)

test('an API server that does not answer is explained by whom its endpoint admits', () => {
  const closed = why({ endpointPublicAccess: false })
  assert.match(closed!.message, /its endpoint is private, for VPC vpc-1 only/)
  assert.match(
    closed!.findings[0]!.remedy,
    /update-cluster-config --name prow --region eu-central-1 .*endpointPublicAccess=true/,
  )
  const some = why({ endpointPublicAccess: true, publicAccessCidrs: ['203.0.113.0/24'] })
  assert.match(some!.message, /its endpoint admits 203\.0\.113\.0\/24$/)
  assert.match(some!.findings[0]!.remedy, /publicAccessCidrs=203\.0\.113\.0\/24,YOUR_ADDRESS\/32/)
  // A wait goes on.
  assert.deepEqual([closed!.code, some!.code], ['unreachable', 'unreachable'])
})

test('an open endpoint, and an answer of any kind, are explained elsewhere', () => {
  assert.equal(why({ endpointPublicAccess: true, publicAccessCidrs: ['0.0.0.0/0'] }), undefined)
  assert.equal(why({ endpointPublicAccess: true }), undefined)
  for (const stderr of [
    'Error from server (Forbidden): pods is forbidden: User "x"',
    'dial tcp 10.0.1.7:443: connect: connection refused',
    // A webhook that does not answer is not the endpoint.
    'failed calling webhook "vingress.elbv2.k8s.aws": Post "https://x.svc:443/": dial tcp 10.0.0.9:9443: i/o timeout',
  ])
    assert.equal(why({ endpointPublicAccess: false }, stderr), undefined, stderr)
})
