import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobLogRows } from '../../../lib/doctor/causes/job-logs.ts'
import { jobRows } from '../../../lib/doctor/causes/jobs.ts'
import { fold } from '../../../lib/doctor/fold.ts'
import { diagnosisOf } from '../../../lib/doctor/row.ts'
import { parseSince } from '../../../lib/doctor/select.ts'
import { arrived, findingAbout, type Station, stopsFor, traceDocument } from '../../../lib/doctor/trace.ts'
import { traceJob } from '../../../lib/doctor/trace-job.ts'
import { isAbout, parsePull, tracePull } from '../../../lib/doctor/trace-pull.ts'
import { startGitHub } from '../github/fakes.ts'
import { evidence, fakeLogs, findings, type Given, jobPod, NOW, prowJob } from './evidence.ts'

const HEAD = 'a'.repeat(40)
const PULL = {
  number: 12,
  title: 'Add',
  user: 'ann',
  pull: { head: { ref: 'x', sha: HEAD }, base: { ref: 'main', sha: 'b' } },
}
const world = await startGitHub({
  orgs: [{ login: 'my-org', members: { 'prow-bot': 'admin' }, hooks: [] }],
  repos: [{ owner: 'my-org', name: 'web', issues: [PULL as never] }],
})
const { server, github } = world
fakeLogs()

const repo = server.state.repos[0]!
const spec = { refs: { org: 'my-org', repo: 'web', pulls: [{ number: 12, sha: HEAD }] } }
const REPORTED = { 'github-reporter': 'success', gcsreporter: 'success' }
const done = (more: object = {}) =>
  prowJob('a', 'success', 5, {
    spec,
    status: { build_id: '1', url: 'https://prow/view', prev_report_states: REPORTED, ...more },
  })

/** The names of the stations, with how it went at the last one. */
const way = (stations: Station[]) => [...stations.map(({ name }) => name), stations.at(-1)!.outcome].join(' ')

async function pull(given: Given, labels: string[] = []) {
  repo.issues[0]!.labels = labels
  const all = evidence({ ...given, github: { github, webhooks: [], ...given.github } })
  return tracePull(all, [], { org: 'my-org', repo: 'web', number: 12 })
}
async function job(given: Given, name = 'unit') {
  const all = { ...evidence(given), github: undefined }
  const found = await findings([...jobRows, ...jobLogRows], all)
  return traceJob(all, fold(found.map((one) => diagnosisOf({ id: one.id, severity: 'error' }, one))), name)
}

test('a pull request by name or URL', () => {
  const expected = { org: 'my-org', repo: 'web.js', number: 12 }
  assert.deepEqual(parsePull('my-org/web.js#12'), expected)
  assert.deepEqual(parsePull('https://github.com/my-org/web.js/pull/12'), expected)
  for (const wrong of ['web#12', 'my-org/web', 'my-org/web#x'])
    assert.throws(() => parsePull(wrong), /is no pull request/)
})

test('a span of time', () => {
  assert.equal(parseSince('', NOW), undefined)
  assert.equal(parseSince('90m', NOW)?.toISOString(), '2026-11-25T10:30:00.000Z')
  assert.equal(parseSince('3d', NOW)?.toISOString(), '2026-11-22T12:00:00.000Z')
  assert.throws(() => parseSince('3 weeks', NOW), /is no span of time/)
})

test('the root of a finding is what has to be remedied', () => {
  const one = (id: string, object: string, follows: string[] = []) =>
    diagnosisOf({ id, severity: 'error' }, { object, message: `${object} is wrong`, remedy: `do ${id}`, follows })
  const found = fold([
    one('PRW-JOB-001', 'ProwJob prow/a', ['Deployment prow/x']),
    one('PRW-POD-001', 'Deployment prow/x'),
  ])
  const about = findingAbout(found, ['ProwJob prow/a'])!
  const station = stopsFor('pod', about)
  assert.equal(station.id, 'PRW-POD-001')
  assert.equal(station.remedy, 'do PRW-POD-001')
  assert.match(station.message, /ProwJob prow\/a is wrong\nIts cause: Deployment prow\/x is wrong/)
  assert.equal(findingAbout(found, ['ProwJob prow/b']), undefined)
})

