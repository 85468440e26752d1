import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { explainKubectl, isTransient } from '../../../lib/kubernetes/errors.ts'
import { REFUSALS, refusalOf } from '../../../lib/kubernetes/refusals.ts'
import { setRun } from '../../../lib/run/context.ts'

beforeEach(() => setRun())

// One for each row, in their order, as the API server of Kubernetes 1.36 has it.
const ROWS: [message: string, remedy: RegExp][] = [
  [
    'configmaps "a" is forbidden: unable to create new content in namespace prow because it is being terminated',
    /Wait for its end/,
  ],
  [
    'pods "hook-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1',
    /ResourceQuota small/,
  ],
  ['pods "hook-1" is forbidden: maximum memory usage per Container is 10Mi, but limit is 100Mi', /LimitRange/],
  ['pods "hook-1" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation', /POD_SECURITY/],
  [
    "deployments.apps \"hook\" is forbidden: ValidatingAdmissionPolicy 'owners' with binding 'owners' denied request: no owner",
    /policy of the cluster \(owners\)/,
  ],
  ['error looking up service account prow/hook: serviceaccount "hook" not found', /05-service-accounts/],
  ['pods "hook-1" is forbidden: no PriorityClass with name high was found', /PriorityClass/],
  [
    'failed calling webhook "vingress.elbv2.k8s.aws": tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "x" while trying to verify candidate authority certificate "aws-load-balancer-controller-ca")',
    /another CA.*rollout restart deployment\/aws-load-balancer-controller/s,
  ],
  ['failed calling webhook "validate.nginx.ingress.kubernetes.io": context deadline exceeded', /NGINX_ADMISSION=off/],
  ['failed calling webhook "vingress.elbv2.k8s.aws": context deadline exceeded', /port 9443/],
  ['failed calling webhook "other.example.com": connection refused', /Restore it/],
]

describe('a refusal by admission', () => {
  for (const [index, [message, remedy]] of ROWS.entries()) {
    test(`is recognized by its row, also as an answer to kubectl: ${message.slice(0, 60)}`, () => {
      assert.equal(REFUSALS.indexOf(refusalOf(message)!), index)
      const [finding] = explainKubectl(`Error from server (Forbidden): ${message}`).findings
      assert.match(finding!.remedy, remedy)
      assert.doesNotMatch(finding!.remedy, /Your user/)
      assert.equal(isTransient(message), false)
    })
  }

  test('has a row and a test for each', () => assert.equal(ROWS.length, REFUSALS.length))

  test('of a policy is none when the user lacks a right', () => {
    assert.equal(refusalOf('secrets is forbidden: User "x" cannot list resource "secrets"'), undefined)
  })

  test('by Gatekeeper and Kyverno names the policy', () => {
    const gatekeeper = refusalOf('admission webhook "validation.gatekeeper.sh" denied the request: [owners] no owner')
    assert.match(gatekeeper!.remedy('admission webhook "validation.gatekeeper.sh" denied the request'), /gatekeeper/)
  })

  test('of a quota that wants limits says so', () => {
    const message = 'pods "a" is forbidden: failed quota: compute: must specify limits.cpu for: hook'
    assert.match(refusalOf(message)!.remedy(message), /set limits.cpu/)
  })
})
