import type { GitHub } from '../github/client.ts'
import { answerOf, type Delivery, listDeliveries, readDelivery } from '../github/delivery.ts'
import { explainDelivery } from '../github/explain-delivery.ts'
import { callGitHub } from '../github/requests.ts'
import { isFailure, logLinesWith } from '../kubernetes/component-log.ts'
import { objectLabel } from '../kubernetes/objects.ts'
import type { PodStatus } from '../kubernetes/pod-causes.ts'
import { type ProwJob, shownProwJob } from '../prow/prow-job.ts'
import { shownJob } from '../prow/rules/rule.ts'
import { signInAsApp } from '../prow/sign-in.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'
import { reportersOf } from './causes/job-logs.ts'
import type { Evidence } from './evidence.ts'
import type { WebhookEvidence } from './github-evidence.ts'
import { configuredJob, lasts, placeOfJob, prowJobLabel, prowJobsOf } from './job-evidence.ts'
import type { Diagnosis } from './row.ts'
import { findingAbout, passedAt, type Station, stopsAt, stopsFor, waitsAt } from './trace.ts'

/** Follows the newest run of a job by the name of the job, or a run by the name of its ProwJob. */
export async function traceJob(evidence: Evidence, found: Diagnosis[], name: string): Promise<Station[]> {
  const all = prowJobsOf(evidence)
  const run = all.find((one) => one.name === name) ?? all.find(({ job }) => job === name)
  const configured = evidence.config?.jobs.filter((one) => one.name === name) ?? []
  if (!run) return withoutRun(evidence, found, name, configured)
  const written = configuredJob(evidence, run)
  return [
    passedAt(
      'configuration',
      written
        ? `${shownJob(written)} is in ${placeOfJob(evidence, run)}`
        : `${run.job} is in ${placeOfJob(evidence, run)}`,
    ),
    ...(await eventStations(evidence, found, run)),
    ...(await runStations(evidence, found, run)),
  ]
}

/** A job that never ran, as far as the cluster remembers. */
function withoutRun(
  evidence: Evidence,
  found: Diagnosis[],
  name: string,
  configured: NonNullable<Evidence['config']>['jobs'],
): Station[] {
  const [job] = configured
  if (!job) {
    const names = [...new Set(evidence.config?.jobs.map((one) => one.name) ?? [])]
    return [
      stopsAt(
        'configuration',
        `no job ${name} is in the cluster's configuration, and no ProwJob has that name`,
        `The jobs are ${names.slice(0, 10).join(', ') || 'none'}. Add it to ${evidence.settings.CONFIG_DIR}/jobs/ and run ${rerunLine('06-config')}; those of .prow.yaml show only when they run.`,
      ),
    ]
  }
  const place = `${job.file.split(' ')[0]}:${job.tree.line}`
  const by = job.kind === 'periodic' ? 'horologium' : 'hook'
  const plugins = findingAbout(found, [
    objectLabel('ConfigMap', 'plugins', 'prow'),
    objectLabel('Deployment', by, 'prow'),
    ...(evidence.github?.webhooks ?? []).flatMap(({ target }) => [target.name, `deliveries of the ${target.name}`]),
  ])
  const first = passedAt('configuration', `${shownJob(job)} is in ${place}`)
  if (plugins) return [first, stopsFor('event', plugins)]
  return [
    first,
    waitsAt(
      'event',
      `nothing has started ${name} yet, or sinker has removed its ProwJobs`,
      job.kind === 'periodic'
        ? `horologium starts it when it is due. Its log: ${kubectlLine('-n', 'prow', 'logs', 'deployment/horologium')}`
        : `An event of ${job.repo} starts it; on a pull request comment /test ${name}.`,
    ),
  ]
}

/** The event that started a job: its delivery, and what hook made of it. */
export async function eventStations(evidence: Evidence, found: Diagnosis[], job: ProwJob): Promise<Station[]> {
  if (job.eventGuid === '') {
    const by =
      job.type === 'periodic' ? 'horologium started it when it was due' : 'somebody started it without an event'
    return [passedAt('event', by, job.created)]
  }
  const known = await findDelivery(evidence, ({ guid }) => guid === job.eventGuid)
  return [
    known
      ? await deliveryStation(evidence, found, known)
      : passedAt('delivery', `event ${job.eventGuid}, which GitHub no longer lists`),
    await hookStation(job.eventGuid, true),
  ]
}

export interface KnownDelivery {
  webhook: WebhookEvidence
  github: GitHub
  delivery: Delivery
}

/** Who may read the deliveries of a webhook: the bot, or the App itself. */
async function readerOf({ settings, github }: Evidence): Promise<GitHub | undefined> {
  return settings.GITHUB_AUTH === 'app' ? signInAsApp(settings) : github?.github
}

/** The newest delivery of which something holds; undefined where GitHub lists none. */
export async function findDelivery(
  evidence: Evidence,
  holds: (delivery: Delivery, read: () => Promise<unknown>) => boolean | Promise<boolean>,
): Promise<KnownDelivery | undefined> {
  const github = await readerOf(evidence)
  for (const one of evidence.github?.webhooks ?? []) {
    const { webhook } = one
    if (!webhook || !github) continue
    for (const delivery of await listDeliveries(github, evidence.settings, webhook)) {
      const read = async () => (await readDelivery(github, evidence.settings, webhook, delivery)).request?.payload
      if (await holds(delivery, read)) return { webhook: one, github, delivery }
    }
  }
  return undefined
}

