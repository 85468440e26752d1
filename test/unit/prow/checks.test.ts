import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { type Checks, findingsOf, rows } from '../../../lib/kubernetes/check.ts'
import { type KubeObject, manifests } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { configMaps, isBound, isRunning, namespaces, rbac, serviceAccounts } from '../../../lib/prow/checks.ts'
import { newRun, readOnce, setRun } from '../../../lib/run/context.ts'
import { LOCAL, settings } from '../world.ts'

const here = settings(LOCAL)
let snapshot = new Snapshot()
beforeEach(() => {
  setRun(newRun(here))
  snapshot = new Snapshot()
  readOnce('kubectl get snapshot', async () => snapshot)
})

const object = (kind: string, name: string, namespace?: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...(namespace ? { namespace } : {}) },
  ...more,
})
const failed = async (...checks: Checks[]) =>
  (await findingsOf(rows(...checks)))
    .flat()
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ message }) => message)

describe('a check looks at the content', () => {
  test('a namespace that is being deleted is none', async () => {
    snapshot.put(object('Namespace', 'prow'))
    const going = object('Namespace', 'test-pods')
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    snapshot.put(going)
    assert.deepEqual(await failed(namespaces), ['namespace test-pods is being deleted'])
  })

  test('a Role with other rules, or a RoleBinding to another account, does not serve', async () => {
    for (const { object } of manifests(here, 'hook')) snapshot.put(structuredClone(object))
    const ofHook = rows(rbac).filter(({ fact }) => /\bhook\b/.test(fact))
    assert.ok(ofHook.length >= 2)
    assert.deepEqual(await failed(ofHook), [])
    const role = structuredClone(snapshot.get('Role', 'hook', 'prow')!) as KubeObject & { rules: { verbs: string[] }[] }
    role.rules[0]!.verbs.pop()
    snapshot.put(role)
    const binding = structuredClone(snapshot.get('RoleBinding', 'hook', 'prow')!) as KubeObject & {
      subjects: { name: string }[]
    }
    binding.subjects[0]!.name = 'somebody'
    snapshot.put(binding)
    assert.deepEqual(await failed(ofHook), [
      'Role prow/hook differs from the manifest of hook: it lacks update prowjobs; no comment or push starts a job',
      'RoleBinding prow/hook differs from the manifest of hook: it grants hook to ServiceAccount somebody',
    ])
  })

  test('a Role is the same whatever the order of its keys', async () => {
    for (const { object } of manifests(here, 'hook')) snapshot.put(structuredClone(object))
    const role = snapshot.get('Role', 'hook', 'prow')! as KubeObject & { rules: object[] }
    role.rules = role.rules.map((rule) => Object.fromEntries(Object.entries(rule).reverse()))
    assert.deepEqual(await failed(rows(rbac).filter(({ fact }) => /Role prow\/hook /.test(fact))), [])
  })

  test('a Deployment that is scaled to 0 does not run', async () => {
    snapshot.put(object('Deployment', 'hook', 'prow', { spec: { replicas: 0 }, status: {} }))
    assert.deepEqual(await failed(isRunning('hook', 'prow', '08-prow'), isRunning('deck', 'prow', '08-prow')), [
      'Deployment prow/hook is scaled to 0 replicas',
      'Deployment prow/deck does not exist',
    ])
  })

  test('a ConfigMap needs its key, packed or not', async () => {
    snapshot.put(object('ConfigMap', 'config', 'prow', { binaryData: { 'config.yaml': 'x' } }))
    snapshot.put(object('ConfigMap', 'plugins', 'prow', { data: { other: 'x' } }))
    snapshot.put(object('ConfigMap', 'job-config', 'prow'))
    assert.deepEqual(await failed(configMaps), ['ConfigMap prow/plugins has no key plugins.yaml'])
  })

  test('a PVC needs a volume', async () => {
    snapshot.put(object('PersistentVolumeClaim', 'ghproxy', 'prow', { status: { phase: 'Lost' } }))
    assert.deepEqual(await failed(isBound('ghproxy', 'prow')), ['PVC prow/ghproxy is Lost'])
  })

  test('every component but ghproxy has an account, and job pods have theirs', () => {
    assert.equal(serviceAccounts.length, 9)
  })
})
