import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobRows } from '../../../../lib/doctor/causes/jobs.ts'
import { beginRun } from '../../github/fakes.ts'
import { LOCAL, settings } from '../../world.ts'
import { ago, deployment, evidence, fakeLogs, findings, type Given, jobPod, podEvent, prowJob } from '../evidence.ts'

beginRun(settings(LOCAL))

const MANAGER = deployment('prow-controller-manager')
const find = (...objects: object[]) => findings(jobRows, evidence({ objects: [MANAGER, ...objects] }))
const waiting = (reason: string, message: string, name = 'test') => ({
  phase: 'Pending',
  containerStatuses: [{ name, ready: false, restartCount: 0, state: { waiting: { reason, message } } }],
})

test('jobs that begin, run or have ended are no finding', async () => {
  const running = {
    phase: 'Running',
    containerStatuses: [{ name: 'test', ready: true, restartCount: 0, state: { running: {} } }],
  }
  fakeLogs()
  assert.deepEqual(
    await find(
      prowJob('a', 'triggered', 1),
      prowJob('b', 'pending', 90),
      jobPod('b', running),
      prowJob('c', 'success', 90),
      prowJob('d', 'pending', 1),
      jobPod('d', waiting('ContainerCreating', '')),
      prowJob('e', 'triggered', 90, { spec: { cluster: 'elsewhere' } }),
    ),
    [],
  )
})

test('a triggered job without a pod follows from what is wrong with prow-controller-manager', async () => {
  fakeLogs()
  const [found, ...more] = await find(prowJob('a', 'triggered', 5))
  assert.deepEqual(more, [])
  assert.equal(found?.id, 'PRW-JOB-001')
  assert.match(found?.message ?? '', /^job unit of my-org\/web#12 has been triggered for 5 min and has no pod/)
  for (const root of ['Deployment prow/prow-controller-manager', 'Role test-pods/prow-controller-manager'])
    assert.ok(found?.follows?.includes(root))
})

test('the log of prow-controller-manager has the reason of a job without a pod', async () => {
  fakeLogs({ msg: 'error starting pod', error: 'failed calling webhook "x"', level: 'error', name: 'prow/a' })
  const [found] = await find(prowJob('prow/a', 'triggered', 5))
  assert.match(found?.message ?? '', /failed calling webhook/)
})

test('a Lease that nobody renews is the reason of all jobs without a pod', async () => {
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'prow-controller-manager-leader-lock', namespace: 'prow' },
    spec: { holderIdentity: 'old-pod', renewTime: ago(30) },
  }
  const [found] = await find(prowJob('a', 'triggered', 5), lease)
  assert.equal(found?.id, 'PRW-JOB-004')
  assert.match(found?.evidence ?? '', /old-pod/)
})

const TURNS: [name: string, given: Given, message: RegExp][] = [
  [
    'max_concurrency',
    {
      objects: [
        prowJob('a', 'triggered', 30, { spec: { max_concurrency: 1 } }),
        prowJob('b', 'pending', 40),
        jobPod('b', { phase: 'Running' }),
      ],
    },
    /max_concurrency is 1, and 1 other run is not complete/,
  ],
  [
    'a queue without a capacity',
    { objects: [prowJob('a', 'triggered', 30, { spec: { job_queue_name: 'q' } })] },
    /queue q, which plank.job_queue_capacities does not define/,
  ],
  [
    'a queue that is full',
    {
      config: 'prowjob_namespace: prow\nplank: {job_queue_capacities: {q: 0}}\n',
      objects: [prowJob('a', 'triggered', 30, { spec: { job_queue_name: 'q' } })],
    },
    /queue q has room for 0/,
  ],
  [
    'the limit of all jobs',
    {
      config: 'plank: {max_concurrency: 1}\n',
      objects: [
        prowJob('a', 'triggered', 30),
        prowJob('b', 'pending', 40, { spec: { job: 'other' } }),
        jobPod('b', { phase: 'Running' }),
      ],
    },
    /plank.max_concurrency is 1/,
  ],
]

for (const [name, given, message] of TURNS) {
  test(`a job that waits for its turn: ${name}`, async () => {
    const found = await findings(jobRows, evidence({ ...given, objects: [MANAGER, ...(given.objects ?? [])] }))
    assert.deepEqual(
      found.map(({ id }) => id),
      ['PRW-JOB-002'],
    )
    assert.match(found[0]?.message ?? '', message)
  })
}

test('an agent that nobody runs', async () => {
  const [found] = await find(prowJob('a', 'triggered', 30, { spec: { agent: 'jenkins' } }))
  assert.equal(found?.id, 'PRW-JOB-003')
})

test('a pending job whose pod is not there, or has ended long ago', async () => {
  const terminated = { exitCode: 0, finishedAt: ago(20) }
  const ended = { phase: 'Succeeded', containerStatuses: [{ name: 'test', restartCount: 0, state: { terminated } }] }
  const found = await find(prowJob('a', 'pending', 30), prowJob('b', 'pending', 30), jobPod('b', ended))
  assert.deepEqual(
    found.map(({ id }) => id),
    ['PRW-JOB-005', 'PRW-JOB-006'],
  )
})

const PODS: [id: string, status: object, events: [string, string][], remedy: RegExp][] = [
  ['PRW-IMG-005', waiting('ErrImagePull', 'manifest unknown: not found'), [], /image example.com\/unit:1 .*web.yaml:4/],
  [
    'PRW-SEC-001',
    waiting('ContainerCreating', ''),
    [['FailedMount', 'MountVolume.SetUp failed: secret "deploy-key" not found']],
    /create secret generic deploy-key/,
  ],
  [
    'PRW-CFG-001',
    waiting('CreateContainerConfigError', 'configmap "options" not found'),
    [],
    /create configmap options/,
  ],
  [
    'PRW-SCH-004',
    {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available: 1 Insufficient cpu.' }],
    },
    [],
    /lower the requests of the job in web.yaml:4/,
  ],
  [
    'PRW-CTR-001',
    waiting('CreateContainerConfigError', 'container has runAsNonRoot and image will run as root'),
    [],
    /runAsUser/,
  ],
]

for (const [id, status, events, remedy] of PODS) {
  test(`a pod of a job that does not start: ${id}`, async () => {
    const objects = [
      prowJob('a', 'pending', 30),
      jobPod('a', status),
      ...events.map(([reason, message]) => podEvent('a', reason, message)),
      // Of the same name in another namespace, which is of no use to the pod.
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'deploy-key', namespace: 'prow' } },
    ]
    const [found, ...more] = await find(...objects)
    assert.deepEqual(more, [])
    assert.equal(found?.id, id)
    assert.equal(found?.object, 'ProwJob prow/a')
    assert.match(found?.remedy ?? '', remedy)
  })
}

test('pods that could not be read are not called missing', async () => {
  const given = evidence({ objects: [MANAGER, prowJob('a', 'triggered', 30), prowJob('b', 'pending', 30)] })
  const problem = Object.assign(new Error('denied'), { findings: [] }) as never
  assert.deepEqual(await findings(jobRows, { ...given, unread: [{ source: 'pods in test-pods', problem }] }), [])
})
