import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { deleteObjects } from '../../../lib/kubernetes/removal.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { folder, LOCAL, settings } from '../world.ts'

const object = (kind: string, name: string, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'prow', ...metadata },
})

test('a deletion waits for what owns other objects or has a finalizer, and for nothing else', async () => {
  const home = folder({
    kubectl:
      '#!/bin/bash\nnames="$(grep -o \'"name":"[a-z]*"\' | cut -d\'"\' -f4 | xargs)"\necho "$* $names" >>"$(dirname "$0")/asked"\n',
  })
  chmodSync(join(home, 'kubectl'), 0o755)
  process.env.PATH = [home, process.env.PATH].join(delimiter)
  const run = newRun(settings(LOCAL))
  run.target = { kubeconfig: 'x', context: 'x', server: 'x' }
  setRun(run)
  await deleteObjects([
    object('ConfigMap', 'config'),
    object('Deployment', 'hook'),
    object('Service', 'deck', { finalizers: ['service.kubernetes.io/load-balancer-cleanup'] }),
    object('Role', 'tide', { finalizers: [] }),
  ])
  const deletions = readFileSync(join(home, 'asked'), 'utf8').trim().split('\n')
  assert.equal(deletions.length, 2)
  assert.match(deletions[0]!, /delete .*--wait=true .* hook deck$/)
  assert.match(deletions[1]!, /delete .*--wait=false .* config tide$/)
})
