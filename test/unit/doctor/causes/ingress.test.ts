import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AcmCertificate } from '../../../../lib/aws/certificate.ts'
import type { AwsEvidence } from '../../../../lib/doctor/aws-evidence.ts'
import { ingressRows } from '../../../../lib/doctor/causes/ingress.ts'
import type { KubeObject } from '../../../../lib/kubernetes/manifests.ts'
import { aws, BALANCER, CERTIFICATE, changed, cluster, diagnose, evidence, ingress } from '../eks.ts'

async function find(more: Partial<AwsEvidence> = {}, objects?: KubeObject[]) {
  return diagnose(ingressRows, evidence({ aws: aws(more), objects }))
}
const ids = async (...given: Parameters<typeof find>) => (await find(...given)).map(({ id }) => id)

test('a healthy ingress has no finding', async () => {
  assert.deepEqual(await find(), [])
})

test('an Ingress that is missing, for another host, or routes /hook elsewhere', async () => {
  const without = cluster().filter(({ kind, metadata }) => kind !== 'Ingress' || metadata.name !== 'prow-hook')
  const [missing] = await find({}, without)
  assert.deepEqual([missing?.id, missing?.object], ['PRW-ING-001', 'Ingress prow/prow-hook'])
  assert.match(missing!.message, /GitHub cannot deliver webhooks/)
  const [other] = await find({}, changed(ingress('prow-deck', { host: 'old.example.com' })))
  assert.match(other!.message, /^Ingress prow\/prow-deck is for old\.example\.com, not for prow\.example\.com$/)
  const [routed] = await find({}, changed(ingress('prow-hook', { service: 'deck' })))
  assert.equal(routed?.id, 'PRW-ING-002')
  assert.match(routed!.message, /routes \/hook to Service deck: no delivery of GitHub reaches hook/)
  // What was not read is not missing.
  const unread = {
    ...evidence({ objects: without }),
    unread: [{ source: 'ingresses in prow', problem: undefined as never }],
  }
  assert.deepEqual(await diagnose(ingressRows, unread), [])
})

test('an Ingress without a load balancer: by its newest events, else by its controller', async () => {
  const pending = ingress('prow-hook', { address: '' })
  const event = (message: string, seconds = 0) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `e${seconds}`, namespace: 'prow' },
    involvedObject: { kind: 'Ingress', name: 'prow-hook', namespace: 'prow' },
    reason: 'FailedBuildModel',
    message,
    lastTimestamp: `2026-11-25T11:59:0${seconds}Z`,
  })
  const [found] = await find({}, changed(pending, event("couldn't auto-discover subnets: NoCredentialProviders")))
  assert.deepEqual([found?.id, found?.object], ['PRW-ING-010', 'Ingress prow/prow-hook'])
  assert.match(found!.message, /has no load balancer: the controller has no credentials/)
  assert.match(found!.evidence!, /^FailedBuildModel: couldn't auto-discover/)
  assert.deepEqual(await ids({}, changed(pending)), ['PRW-ING-019'])
  const [unknown] = await find({}, changed(pending, event('first', 1), event('second', 2)))
  assert.match(unknown!.message, /: FailedBuildModel: second$/)
  const controller = cluster().find(({ kind }) => kind === 'Deployment')!
  const down = changed(pending, event('no subnet'), { ...controller, status: { replicas: 1, observedGeneration: 1 } })
  assert.deepEqual(await ids({}, down), ['PRW-ING-017'])
  const none = changed(pending).filter(({ kind }) => kind !== 'Deployment')
  assert.deepEqual(await ids({}, none), ['PRW-ING-016'])
  // Auto Mode needs none in the cluster.
  const auto = { ...aws().cluster, computeConfig: { enabled: true } }
  assert.deepEqual(await ids({ cluster: auto }, none), ['PRW-ING-019'])
})

const certificate = (more: Partial<AcmCertificate>) => ({
  certificate: { arn: CERTIFICATE, found: { ...aws().certificate!.found!, ...more } },
})

test('a certificate that is missing, for another host, or not issued', async () => {
  const [missing] = await find({ certificate: { arn: CERTIFICATE } })
  assert.equal(missing?.id, 'PRW-ING-020')
  assert.match(missing!.remedy, /\naws acm request-certificate --domain-name prow\.example\.com/)
  assert.deepEqual(await ids(certificate({ DomainName: 'other.example.com' })), ['PRW-ING-020'])
  const record = { Name: '_x.prow.example.com', Type: 'CNAME', Value: '_y.acm.aws' }
  const [pending] = await find(
    certificate({ Status: 'PENDING_VALIDATION', DomainValidationOptions: [{ ResourceRecord: record }] }),
  )
  assert.match(pending!.message, /is PENDING_VALIDATION: ACM waits for its DNS record/)
  assert.match(pending!.remedy, /\n_x\.prow\.example\.com CNAME _y\.acm\.aws$/)
  assert.deepEqual(await ids(certificate({ Status: 'EXPIRED' })), ['PRW-ING-020'])
  // What follows from it is folded.
  const gone = await find({ certificate: { arn: CERTIFICATE } }, changed(ingress('prow-hook', { address: '' })))
  assert.deepEqual([gone.map(({ id }) => id), gone[0]?.consequences.length], [['PRW-ING-020'], 1])
})

