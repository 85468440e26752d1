import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'
import { explainGitHub, type Operation, statusOf } from './requests.ts'

/**
 * What GitHub requires before it merges into a branch: its protection and all rulesets together, as far as they hold for
 * the bot.
 */
export interface BranchRules {
  branch: string
  /** Status checks that must succeed; `app` is the App that alone may set one. */
  contexts: { name: string; app?: number }[]
  /** The branch must be merged into the pull request first. */
  strict: boolean
  /** How many approving reviews it takes. */
  reviews: number
  codeOwners: boolean
  linear: boolean
  signed: boolean
  mergeQueue: boolean
  locked: boolean
  /** Who alone may push: logins of users, and slugs of Apps. Undefined: whoever may write. */
  pushers?: string[]
  /** The methods of merging that are allowed; undefined: those of the repository. */
  methods?: string[]
}

interface Switch {
  enabled?: boolean
}

/** The answer of `GET /repos/O/R/branches/B/protection`, as far as it is read. */
interface Protection {
  required_status_checks?: {
    strict?: boolean
    contexts?: string[]
    checks?: { context: string; app_id?: number | null }[]
  } | null
  required_pull_request_reviews?: { required_approving_review_count?: number; require_code_owner_reviews?: boolean }
  required_linear_history?: Switch
  required_signatures?: Switch
  lock_branch?: Switch
  enforce_admins?: Switch
  restrictions?: { users?: { login: string }[]; apps?: { slug: string }[]; teams?: unknown[] } | null
}

/** A rule of `GET /repos/O/R/rules/branches/B`, which lists those of all rulesets that are active for the branch. */
interface Rule {
  type: string
  ruleset_id?: number
  parameters?: {
    required_status_checks?: { context: string; integration_id?: number | null }[]
    strict_required_status_checks_policy?: boolean
    required_approving_review_count?: number
    require_code_owner_review?: boolean
    allowed_merge_methods?: string[]
  }
}

/** The rules of a branch. `isAdmin` is whether the bot administers the repository. */
export async function readBranchRules(
  github: GitHub,
  settings: Settings,
  fullName: string,
  branch: string,
  isAdmin: boolean,
): Promise<BranchRules> {
  const base = `/repos/${fullName}`
  const operation: Operation = {
    description: `read the rules of branch ${branch} of ${fullName}`,
    scope: 'repo',
    permission: 'Administration: read',
  }
  const read = async <T>(path: string): Promise<T | undefined> => {
    try {
      return (await github.request(`GET ${path}`)).data as T
    } catch (error) {
      // Not protected, no right to see it, or a GitHub Enterprise Server without rulesets.
      if (statusOf(error) === 404 || statusOf(error) === 403) return undefined
      throw explainGitHub(error, settings, operation)
    }
  }
  const encoded = encodeURIComponent(branch)
  const [protection, rules = []] = await Promise.all([
    readProtection(read, `${base}/branches/${encoded}`),
    read<Rule[]>(`${base}/rules/branches/${encoded}`),
  ])
  // An administrator merges past a protection that is not enforced for administrators.
  const holds = protection && !(isAdmin && protection.enforce_admins?.enabled === false)
  const bypassed = await bypassedRulesets(read, base, rules)
  return combine(
    branch,
    holds ? protection : {},
    rules.filter((rule) => !bypassed.has(rule.ruleset_id)),
  )
}

/** The protection of a branch; who does not administer the repository sees only its status checks. */
async function readProtection(
  read: <T>(path: string) => Promise<T | undefined>,
  path: string,
): Promise<Protection | undefined> {
  const full = await read<Protection>(`${path}/protection`)
  if (full) return full
  const summary = await read<{ protection?: { required_status_checks?: Protection['required_status_checks'] } }>(path)
  const checks = summary?.protection?.required_status_checks
  return checks ? { required_status_checks: checks } : undefined
}

/** The rulesets that the bot may bypass. */
async function bypassedRulesets(
  read: <T>(path: string) => Promise<T | undefined>,
  base: string,
  rules: Rule[],
): Promise<Set<number | undefined>> {
  const ids = [...new Set(rules.flatMap(({ ruleset_id: id }) => id ?? []))]
  const bypassed = await Promise.all(
    ids.map(async (id) => {
      const ruleset = await read<{ current_user_can_bypass?: string }>(`${base}/rulesets/${id}`)
      return /^(always|pull_requests_only)$/.test(ruleset?.current_user_can_bypass ?? '') ? id : undefined
    }),
  )
  return new Set(bypassed.filter((id) => id !== undefined))
}

