import { type Finding, failed, warning } from '../base/problem.ts'
import { readOnce } from '../run/context.ts'
import { settle } from '../run/findings.ts'
import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'
import { settingsPages } from './pages.ts'
import { callGitHub, explainGitHub, statusOf } from './requests.ts'

/** A repository, as far as it is read here. What is absent GitHub does not show to this caller. */
export interface Repository {
  name: string
  default_branch?: string
  private: boolean
  visibility?: string
  archived?: boolean
  permissions?: { push?: boolean; admin?: boolean }
  allow_merge_commit?: boolean
  allow_squash_merge?: boolean
  allow_rebase_merge?: boolean
}

/** A repository that Prow's configuration names. */
export interface NamedRepository {
  repo: string
  /** The place of one of its jobs, such as `config/jobs/web.yaml:3`. */
  jobs?: string
  /** Whether a credential for cloning is configured wherever its jobs are decorated. */
  clones: boolean
}

/** A repository such as `my-org/web`, read once a run; undefined where GitHub shows none. */
export function readRepository(github: GitHub, settings: Settings, fullName: string): Promise<Repository | undefined> {
  const [owner = '', repo = ''] = fullName.split('/')
  return readOnce(`github repository ${fullName}`, async () => {
    try {
      return (await github.request('GET /repos/{owner}/{repo}', { owner, repo })).data as Repository
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw explainGitHub(error, settings, {
        description: `read the repository ${fullName}`,
        scope: 'repo',
        permission: 'Metadata: read',
      })
    }
  })
}

/** All repositories of the organization that are not archived, read once a run: a request for each hundred. */
export function listRepositories(github: GitHub, settings: Settings): Promise<Repository[]> {
  const { GITHUB_ORG: org } = settings
  const operation = {
    description: `list the repositories of ${org}`,
    scope: 'repo',
    permission: 'Metadata: read',
  }
  return readOnce(`github repositories of ${org}`, () =>
    callGitHub(settings, operation, async () => {
      const all = await github.paginate('GET /orgs/{org}/repos', { org, per_page: 100, type: 'all' })
      return (all as Repository[]).filter((repo) => !repo.archived)
    }),
  )
}

/** The names of the repositories that Prow serves: GITHUB_REPOS, else all of the organization that are not archived. */
export async function servedRepositories(settings: Settings, github: GitHub): Promise<string[]> {
  if (settings.GITHUB_REPOS.length > 0) return settings.GITHUB_REPOS
  return (await listRepositories(github, settings)).map(({ name }) => name)
}

/**
 * Checks GITHUB_REPOS and the repositories that the configuration names: whether they allow the method that Tide merges
 * with, and whether jobs can clone them.
 */
export async function checkRepositories(
  settings: Settings,
  github: GitHub,
  named: Map<string, NamedRepository>,
  methodOf: (repo: string) => string | undefined,
): Promise<Finding[]> {
  const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
  const all = [...new Set([...repos, ...named.keys()])]
  const found = await Promise.all(
    all.map((repo) =>
      settle(
        readRepository(github, settings, `${org}/${repo}`).then((repository) => {
          if (repository) return repositoryFindings(settings, repository, repo, methodOf(repo), named.get(repo))
          // One that only the configuration names need not exist yet.
          return repos.includes(repo) ? missingRepository(settings, repo) : []
        }),
      ),
    ),
  )
  return found.flat()
}

function missingRepository(settings: Settings, repo: string): Finding {
  return failed(
    `GitHub shows no repository ${settings.GITHUB_ORG}/${repo}`,
    `Check its spelling in GITHUB_REPOS, and that the bot is invited: ${settingsPages(settings).access(repo)}`,
    'not-found',
  )
}

/** What keeps Tide from merging in a repository with `method`, or its jobs from cloning it. */
export function repositoryFindings(
  settings: Settings,
  repository: Repository,
  repo: string,
  method: string | undefined,
  { jobs, clones = true }: Partial<NamedRepository> = {},
): Finding[] {
  const fullName = `${settings.GITHUB_ORG}/${repo}`
  const allowed: Record<string, boolean | undefined> = {
    merge: repository.allow_merge_commit,
    squash: repository.allow_squash_merge,
    rebase: repository.allow_rebase_merge,
  }
  return [
    ...(repository.private && jobs && !clones
      ? [
          warning(
            `${fullName} is private, and its jobs (${jobs}) clone it without a token`,
            'Set PRIVATE_CLONES=on, and name clone-token as oauth_token_secret in the decoration config.',
          ),
        ]
      : []),
    // Absent for a caller without write access.
    ...(method && allowed[method] === false
      ? [
          failed(
            `${fullName} does not allow ${method} merges, which tide.merge_method asks for: Tide could not merge there`,
            `Allow them at ${settingsPages(settings).repository(repo)}, Pull Requests, or set another method in config.yaml.`,
          ),
        ]
      : []),
  ]
}
