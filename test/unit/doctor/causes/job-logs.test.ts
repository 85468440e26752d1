import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobLogRows, reportersOf } from '../../../../lib/doctor/causes/job-logs.ts'
import type { KubeObject } from '../../../../lib/kubernetes/manifests.ts'
import { prowJobOf } from '../../../../lib/prow/prow-job.ts'
import { beginRun } from '../../github/fakes.ts'
import { LOCAL, settings } from '../../world.ts'
import { evidence, fakeLogs, findings, type Given, jobPod, prowJob } from '../evidence.ts'

beginRun(settings(LOCAL))
fakeLogs()

const find = (given: Given) => findings(jobLogRows, evidence(given))
const REPORTED = { build_id: '1', prev_report_states: { 'github-reporter': 'failure', gcsreporter: 'failure' } }
const IRSA = {
  IDENTITY: 'irsa',
  TARGET: 'eks',
  AWS_ACCOUNT_ID: '123456789012',
  AWS_REGION: 'eu-central-1',
  CLUSTER_NAME: 'p',
}
const job = (more: string) =>
  `presubmits: {my-org/web: [{name: unit, ${more}, spec: {SPEC containers: [{image: busybox, command: [a]}]}}]}`

test('a job that is decorated, runs as prow-jobs and was reported is no finding', async () => {
  const jobs = job('decorate: true').replace('SPEC', 'serviceAccountName: prow-jobs,')
  const objects = [prowJob('a', 'failure', 30, { status: REPORTED })]
  assert.deepEqual(await find({ jobs, objects }), [])
})

test('a job that is not decorated', async () => {
  const [found, ...more] = await find({ jobs: job('decorate: false').replace('SPEC', '') })
  assert.deepEqual(more, [])
  assert.equal(found?.id, 'PRW-JOB-030')
  assert.match(found?.message ?? '', /presubmit unit \(web.yaml:1\)/)
})

test('a service account that is missing, or has no role', async () => {
  const jobs = job('decorate: true').replace('SPEC', 'serviceAccountName: builder,')
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'builder', namespace: 'test-pods' } }
  const [missing] = await find({ jobs })
  assert.match(missing?.message ?? '', /builder, which does not exist/)
  const [powerless] = await find({ jobs, values: IRSA, objects: [account] })
  assert.equal(powerless?.id, 'PRW-JOB-031')
  assert.match(powerless?.message ?? '', /has no IAM role/)
  // With keys every pod mounts them.
  assert.deepEqual(await find({ jobs, objects: [account] }), [])
})

const FAILURES: [id: string, name: string, message: string][] = [
  ['PRW-JOB-035', 'initupload', 'upload error: AccessDenied: Access Denied'],
  ['PRW-JOB-036', 'sidecar', 'NoSuchBucket: The specified bucket does not exist'],
  ['PRW-JOB-037', 'sidecar', 'PermanentRedirect: must be addressed using the specified endpoint'],
  ['PRW-JOB-038', 'initupload', 'NoCredentialProviders: no valid providers in chain'],
  ['PRW-JOB-039', 'clonerefs', 'fatal: could not read Username for https://github.com: terminal prompts disabled'],
  ['PRW-JOB-040', 'clonerefs', 'CONFLICT (content): Merge conflict in a.go'],
  ['PRW-JOB-041', 'clonerefs', 'Could not resolve host: github.com'],
  ['PRW-JOB-032', 'place-entrypoint', 'something new'],
]

const terminated = (name: string, exitCode: number, message = '') => ({
  name,
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode, message } },
})

for (const [id, name, message] of FAILURES) {
  test(`${id}: container ${name} failed`, async () => {
    const status = { phase: 'Failed', initContainerStatuses: [terminated(name, 1, message)] }
    const objects = [prowJob('a', 'failure', 3, { status: REPORTED }), jobPod('a', status)]
    const [found, ...more] = await find({ objects })
    assert.deepEqual(more, [])
    assert.equal(found?.id, id)
    assert.ok(found?.message.includes(message))
  })
}

test('a sidecar that ends with the failure of the job itself is no finding', async () => {
  const status = { phase: 'Failed', containerStatuses: [terminated('test', 1), terminated('sidecar', 1)] }
  assert.deepEqual(await find({ objects: [prowJob('a', 'failure', 3, { status: REPORTED }), jobPod('a', status)] }), [])
})

test('a job that crier has not reported', async () => {
  const [found] = await find({ objects: [prowJob('a', 'success', 30, { status: { build_id: '1' } })] })
  assert.equal(found?.id, 'PRW-JOB-034')
  assert.match(found?.message ?? '', /to GitHub and the bucket/)
  assert.ok(found?.follows?.includes('Deployment prow/crier'))
})

test('who reports a job', () => {
  const of = (spec: object, status: object = { build_id: '1' }) =>
    reportersOf(prowJobOf(prowJob('a', 'success', 1, { spec, status }) as KubeObject))
  assert.deepEqual(of({}), ['github-reporter', 'gcsreporter'])
  assert.deepEqual(of({ report: false }), ['gcsreporter'])
  assert.deepEqual(of({ type: 'periodic' }), ['gcsreporter'])
  assert.deepEqual(of({}, { build_id: '' }), ['github-reporter'])
})
