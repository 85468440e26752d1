import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Watch } from '../../../lib/kubernetes/wait.ts'
import { waitFor } from '../../../lib/kubernetes/waiting.ts'
import { fakeKubectl } from './fake-kubectl.ts'

const meta = (name: string, kind: string, owner?: string) => ({
  name,
  namespace: 'prow',
  uid: `${kind}-${name}`,
  ...(owner ? { ownerReferences: [{ kind: owner.split('-')[0], name, uid: owner }] } : {}),
})
/** A Deployment with a ReplicaSet and a pod whose container waits for that reason. */
const workload = (name: string, reason: string, message: string) => [
  { kind: 'Deployment', metadata: { ...meta(name, 'Deployment'), generation: 1 }, spec: { replicas: 1 }, status: {} },
  { kind: 'ReplicaSet', metadata: meta(name, 'ReplicaSet', `Deployment-${name}`), spec: {} },
  {
    kind: 'Pod',
    metadata: meta(name, 'Pod', `ReplicaSet-${name}`),
    spec: { nodeName: 'a', containers: [{ name, image: `registry.example/${name}:1` }] },
    status: {
      phase: 'Pending',
      containerStatuses: [{ name, ready: false, restartCount: 0, state: { waiting: { reason, message } } }],
    },
  },
]
const STARTING = workload('deck', 'ContainerCreating', '')
const NO_IMAGE = workload('hook', 'ImagePullBackOff', 'registry.example/hook:1: not found')

describe('a wait for several objects', () => {
  const kubectl = fakeKubectl()

  /** A kubectl that watches without an end, and answers `get` with these objects. */
  function cluster(...objects: object[]): void {
    const list = JSON.stringify({ kind: 'List', items: objects }, null, 4)
    kubectl(`[[ "$*" = *--watch* ]] && exec sleep 60\n[[ "$*" = *logs* ]] || cat <<'JSON'\n${list}\nJSON`)
  }

  async function ended(seconds: number, ...names: string[]) {
    const texts: string[] = []
    const watch = new Watch('Deployment', names, 'prow', seconds)
    const found = await waitFor([watch], (text) => texts.push(text), 200)
    return { found, texts, elapsed: watch.elapsed }
  }

  test('shows how many are ready, for how long, and the first cause', async () => {
    cluster(...NO_IMAGE, ...STARTING)
    const { texts } = await ended(30, 'hook', 'deck')
    assert.match(texts[0]!, /^0 of 2 ready · 0 s of 30 s · hook, deck$/)
    assert.match(texts.at(-1)!, /^0 of 2 ready · \d s of 30 s · hook: the image of hook cannot be pulled/)
  })

  test('ends early for what waiting does not change, and reports only that', async () => {
    cluster(...STARTING, ...NO_IMAGE)
    const { found, elapsed } = await ended(30, 'deck', 'hook')
    assert.ok(elapsed < 20)
    assert.equal(found.length, 1)
    assert.match(found[0]!.message, /^Deployment prow\/hook is not ready: the image of hook/)
    assert.match(found[0]!.message, /\nWaiting does not change this: the wait ended after \d+ of 30 s\.$/)
  })

  test('goes on to its limit for what may pass', async () => {
    cluster(...STARTING)
    const { found } = await ended(2, 'deck')
    assert.equal(found.length, 1)
    assert.doesNotMatch(found[0]!.message, /Waiting does not change/)
  })

  test('does not end for a Secret that was made since', async () => {
    const pending = workload('hook', 'ContainerCreating', '')
    const event = {
      kind: 'Event',
      metadata: { name: 'e', namespace: 'prow' },
      involvedObject: { kind: 'Pod', name: 'hook', namespace: 'prow', uid: 'Pod-hook' },
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "hmac": secret "hmac-token" not found',
    }
    cluster(...pending, event, { kind: 'Secret', metadata: meta('hmac-token', 'Secret') })
    assert.doesNotMatch((await ended(2, 'hook')).found[0]!.message, /Waiting does not change/)
    cluster(...pending, event)
    assert.match((await ended(30, 'hook')).found[0]!.message, /hmac-token.*\n.*Waiting does not change/s)
  })
})
