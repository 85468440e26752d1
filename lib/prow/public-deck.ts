import type { Finding } from '../base/problem.ts'
import type { Tree } from '../base/yaml-tree.ts'
import { explainGitHub, type GitHub, statusOf } from '../github/client.ts'
import type { Settings } from '../settings/table.ts'
import type { ProwConfig } from './config.ts'
import { signIn } from './sign-in.ts'

// A Deck that anybody reaches shows the logs of all jobs to anybody, those of private repositories too.

/** What was found out: what is message, what is worth a word. */
interface Found {
  faults: Finding[]
  warnings: Finding[]
}

/** How many private repositories are looked into for jobs of their own; a question each. */
const LOOKED_INTO = 20

const CLOSE = 'Set DECK_ACCESS=internal, or to the CIDRs of those who may read them.'

/** Whether the settings let anybody reach Deck. */
export function isPublic(settings: Settings): boolean {
  return settings.DECK_ACCESS.split(',').some((word) => word.trim() === 'public' || word.trim().endsWith('/0'))
}

/** What Deck would show of a configuration. */
interface Shown {
  /** The repositories of jobs that Deck lists, with the place of one of them. */
  jobs: Map<string, string>
  hidden: string[]
  isHidden: (repo: string) => boolean
  /** Whether a repository may bring jobs in a .prow.yaml of its own. */
  inRepo: (repo: string) => boolean
}

async function shownOf(prow: ProwConfig): Promise<Shown> {
  const { nodeAt: at, isTrue, parseYaml: readYaml, textOf, textsOf } = await import('../base/yaml-tree.ts')
  const config = readYaml(prow.config.text).tree
  const hidden = textsOf(at(config, 'deck', 'hidden_repos'))
  const isHidden = (repo: string) => hidden.includes(repo) || hidden.includes(repo.split('/')[0]!)
  const enabled = at(config, 'in_repo_config', 'enabled')
  const jobs = new Map<string, string>()
  const add = (job: Tree, told: string, own?: string) => {
    const extra = (at(job, 'extra_refs')?.list ?? []).map(
      (ref) => `${textOf(at(ref, 'org'))}/${textOf(at(ref, 'repo'))}`,
    )
    const repos = [...(own ? [own] : []), ...extra]
    // One hidden repository hides the job.
    if (isTrue(at(job, 'hidden')) || repos.some(isHidden)) return
    for (const repo of repos) if (/^[\w.-]+\/[\w.-]+$/.test(repo) && !jobs.has(repo)) jobs.set(repo, told)
  }
  for (const { displayName: told, text } of [prow.config, ...prow.jobs.values()]) {
    const { tree } = readYaml(text)
    for (const kind of ['presubmits', 'postsubmits'])
      for (const [repo, list] of at(tree, kind)?.map ?? [])
        for (const job of list.list ?? []) add(job, `${told}:${job.line}`, repo)
    for (const job of at(tree, 'periodics')?.list ?? []) add(job, `${told}:${job.line}`)
  }
  const inRepo = (repo: string) => {
    const places = [repo, repo.split('/')[0]!, '*']
    const place = places.find((one) => at(enabled, one) !== undefined)
    return place !== undefined && isTrue(at(enabled, place))
  }
  return { jobs, hidden, isHidden, inRepo }
}

/** A repository as GitHub tells it: public, private or internal; nothing where it shows none. */
type Visibility = string | undefined

function visibilityOf(repo: { private?: boolean; visibility?: string }): string {
  return repo.visibility ?? (repo.private ? 'private' : 'public')
}

async function visibility(settings: Settings, github: GitHub, repo: string): Promise<Visibility> {
  const [owner = '', name = ''] = repo.split('/')
  try {
    const { data } = await github.request('GET /repos/{owner}/{repo}', { owner, repo: name })
    return visibilityOf(data)
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw explainGitHub(error, settings, {
      description: `look at ${repo}`,
      scope: 'repo',
      permission: 'Metadata: read',
    })
  }
}

