import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { causeOf, type PodEvidence } from '../../../lib/kubernetes/pod-causes.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { EKS, LOCAL, settings } from '../world.ts'

const local = settings(LOCAL)
const eks = settings(EKS)
const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hook-1', namespace: 'prow' } }

beforeEach(() => {
  const run = newRun(local)
  run.target = { kubeconfig: 'k', context: 'c', server: 's' }
  setRun(run)
})

const evidence = (more: Partial<PodEvidence> = {}): PodEvidence => ({
  pod,
  status: { phase: 'Pending' },
  events: [],
  claims: [],
  settings: local,
  ...more,
})
const waiting = (reason: string, message = '') => ({
  containerStatuses: [{ name: 'hook', ready: false, restartCount: 0, state: { waiting: { reason, message } } }],
})
const unscheduled = (message: string) => ({ conditions: [{ type: 'PodScheduled', status: 'False', message }] })

// For each row of the table: what is found, and what its cause and remedy hold.
const ROWS: [name: string, Partial<PodEvidence>, cause: RegExp, remedy: RegExp][] = [
  [
    'a PVC without a volume',
    { claims: [{ name: 'ghproxy', class: 'gp3', message: 'x' }], settings: eks },
    /PVC ghproxy is Pending/,
    /07-ebs-csi/,
  ],
  [
    'an init container that waits',
    {
      status: {
        phase: 'Pending',
        initContainerStatuses: [{ name: 'object-store', ready: false, restartCount: 0, state: { running: {} } }],
        ...waiting('PodInitializing'),
      },
    },
    /init container object-store has not ended/,
    /logs hook-1 -c object-store/,
  ],
  ['no room', { status: unscheduled('0/3 nodes: Insufficient cpu. preemption: no') }, /^no node .*cpu$/, /larger/],
  ['no node of that architecture', { status: unscheduled("didn't match node affinity/selector") }, /no node/, /amd64/],
  ['a taint', { status: unscheduled('had untolerated taint {a: b}') }, /no node/, /taint/],
  ['a missing Secret', { events: ['FailedMount: secret "oauth-token" not found'] }, /oauth-token/, /03-secrets/],
  ['a missing ConfigMap', { events: ['FailedMount: configmap "config" not found'] }, /config/, /06-config/],
  ['missing labels', { events: ['FailedMount: configmap "label-config" not found'] }, /label-config/, /10-labels/],
  ['an image', { status: waiting('ImagePullBackOff', 'denied') }, /cannot be pulled: denied/, /IMAGE_MIRROR/],
  [
    'a root image',
    { status: waiting('CreateContainerConfigError', 'runs as root') },
    /cannot be created/,
    /POD_SECURITY=baseline/,
  ],
  [
    'a crash',
    {
      status: {
        containerStatuses: [
          {
            name: 'hook',
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
          },
        ],
      },
    },
    /crashes \(exit code 137, out of memory\)/,
    /logs hook-1 --previous/,
  ],
  ['a volume', { events: ['FailedAttachVolume: Unable to attach'] }, /Unable to attach/, /describe pod hook-1/],
  ['a probe', { events: ['Unhealthy: Readiness probe failed: 404'] }, /probe failed/, /logs hook-1/],
  ['nothing known', {}, /its pod is Pending and not ready/, /describe pod hook-1/],
]

describe('the cause that keeps a pod from being ready', () => {
  for (const [name, more, cause, remedy] of ROWS) {
    test(name, () => {
      const found = causeOf(evidence(more))
      assert.match(found.cause, cause)
      assert.match(found.remedy, remedy)
    })
  }

  test('is the first that fits: a PVC before what the scheduler says of it', () => {
    const claims = [{ name: 'ghproxy', class: 'gp3', message: 'x' }]
    assert.match(causeOf(evidence({ claims, status: unscheduled('unbound PVC') })).cause, /^PVC/)
  })
})
