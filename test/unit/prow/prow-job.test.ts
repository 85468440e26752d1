import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { newestRuns, prowJobOf, shownProwJob } from '../../../lib/prow/prow-job.ts'

const read = (name: string, spec: object, status: object = {}) =>
  prowJobOf({
    apiVersion: 'prow.k8s.io/v1',
    kind: 'ProwJob',
    metadata: { name, creationTimestamp: '2026-11-25T10:00:00Z', labels: { 'event-GUID': 'g' } },
    spec,
    status,
  } as KubeObject)
const refs = { org: 'o', repo: 'r', base_sha: 'base', pulls: [{ number: 3, sha: 'head' }] }

test('a presubmit, a postsubmit and a periodic', () => {
  const presubmit = read(
    'a',
    { job: 'unit', type: 'presubmit', refs, decoration_config: {}, max_concurrency: 2 },
    { state: 'success', completionTime: '2026-11-25T10:05:00Z' },
  )
  assert.equal(shownProwJob(presubmit), 'job unit of o/r#3')
  assert.deepEqual(
    [presubmit.sha, presubmit.context, presubmit.maxConcurrency, presubmit.isDecorated, presubmit.eventGuid],
    ['head', 'unit', 2, true, 'g'],
  )
  assert.equal(presubmit.completed?.getUTCMinutes(), 5)
  const postsubmit = read('b', { job: 'push', type: 'postsubmit', context: 'c', refs: { ...refs, pulls: undefined } })
  assert.equal(shownProwJob(postsubmit), 'job push of o/r')
  assert.deepEqual([postsubmit.sha, postsubmit.context, postsubmit.pulls.length], ['base', 'c', 0])
  const periodic = read('c', { job: 'nightly', type: 'periodic' })
  assert.equal(shownProwJob(periodic), 'job nightly')
  assert.deepEqual(
    [periodic.cluster, periodic.agent, periodic.serviceAccount, periodic.podName],
    ['default', 'kubernetes', 'default', 'c'],
  )
})

test('the account of a pod is that of the job, else that of its decoration', () => {
  const decoration_config = { default_service_account_name: 'prow-jobs' }
  assert.equal(read('a', { decoration_config }).serviceAccount, 'prow-jobs')
  assert.equal(read('a', { decoration_config, pod_spec: { serviceAccountName: 'own' } }).serviceAccount, 'own')
})

test('only the newest run of each job for the same pull requests', () => {
  const at = (name: string, minute: number, spec: object = {}) =>
    read(name, { job: 'unit', type: 'presubmit', refs, ...spec }, { startTime: `2026-11-25T10:0${minute}:00Z` })
  const other = { refs: { ...refs, pulls: [{ number: 4, sha: 'x' }] } }
  const names = newestRuns([at('a', 1), at('b', 3), at('c', 2), at('d', 1, other)]).map(({ name }) => name)
  assert.deepEqual(names, ['b', 'd'])
})