test('a certificate that ends soon, in both forms of a date, and one that ACM cannot renew', async () => {
  const at = (day: string) => ids(certificate({ NotAfter: day }))
  assert.deepEqual(await at('2026-12-26T00:00:00Z'), [])
  assert.deepEqual(await at('2026-12-24T00:00:00Z'), ['PRW-ING-021'])
  assert.deepEqual(await at('2026-11-30T00:00:00Z'), ['PRW-ING-022'])
  const [over] = await find(certificate({ NotAfter: Date.parse('2026-11-01T00:00:00Z') / 1000 }))
  assert.match(over!.message, /^the certificate of prow\.example\.com expired on 2026-11-01$/)
  const record = { Name: '_x', Type: 'CNAME', Value: '_y' }
  const RenewalSummary = {
    RenewalStatus: 'PENDING_VALIDATION',
    DomainValidationOptions: [{ ResourceRecord: record }],
  }
  const [blocked] = await find(certificate({ NotAfter: '2027-01-10T00:00:00Z', RenewalSummary }))
  assert.equal(blocked?.id, 'PRW-ING-021')
  assert.match(blocked!.message, /, 45 days, and ACM cannot renew it$/)
  assert.match(blocked!.remedy, /\n_x CNAME _y$/)
  const [imported] = await find(certificate({ NotAfter: '2026-12-10T00:00:00Z', Type: 'IMPORTED' }))
  assert.match(imported!.remedy, /: aws acm import-certificate --certificate-arn arn:aws:acm/)
})

const unresolved = { addresses: [], error: 'ENOTFOUND' }
const cname = (value: string) => ({ Name: 'prow.example.com.', Type: 'CNAME', ResourceRecords: [{ Value: value }] })

test('a record that is missing, points elsewhere, or was created by somebody else', async () => {
  const dns = { host: unresolved, balancer: unresolved, target: BALANCER }
  assert.deepEqual(await ids({ dns: { ...dns, records: [] } }), ['PRW-ING-030'])
  const [elsewhere] = await find({ dns: { ...dns, records: [cname('old.elb.amazonaws.com')] } })
  assert.deepEqual([elsewhere?.id, elsewhere?.object], ['PRW-ING-031', 'record prow.example.com'])
  assert.match(elsewhere!.message, /points to old\.elb\.amazonaws\.com in Route 53, not to the load balancer k8s-prow/)
  const address = { Name: 'prow.example.com.', Type: 'A', ResourceRecords: [{ Value: '192.0.2.9' }] }
  assert.deepEqual(await ids({ dns: { ...dns, records: [address] } }), ['PRW-ING-031'])
  // Route 53 is right, and this machine resolves nothing of AWS.
  assert.deepEqual(await ids({ dns: { ...dns, records: [cname(BALANCER)] } }), [])
})

test('a host that does not resolve to its load balancer, as this machine sees it', async () => {
  const balancer = { addresses: ['192.0.2.1'] }
  const [none] = await find({ dns: { host: unresolved, balancer, target: BALANCER, records: [cname(BALANCER)] } })
  assert.deepEqual([none?.id, none?.outcome], ['PRW-ING-032', 'warning'])
  assert.match(none!.remedy, /not delegated to the zone example\.com/)
  const [other] = await find({ dns: { host: { addresses: ['192.0.2.9'] }, balancer, target: BALANCER } })
  assert.match(other!.message, /^prow\.example\.com resolves to 192\.0\.2\.9, not to k8s-prow/)
  assert.match(other!.remedy, new RegExp(`prow\\.example\\.com  CNAME  ${BALANCER}$`))
  // One cause: the record is what Route 53 has.
  const both = await find({ dns: { host: unresolved, balancer, target: BALANCER, records: [] } })
  assert.deepEqual([both.map(({ id }) => id), both[0]?.consequences.length], [['PRW-ING-030'], 1])
})

test('targets that are not healthy, by the reason of the load balancer', async () => {
  const targets = (State: string, Reason?: string) => ({
    targets: [
      {
        service: 'hook',
        arn: 'tg/hook',
        targets: [{ Target: { Id: '10.0.0.1', Port: 8888 }, TargetHealth: { State, Reason } }],
      },
    ],
  })
  const [code] = await find(targets('unhealthy', 'Target.ResponseCodeMismatch'))
  assert.deepEqual([code?.id, code?.object], ['PRW-ING-040', 'target group of hook'])
  assert.match(
    code!.message,
    /no healthy target for Service prow\/hook, and answers 502 or 503: the health check gets another/,
  )
  assert.equal(code!.evidence, '10.0.0.1:8888 unhealthy Target.ResponseCodeMismatch')
  assert.match((await find(targets('unhealthy', 'Target.Timeout')))[0]!.remedy, /security group/i)
  assert.match((await find(targets('unused', 'Target.NotInUse')))[0]!.remedy, /zone/)
  assert.deepEqual(await ids(targets('initial', 'Elb.InitialHealthChecking')), [])
  assert.deepEqual(await ids({ targets: [{ service: 'deck', arn: 'tg/deck', targets: [] }] }), ['PRW-ING-040'])
})
