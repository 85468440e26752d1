import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driftRows } from '../../../../lib/doctor/causes/drift.ts'
import type { Evidence } from '../../../../lib/doctor/evidence.ts'
import type { KubeObject } from '../../../../lib/kubernetes/manifests.ts'
import { Objects } from '../../../../lib/kubernetes/objects.ts'
import { installedObjects } from '../../../../lib/prow/installed.ts'
import { aws, CERTIFICATE, diagnose, evidence, ingress, SETTINGS } from '../eks.ts'

type Json = Record<string, unknown>

/** The objects of an installation as the settings have them, with a change in one. */
function installed(kind = '', name = '', change: (object: KubeObject) => void = () => {}): KubeObject[] {
  const existing = { ...ingress('prow-hook'), spec: { ingressClassName: 'alb' } }
  const objects = structuredClone(installedObjects(SETTINGS, aws().cluster, [existing]))
  for (const one of objects) if (one.kind === kind && one.metadata.name === name) change(one)
  const claim = objects.find((one) => one.kind === 'PersistentVolumeClaim')!
  claim.status = { capacity: { storage: `${SETTINGS.GHPROXY_STORAGE_GI}Gi` } }
  return objects
}
const find = (...given: Parameters<typeof installed>) =>
  diagnose(driftRows, { ...evidence(), objects: new Objects(installed(...given)) } as Evidence)
const container = (object: KubeObject) =>
  (object.spec as { template: { spec: { containers: (Json & { args: string[]; image: string })[] } } }).template.spec
    .containers[0]!

test('an installation as the runbook applies it has no drift, its Ingresses included', async () => {
  assert.deepEqual(await find(), [])
  const names = installed().map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  for (const name of ['Ingress prow-hook', 'Ingress prow-deck', 'Deployment tide', 'Namespace test-pods'])
    assert.ok(names.includes(name), name)
  const hook = installed().find(({ kind, metadata }) => kind === 'Ingress' && metadata.name === 'prow-hook')
  assert.equal(hook?.metadata.annotations?.['alb.ingress.kubernetes.io/certificate-arn'], CERTIFICATE)
})

test('a change is named with its field, and the step that puts it back', async () => {
  const [scaled] = await find('Deployment', 'crier', (one) => Object.assign(one.spec as Json, { replicas: 3 }))
  assert.deepEqual([scaled?.id, scaled?.outcome, scaled?.object], ['PRW-DRF-001', 'warning', 'Deployment prow/crier'])
  assert.match(scaled!.message, /is not as the runbook applies it\nspec\.replicas: 3, not 1$/)
  assert.match(scaled!.remedy, /^Run npx tsx scripts\/08-prow\.ts,/)
  const [account] = await find('ServiceAccount', 'prow-jobs', (one) => void delete one.metadata.annotations)
  assert.match(account!.message, /metadata\.annotations: \(none\), not \{/)
  assert.match(account!.remedy, /05-service-accounts/)
  const [args] = await find('Deployment', 'ghproxy', (one) => void container(one).args.push('--log-level=debug'))
  assert.match(args!.message, /containers\[ghproxy\]\.args: has --log-level=debug$/)
})

test('a consequence that is known stands first: dry-run, the path of the health check, Pod Security', async () => {
  const flag = (from: string, to: string) => (one: KubeObject) => {
    container(one).args = container(one).args.map((arg) => arg.replace(from, to))
  }
  const [tide] = await find('Deployment', 'tide', flag('--dry-run=false', '--dry-run=true'))
  assert.deepEqual([tide?.id, tide?.outcome], ['PRW-DRF-002', 'failed'])
  assert.match(tide!.message, /^Tide merges nothing: it runs with --dry-run=true; .*\n.*lacks --dry-run=false/)
  const [path] = await find('Ingress', 'prow-hook', (one) => {
    one.metadata.annotations!['alb.ingress.kubernetes.io/healthcheck-path'] = '/hook'
  })
  assert.equal(path?.id, 'PRW-DRF-004')
  const [security] = await find('Namespace', 'test-pods', (one) => {
    one.metadata.labels!['pod-security.kubernetes.io/enforce'] = 'restricted-by-hand'
  })
  assert.equal(security?.id, 'PRW-DRF-005')
})

test('a cache that is larger than its volume, and a component of another version', async () => {
  const [cache] = await find('Deployment', 'ghproxy', (one) => {
    container(one).args = container(one).args.map((arg) =>
      arg.startsWith('--cache-sizeGB') ? '--cache-sizeGB=99' : arg,
    )
  })
  assert.equal(cache?.id, 'PRW-DRF-003')
  assert.match(cache!.message, /may cache 99 GB on a volume of \d+Gi/)
  assert.deepEqual(
    cache!.consequences.map(({ id }) => id),
    ['PRW-DRF-001'],
  )
  const [version] = await find('Deployment', 'crier', (one) => {
    container(one).image = container(one).image.replace(/:[^:]+$/, ':v20200101-abc')
  })
  assert.equal(version?.id, 'PRW-IMG-009')
  assert.match(version!.message, /^crier runs v20200101-abc, the other components of Prow v\d+/)
  assert.equal(version!.consequences.length, 1)
})
