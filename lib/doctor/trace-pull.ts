import { isTrue, nodeAt, type Tree, textOf, textsOf } from '../base/yaml-tree.ts'
import type { GitHub } from '../github/client.ts'
import { settingsPages } from '../github/pages.ts'
import { callGitHub, statusOf } from '../github/requests.ts'
import { tryKubectl } from '../kubernetes/kubectl.ts'
import { objectLabel } from '../kubernetes/objects.ts'
import { newestRuns, type ProwJob } from '../prow/prow-job.ts'
import { tideQueries } from '../prow/rules/tide.ts'
import { usageProblem } from '../run/command-line.ts'
import { rerunLine } from '../run/rerun.ts'
import { covers, shownQuery } from './causes/tide.ts'
import type { Evidence } from './evidence.ts'
import { prowJobsOf } from './job-evidence.ts'
import type { Diagnosis } from './row.ts'
import { findingAbout, passedAt, type Station, stopsAt, stopsFor, waitsAt } from './trace.ts'
import { deliveryStation, eventStations, findDelivery, hookStation, runStations } from './trace-job.ts'

/** A pull request by its name, such as `my-org/web#12`. */
export interface PullName {
  org: string
  repo: string
  number: number
}

/** The value of --pr: `org/repo#12`, or the URL of its page. Throws a usage Problem for anything else. */
export function parsePull(text: string): PullName {
  const match = /^(?:https?:\/\/[^/]+\/)?([\w.-]+)\/([\w.-]+)(?:#|\/pull\/)(\d+)\/?$/.exec(text)
  const [, org, repo, number] = match ?? []
  if (!org || !repo || !number)
    throw usageProblem(`--pr ${text} is no pull request`, 'Name it as org/repo#12 (in quotes), or by its URL.')
  return { org, repo, number: Number(number) }
}

/** A pull request as GitHub has it. */
interface Pull {
  title: string
  state: string
  draft?: boolean
  merged?: boolean
  mergeable?: boolean | null
  created_at: string
  updated_at: string
  user: { login: string }
  labels: { name: string }[]
  base: { ref: string; repo: { id: number } }
  head: { sha: string }
}

/** Events that concern a pull request. */
const EVENTS = ['pull_request', 'issue_comment', 'pull_request_review', 'pull_request_review_comment']

/** How many deliveries are read to find that of a pull request. */
const READS = 10

/** Follows a pull request from its event to its merge. */
export async function tracePull(evidence: Evidence, found: Diagnosis[], name: PullName): Promise<Station[]> {
  const { github } = evidence
  const fullName = `${name.org}/${name.repo}`
  const shown = `${fullName}#${name.number}`
  if (!github?.github) {
    const refused = findingAbout(found, [
      objectLabel('Secret', 'oauth-token', 'prow'),
      objectLabel('Secret', 'github-token', 'prow'),
      'GitHub',
    ])
    return [
      refused
        ? stopsFor('pull request', refused)
        : stopsAt(
            'pull request',
            'GitHub was not read',
            'Set GITHUB_CHECKS=on, and check that this machine reaches GitHub.',
          ),
    ]
  }
  const pull = await readPull(evidence, github.github, name)
  if (!pull) {
    return [
      stopsAt(
        'pull request',
        `GitHub shows the bot no pull request ${shown}`,
        `Check its number, and that the bot ${github.login} may read ${fullName}: ${settingsPages(evidence.settings).access(name.repo)}`,
      ),
    ]
  }
  const isOf = (job: ProwJob) => job.org === name.org && job.repo === name.repo && job.pulls.includes(name.number)
  const all = prowJobsOf(evidence).filter((job) => isOf(job) && job.type === 'presubmit')
  const jobs = newestRuns(
    all.filter(({ sha }) => sha === pull.head.sha || all.every((one) => one.sha !== pull.head.sha)),
  )
  const by = `"${pull.title}" by ${pull.user.login}, ${pull.merged ? 'merged' : pull.state}`
  const stations = [passedAt('pull request', `${shown} ${by}`, new Date(pull.created_at))]
  const [newest] = [...jobs].filter(({ eventGuid }) => eventGuid !== '')
  if (newest) stations.push(...(await eventStations(evidence, found, newest)))
  else stations.push(...(await eventWithoutJobs(evidence, found, name, pull)))
  // Where no event arrived, nothing behind it can have happened.
  if (!newest && stations.some(({ outcome }) => outcome === 'failed')) return stations
  if (jobs.length === 0) stations.push(...withoutJobs(evidence, found, fullName, pull))
  for (const job of [...jobs].reverse()) stations.push(...(await runStations(evidence, found, job)))
  if (pull.merged) return [...stations, passedAt('Tide', `merged into ${pull.base.ref}`, new Date(pull.updated_at))]
  return [...stations, await tideStation(evidence, found, fullName, pull, jobs, name.number)]
}

async function readPull(
  evidence: Evidence,
  github: GitHub,
  { org, repo, number }: PullName,
): Promise<Pull | undefined> {
  const operation = {
    description: `read pull request ${org}/${repo}#${number}`,
    scope: 'repo',
    permission: 'Pull requests: read',
  }
  return callGitHub(evidence.settings, operation, async () => {
    try {
      const path = { owner: org, repo, pull_number: number }
      return (await github.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', path)).data as Pull
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  })
}

/** The newest event of a pull request for which there is no job. */
async function eventWithoutJobs(
  evidence: Evidence,
  found: Diagnosis[],
  { org, repo, number }: PullName,
  pull: Pull,
): Promise<Station[]> {
  const missing = findingAbout(found, [...(evidence.github?.webhooks ?? []).map(({ target }) => target.name)])
  let reads = 0
  const delivery = await findDelivery(evidence, async (one, read) => {
    const { repository_id: id } = one as { repository_id?: number }
    if (!EVENTS.includes(one.event) || (id && id !== pull.base.repo.id) || reads >= READS) return false
    reads += 1
    return isAbout(await read(), `${org}/${repo}`, number)
  })
  if (!delivery) {
    if (missing) return [stopsFor('delivery', missing)]
    return [
      stopsAt(
        'delivery',
        `GitHub lists no recent delivery of an event of ${org}/${repo}#${number}`,
        `It keeps them for three days. Comment on the pull request, such as /test all, and run this again; if none appears, run ${rerunLine('12-webhook')}.`,
      ),
    ]
  }
  const station = await deliveryStation(evidence, found, delivery)
  if (station.outcome !== 'passed') return [station]
  return [station, await hookStation(delivery.delivery.guid, false)]
}

/** Whether the payload of an event is about a pull request. */
export function isAbout(payload: unknown, fullName: string, number: number): boolean {
  const {
    repository,
    number: own,
    issue,
    pull_request: pull,
  } = (payload ?? {}) as {
    repository?: { full_name?: string }
    number?: number
    issue?: { number?: number }
    pull_request?: { number?: number }
  }
  return repository?.full_name === fullName && (pull?.number ?? issue?.number ?? own) === number
}

/** Why an event that hook accepted started no job. */
function withoutJobs(evidence: Evidence, found: Diagnosis[], fullName: string, pull: Pull): Station[] {
  const plugins = findingAbout(found, [objectLabel('ConfigMap', 'plugins', 'prow')])
  if (plugins) return [stopsFor('ProwJob', plugins)]
  const jobs = evidence.config?.jobs.filter(({ kind, repo }) => kind === 'presubmit' && repo === fullName) ?? []
  if (pull.labels.some(({ name }) => name === 'needs-ok-to-test'))
    return [waitsAt('ProwJob', `${pull.user.login} is not trusted, so no job runs`, 'A member comments /ok-to-test.')]
  if (pull.draft)
    return [waitsAt('ProwJob', 'it is a draft, so no job runs by itself', 'Mark it as ready, or comment /test all.')]
  if (pull.mergeable === false)
    return [waitsAt('ProwJob', `it conflicts with ${pull.base.ref}, so no job runs`, 'Its author has to rebase it.')]
  if (jobs.length === 0)
    return [passedAt('ProwJob', `no job of ${fullName} is in the cluster's configuration; .prow.yaml may have some`)]
  const always = jobs.filter(({ tree }) => isTrue(nodeAt(tree, 'always_run')))
  if (always.length === 0)
    return [passedAt('ProwJob', `none of its jobs runs always; a comment starts them: /test ${jobs[0]!.name}`)]
  return [
    stopsAt(
      'ProwJob',
      `no ProwJob of it exists, though ${always.map(({ name }) => name).join(', ')} should always run`,
      'sinker may have removed it after a week. Comment /test all.',
    ),
  ]
}

/** What Tide waits for, or why it cannot merge. */
async function tideStation(
  evidence: Evidence,
  found: Diagnosis[],
  fullName: string,
  pull: Pull,
  jobs: ProwJob[],
  number: number,
): Promise<Station> {
  if (pull.state === 'closed') return passedAt('Tide', 'it was closed without a merge')
  const { config } = evidence
  const queries = [...tideQueries(config?.config ?? { line: 1 })].map(({ query }) => query)
  const own = queries.filter((query) => covers(query, fullName) && ofBranch(query, pull.base.ref))
  if (own.length === 0)
    return stopsAt(
      'Tide',
      `no query of Tide has ${fullName}, branch ${pull.base.ref}: it is never merged`,
      `Name it under tide.queries in ${evidence.settings.CONFIG_DIR}/config.yaml, and run ${rerunLine('06-config')}.`,
    )
  const labels = pull.labels.map(({ name }) => name)
  const lacks = own.map((query) => lackOf(query, labels))
  const [least] = [...lacks].sort((a, b) => a.length - b.length)
  if (least && least.length > 0)
    return waitsAt(
      'Tide',
      `its query wants ${own.map(shownQuery).join(', or ')}; the pull request ${least.join(' and ')}`,
      'Set what is missing: /lgtm and /approve by those whom OWNERS names, /hold cancel, and so on.',
    )
  const unfinished = jobs.filter(({ state }) => state !== 'success')
  if (unfinished.length > 0)
    return waitsAt(
      'Tide',
      `it waits for ${unfinished.map(({ context, state }) => `${context} (${state || 'triggered'})`).join(', ')}`,
      'Correct what fails and push, or comment /retest.',
    )
  const blocked = findingAbout(found, [
    `branch ${pull.base.ref} of ${fullName}`,
    `repository ${fullName}`,
    objectLabel('Deployment', 'tide', 'prow'),
  ])
  if (blocked) return stopsFor('Tide', blocked)
  if (pull.mergeable === false)
    return waitsAt('Tide', `it conflicts with ${pull.base.ref}`, 'Its author has to rebase it.')
  const pool = await readPool(fullName, pull.base.ref)
  if (pool?.Error)
    return stopsAt('Tide', `Tide cannot merge into ${pull.base.ref}: ${pool.Error}`, 'Correct what it names.')
  const issues = (pool?.Blockers ?? []).map(({ Number: issue }) => `#${issue}`)
  if (issues.length > 0)
    return waitsAt('Tide', `merges are blocked by issue ${issues.join(', ')}`, 'Close it when they may go on.')
  const state = pool
    ? `, and the pool does ${pool.Action}${(pool.Target ?? []).some(({ Number: one }) => one === number) ? ' with it' : ''}`
    : ''
  return waitsAt(
    'Tide',
    `nothing is in its way${state}`,
    `Tide merges it when it looks again (tide.sync_period: ${textOf(nodeAt(config?.config, 'tide', 'sync_period')) || '1m'}).`,
  )
}

function ofBranch(query: Tree, branch: string): boolean {
  const included = textsOf(nodeAt(query, 'includedBranches'))
  return (
    (included.length === 0 || included.includes(branch)) && !textsOf(nodeAt(query, 'excludedBranches')).includes(branch)
  )
}

/** What a pull request lacks of a query, continuing "the pull request …". A query may offer several labels with commas. */
function lackOf(query: Tree, labels: string[]): string[] {
  const missing = textsOf(nodeAt(query, 'labels')).filter(
    (wanted) => !wanted.split(',').some((one) => labels.includes(one)),
  )
  const forbidden = textsOf(nodeAt(query, 'missingLabels')).filter((one) => labels.includes(one))
  return [
    ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
    ...(forbidden.length > 0 ? [`has ${forbidden.join(', ')}`] : []),
  ]
}

/** A pool of Tide as Deck shows it at /tide.js, as far as it is read. */
interface TidePool {
  Org: string
  Repo: string
  Branch: string
  Action?: string
  Error?: string
  Target?: { Number: number }[]
  Blockers?: { Number: number }[]
}

/** The pool of a branch; undefined where Deck does not answer, or knows none. */
async function readPool(fullName: string, branch: string): Promise<TidePool | undefined> {
  const path = '/api/v1/namespaces/prow/services/deck:80/proxy/tide.js'
  const { stdout, exitCode } = await tryKubectl(['get', '--raw', path], { timeout: 15 })
  if (exitCode !== 0) return undefined
  try {
    const { Pools = [] } = JSON.parse(stdout) as { Pools?: TidePool[] }
    return Pools.find(({ Org, Repo, Branch }) => `${Org}/${Repo}` === fullName && Branch === branch)
  } catch {
    return undefined
  }
}
