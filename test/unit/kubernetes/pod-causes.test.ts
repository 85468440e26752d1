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
    'a program that does not exist, between two tries',
    {
      status: {
        containerStatuses: [
          {
            name: 'hook',
            ready: false,
            restartCount: 4,
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
            lastState: { terminated: { reason: 'StartError', exitCode: 128, message: 'exec: "/hokk": no such file' } },
          },
        ],
      },
    },
    /container hook cannot be created: exec: "\/hokk": no such file/,
    /Run 08-prow/,
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
    /more memory/,
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

  test('is the PVC where the scheduler waits for it, and the scheduler where the PVC waits for a pod', () => {
    const of = (message: string, status: string) =>
      causeOf(evidence({ claims: [{ name: 'ghproxy', class: 'gp3', message }], status: unscheduled(status) })).id
    assert.equal(of('ProvisioningFailed: no', 'pod has unbound immediate PersistentVolumeClaims'), 'PRW-VOL-001')
    assert.equal(of('WaitForFirstConsumer: waiting', '0/1 nodes are available: 1 Insufficient cpu.'), 'PRW-SCH-004')
  })

  test('is no missing Secret when that exists by now', () => {
    const events = ['FailedMount: secret "cookie" not found']
    assert.equal(causeOf(evidence({ events })).id, 'PRW-SEC-001')
    assert.notEqual(causeOf(evidence({ events, exists: () => true })).id, 'PRW-SEC-001')
  })

  test('is no older trouble with the volume once a container has run', () => {
    const status = { containerStatuses: [{ name: 'a', ready: false, restartCount: 2, state: {} }] }
    assert.equal(causeOf(evidence({ events: ['FailedAttachVolume: Multi-Attach error'], status })).id, 'PRW-CRA-001')
    assert.equal(causeOf(evidence({ events: ['FailedAttachVolume: Multi-Attach error'] })).id, 'PRW-VOL-003')
  })

  test('is the answer of the registry, which may stand in an event only', () => {
    const status = waiting('ImagePullBackOff', 'Back-off pulling image "x"')
    const of = (answer: string) =>
      causeOf(evidence({ status, events: [`Failed: Failed to pull image "x": ${answer}`] }))
    assert.equal(of('manifest unknown').id, 'PRW-IMG-005')
    assert.equal(of('manifest unknown').lasting, true)
    assert.equal(of('pull access denied, no basic auth credentials').id, 'PRW-IMG-004')
    assert.equal(of('toomanyrequests: You have reached your limit').id, 'PRW-IMG-003')
    assert.equal(of('no match for platform in manifest: not found').id, 'PRW-IMG-002')
    assert.equal(of('dial tcp 1.2.3.4:443: i/o timeout').id, 'PRW-IMG-007')
  })

  test('is the network without an address', () => {
    const events = ['FailedCreatePodSandBox: failed to assign an IP address to container']
    assert.equal(causeOf(evidence({ events })).id, 'PRW-NET-001')
  })
})
