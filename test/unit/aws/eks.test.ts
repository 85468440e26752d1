import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Cluster,
  hasManagedLoadBalancers,
  hasManagedStorage,
  principalArn,
  supportFinding,
  supportStatus,
} from '../../../lib/aws/eks.ts'
import { EKS, folder, settings } from '../world.ts'
import { fakeAws, refusal } from './fake.ts'

process.env.RUNBOOK_CACHE = folder()

test('EKS knows an assumed role by the role', () => {
  assert.equal(principalArn('arn:aws-cn:sts::1:assumed-role/Admin/me@example.com'), 'arn:aws-cn:iam::1:role/Admin')
  assert.equal(principalArn('arn:aws:iam::1:user/me'), 'arn:aws:iam::1:user/me')
})

test('Auto Mode brings storage and load balancers unless one is switched off', () => {
  const auto = { computeConfig: { enabled: true } } as Cluster
  assert.deepEqual([hasManagedStorage(auto), hasManagedLoadBalancers(auto)], [true, true])
  assert.deepEqual([hasManagedStorage({} as Cluster), hasManagedLoadBalancers({} as Cluster)], [false, false])
  assert.ok(!hasManagedStorage({ ...auto, storageConfig: { blockStorage: { enabled: false } } }))
  assert.ok(
    !hasManagedLoadBalancers({ ...auto, kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: false } } }),
  )
})

test('the end of support is announced two months ahead, in both forms of a date', () => {
  const versions = [
    { clusterVersion: '1.34', endOfStandardSupportDate: '2026-12-02', endOfExtendedSupportDate: '2027-12-02' },
    // Version 1 of aws prints seconds.
    { clusterVersion: '1.31', endOfStandardSupportDate: 1764115200, endOfExtendedSupportDate: 1795651200 },
  ]
  const at = (version: string, day: string) => supportFinding(version, versions, new Date(day))
  assert.deepEqual(at('1.34', '2026-08-01'), {
    outcome: 'passed',
    message: 'EKS 1.34 has standard support until 2026-12-02',
    remedy: '',
  })
  assert.equal(at('1.34', '2026-10-20')?.outcome, 'warning')
  assert.match(at('1.34', '2026-10-20')!.remedy, /ends 2027-12-02/)
  assert.deepEqual(
    [at('1.31', '2026-08-01')?.outcome, at('1.31', '2026-08-01')?.message],
    ['warning', 'EKS 1.31 is in extended support, which costs extra, until 2026-11-26'],
  )
  assert.equal(at('1.99', '2026-08-01'), undefined)
})

test('an EKS that does not answer about versions is no problem', async () => {
  fakeAws(settings(EKS), {
    'describe-cluster-versions': refusal('AccessDeniedException'),
    'describe-cluster': { cluster: { version: '1.34' } },
  })
  assert.equal(await supportStatus(settings(EKS)), undefined)
})
