import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadBalancerCause } from '../../../lib/prow/load-balancer-events.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { EKS, settings } from '../world.ts'

setRun(newRun(settings(EKS)))
setRun({ ...newRun(settings(EKS)), target: { kubeconfig: 'k', context: 'c', server: 's' } })
const cause = (event: string, internal = false) => loadBalancerCause([event], internal)

test('an event has its cause, the first that explains the rest', () => {
  const build = 'FailedBuildModel: Failed build model due to '
  const rows: [event: string, id: string][] = [
    [`${build}couldn't auto-discover subnets: NoCredentialProviders: no valid providers in chain`, 'PRW-ING-010'],
    [
      `${build}couldn't auto-discover subnets: operation error EC2: DescribeSubnets, get identity: get credentials: failed to refresh cached credentials, failed to retrieve credentials, operation error STS: AssumeRoleWithWebIdentity, AccessDenied: Not authorized`,
      'PRW-ING-010',
    ],
    [`${build}UnauthorizedOperation: You are not authorized to perform: ec2:DescribeSubnets`, 'PRW-ING-011'],
    [
      'FailedDeployModel: AccessDenied: User is not authorized to perform: elasticloadbalancing:AddTags on subnet',
      'PRW-ING-011',
    ],
    [`${build}no certificate found for host: prow.example.com`, 'PRW-ING-012'],
    ["FailedDeployModel: CertificateNotFound: Certificate 'arn:x' not found", 'PRW-ING-012'],
    [
      `${build}couldn't auto-discover subnets: unable to resolve at least one subnet (0 match VPC and tags)`,
      'PRW-ING-013',
    ],
    ['FailedDeployModel: InvalidSubnet: Not enough IP space available in subnet-1', 'PRW-ING-014'],
    ['FailedDeployModel: TooManyLoadBalancers: The maximum number of load balancers has been reached', 'PRW-ING-014'],
    [`${build}conflicting scheme: internal | internet-facing`, 'PRW-ING-015'],
  ]
  for (const [event, id] of rows) assert.equal(cause(event)?.id, id, event)
  assert.equal(cause('Nothing: known'), undefined)
})

test('the remedy fits: the tag of the subnets, the permission that is lacking', () => {
  assert.match(cause('x: subnet')!.remedy, /role\/elb=1/)
  assert.match(cause('x: subnet', true)!.remedy, /internal-elb=1/)
  assert.match(
    cause('You are not authorized to perform: ec2:DescribeSubnets')!.cause,
    /lacks a permission, ec2:DescribeSubnets$/,
  )
  assert.match(cause('NoCredentialProviders')!.remedy, /kubectl .*serviceaccount aws-load-balancer-controller/)
})