/** All repositories of the organisation but archived ones: a question for each hundred. */
async function listed(settings: Settings, github: GitHub): Promise<Map<string, Visibility>> {
  const { GITHUB_ORG: org } = settings
  try {
    const all = await github.paginate('GET /orgs/{org}/repos', { org, per_page: 100, type: 'all' })
    return new Map(all.filter((one) => !one.archived).map((one) => [`${org}/${one.name}`, visibilityOf(one)]))
  } catch (error) {
    throw explainGitHub(error, settings, {
      description: `list the repositories of ${org}`,
      scope: 'repo',
      permission: 'Metadata: read',
    })
  }
}

async function hasOwnJobs(settings: Settings, github: GitHub, repo: string): Promise<boolean> {
  const [owner = '', name = ''] = repo.split('/')
  try {
    const { data } = await github.request('GET /repos/{owner}/{repo}/contents/{path}', { owner, repo: name, path: '' })
    return Array.isArray(data) && data.some((file) => file.name === '.prow.yaml' || file.name === '.prow')
  } catch (error) {
    // An empty one has no contents.
    if (statusOf(error) === 404) return false
    throw explainGitHub(error, settings, {
      description: `look into ${repo}`,
      scope: 'repo',
      permission: 'Contents: read',
    })
  }
}

/** Asks GitHub about the repositories that have jobs. Nothing where Deck is not public. */
export async function checkPublicDeck(settings: Settings, prow: ProwConfig): Promise<Found> {
  const found: Found = { faults: [], warnings: [] }
  if (!isPublic(settings)) return found
  const unknown = (why: string) => {
    found.warnings.push({
      message: `Deck is open to anybody, and whether repositories with jobs are private was not asked (${why})`,
      remedy: `${CLOSE} Logs of private repositories would be everybody's.`,
    })
    return found
  }
  if (settings.GITHUB_CHECKS === 'off') return unknown('GITHUB_CHECKS=off')
  const github = await signIn(settings)
  if (!github) return unknown('there is no token yet')

  const { jobs, hidden, isHidden, inRepo } = await shownOf(prow)
  const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
  const known = repos.length === 0 && inRepo(`${org}/`) ? await listed(settings, github) : new Map<string, Visibility>()
  const served = repos.map((repo) => `${org}/${repo}`).filter(inRepo)
  const left = [...new Set([...jobs.keys(), ...served])].filter((repo) => !known.has(repo))
  await Promise.all(left.map(async (repo) => known.set(repo, await visibility(settings, github, repo))))

  const exposed: { repo: string; where: string }[] = []
  const isPrivate = (repo: string) => known.get(repo) !== undefined && known.get(repo) !== 'public'
  for (const [repo, where] of jobs) {
    if (isPrivate(repo)) exposed.push({ repo, where })
    else if (known.get(repo) === undefined)
      found.warnings.push({
        message: `GitHub shows no repository ${repo}, which has jobs (${where}): whether it is private cannot be told`,
        remedy: 'See its spelling, and whether the bot is invited there.',
      })
  }
  const others = [...known.keys()].filter(
    (repo) => isPrivate(repo) && !jobs.has(repo) && !isHidden(repo) && inRepo(repo),
  )
  const looked = others.slice(0, LOOKED_INTO)
  const own = await Promise.all(looked.map((repo) => hasOwnJobs(settings, github, repo)))
  for (const [index, repo] of looked.entries()) if (own[index]) exposed.push({ repo, where: 'its own .prow.yaml' })
  if (exposed.length > 0) {
    const told = exposed.map(({ repo, where }) => `${repo} (${known.get(repo)}; ${where})`)
    found.faults.push({
      message: `anybody could read the logs of jobs of repositories that are not public (DECK_ACCESS=${settings.DECK_ACCESS}): ${told.join(', ')}`,
      remedy: `${CLOSE} Or name them under deck.hidden_repos in config.yaml, which takes them off Deck's lists; a log stays open to whoever knows its address.`,
    })
  }
  const later = others.filter((_, index) => !own[index])
  if (later.length > 0)
    found.warnings.push({
      message: `${some(later)} may bring jobs in a .prow.yaml: Deck, which is open to anybody, would show their logs`,
      remedy: `${CLOSE} Or leave them out of in_repo_config.enabled, or name them under deck.hidden_repos.`,
    })
  if (hidden.length > 0)
    found.warnings.push({
      message: `deck.hidden_repos takes ${some(hidden)} off Deck's lists only: whoever knows or guesses the address of a log reads it`,
      remedy: CLOSE,
    })
  return found
}

function some(names: string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
}
