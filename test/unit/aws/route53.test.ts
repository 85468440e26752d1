import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureRecord, findZones, pointsTo, type RecordSet, recordsOf, wantedRecord } from '../../../lib/aws/route53.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws } from './fake.ts'

const HOST = 'prow.example.com'
const BALANCER = 'k8s-prow-1.eu-central-1.elb.amazonaws.com'
const below = settings({ ...EKS, HOSTED_ZONE: 'example.com' })
const apex = settings({ ...EKS, HOSTED_ZONE: HOST })
const cname = (value: string): RecordSet => ({ Name: `${HOST}.`, Type: 'CNAME', ResourceRecords: [{ Value: value }] })
const alias = (name: string): RecordSet => ({ Name: `${HOST}.`, Type: 'A', AliasTarget: { DNSName: name } })
const address: RecordSet = { Name: `${HOST}.`, Type: 'A', ResourceRecords: [{ Value: '192.0.2.1' }] }

test('where a record points, as a load balancer has it', () => {
  assert.equal(pointsTo(cname(`${BALANCER.toUpperCase()}.`)), BALANCER)
  assert.equal(pointsTo(alias(`dualstack.${BALANCER}.`)), BALANCER)
  assert.equal(pointsTo(address), '')
})

test('a record is written only when none points to the load balancer; the apex of a zone gets an alias', () => {
  assert.equal(wantedRecord(below, [], BALANCER), 'CNAME')
  assert.equal(wantedRecord(below, [cname(BALANCER)], BALANCER), undefined)
  assert.equal(wantedRecord(below, [cname('old.example.com')], BALANCER), 'CNAME')
  assert.equal(wantedRecord(below, [alias(`dualstack.${BALANCER}.`)], BALANCER), undefined)
  assert.equal(wantedRecord(apex, [{ Name: `${HOST}.`, Type: 'NS' }], BALANCER), 'alias')
  assert.equal(wantedRecord(apex, [alias('old.elb.amazonaws.com.')], BALANCER), 'alias')
})

test('an address record that somebody else created is a problem, not overwritten', () => {
  for (const [wanted, record] of [
    [below, address],
    [apex, address],
    [below, alias('old.elb.amazonaws.com.')],
  ] as const) {
    assert.throws(() => wantedRecord(wanted, [record], BALANCER), /has a record of type A in Route 53/)
  }
})

test('zones are distinguished by their names and kinds', async () => {
  const zone = (Name: string, PrivateZone: boolean) => ({
    Id: `/hostedzone/${PrivateZone}`,
    Name,
    Config: { PrivateZone },
  })
  fakeAws(below, {
    'list-hosted-zones-by-name': {
      HostedZones: [zone('example.com.', true), zone('example.com.', false), zone('example.com.au.', false)],
    },
  })
  const zones = await findZones(below)
  assert.deepEqual([zones?.public.Config?.PrivateZone, zones?.private?.Config?.PrivateZone], [false, true])
  fakeAws(below, { 'list-hosted-zones-by-name': { HostedZones: [zone('example.com.', true)] } })
  await assert.rejects(findZones(below), /Route 53 has no public zone example\.com/)
  assert.equal(await findZones(settings(EKS)), undefined)
})

test('the record before is in the differences, and a plan writes none', async () => {
  const records = { 'list-resource-record-sets': { ResourceRecordSets: [cname('old.example.com')] } }
  const log = fakeAws(below, { ...records, 'change-resource-record-sets': {} })
  const zone = { Id: '/hostedzone/Z1', Name: 'example.com.' }
  const { outcome, differences } = await ensureRecord(below, zone, BALANCER)
  assert.equal(outcome, 'changed')
  assert.deepEqual(differences, [
    { object: `record ${HOST}`, path: 'CNAME', before: 'old.example.com', after: BALANCER },
  ])
  assert.match(log().at(-1)!, /--hosted-zone-id Z1 .*UPSERT/)
  // What Route 53 has acknowledged is not asked for again.
  assert.deepEqual((await recordsOf(below, zone)).map(pointsTo), [BALANCER])
  assert.equal(log().length, 2)
  const planned = fakeAws(below, records, true)
  assert.equal((await ensureRecord(below, zone, BALANCER)).outcome, 'would change')
  assert.equal(planned().length, 1)
})
