import type { Finding } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import { callGitHub, explainGitHub, type GitHub, type Operation, statusOf } from './client.ts'

/** The repositories that Prow serves: GITHUB_REPOS, else all of the organisation but archived ones. */
export async function servedRepositories(settings: Settings, github: GitHub): Promise<string[]> {
  if (settings.GITHUB_REPOS.length > 0) return settings.GITHUB_REPOS
  const wish: Operation = {
    description: `list the repositories of ${settings.GITHUB_ORG}`,
    scope: 'repo',
    permission: 'Metadata: read',
  }
  const all = await callGitHub(settings, wish, () =>
    github.paginate('GET /orgs/{org}/repos', { org: settings.GITHUB_ORG, per_page: 100, type: 'all' }),
  )
  return all.filter((repo) => !repo.archived).map((repo) => repo.name)
}

/**
 * Looks at GITHUB_REPOS and the repositories that the configuration names: whether their settings allow the method that
 * Tide is to merge them with, and whether jobs can clone them.
 */
export async function checkRepositories(
  settings: Settings,
  github: GitHub,
  named: Map<string, NamedRepository>,
  methodOf: (repo: string) => string | undefined,
): Promise<{ faults: Finding[]; warnings: Finding[] }> {
  const found = { faults: [] as Finding[], warnings: [] as Finding[] }
  const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
  const look = async (repo: string) => {
    const wish: Operation = { description: `look at ${org}/${repo}`, scope: 'repo', permission: 'Metadata: read' }
    try {
      return (await github.request('GET /repos/{owner}/{repo}', { owner: org, repo })).data
    } catch (error) {
      // Of one that nobody promised to be there, others tell.
      if (statusOf(error) === 404 && !repos.includes(repo)) return undefined
      throw explainGitHub(error, settings, wish)
    }
  }
  const all = [...new Set([...repos, ...named.keys()])]
  const told = await Promise.all(all.map(look))
  for (const [index, repo] of all.entries()) {
    const data = told[index]
    if (!data) continue
    const { jobs, clones = true } = named.get(repo) ?? {}
    if (data.private && jobs && !clones)
      found.warnings.push({
        message: `${org}/${repo} is private, and its jobs (${jobs}) clone it without a token`,
        remedy: 'Set PRIVATE_CLONES=on, and name clone-token as oauth_token_secret in the decoration.',
      })
    const method = methodOf(repo)
    if (!method) continue
    const allowed: Record<string, boolean | undefined> = {
      merge: data.allow_merge_commit,
      squash: data.allow_squash_merge,
      rebase: data.allow_rebase_merge,
    }
    // Not told to those who may not write there.
    if (allowed[method] !== false) continue
    found.faults.push({
      message: `${org}/${repo} does not allow ${method}, which tide.merge_method says: nothing would merge there`,
      remedy: `Allow it at https://${settings.GITHUB_HOST}/${org}/${repo}/settings, Pull Requests, or name another method in config.yaml.`,
    })
  }
  return found
}

/** A repository that the configuration names. */
export interface NamedRepository {
  repo: string
  /** The place of one of its jobs, where it has some. */
  jobs?: string
  /** Whether a credential for cloning is named anywhere that its jobs are decorated by. */
  clones: boolean
}
