import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspectHost, resolveProblem } from '../../../lib/aws/dns.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws } from './fake.ts'

const HOST = 'prow.x.invalid'
const BALANCER = 'k8s-prow-1.elb.invalid'

test('a host points to a load balancer when they share an address', () => {
  const problem = (host: string[], balancer: string[]) =>
    resolveProblem(HOST, BALANCER, { addresses: host }, { addresses: balancer })
  assert.equal(problem(['192.0.2.1', '192.0.2.2'], ['192.0.2.2']), undefined)
  assert.equal(problem([], ['192.0.2.2']), `${HOST} does not resolve`)
  assert.equal(problem(['192.0.2.1'], []), `the load balancer ${BALANCER} does not resolve`)
  assert.equal(problem(['192.0.2.1'], ['192.0.2.2']), `${HOST} resolves to 192.0.2.1, not to ${BALANCER}`)
})

test('a DNS server that does not answer is not taken for a missing record', () => {
  const failed = { addresses: [], error: 'EAI_AGAIN' }
  const missing = { addresses: [], error: 'ENOTFOUND' }
  assert.match(
    resolveProblem(HOST, BALANCER, failed, missing)!,
    /DNS gives no answer for prow\.x\.invalid \(EAI_AGAIN\)/,
  )
  assert.equal(resolveProblem(HOST, BALANCER, missing, missing), `${HOST} does not resolve`)
})

const records = (value: string) => ({
  'list-hosted-zones-by-name': { HostedZones: [{ Id: '/hostedzone/Z1', Name: 'x.invalid.' }] },
  'list-resource-record-sets': {
    ResourceRecordSets: [{ Name: `${HOST}.`, Type: 'CNAME', ResourceRecords: [{ Value: value }] }],
  },
})

test('with HOSTED_ZONE the record counts, and what this machine resolves is a warning', async () => {
  const wanted = settings({ ...EKS, PROW_HOST: HOST, HOSTED_ZONE: 'x.invalid' })
  const both = { hook: BALANCER, deck: BALANCER }
  fakeAws(wanted, records(BALANCER))
  const found = await inspectHost(wanted, both)
  assert.deepEqual(
    found.map(({ outcome }) => outcome),
    ['passed', 'warning'],
  )
  fakeAws(wanted, records('old.example.com'))
  const wrong = await inspectHost(wanted, both)
  assert.deepEqual(
    wrong.map(({ outcome }) => outcome),
    ['failed'],
  )
  assert.match(
    wrong[0]!.message,
    /prow\.x\.invalid does not point to k8s-prow-1\.elb\.invalid in the public zone x\.invalid/,
  )
})

test('without HOSTED_ZONE what this machine resolves counts, with the record to create', async () => {
  const wanted = settings({ ...EKS, PROW_HOST: HOST })
  fakeAws(wanted, {})
  const [finding] = await inspectHost(wanted, { hook: BALANCER, deck: 'deck.elb.invalid' })
  assert.equal(finding?.outcome, 'failed')
  assert.match(finding!.remedy, /prow\.x\.invalid {2}CNAME {2}k8s-prow-1\.elb\.invalid/)
})
