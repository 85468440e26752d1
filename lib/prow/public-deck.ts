import { type Finding, failed, warning } from '../base/problem.ts'
import { summarize } from '../base/summarize.ts'
import { parseYaml } from '../base/yaml-parse.ts'
import { isTrue, nodeAt, type Tree, textOf, textsOf } from '../base/yaml-tree.ts'
import type { GitHub } from '../github/client.ts'
import { listRepositories, type Repository, readRepository } from '../github/repositories.ts'
import { explainGitHub, statusOf } from '../github/requests.ts'
import type { Check } from '../kubernetes/check.ts'
import type { Settings } from '../settings/table.ts'
import { type ProwConfig, readProwConfig } from './config.ts'
import { signIn } from './sign-in.ts'

// A public Deck shows the logs of all jobs to anyone, those of private repositories too.

/** In how many private repositories a .prow.yaml is searched for; a request each. */
const SEARCHED = 20

const RESTRICT = 'Set DECK_ACCESS=internal, or to the CIDRs of those who may read them.'

/** Whether the settings let anyone reach Deck. */
export function isPublic(settings: Settings): boolean {
  return settings.DECK_ACCESS.kind === 'public'
}

/** That a Deck which everybody can open shows no job of a private repository: one may have become private since. */
export const publicDeck: Check = {
  fact: 'the public Deck shows nothing of a private repository',
  inspect: async (_, settings) => {
    const found = await checkPublicDeck(settings, readProwConfig(settings))
    return found.length === 0 || found
  },
}

/** What a public Deck shows of a configuration. Repositories are full names, such as `my-org/web`. */
export interface Exposure {
  /** The repositories of the jobs on Deck's lists, with the place of one of their jobs. */
  jobs: Map<string, string>
  /** What deck.hidden_repos names: repositories and organizations. */
  hidden: string[]
  isHidden: (repo: string) => boolean
  /** Whether a repository may define jobs in a .prow.yaml of its own. */
  isInRepoConfigEnabled: (repo: string) => boolean
}

/** Reads from Prow's configuration what a public Deck shows. */
export function exposureOf(prow: ProwConfig): Exposure {
  const config = parseYaml(prow.config.text).tree
  const hidden = textsOf(nodeAt(config, 'deck', 'hidden_repos'))
  const isHidden = (repo: string) => hidden.includes(repo) || hidden.includes(orgOf(repo))
  const jobs = new Map<string, string>()
  for (const { job, repo, place } of allJobs(prow)) {
    const extra = (nodeAt(job, 'extra_refs')?.list ?? []).map(
      (ref) => `${textOf(nodeAt(ref, 'org'))}/${textOf(nodeAt(ref, 'repo'))}`,
    )
    const repos = [...(repo ? [repo] : []), ...extra]
    // One hidden repository hides the job.
    if (isTrue(nodeAt(job, 'hidden')) || repos.some(isHidden)) continue
    for (const one of repos) if (/^[\w.-]+\/[\w.-]+$/.test(one) && !jobs.has(one)) jobs.set(one, place)
  }
  const enabled = nodeAt(config, 'in_repo_config', 'enabled')
  const isInRepoConfigEnabled = (repo: string) => {
    // The most specific entry decides.
    const key = [repo, orgOf(repo), '*'].find((one) => nodeAt(enabled, one) !== undefined)
    return key !== undefined && isTrue(nodeAt(enabled, key))
  }
  return { jobs, hidden, isHidden, isInRepoConfigEnabled }
}

const orgOf = (repo: string) => repo.split('/')[0]!

/** Every job of a configuration, with its repository, which a periodic has none of, and its place: `config.yaml:12`. */
function* allJobs(prow: ProwConfig): Generator<{ job: Tree; repo?: string; place: string }> {
  for (const { displayName, text } of [prow.config, ...prow.jobs.values()]) {
    const { tree } = parseYaml(text)
    for (const kind of ['presubmits', 'postsubmits'])
      for (const [repo, jobs] of nodeAt(tree, kind)?.map ?? [])
        for (const job of jobs.list ?? []) yield { job, repo, place: `${displayName}:${job.line}` }
    for (const job of nodeAt(tree, 'periodics')?.list ?? []) yield { job, place: `${displayName}:${job.line}` }
  }
}

/** What GitHub shows of repositories: public, private or internal; undefined for one that it does not show. */
export type Visibilities = Map<string, string | undefined>

const visibilityOf = (repository: Repository | undefined) =>
  repository && (repository.visibility ?? (repository.private ? 'private' : 'public'))

