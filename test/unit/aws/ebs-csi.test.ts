import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Addon,
  addonProblem,
  driverRole,
  ensureDriver,
  otherIdentity,
  readDriver,
} from '../../../lib/aws/ebs-csi.ts'
import type { Problem } from '../../../lib/base/problem.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws, refusal } from './fake.ts'

const ROLE = 'arn:aws:iam::123456789012:role/prow-ebs-csi-driver'
const OTHER = 'arn:aws:iam::123456789012:role/AmazonEKS_EBS_CSI_DriverRole'
const ACTIVE: Addon = { status: 'ACTIVE', addonVersion: 'v1', serviceAccountRoleArn: ROLE }

const ensure = () => ensureDriver(settings({ ...EKS, WAIT_SECONDS: '5', POLL_SECONDS: '1' }), () => {})
const wanted = settings(EKS)
const aws = (addon: Addon | string, more: object = {}, plan = false) =>
  fakeAws(wanted, { 'describe-addon': typeof addon === 'string' ? addon : { addon }, ...more }, plan)

test('the role is that of the partition, with the newest policy first', () => {
  assert.equal(driverRole(wanted).name, 'prow-ebs-csi-driver')
  assert.match(driverRole(wanted).managed![0]!, /AmazonEBSCSIDriverPolicyV2$/)
  const china = driverRole(settings({ ...EKS, AWS_REGION: 'cn-north-1' }))
  assert.ok(china.managed!.every((arn) => arn.startsWith('arn:aws-cn:iam::aws:policy/')))
})

test('an identity that the add-on works with is kept; one that it fails with is not', () => {
  assert.equal(otherIdentity(wanted, { ...ACTIVE, serviceAccountRoleArn: OTHER }), OTHER)
  const pod = { ...ACTIVE, serviceAccountRoleArn: undefined, podIdentityAssociations: ['a'] }
  assert.equal(otherIdentity(wanted, pod), 'a')
  assert.equal(otherIdentity(wanted, ACTIVE), undefined)
  assert.equal(otherIdentity(wanted, { ...ACTIVE, serviceAccountRoleArn: OTHER, status: 'DEGRADED' }), undefined)
  assert.equal(otherIdentity(wanted, { ...ACTIVE, serviceAccountRoleArn: undefined }), undefined)
  assert.equal(otherIdentity(wanted, undefined), undefined)
})

test('the cause that EKS reports decides what to do', () => {
  const problem = (code: string, message = '') =>
    addonProblem(wanted, { ...ACTIVE, status: 'DEGRADED', health: { issues: [{ code, message }] } }).findings[0]!
  assert.match(problem('ConfigurationConflict').remedy, /--region eu-central-1 --resolve-conflicts OVERWRITE/)
  assert.match(problem('InsufficientNumberOfReplicas').remedy, /add nodes/)
  assert.match(
    problem('AccessDenied').remedy,
    /^Run npx tsx scripts\/07-ebs-csi\.ts, which checks and corrects its role/,
  )
  assert.match(problem('AdmissionRequestDenied').remedy, /Exempt kube-system/)
  assert.match(problem('Unknown', 'why').message, /is DEGRADED\nUnknown: why/)
  assert.match(problem('Unknown').remedy, /aws eks describe-addon --cluster-name prow/)
  assert.match(addonProblem(wanted, { ...ACTIVE, status: 'CREATE_FAILED' }).message, /EKS reports no cause/)
})

test('an add-on that is denied something although its role is correct is not sent back to the step that found this', async () => {
  const health = { issues: [{ code: 'AccessDenied', message: 'not authorized' }] }
  const degraded: Addon = { ...ACTIVE, status: 'DEGRADED', health }
  const remedy = async (found: Promise<unknown>) => {
    currentRun().target = { kubeconfig: 'k', context: 'c', server: '' }
    return found.then(
      () => assert.fail('no problem'),
      (problem: Problem) => problem.findings[0]!.remedy,
    )
  }
  aws(degraded)
  const running = await remedy(ensure())
  assert.match(running, /rollout restart deployment\/ebs-csi-controller/)
  assert.match(running, /aws iam get-role --role-name prow-ebs-csi-driver --query Role\.PermissionsBoundary/)
  assert.doesNotMatch(running, /07-ebs-csi|same line/)
  // A plan has not corrected the role: what it found of it decides.
  const cluster = { cluster: { identity: { oidc: { issuer: 'https://oidc.example.com/id/A' } } } }
  aws(degraded, { 'describe-cluster': cluster, 'iam get-role': refusal('NoSuchEntity') }, true)
  assert.match(await remedy(ensure()), /07-ebs-csi\.ts, which checks and corrects its role/)
})

test('an add-on that works is left, whichever identity it has', async () => {
  const log = aws(ACTIVE)
  assert.equal((await ensure()).outcome, 'unchanged')
  assert.equal(log().length, 1)
  aws({ ...ACTIVE, serviceAccountRoleArn: OTHER })
  assert.equal((await ensure()).note, `version v1, keeps ${OTHER}`)
})

test('a plan writes nothing: it would create, would change, or reports what is in progress', async () => {
  const none = refusal('ResourceNotFoundException', 'No addon: aws-ebs-csi-driver found in cluster: prow')
  for (const [addon, outcome] of [
    [none, 'would create'],
    [{ ...ACTIVE, serviceAccountRoleArn: undefined }, 'would change'],
    [{ ...ACTIVE, status: 'CREATE_FAILED' }, 'would change'],
    [{ ...ACTIVE, status: 'UPDATING' }, 'unchanged'],
  ] as const) {
    const log = aws(addon, {}, true)
    assert.equal((await ensure()).outcome, outcome)
    assert.equal(log().length, 1)
  }
  const cluster = { cluster: { identity: { oidc: { issuer: 'https://oidc.example.com/id/A' } } } }
  aws({ ...ACTIVE, status: 'DEGRADED' }, { 'describe-cluster': cluster, 'iam get-role': refusal('NoSuchEntity') }, true)
  await assert.rejects(ensure(), /is DEGRADED/)
})

test('an add-on without a role gets it, and by hand set values stay', async () => {
  const log = aws({ ...ACTIVE, serviceAccountRoleArn: undefined }, { 'update-addon': {} })
  const { outcome, differences } = await ensure()
  assert.deepEqual([outcome, differences[0]?.after], ['changed', ROLE])
  assert.match(log().find((line) => line.includes('update-addon'))!, /--resolve-conflicts PRESERVE/)
  // Its status may change after the wait without a write: it is read again.
  const calls = log().length
  await readDriver(wanted)
  assert.equal(log().length, calls + 1)
})

test('a failed update ends the wait with the cause of EKS, and a cluster that does not exist is no missing add-on', async () => {
  const health = { issues: [{ code: 'ConfigurationConflict', message: 'Conflicts found' }] }
  aws({ ...ACTIVE, serviceAccountRoleArn: undefined, status: 'UPDATE_FAILED', health }, { 'update-addon': {} })
  await assert.rejects(ensure(), /is UPDATE_FAILED\nConfigurationConflict: Conflicts found/)
  aws(refusal('ResourceNotFoundException', 'No cluster found for name: prow.'))
  await assert.rejects(ensure(), /No cluster found/)
})