/** How GitHub delivered an event. */
export async function deliveryStation(
  evidence: Evidence,
  found: Diagnosis[],
  { webhook, github, delivery }: KnownDelivery,
): Promise<Station> {
  const { event, action, delivered_at: at, status_code: code } = delivery
  const shown = `${event}${action ? ` ${action}` : ''}`
  const time = new Date(at)
  const answer = answerOf(await readDelivery(github, evidence.settings, webhook.webhook!, delivery))
  const problem = explainDelivery(code, answer, evidence.settings)
  if (!problem) return passedAt('delivery', `${shown}: hook answered ${code}`, time)
  const known = findingAbout(found, [`deliveries of the ${webhook.target.name}`])
  if (known) return stopsFor('delivery', known, time)
  return stopsAt(
    'delivery',
    `${shown}: ${problem.message}`,
    `${problem.remedy}\nThen redeliver it at ${webhook.target.page}, Recent Deliveries.`,
    { time },
  )
}

/** What hook logged about an event. It logs nothing where all goes well, so that only a failure stops there. */
export async function hookStation(guid: string, hasJobs: boolean): Promise<Station> {
  const lines = await logLinesWith('hook', 'prow', guid, 72)
  const failure = lines.filter(isFailure).at(-1)
  const time = lines[0]?.time ? new Date(lines[0].time) : undefined
  if (failure && !hasJobs) {
    return stopsAt(
      'hook',
      `hook failed on event ${guid}: ${failure.text}`,
      `Its log has more: ${kubectlLine('-n', 'prow', 'logs', '-l', 'app=hook', '--tail=-1')}`,
      { time: new Date(failure.time) },
    )
  }
  const warning = failure ? `; it also reported: ${failure.text}` : ''
  return passedAt('hook', `handled event ${guid}${warning}`, time)
}

/** A run from its ProwJob to the status on GitHub. */
export async function runStations(evidence: Evidence, found: Diagnosis[], job: ProwJob): Promise<Station[]> {
  const stations = [passedAt('ProwJob', `${job.name}: ${shownProwJob(job)}`, job.created)]
  const about = findingAbout(found, [prowJobLabel(job), objectLabel('Pod', job.podName, 'test-pods')])
  const isReport = about?.own.id === 'PRW-JOB-034'
  if (about && !isReport) return [...stations, stopsFor(job.completed ? 'result' : 'pod', about, job.completed)]
  const pod = evidence.objects.get('Pod', job.podName, 'test-pods')
  const { phase } = (pod?.status ?? {}) as PodStatus
  if (!job.completed) {
    const state = pod ? `pod ${job.podName} is ${phase}` : 'it has no pod yet'
    const wait = `Watch it: ${kubectlLine('-n', 'test-pods', 'get', 'pod', job.podName, '--watch')}`
    return [
      ...stations,
      waitsAt('pod', `${job.state} for ${lasts(job.pending ?? job.started, evidence)}: ${state}`, wait),
    ]
  }
  stations.push(passedAt('pod', pod ? `${job.podName} ${phase}` : `${job.podName}, which is removed`, job.pending))
  stations.push(
    job.state === 'success' || job.state === 'failure'
      ? passedAt('result', `${job.state}: ${job.description || 'no description'}`, job.completed)
      : stopsAt('result', `${job.state}: ${job.description || 'no description'}`, `Its page: ${job.url || 'none'}`, {
          time: job.completed,
        }),
  )
  stations.push(uploadStation(job, about))
  stations.push(await statusStation(evidence, job, about))
  return stations
}

type About = ReturnType<typeof findingAbout>

function uploadStation(job: ProwJob, about: About): Station {
  const isReported = !reportersOf(job).includes('gcsreporter') || job.reported.gcsreporter === job.state
  if (!isReported && about) return stopsFor('upload', about)
  if (!job.isDecorated) return passedAt('upload', 'the job is not decorated, and uploads no log', job.completed)
  if (!isReported) return waitsAt('upload', 'crier has not finished its upload', 'It takes up to a minute.')
  return passedAt('upload', job.url || 'its log is in the bucket', job.completed)
}

/** The status that GitHub shows for a job. */
async function statusStation(evidence: Evidence, job: ProwJob, about: About): Promise<Station> {
  const { github, settings } = evidence
  if (!reportersOf(job).includes('github-reporter'))
    return passedAt('status', job.reports ? 'a periodic job has none on GitHub' : 'the job does not report to GitHub')
  if (job.reported['github-reporter'] !== job.state && about) return stopsFor('status', about)
  if (!github?.github) return passedAt('status', 'not examined: GitHub was not read')
  const operation = {
    description: `read the statuses of ${job.org}/${job.repo}`,
    scope: 'repo',
    permission: 'Commit statuses: read',
  }
  const { data } = await callGitHub(settings, operation, () =>
    github.github!.request('GET /repos/{owner}/{repo}/commits/{ref}/status', {
      owner: job.org,
      repo: job.repo,
      ref: job.sha,
      per_page: 100,
    }),
  )
  const status = (data.statuses as { context: string; state: string; updated_at: string }[]).find(
    ({ context }) => context === job.context,
  )
  const expected = job.state === 'success' ? 'success' : job.state === 'error' ? 'error' : 'failure'
  if (status?.state === expected)
    return passedAt('status', `GitHub shows ${job.context}: ${status.state}`, new Date(status.updated_at))
  const shows = status
    ? `shows ${job.context}: ${status.state}`
    : `has no status ${job.context} of ${job.sha.slice(0, 10)}`
  if (job.reported['github-reporter'] !== job.state)
    return waitsAt('status', `GitHub ${shows}; crier has not reported it yet`, 'It takes up to a minute.')
  return stopsAt(
    'status',
    `GitHub ${shows}, though crier has reported ${job.state}`,
    `A newer run may have replaced it. The log of crier: ${kubectlLine('-n', 'prow', 'logs', 'deployment/crier')}`,
  )
}
