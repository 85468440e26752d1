import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { hasFailed, isReady, Watch } from '../../../lib/kubernetes/wait.ts'
import { fakeKubectl } from './fake-kubectl.ts'

const object = (kind: string, more: object = {}, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'one', namespace: 'prow', ...metadata },
  ...more,
})
const conditions = (type: string, status = 'True') => ({ status: { conditions: [{ type, status }] } })
const complete = { observedGeneration: 2, updatedReplicas: 2, replicas: 2, availableReplicas: 2 }
const deployment = (status: object, replicas = 2) =>
  object('Deployment', { spec: { replicas }, status }, { generation: 2 })

describe('ready', () => {
  test('is a Deployment when the last change is rolled out and no old pod is left', () => {
    assert.equal(isReady(deployment(complete)), true)
    assert.equal(isReady(deployment({ ...complete, observedGeneration: 1 })), false)
    assert.equal(isReady(deployment({ ...complete, updatedReplicas: 1 })), false)
    assert.equal(isReady(deployment({ ...complete, replicas: 3 })), false)
    assert.equal(isReady(deployment({ ...complete, availableReplicas: 1 })), false)
    assert.equal(isReady(deployment({})), false)
  })

  test('is no Deployment that is scaled to 0', () => {
    assert.equal(isReady(deployment({ observedGeneration: 2 }, 0)), false)
  })

  test('is a Job when it is complete, a CustomResourceDefinition when it is established', () => {
    assert.equal(isReady(object('Job', conditions('Complete'))), true)
    assert.equal(isReady(object('Job', conditions('Failed'))), false)
    assert.equal(hasFailed(object('Job', conditions('Failed'))), true)
    assert.equal(isReady(object('CustomResourceDefinition', conditions('Established', 'False'))), false)
    assert.equal(isReady(object('CustomResourceDefinition', conditions('Established'))), true)
  })
})

describe('a wait', () => {
  const start = fakeKubectl()
  let home = ''
  const starts = () => readFileSync(join(home, 'starts'), 'utf8').length

  /** Each start of this kubectl is counted in $N, from 1. */
  function kubectl(script: string): void {
    home = start(`printf x >>$(dirname "$0")/starts\nN=$(wc -c <$(dirname "$0")/starts)\n${script}`)
  }
  const print = (one: KubeObject) => `cat <<'JSON'\n${JSON.stringify(one, null, 4)}\nJSON\n`

  const wait = (seconds: number, kind: 'Deployment' | 'Job' = 'Deployment') =>
    new Watch(kind, ['one'], 'prow', seconds).notReady

  test('ends when the object is ready', async () => {
    kubectl(`${print(deployment({}))}${print(deployment(complete))}sleep 30`)
    assert.deepEqual(await wait(20), [])
    assert.equal(starts(), 1)
  })

  test('begins a watch that is closed again, with growing pauses, and keeps the last answer', async () => {
    kubectl('echo "The connection to the server was refused" >&2; exit 1')
    await assert.rejects(wait(5), (error) => error instanceof Problem && error.code === 'unreachable')
    assert.ok(starts() <= 4, `${starts()} starts`)
  })

  test('is not ended by a failure that passes', async () => {
    kubectl(
      `if [ $N -lt 3 ]; then echo "The connection to the server was refused" >&2; exit 1; fi; ${print(deployment(complete))}`,
    )
    assert.deepEqual(await wait(20), [])
  })

  test('is ended by one that lasts, with its message', async () => {
    kubectl('echo "getting credentials: exec: executable token failed" >&2; exit 1')
    await assert.rejects(wait(60), (error) => error instanceof Problem && /executable token failed/.test(error.message))
    assert.equal(starts(), 3)
  })

  test('for a Job ends when the Job has failed', async () => {
    kubectl(`${print(object('Job', conditions('Failed')))}sleep 30`)
    assert.deepEqual(await wait(20, 'Job'), ['one'])
  })

  test('takes more objects into the same watch, until it has ended', async () => {
    const other = { ...deployment(complete), metadata: { name: 'other', namespace: 'prow', generation: 2 } }
    kubectl(`${print(deployment({}))}sleep 1\n${print(deployment(complete))}sleep 1\n${print(other)}sleep 30`)
    const watch = new Watch('Deployment', ['one'], 'prow', 20)
    const changes: string[][] = []
    watch.onChange = () => changes.push(watch.waiting)
    assert.equal(watch.add(['other']), true)
    assert.deepEqual(await watch.notReady, [])
    assert.equal(starts(), 1)
    assert.deepEqual(changes.at(0), ['one', 'other'])
    assert.ok(changes.some((waiting) => waiting.join() === 'other'))
    assert.equal(watch.add(['third']), false)
    assert.deepEqual(watch.waiting, [])
  })

  test('gives back what is not ready at its limit', async () => {
    kubectl(`${print(deployment({}))}sleep 30`)
    assert.deepEqual(await wait(2), ['one'])
  })
})