function combine(branch: string, protection: Protection, rules: Rule[]): BranchRules {
  const ofType = (type: string) => rules.filter((rule) => rule.type === type)
  const has = (type: string) => ofType(type).length > 0
  const { required_status_checks: checks, required_pull_request_reviews: reviews, restrictions } = protection
  const statusRules = ofType('required_status_checks')
  const reviewRules = ofType('pull_request')
  const methods = reviewRules.flatMap(({ parameters }) =>
    parameters?.allowed_merge_methods ? [parameters.allowed_merge_methods] : [],
  )
  const allowed = methods.reduce<string[] | undefined>(
    (left, list) => (left ? left.filter((one) => list.includes(one)) : list),
    undefined,
  )
  const pushers = restrictions && [
    ...(restrictions.users ?? []).map(({ login }) => login),
    ...(restrictions.apps ?? []).map(({ slug }) => slug),
  ]
  return {
    branch,
    contexts: uniqueContexts([
      // `checks` repeats `contexts`, with the App.
      ...(checks?.checks ?? (checks?.contexts ?? []).map((context) => ({ context, app_id: null }))).map(
        ({ context, app_id: app }) => ({ name: context, ...(app && app > 0 ? { app } : {}) }),
      ),
      ...statusRules
        .flatMap(({ parameters }) => parameters?.required_status_checks ?? [])
        .map(({ context, integration_id: app }) => ({ name: context, ...(app ? { app } : {}) })),
    ]),
    strict:
      Boolean(checks?.strict) ||
      statusRules.some(({ parameters }) => parameters?.strict_required_status_checks_policy === true),
    reviews: Math.max(
      reviews?.required_approving_review_count ?? 0,
      ...reviewRules.map(({ parameters }) => parameters?.required_approving_review_count ?? 0),
    ),
    codeOwners:
      Boolean(reviews?.require_code_owner_reviews) ||
      reviewRules.some(({ parameters }) => parameters?.require_code_owner_review === true),
    linear: Boolean(protection.required_linear_history?.enabled) || has('required_linear_history'),
    signed: Boolean(protection.required_signatures?.enabled) || has('required_signatures'),
    mergeQueue: has('merge_queue'),
    locked: Boolean(protection.lock_branch?.enabled),
    // A team may have the bot among its members.
    ...(pushers && (restrictions.teams ?? []).length === 0 ? { pushers } : {}),
    ...(allowed ? { methods: allowed } : {}),
  }
}

function uniqueContexts(contexts: BranchRules['contexts']): BranchRules['contexts'] {
  return contexts.filter(({ name }, index) => contexts.findIndex((one) => one.name === name) === index)
}

/** The contexts and names of check runs that anybody reported on the newest pull requests and the head of the branch. */
export async function reportedContexts(
  github: GitHub,
  settings: Settings,
  fullName: string,
  branch: string,
): Promise<Set<string>> {
  const operation: Operation = {
    description: `read the status checks of ${fullName}`,
    scope: 'repo',
    permission: 'Commit statuses: read',
  }
  const base = `/repos/${fullName}`
  try {
    const newest = { state: 'all', sort: 'updated', direction: 'desc', base: branch, per_page: 5 }
    const { data } = await github.request(`GET ${base}/pulls`, newest)
    const heads = [branch, ...(data as { head: { sha: string } }[]).map(({ head }) => head.sha)].filter(Boolean)
    const found = await Promise.all(
      heads.map(async (ref) => {
        const [statuses, checks] = await Promise.all([
          github.request(`GET ${base}/commits/${encodeURIComponent(ref)}/status`, { per_page: 100 }),
          github.request(`GET ${base}/commits/${encodeURIComponent(ref)}/check-runs`, { per_page: 100 }),
        ])
        return [
          ...(statuses.data as { statuses: { context: string }[] }).statuses.map(({ context }) => context),
          ...(checks.data as { check_runs: { name: string }[] }).check_runs.map(({ name }) => name),
        ]
      }),
    )
    return new Set(found.flat())
  } catch (error) {
    throw explainGitHub(error, settings, operation)
  }
}