/** The visibility of the repositories that have jobs, or may define some. */
async function readVisibilities(github: GitHub, settings: Settings, exposure: Exposure): Promise<Visibilities> {
  const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
  const { jobs, isInRepoConfigEnabled } = exposure
  const servesAll = repos.length === 0 && isInRepoConfigEnabled(`${org}/`)
  const all = servesAll ? await listRepositories(github, settings) : []
  const known: Visibilities = new Map(all.map((one) => [`${org}/${one.name}`, visibilityOf(one)]))
  const served = repos.map((repo) => `${org}/${repo}`).filter(isInRepoConfigEnabled)
  const others = new Set([...jobs.keys(), ...served].filter((repo) => !known.has(repo)))
  await Promise.all(
    [...others].map(async (repo) => known.set(repo, visibilityOf(await readRepository(github, settings, repo)))),
  )
  return known
}

/** Whether a repository has a .prow.yaml. */
async function hasInRepoConfig(github: GitHub, settings: Settings, fullName: string): Promise<boolean> {
  const [owner = '', repo = ''] = fullName.split('/')
  try {
    const { data } = await github.request('GET /repos/{owner}/{repo}/contents/{path}', { owner, repo, path: '' })
    return Array.isArray(data) && data.some(({ name }) => name === '.prow.yaml' || name === '.prow')
  } catch (error) {
    // An empty repository has no contents.
    if (statusOf(error) === 404) return false
    const description = `read the contents of ${fullName}`
    throw explainGitHub(error, settings, { description, scope: 'repo', permission: 'Contents: read' })
  }
}

/**
 * Checks with GitHub whether a public Deck shows logs of repositories that are not public. Nothing where Deck is not
 * public.
 */
export async function checkPublicDeck(settings: Settings, prow: ProwConfig): Promise<Finding[]> {
  if (!isPublic(settings)) return []
  const github = settings.GITHUB_CHECKS === 'on' ? await signIn(settings) : undefined
  if (!github) {
    const reason =
      settings.GITHUB_CHECKS === 'on' ? 'the credential for GitHub does not exist yet' : 'GITHUB_CHECKS=off'
    return [
      warning(
        `Deck is public, and whether repositories with jobs are private is not checked (${reason})`,
        `${RESTRICT} Anyone could read the logs of private repositories.`,
      ),
    ]
  }
  const exposure = exposureOf(prow)
  const known = await readVisibilities(github, settings, exposure)
  const candidates = inRepoCandidates(exposure, known)
  const searched = candidates.slice(0, SEARCHED)
  const found = await Promise.all(searched.map((repo) => hasInRepoConfig(github, settings, repo)))
  return exposureFindings(
    exposure,
    known,
    candidates.filter((_, index) => found[index]),
  )
}

const isPrivate = (visibility: string | undefined) => visibility !== undefined && visibility !== 'public'

/** The private repositories without jobs in the configuration that may define some themselves. */
function inRepoCandidates({ jobs, isHidden, isInRepoConfigEnabled }: Exposure, known: Visibilities): string[] {
  return [...known]
    .filter(([repo, visibility]) => isPrivate(visibility) && !jobs.has(repo))
    .map(([repo]) => repo)
    .filter((repo) => !isHidden(repo) && isInRepoConfigEnabled(repo))
}

/** What a public Deck shows that it should not. `inRepo` are the private repositories in which a .prow.yaml was found. */
export function exposureFindings(exposure: Exposure, known: Visibilities, inRepo: string[]): Finding[] {
  const exposed = [
    ...[...exposure.jobs].filter(([repo]) => isPrivate(known.get(repo))),
    ...inRepo.map((repo) => [repo, 'its own .prow.yaml'] as const),
  ]
  const unknown = [...exposure.jobs].filter(([repo]) => known.get(repo) === undefined)
  const later = inRepoCandidates(exposure, known).filter((repo) => !inRepo.includes(repo))
  return [
    ...unknown.map(([repo, place]) =>
      warning(
        `GitHub shows no repository ${repo}, which has jobs (${place}): it may be private`,
        'Check its spelling, and whether the bot is invited there.',
      ),
    ),
    ...(exposed.length > 0
      ? [
          failed(
            `a public Deck (DECK_ACCESS) would show anyone the job logs of repositories that are not public: ${exposed
              .map(([repo, place]) => `${repo} (${known.get(repo)}; ${place})`)
              .join(', ')}`,
            `${RESTRICT} Or name them under deck.hidden_repos in config.yaml, which removes them from Deck's lists; a log stays open to those who know its URL.`,
          ),
        ]
      : []),
    ...(later.length > 0
      ? [
          warning(
            `${summarize(later, 6)} may define jobs in a .prow.yaml: a public Deck would show their logs`,
            `${RESTRICT} Or remove them from in_repo_config.enabled, or name them under deck.hidden_repos.`,
          ),
        ]
      : []),
    ...(exposure.hidden.length > 0
      ? [
          warning(
            `deck.hidden_repos removes ${summarize(exposure.hidden, 6)} from Deck's lists only: those who know or guess the URL of a log can read it`,
            RESTRICT,
          ),
        ]
      : []),
  ]
}
