import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AcmCertificate, bestCertificate, findCertificate, matchesHost } from '../../../lib/aws/certificate.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws, refusal } from './fake.ts'

const ARN = 'arn:aws:acm:eu-central-1:123456789012:certificate/1'
const one = (more: Partial<AcmCertificate> = {}): AcmCertificate => ({
  CertificateArn: ARN,
  DomainName: 'prow.example.com',
  Status: 'ISSUED',
  ...more,
})
const named = settings({ ...EKS, CERTIFICATE_ARN: ARN })

test('a wildcard in a certificate stands for one label', () => {
  assert.ok(matchesHost('prow.example.com', ['prow.example.com']))
  assert.ok(matchesHost('prow.example.com', ['example.com', '*.example.com']))
  assert.ok(!matchesHost('a.prow.example.com', ['*.example.com']))
  assert.ok(!matchesHost('example.com', ['*.example.com']))
})

test('an issued certificate comes before one that waits for its record; others do not count', () => {
  const pending = one({ CertificateArn: 'pending', Status: 'PENDING_VALIDATION' })
  const wildcard = one({ DomainName: 'example.com', SubjectAlternativeNameSummaries: ['*.example.com'] })
  assert.equal(bestCertificate('prow.example.com', [pending, wildcard]), wildcard)
  assert.equal(bestCertificate('prow.example.com', [pending]), pending)
  assert.equal(bestCertificate('prow.example.com', [one({ Status: 'EXPIRED' })]), undefined)
  assert.equal(bestCertificate('other.example.com', [one()]), undefined)
})

test('a certificate of IAM is taken as it is; one in another region is refused without asking ACM', async () => {
  const iam = 'arn:aws-cn:iam::123456789012:server-certificate/prow'
  const log = fakeAws(settings(EKS), {})
  assert.deepEqual(await findCertificate(settings({ ...EKS, CERTIFICATE_ARN: iam })), { arn: iam, status: 'ISSUED' })
  const far = ARN.replace('eu-central-1', 'us-east-1')
  await assert.rejects(findCertificate(settings({ ...EKS, CERTIFICATE_ARN: far })), /CERTIFICATE_ARN is in us-east-1/)
  assert.deepEqual(log(), [])
})

test('the one that is named has to be for the host and to exist', async () => {
  fakeAws(named, { 'describe-certificate': { Certificate: one() } })
  assert.deepEqual(await findCertificate(named), { arn: ARN, status: 'ISSUED', validation: undefined })
  fakeAws(named, { 'describe-certificate': { Certificate: one({ DomainName: 'other.example.com' }) } })
  await assert.rejects(findCertificate(named), /is for other\.example\.com, not for prow\.example\.com/)
  fakeAws(named, { 'describe-certificate': refusal('ResourceNotFoundException') })
  await assert.rejects(findCertificate(named), /ACM has no certificate arn:aws:acm/)
  fakeAws(named, { 'describe-certificate': { Certificate: one({ Status: 'FAILED' }) } })
  await assert.rejects(findCertificate(named), /is FAILED/)
})

test('the record that ACM waits for is given; without any certificate the line that requests one', async () => {
  const record = { Name: '_a.prow.example.com.', Type: 'CNAME', Value: '_b.acm-validations.aws.' }
  const pending = one({ Status: 'PENDING_VALIDATION', DomainValidationOptions: [{ ResourceRecord: record }] })
  fakeAws(settings(EKS), {
    'list-certificates': { CertificateSummaryList: [pending] },
    'describe-certificate': { Certificate: pending },
  })
  const found = await findCertificate(settings(EKS))
  assert.equal(found.validation, '_a.prow.example.com. CNAME _b.acm-validations.aws.')
  fakeAws(settings(EKS), { 'list-certificates': { CertificateSummaryList: [] } })
  await assert.rejects(findCertificate(settings(EKS)), /ACM has no certificate for prow\.example\.com in eu-central-1/)
})
