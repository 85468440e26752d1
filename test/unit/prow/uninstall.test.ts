import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { loadBalancersOf, removeWebhooks } from '../../../lib/prow/uninstall.ts'
import { currentRun, newRun, readOnce, setRun } from '../../../lib/run/context.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { folder, LOCAL, settings } from '../world.ts'

const on = settings({ ...LOCAL, GITHUB_CHECKS: 'on' })
const off = settings({ ...LOCAL, GITHUB_CHECKS: 'off' }, folder())
const prow: KubeObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'prow', annotations: { 'prow-runbook/webhook-7': '/orgs/my-org' } },
}

function begin(here: Settings): void {
  const run = newRun(here)
  run.steps.push({ step: 'x', title: '', outcome: 'done', results: [], problems: [], seconds: 0, wrote: false })
  setRun(run)
  const snapshot = new Snapshot()
  snapshot.put(prow)
  readOnce('kubectl get snapshot', async () => snapshot)
}
beforeEach(() => begin(on))

describe('the webhooks that 12-webhook created', () => {
  test('are kept, and reported, when GitHub is not to be asked', async () => {
    begin(off)
    await removeWebhooks(off)
    const [line] = currentRun().steps[0]!.results
    assert.equal(line!.outcome, 'skipped')
    assert.match(line!.note!, /GITHUB_CHECKS=off; remove it by hand/)
  })

  test('do not keep everything else from being removed when secrets/ no longer has a credential', async () => {
    await removeWebhooks(on)
    const [line] = currentRun().steps[0]!.results
    assert.equal(`${line!.outcome} ${line!.name}`, 'skipped webhook of my-org')
    assert.match(line!.note!, /^kept, .*secrets.*; remove it by hand/)
  })
})

test('the load balancers of Ingresses are known by their host names', () => {
  const ingress = (hostname?: string): KubeObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'a' },
    status: { loadBalancer: hostname ? { ingress: [{ hostname }] } : {} },
  })
  assert.deepEqual(loadBalancersOf([ingress('K8s-A.elb.amazonaws.com'), ingress(), prow]), ['k8s-a.elb.amazonaws.com'])
})
