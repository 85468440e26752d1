// What keeps Tide from merging: the rules of GitHub for a branch against what Prow reports and how Tide merges.
import { isTrue, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { type BranchRules, reportedContexts } from '../../github/branch-rules.ts'
import { settingsPages } from '../../github/pages.ts'
import { repositoryFindings } from '../../github/repositories.ts'
import { objectLabel } from '../../kubernetes/objects.ts'
import { contextOfJob } from '../../prow/cluster-config.ts'
import { tideQueries } from '../../prow/rules/tide.ts'
import { rerunLine } from '../../run/rerun.ts'
import type { Evidence } from '../evidence.ts'
import type { RepositoryEvidence } from '../github-evidence.ts'
import type { Found, Row } from '../row.ts'

/** A branch into which Tide merges, with all that its blockers depend on. */
interface Pool {
  evidence: Evidence
  repository: RepositoryEvidence
  rules: BranchRules
  fullName: string
  method: string
  /** The queries of Tide for the repository. */
  queries: Tree[]
}

function poolsOf(evidence: Evidence): Pool[] {
  const { github, config, settings } = evidence
  return (github?.repositories ?? []).flatMap((repository) => {
    const fullName = `${settings.GITHUB_ORG}/${repository.repo}`
    const { method } = repository
    // An archived one is a finding of its own.
    if (!method || !config || repository.repository?.archived) return []
    const queries = [...tideQueries(config.config)].map(({ query }) => query).filter((query) => covers(query, fullName))
    return repository.rules.map((rules) => ({ evidence, repository, rules, fullName, method, queries }))
  })
}

/** Whether a query of Tide is about a repository. */
export function covers(query: Tree, fullName: string): boolean {
  const [org = ''] = fullName.split('/')
  if (textsOf(nodeAt(query, 'repos')).includes(fullName)) return true
  return textsOf(nodeAt(query, 'orgs')).includes(org) && !textsOf(nodeAt(query, 'excludedRepos')).includes(fullName)
}

/** A finding about the branch of a pool. */
function found({ fullName, rules, evidence, repository }: Pool, about: Omit<Found, 'object'>): Found {
  const page = settingsPages(evidence.settings).branches(repository.repo)
  return { object: `branch ${rules.branch} of ${fullName}`, ...about, remedy: about.remedy.replaceAll('PAGE', page) }
}

/** A row over all pools. */
function poolRow(
  id: string,
  severity: Row['severity'],
  title: string,
  find: (pool: Pool) => Omit<Found, 'object'>[] | Promise<Omit<Found, 'object'>[]>,
): Row {
  return {
    id,
    severity,
    title,
    find: async (evidence) => {
      const results = await Promise.all(
        poolsOf(evidence).map(async (pool) => (await find(pool)).map((about) => found(pool, about))),
      )
      return results.flat()
    },
  }
}

/** The contexts that Prow sets on pull requests of a repository. */
function ownContexts({ evidence, fullName }: Pool): Set<string> {
  const jobs = evidence.config!.jobs.filter(
    ({ kind, repo, tree }) => kind === 'presubmit' && repo === fullName && !isTrue(nodeAt(tree, 'skip_report')),
  )
  return new Set(['tide', ...jobs.map(contextOfJob)])
}

const reconcile = ({ evidence }: Pool) =>
  `Correct ${evidence.settings.CONFIG_DIR}/config.yaml and run ${rerunLine('06-config')}`

export const tideRows: Row[] = [
  poolRow('PRW-TID-001', 'error', 'every status check that GitHub requires is reported by somebody', async (pool) => {
    const own = ownContexts(pool)
    const foreign = pool.rules.contexts.filter(({ name }) => !own.has(name))
    const { github, settings } = pool.evidence
    if (foreign.length === 0 || !github?.github) return []
    const reported = await reportedContexts(github.github, settings, pool.fullName, pool.rules.branch)
    const missing = foreign.filter(({ name }) => !reported.has(name)).map(({ name }) => name)
    if (missing.length === 0) return []
    return [
      {
        message: `GitHub requires the status ${missing.join(', ')} before it merges into ${pool.rules.branch} of ${pool.fullName}, and nobody reports it: no job of Prow, and nothing on the newest pull requests. Tide merges nothing there`,
        evidence: `required status checks: ${pool.rules.contexts.map(({ name }) => name).join(', ')}`,
        remedy: `Remove it from the rule at PAGE, or add a presubmit with context: ${missing[0]}.`,
      },
    ]
  }),
  {
    id: 'PRW-TID-002',
    title: 'the repository allows the method by which Tide merges',
    severity: 'error',
    find: (evidence) =>
      (evidence.github?.repositories ?? []).flatMap(({ repo, repository, method, rules }) => {
        if (!repository || repository.archived) return []
        const object = `repository ${evidence.settings.GITHUB_ORG}/${repo}`
        const ofRules = rules
          .filter(({ methods }) => method && methods && !methods.includes(method))
          .map(({ branch, methods }) => ({
            object,
            message: `a ruleset of ${evidence.settings.GITHUB_ORG}/${repo} allows only ${methods!.join(', ')} merges into ${branch}, and tide.merge_method asks for ${method}: Tide merges nothing there`,
            evidence: `allowed_merge_methods: ${methods!.join(', ')}`,
            remedy: `Allow ${method} at ${settingsPages(evidence.settings).branches(repo)}, or set another method in config.yaml and run ${rerunLine('06-config')}.`,
          }))
        const ofRepository = repositoryFindings(evidence.settings, repository, repo, method)
          .filter(({ outcome }) => outcome === 'failed')
          .map(({ message, remedy }) => ({
            object,
            message,
            evidence: `allow_merge_commit: ${repository.allow_merge_commit}, allow_squash_merge: ${repository.allow_squash_merge}, allow_rebase_merge: ${repository.allow_rebase_merge}`,
            remedy,
          }))
        return [...ofRepository, ...ofRules]
      }),
  },
  poolRow('PRW-TID-003', 'error', 'a required status of a job counts whoever sets it', (pool) => {
    const own = ownContexts(pool)
    const { GITHUB_AUTH, GITHUB_APP_ID } = pool.evidence.settings
    return pool.rules.contexts
      .filter(({ name, app }) => app && own.has(name) && !(GITHUB_AUTH === 'app' && String(app) === GITHUB_APP_ID))
      .map(({ name, app }) => ({
        message: `GitHub requires the status ${name} of ${pool.fullName} from the App ${app} alone, and Prow sets it as another account: it never counts`,
        evidence: `${name}: app_id ${app}`,
        remedy: `Choose "any source" for ${name} at PAGE.`,
      }))
  }),
  poolRow('PRW-TID-005', 'error', 'Tide asks for the reviews that GitHub requires', (pool) => {
    const { reviews, codeOwners } = pool.rules
    const asks =
      pool.queries.length > 0 && pool.queries.every((query) => isTrue(nodeAt(query, 'reviewApprovedRequired')))
    if ((reviews === 0 && !codeOwners) || asks) return []
    const wanted = [
      ...(reviews > 0 ? [`${reviews} approving ${reviews === 1 ? 'review' : 'reviews'}`] : []),
      ...(codeOwners ? ['a review of a code owner'] : []),
    ].join(' and ')
    return [
      {
        message: `GitHub requires ${wanted} before it merges into ${pool.rules.branch} of ${pool.fullName}; /lgtm and /approve are none, and Tide tries to merge what GitHub then refuses`,
        evidence: `required_approving_review_count: ${reviews}, require_code_owner_reviews: ${codeOwners}`,
        remedy: `Set reviewApprovedRequired: true in the query of Tide (${reconcile(pool)}), and review on GitHub; or drop the requirement at PAGE.`,
      },
    ]
  }),
  poolRow('PRW-TID-006', 'error', 'no rule of GitHub refuses the merges of Tide', (pool) => {
    const { linear, signed, mergeQueue, locked, pushers } = pool.rules
    const login = pool.evidence.github?.login ?? ''
    const where = `${pool.rules.branch} of ${pool.fullName}`
    return [
      ...(linear && pool.method === 'merge'
        ? [
            {
              id: 'PRW-TID-006',
              message: `GitHub requires a linear history of ${where}, and tide.merge_method is merge: GitHub refuses every merge commit`,
              evidence: 'required_linear_history: true',
              remedy: `Set squash or rebase as tide.merge_method (${reconcile(pool)}), or drop the requirement at PAGE.`,
            },
          ]
        : []),
      ...(signed && pool.method === 'rebase'
        ? [
            {
              id: 'PRW-TID-007',
              message: `GitHub requires signed commits in ${where}, and does not sign what it rebases: it refuses every merge by rebase`,
              evidence: 'required_signatures: true',
              remedy: `Set squash or merge as tide.merge_method (${reconcile(pool)}), or drop the requirement at PAGE.`,
            },
          ]
        : []),
      ...(mergeQueue
        ? [
            {
              id: 'PRW-TID-008',
              message: `${where} has a merge queue of GitHub, past which nobody may merge: Tide merges nothing there`,
              evidence: 'rule: merge_queue',
              remedy:
                'Remove the merge queue at PAGE, or exclude the repository from the queries of Tide: only one of them can merge.',
            },
          ]
        : []),
      ...(locked
        ? [
            {
              id: 'PRW-TID-009',
              message: `${where} is locked, and so read-only`,
              evidence: 'lock_branch: true',
              remedy: 'Unlock it at PAGE.',
            },
          ]
        : []),
      ...(pushers && login && !pushers.includes(login)
        ? [
            {
              id: 'PRW-TID-011',
              message: `only ${pushers.join(', ') || 'nobody'} may push to ${where}, and the bot ${login} is not among them: GitHub refuses its merges`,
              evidence: `restrictions: ${pushers.join(', ') || 'none'}`,
              remedy: `Add ${login} at PAGE, Restrict who can push.`,
            },
          ]
        : []),
    ]
  }),
  poolRow('PRW-TID-004', 'warning', 'pull requests need not be brought up to date by hand', (pool) =>
    pool.rules.strict
      ? [
          {
            message: `GitHub requires pull requests of ${pool.fullName} to be up to date with ${pool.rules.branch} before it merges them: after each merge Tide waits until somebody updates the others`,
            evidence: 'strict: true',
            remedy:
              'Drop "Require branches to be up to date before merging" at PAGE: Tide tests each pull request against the newest commit of the branch by itself.',
          },
        ]
      : [],
  ),
  {
    id: 'PRW-TID-012',
    title: 'Tide has queries',
    severity: 'error',
    find: ({ config, settings }) => {
      if (!config || (nodeAt(config.config, 'tide', 'queries')?.list ?? []).length > 0) return []
      // An installation without Tide's section may not want it.
      if (!nodeAt(config.config, 'tide')?.map) return []
      return [
        {
          object: objectLabel('ConfigMap', 'config', 'prow'),
          message: 'config.yaml in the cluster has a section tide without queries: Tide merges nothing',
          evidence: `tide: ${[...(nodeAt(config.config, 'tide')?.map?.keys() ?? [])].join(', ')}`,
          remedy: `Name the repositories and labels under tide.queries in ${settings.CONFIG_DIR}/config.yaml, and run ${rerunLine('06-config')}.`,
        },
      ]
    },
  },
]

/** How a query of Tide is shown, by what it requires. */
export function shownQuery(query: Tree): string {
  const labels = textsOf(nodeAt(query, 'labels'))
  const missing = textsOf(nodeAt(query, 'missingLabels'))
  const branches = textsOf(nodeAt(query, 'includedBranches'))
  return [
    ...(labels.length > 0 ? [`labels ${labels.join(', ')}`] : []),
    ...(missing.length > 0 ? [`none of ${missing.join(', ')}`] : []),
    ...(branches.length > 0 ? [`branch ${branches.join(', ')}`] : []),
    ...(textOf(nodeAt(query, 'milestone')) ? [`milestone ${textOf(nodeAt(query, 'milestone'))}`] : []),
    ...(isTrue(nodeAt(query, 'reviewApprovedRequired')) ? ['an approving review'] : []),
  ].join('; ')
}
