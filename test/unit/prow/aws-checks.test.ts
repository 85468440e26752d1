import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failed, Problem, passed } from '../../../lib/base/problem.ts'
import { findingsOf, rows } from '../../../lib/kubernetes/check.ts'
import {
  bucketName,
  loadBalancerNeeds,
  logBucket,
  untilStep,
  volumeDriver,
  volumeDriverState,
} from '../../../lib/prow/aws-checks.ts'
import { currentRun } from '../../../lib/run/context.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { ANSWERS } from '../aws/answers.ts'
import { type Answers, fakeAws, fakeProgram, refusal } from '../aws/fake.ts'
import { EKS, settings } from '../world.ts'

const wanted = settings(EKS)
const CLUSTER = { cluster: { name: 'prow', status: 'ACTIVE', resourcesVpcConfig: {} } }
const AUTO = { cluster: { ...CLUSTER.cluster, computeConfig: { enabled: true } } }
const NO_ADDON = refusal('ResourceNotFoundException', 'No addon: aws-ebs-csi-driver found in cluster: prow')
const list = (...items: object[]) => ({ kind: 'List', items })

function begin(aws: Answers, kubectl: Answers = {}, now: Settings = wanted): void {
  fakeAws(now, { 'describe-cluster': CLUSTER, 'iam get-role': refusal('NoSuchEntity'), ...aws })
  currentRun().target = { kubeconfig: '', context: '', server: '' }
  fakeProgram('kubectl', {
    ...kubectl,
    'get deployments.apps,serviceaccounts': list(),
    'nodes,': kubectl['nodes,'] ?? list(),
    get: list(),
  })
}

async function outcomes(...checks: Parameters<typeof rows>): Promise<[outcome: string, message: string][]> {
  return (await findingsOf(rows(...checks))).flat().map(({ outcome, message }) => [outcome, message])
}

test('what somebody can provide until a step is a warning that names the step', async () => {
  assert.deepEqual(await untilStep('11-ingress', failed('no x\nbecause', 'a\nb')), [
    { outcome: 'warning', message: '11-ingress will stop: no x', remedy: 'a b' },
  ])
  assert.deepEqual(await untilStep('11-ingress', passed('x')), [passed('x')])
  const [finding] = await untilStep('11-ingress', Promise.reject(new Problem('no x', 'a')))
  assert.equal(finding?.outcome, 'warning')
})

test('the name of the bucket: free, of this account, of another, or with a key that is not known', async () => {
  begin({ 'get-bucket-location': refusal('NoSuchBucket') })
  assert.deepEqual(await outcomes(bucketName), [['passed', 'bucket my-logs: will be created']])
  begin(ANSWERS)
  assert.deepEqual(await outcomes(bucketName), [['passed', 'bucket my-logs: exists, in eu-central-1']])
  begin({ 'get-bucket-location': refusal('AccessDenied') })
  assert.match((await outcomes(bucketName)).join(), /^failed,bucket my-logs belongs to another account/)
  const rule = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/x' }
  begin({
    ...ANSWERS,
    'get-bucket-encryption': {
      ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: rule }] },
    },
    'kms describe-key': refusal('NotFoundException'),
  })
  assert.match((await outcomes(bucketName)).join(), /^failed,bucket my-logs is encrypted with alias\/x/)
})

test('the content of the bucket: each thing that differs is a failure', async () => {
  begin(ANSWERS)
  assert.equal((await outcomes(logBucket))[0]?.[0], 'passed')
  begin({ ...ANSWERS, 'get-bucket-lifecycle-configuration': refusal('NoSuchLifecycleConfiguration') })
  assert.match((await outcomes(logBucket)).join(), /^failed,bucket my-logs has no rule prow-runbook-logs/)
  begin({
    ...ANSWERS,
    'get-public-access-block': refusal('NoSuchPublicAccessBlockConfiguration'),
    'get-bucket-encryption': refusal('ServerSideEncryptionConfigurationNotFoundError'),
  })
  assert.equal((await outcomes(logBucket)).length, 2)
})

test('volumes: before, what will provision them; afterwards, that something does', async () => {
  const addon = (status: string) => ({ addon: { status, addonVersion: 'v1' } })
  const driver = list({ kind: 'CSIDriver', metadata: { name: 'ebs.csi.aws.com' } })
  const rowsOf = async (aws: Answers, kubectl: Answers = {}) => {
    begin(aws, kubectl)
    const [[before, message] = [], [afterwards] = []] = await outcomes(volumeDriverState, volumeDriver)
    return [before, message, afterwards]
  }
  assert.deepEqual(await rowsOf({ 'describe-addon': NO_ADDON }), [
    'passed',
    'add-on aws-ebs-csi-driver: will be created',
    'failed',
  ])
  assert.deepEqual(await rowsOf({ 'describe-addon': NO_ADDON }, { 'nodes,': driver }), [
    'passed',
    'volumes: aws-ebs-csi-driver is installed without the add-on',
    'passed',
  ])
  assert.deepEqual(await rowsOf({ 'describe-addon': addon('DEGRADED') }), [
    'warning',
    'add-on aws-ebs-csi-driver: DEGRADED',
    'failed',
  ])
  assert.deepEqual((await rowsOf({ 'describe-addon': addon('ACTIVE') }))[2], 'passed')
  assert.deepEqual(
    (await rowsOf({ 'describe-addon': NO_ADDON, 'describe-cluster ': AUTO, 'describe-cluster': AUTO }))[2],
    'passed',
  )
})

const needs = async (aws: Answers, now = wanted) => {
  begin({ 'list-certificates': { CertificateSummaryList: [] }, ...aws }, {}, now)
  return outcomes(loadBalancerNeeds)
}

test('a missing helm, certificate or zone can still be provided; settings that cannot work fail now', async () => {
  const path = process.env.PATH
  const found = await needs({})
  process.env.PATH = path
  const text = found.map((one) => one.join(' ')).join('\n')
  assert.match(text, /warning 11-ingress will stop: ACM has no certificate/)
  assert.match(text, /warning 11-ingress will wait until prow\.example\.com points to its load balancer/)
  assert.doesNotMatch(text, /^failed/m)

  const many = settings({ ...EKS, DECK_ACCESS: '192.0.2.0/24,198.51.100.0/24,203.0.113.0/24,192.88.99.0/24' })
  assert.match((await needs({}, many)).join('\n'), /^failed,DECK_ACCESS has 4 CIDRs/m)
})

test('a certificate that is not issued yet is a warning with its record', async () => {
  const pending = { CertificateArn: 'arn:c', DomainName: 'prow.example.com', Status: 'PENDING_VALIDATION' }
  const found = await needs({
    'list-certificates': { CertificateSummaryList: [pending] },
    'describe-certificate': { Certificate: pending },
  })
  assert.match(found.join('\n'), /^warning,11-ingress will wait: the certificate arn:c is PENDING_VALIDATION/m)
})
