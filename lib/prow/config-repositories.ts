import type { Finding } from '../base/problem.ts'
import { checkRepositories, type NamedRepository } from '../github/repositories.ts'
import type { Settings } from '../settings/table.ts'
import type { ProwConfig } from './config.ts'
import { signIn } from './sign-in.ts'

/**
 * Checks on GitHub that the repositories of GITHUB_REPOS and those that the configuration names allow what it requires:
 * Tide's merge method, and cloning. Nothing with GITHUB_CHECKS=off, or while there is no credential yet.
 */
export async function checkConfigRepositories(settings: Settings, prow: ProwConfig): Promise<Finding[]> {
  if (settings.GITHUB_CHECKS === 'off') return []
  const named = await namedRepositories(prow, settings.GITHUB_ORG)
  if (settings.GITHUB_REPOS.length + named.size === 0) return []
  const github = await signIn(settings)
  if (!github) return []
  return checkRepositories(settings, github, named, await mergeMethods(prow, settings.GITHUB_ORG))
}

/** The method by which Tide merges each repository of an organization; undefined for those that it does not merge. */
export async function mergeMethods(prow: ProwConfig, org: string): Promise<(repo: string) => string | undefined> {
  const { parseYaml } = await import('../base/yaml-parse.ts')
  const { nodeAt, textsOf, toPlain } = await import('../base/yaml-tree.ts')
  const tide = nodeAt(parseYaml(prow.config.text).tree, 'tide')
  const queries = nodeAt(tide, 'queries')?.list ?? []
  const methods = (toPlain(nodeAt(tide, 'merge_method')) ?? {}) as Record<string, string | Record<string, string>>
  return (repo) => {
    const name = `${org}/${repo}`
    const merged = queries.some(
      (query) =>
        textsOf(nodeAt(query, 'repos')).includes(name) ||
        (textsOf(nodeAt(query, 'orgs')).includes(org) && !textsOf(nodeAt(query, 'excludedRepos')).includes(name)),
    )
    if (!merged) return undefined
    const ofOrg = methods[org]
    const method = methods[name] ?? (typeof ofOrg === 'object' ? (ofOrg?.[repo] ?? ofOrg?.['*']) : ofOrg)
    // A map has a method for each branch.
    return typeof method === 'object' ? undefined : (method ?? 'merge')
  }
}

/** A field by which a decoration or a job clones with a credential, or not at all. */
const CLONING =
  /^[^#\n]*(oauth_token_secret|ssh_key_secrets|github_app_private_key_secret|cookiefile_secret|skip_cloning|clone_uri)\b/m

/** The repositories of an organization that have jobs or that a query of Tide names. */
export async function namedRepositories(prow: ProwConfig, org: string): Promise<Map<string, NamedRepository>> {
  const { parseYaml } = await import('../base/yaml-parse.ts')
  const { nodeAt, textsOf } = await import('../base/yaml-tree.ts')
  const config = parseYaml(prow.config.text).tree
  const named = new Map<string, NamedRepository>()
  for (const source of [prow.config, ...prow.jobs.values()]) {
    const { displayName, text } = source
    const tree = source === prow.config ? config : parseYaml(text).tree
    const clones = CLONING.test(prow.config.text) || CLONING.test(text)
    for (const kind of ['presubmits', 'postsubmits']) {
      for (const [name, list] of nodeAt(tree, kind)?.map ?? []) {
        const [owner, repo, more] = name.split('/')
        if (owner !== org || !repo || more || !list.list?.length || named.has(repo)) continue
        named.set(repo, { repo, jobs: `${displayName}:${list.list[0]!.line}`, clones })
      }
    }
  }
  for (const query of nodeAt(config, 'tide', 'queries')?.list ?? []) {
    for (const name of textsOf(nodeAt(query, 'repos'))) {
      const [owner, repo] = name.split('/')
      if (owner === org && repo && !named.has(repo)) named.set(repo, { repo, clones: true })
    }
  }
  return named
}
