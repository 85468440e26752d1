import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobErrorRows } from '../../../../lib/doctor/causes/job-errors.ts'
import { beginRun } from '../../github/fakes.ts'
import { LOCAL, settings } from '../../world.ts'
import { evidence, fakeLogs, findings, NOW, podEvent, prowJob } from '../evidence.ts'

beginRun(settings(LOCAL))
fakeLogs()

const find = (...objects: object[]) => findings(jobErrorRows, evidence({ objects }))
const failed = (description: string, more: object = {}) =>
  prowJob('a', 'error', 5, { status: { description }, ...more })

const CASES: [id: string, description: string, message: RegExp, remedy: RegExp, spec?: object, events?: object[]][] = [
  [
    'PRW-ADM-002',
    'Pod can not be created: pods "a" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1',
    /ended in error 5 min ago: its pod was refused\npods "a" is forbidden: exceeded quota/,
    /Raise ResourceQuota small/,
  ],
  [
    'PRW-ADM-004',
    'Pod can not be created: violates PodSecurity "restricted"',
    /refused/,
    /web.yaml:4.*JOB_POD_SECURITY/,
  ],
  [
    'PRW-ADM-006',
    'Pod can not be created: pods "a" is forbidden: error looking up service account test-pods/builder: serviceaccount "builder" not found',
    /refused/,
    /Create ServiceAccount test-pods\/builder/,
  ],
  [
    'PRW-JOB-020',
    'Pod can not be created: pods is forbidden: User "system:serviceaccount:prow:prow-controller-manager" cannot create resource "pods" in API group "" in the namespace "test-pods"',
    /has no right to create pods in test-pods/,
    /08-prow/,
  ],
  [
    'PRW-JOB-020',
    'Pod can not be created: Pod "a" is invalid: spec.containers[0].image: Required',
    /refused/,
    /Correct what it names/,
  ],
  ['PRW-JOB-021', 'Job pod was OOM killed by the cluster.', /more memory/, /memory limit/],
  ['PRW-JOB-022', 'Job pod was evicted by the cluster.', /ended from outside/, /do-not-disrupt/],
  [
    'PRW-JOB-022',
    'Pod got deleted unexpectedly',
    /its node was removed or lost .*\n.*TaintManagerEviction/,
    /AZRebalance/,
    {},
    [podEvent('a', 'TaintManagerEviction', 'Marking for deletion Pod test-pods/a', 6)],
  ],
  ['PRW-JOB-023', 'Pod scheduling timeout.', /no node had room/, /requests/],
  [
    'PRW-SCH-004',
    'Pod scheduling timeout.',
    /Insufficient cpu/,
    /web.yaml:4/,
    {},
    [podEvent('a', 'FailedScheduling', '0/2 nodes are available: 2 Insufficient cpu.')],
  ],
  ['PRW-JOB-024', 'Pod pending timeout.', /did not start/, /pod_pending_timeout/],
  [
    'PRW-IMG-005',
    'Pod pending timeout.',
    /the registry has no such image/,
    /Correct the image in web.yaml:4/,
    {},
    [podEvent('a', 'Failed', 'Failed to pull image "example.com/unit:1": not found')],
  ],
  [
    'PRW-JOB-026',
    'Terminal error: unknown cluster alias "b".',
    /its cluster is b/,
    /cluster: default/,
    { cluster: 'b' },
  ],
  ['PRW-JOB-026', 'Terminal error: no build client found for cluster "default".', /no access/, /restart/],
  ['PRW-JOB-027', "Pod was in succeeded phase but some containers didn't finish", /had not ended/, /restartPolicy/],
  ['PRW-JOB-029', 'something new', /something new/, /describe prowjob a/],
]

for (const [id, description, message, remedy, spec = {}, events = []] of CASES) {
  test(`${id}: ${description.slice(0, 60)}${events.length > 0 ? ', with its event' : ''}`, async () => {
    const [found, ...more] = await find(failed(description, { spec }), ...events)
    assert.deepEqual(more, [])
    assert.equal(found?.id, id)
    assert.match(found?.message ?? '', message)
    assert.match(found?.remedy ?? '', remedy)
    assert.ok(found?.evidence)
  })
}

test('a job that hung is told from one that was aborted', async () => {
  const aborted = (description: string) => prowJob('a', 'aborted', 5, { status: { description } })
  assert.equal((await find(aborted('Pod running timeout.')))[0]?.id, 'PRW-JOB-025')
  assert.deepEqual(await find(aborted('Aborted by trigger plugin.')), [])
})

test('only the newest run of a job counts, and only of the last day or since the time that is asked for', async () => {
  assert.deepEqual(await find(failed('x'), prowJob('b', 'success', 1)), [])
  assert.equal((await find(failed('x'), prowJob('b', 'success', 1, { spec: { job: 'other' } }))).length, 1)
  const old = prowJob('a', 'error', 3000, { status: { description: 'x' } })
  assert.deepEqual(await find(old), [])
  const since = new Date(NOW.getTime() - 4000 * 60_000)
  assert.equal((await findings(jobErrorRows, evidence({ objects: [old], since }))).length, 1)
})