test('an event about a pull request is recognized, and none of an issue with its number elsewhere', () => {
  const repository = { full_name: 'my-org/web' }
  assert.ok(isAbout({ repository, pull_request: { number: 12 } }, 'my-org/web', 12))
  assert.ok(isAbout({ repository, issue: { number: 12 } }, 'my-org/web', 12))
  assert.ok(!isAbout({ repository, number: 13 }, 'my-org/web', 12))
  assert.ok(!isAbout({ repository: { full_name: 'my-org/api' }, number: 12 }, 'my-org/web', 12))
  assert.ok(!isAbout(undefined, 'my-org/web', 12))
})

test('a job that succeeded and was reported', async () => {
  const stations = await job({ objects: [done()] })
  assert.equal(way(stations), 'configuration delivery hook ProwJob pod result upload status passed')
  assert.ok(arrived(stations))
  assert.match(stations[0]!.message, /presubmit unit is in web.yaml:4/)
})

test('a job whose pod waits, with its cause', async () => {
  const waiting = { reason: 'ErrImagePull', message: 'not found' }
  const status = {
    phase: 'Pending',
    containerStatuses: [{ name: 'test', ready: false, restartCount: 0, state: { waiting } }],
  }
  const stations = await job({ objects: [prowJob('a', 'pending', 9), jobPod('a', status)] }, 'a')
  assert.equal(way(stations), 'configuration delivery hook ProwJob pod failed')
  assert.equal(stations.at(-1)?.id, 'PRW-IMG-005')
})

test('a job that runs, one that has not run, and one that nobody knows', async () => {
  const running = await job({ objects: [prowJob('a', 'pending', 9), jobPod('a', { phase: 'Running' })] })
  assert.equal(way(running), 'configuration delivery hook ProwJob pod waiting')
  assert.equal(way(await job({})), 'configuration event waiting')
  const unknown = await job({}, 'other')
  assert.match(unknown[0]!.remedy ?? '', /The jobs are unit\./)
})

test('a log that was not uploaded, and a result that was not reported', async () => {
  const upload = await job({ objects: [done({ prev_report_states: { 'github-reporter': 'success' } })] })
  assert.equal(way(upload.slice(0, -1)), 'configuration delivery hook ProwJob pod result upload waiting')
  const status = await pull({ objects: [done()] })
  assert.match(status.find(({ name }) => name === 'status')!.message, /GitHub has no status unit of aaaaaaaaaa/)
})

test('a pull request waits for labels, then for its jobs, then for Tide', async () => {
  repo.statuses[HEAD] = [{ context: 'unit', state: 'success', updated_at: NOW.toISOString() } as never]
  const last = async (given: Given, ...labels: string[]) => (await pull(given, labels)).at(-1)!
  assert.match((await last({ objects: [done()] })).message, /lacks lgtm, approved/)
  const failed = prowJob('a', 'failure', 5, {
    spec,
    status: { build_id: '1', prev_report_states: { 'github-reporter': 'failure', gcsreporter: 'failure' } },
  })
  assert.match((await last({ objects: [failed] }, 'lgtm', 'approved')).message, /waits for unit \(failure\)/)
  assert.match((await last({ objects: [done()] }, 'lgtm', 'approved')).message, /nothing is in its way/)
  const config = 'prowjob_namespace: prow\ntide: {queries: [{repos: [my-org/api]}]}\n'
  assert.match((await last({ objects: [done()], config })).message, /no query of Tide has my-org\/web/)
  const excluded = 'tide: {queries: [{orgs: [my-org], excludedBranches: [main]}]}\n'
  assert.match(
    (await last({ objects: [done()], config: excluded })).message,
    /no query of Tide has my-org\/web, branch main/,
  )
  const offered = 'tide: {queries: [{orgs: [my-org], labels: ["lgtm,shipit"], missingLabels: [hold]}]}\n'
  assert.match(
    (await last({ objects: [done()], config: offered }, 'shipit', 'hold')).message,
    /the pull request has hold$/,
  )
})

test('a pull request without a delivery stops there', async () => {
  const stations = await pull({})
  assert.equal(way(stations), 'pull request delivery failed')
})

test('a merged pull request went all the way', async () => {
  repo.issues[0]!.state = 'closed'
  repo.issues[0]!.pull!.merged = true
  const stations = await pull({ objects: [done()] })
  assert.equal(way(stations), 'pull request delivery hook ProwJob pod result upload status Tide passed')
  assert.deepEqual((traceDocument(stations) as { arrived: boolean }).arrived, true)
})
