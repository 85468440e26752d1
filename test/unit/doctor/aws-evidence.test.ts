import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import { readAwsEvidence } from '../../../lib/doctor/aws-evidence.ts'
import { Objects } from '../../../lib/kubernetes/objects.ts'
import { remember } from '../../../lib/run/context.ts'
import { ANSWERS } from '../aws/answers.ts'
import { type Answers, fakeAws, refusal } from '../aws/fake.ts'
import { CERTIFICATE, cluster, PROVIDER, SETTINGS } from './eks.ts'

const binding = (namespace: string, service: string) => ({
  apiVersion: 'elbv2.k8s.aws/v1beta1',
  kind: 'TargetGroupBinding',
  metadata: { name: `k8s-${service}`, namespace },
  spec: { targetGroupARN: `arn:tg/${namespace}/${service}`, serviceRef: { name: service, port: 80 } },
})

const ACCOUNT: Answers = {
  'describe-cluster': { cluster: { identity: { oidc: { issuer: `https://${PROVIDER.split('oidc-provider/')[1]}` } } } },
  'get-open-id-connect-provider': { ClientIDList: ['sts.amazonaws.com'] },
  ...ANSWERS,
  'get-bucket-policy': refusal('NoSuchBucketPolicy'),
  'iam get-role --': { Role: { Arn: 'arn:r', AssumeRolePolicyDocument: {} } },
  'list-role-policies': { PolicyNames: ['prow-logs'] },
  'get-role-policy': { PolicyDocument: { Statement: [] } },
  'list-attached-role-policies': { AttachedPolicies: [] },
  'describe-addon': { addon: { status: 'ACTIVE', addonVersion: 'v1' } },
  'describe-certificate': { Certificate: { CertificateArn: CERTIFICATE, Status: 'ISSUED' } },
  'list-hosted-zones-by-name': { HostedZones: [{ Id: '/hostedzone/Z', Name: 'example.com.' }] },
  'list-resource-record-sets': { ResourceRecordSets: [] },
  'describe-target-health': { TargetHealthDescriptions: [] },
}

async function read(answers: Answers) {
  const log = fakeAws(SETTINGS, answers)
  const objects = new Objects([...cluster(), binding('prow', 'hook'), binding('prow', 'other'), binding('web', 'hook')])
  remember('kubectl get snapshot', { all: () => [] })
  const unread: string[] = []
  const found = await readAwsEvidence(SETTINGS, Promise.resolve(objects), async (source, one) => {
    try {
      return await one()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      unread.push(source)
      return undefined
    }
  })
  return { found: found!, unread, log: log() }
}

test('AWS is read once for each question, and of target groups only those of Prow', async () => {
  const { found, unread, log } = await read(ACCOUNT)
  assert.deepEqual(unread, [])
  assert.equal(new Set(log).size, log.length)
  assert.deepEqual(
    found.targets?.map(({ arn }) => arn),
    ['arn:tg/prow/hook'],
  )
  assert.deepEqual(found.oidc, { arn: PROVIDER, audiences: ['sts.amazonaws.com'] })
  assert.deepEqual(
    [found.bucket?.region, found.bucket?.policy, found.certificate?.arn],
    ['eu-central-1', undefined, CERTIFICATE],
  )
  assert.deepEqual([...found.roles!.keys()], ['prow-controllers', 'prow-jobs'])
  assert.deepEqual(found.dns?.records, [])
})

test('what is denied is a source that was not read, and hides no other', async () => {
  const { found, unread } = await read({
    ...ACCOUNT,
    'iam get-role --': refusal('AccessDenied'),
    'get-bucket-location': refusal('AccessDenied'),
  })
  assert.deepEqual(unread.sort(), ['bucket my-logs', 'roles in IAM'])
  assert.deepEqual([found.roles, found.bucket], [undefined, undefined])
  assert.equal(found.volumes?.source.kind, 'add-on')
})

test('a bucket in another region is not read further, and the role of a driver that does not work is compared', async () => {
  const degraded = { addon: { status: 'DEGRADED', addonVersion: 'v1' } }
  const { found } = await read({
    ...ACCOUNT,
    'get-bucket-location': { LocationConstraint: 'eu-west-1' },
    'describe-addon': degraded,
  })
  assert.deepEqual(found.bucket, { region: 'eu-west-1' })
  assert.match(
    found.volumes!.roleProblems.join(),
    /trust policy of role prow-ebs-csi-driver differs.*has no AmazonEBSCSIDriverPolicyV2/,
  )
})
