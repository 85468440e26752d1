import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { manifests } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import {
  BUCKET_USERS,
  iamRoles,
  newestPods,
  POD_ROLES,
  podRoles,
  roleOf,
  usesRoles,
} from '../../../lib/prow/pod-roles.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { roleArn, roleName } from '../../../lib/settings/derived.ts'
import { fakeAws, fakeProgram } from '../aws/fake.ts'
import { EKS, LOCAL, settings } from '../world.ts'

const wanted = settings(EKS)
const ROLE = roleArn(wanted, 'prow-prow-controllers')
const pod = (app: string, createdAt: string, role?: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `${app}-${createdAt}`, labels: { app }, creationTimestamp: createdAt, ...more },
  spec: { containers: [{ env: role ? [{ name: 'AWS_ROLE_ARN', value: role }] : [] }] },
})

test('the ServiceAccounts with the annotation of a role are those that its trust policy names', () => {
  for (const { use, serviceAccounts } of POD_ROLES) {
    const annotated = manifests(wanted, 'service-accounts')
      .filter(
        ({ object }) =>
          object.metadata.annotations?.['eks.amazonaws.com/role-arn'] === roleArn(wanted, roleName(wanted, use)),
      )
      .map(({ object }) => `${object.metadata.namespace}:${object.metadata.name}`)
    assert.deepEqual(annotated.sort(), [...serviceAccounts].sort(), use)
  }
})

test('roles are for EKS with IRSA alone', () => {
  assert.ok(usesRoles(wanted))
  for (const other of [settings({ ...EKS, IDENTITY: 'keys' }), settings(LOCAL)]) {
    assert.ok(!usesRoles(other))
    assert.deepEqual([...iamRoles(other), ...podRoles(other)], [])
  }
  assert.deepEqual(
    iamRoles(wanted).map(({ fact }) => fact.split(' ')[1]),
    ['prow-prow-controllers', 'prow-prow-jobs'],
  )
})

test('the newest pod of a component counts, unless it is being deleted', () => {
  const newest = newestPods([
    pod('deck', '2026-01-02', 'new'),
    pod('deck', '2026-01-01', 'old'),
    pod('deck', '2026-01-03', 'ending', { deletionTimestamp: 'now' }),
    pod('tide', '2026-01-01'),
  ])
  assert.deepEqual(
    [...newest].map(([name, one]) => [name, roleOf(one)]),
    [
      ['deck', 'new'],
      ['tide', ''],
    ],
  )
})

test('each component is checked for the role in its pod; all share one read', async () => {
  fakeAws(wanted, {})
  currentRun().target = { kubeconfig: '', context: '', server: '' }
  const log = fakeProgram('kubectl', {
    'get pods': {
      kind: 'List',
      items: [pod('crier', '1', ROLE), pod('deck', '1'), pod('tide', '1', 'arn:aws:iam::1:role/other')],
    },
  })
  const found = await Promise.all(podRoles(wanted).map(({ inspect }) => inspect(new Snapshot(), wanted)))
  assert.deepEqual(
    BUCKET_USERS.map((name, index) => [name, found[index] === true || String(found[index]).slice(0, 30)]),
    [
      ['crier', true],
      ['deck', 'the pods of deck have no AWS_R'],
      ['tide', 'the pods of tide have no AWS_R'],
      ['statusreconciler', 'statusreconciler has no pod'],
    ],
  )
  assert.equal(log().length, 1)
})
