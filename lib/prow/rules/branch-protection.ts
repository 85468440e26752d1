import { isGiven, isTrue, keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { PluginScope, shownPlace } from './enabled-plugins.ts'
import { regexpError } from './go-syntax.ts'
import { match, type Rule } from './rule.ts'
import { tideQueries } from './tide.ts'

/** A part of branch-protection with a policy of its own, and those above it. */
interface Policy {
  /** `branch-protection` itself, org, org/repo or org/repo=branch. */
  place: string
  kind: 'all' | 'org' | 'repo' | 'branch'
  tree: Tree
  /** The line of its key. */
  line: number
  /** From the most general to its own. */
  chain: Tree[]
  below: Policy[]
}

const BELOW = { all: ['orgs', 'org'], org: ['repos', 'repo'], repo: ['branches', 'branch'], branch: ['', ''] } as const

function policyTree(tree: Tree, place: string, kind: Policy['kind'], line: number, above: Tree[]): Policy {
  const chain = [...above, tree]
  const [list, inner] = BELOW[kind]
  const map = list ? nodeAt(tree, list) : undefined
  const below = [...(map?.map ?? [])].map(([name, one]) => {
    const innerPlace = kind === 'all' ? name : `${place}${kind === 'org' ? '/' : '='}${name}`
    return policyTree(one, innerPlace, inner as Policy['kind'], keyLine(map, name), chain)
  })
  return { place, kind, tree, line, chain, below }
}

function* allPolicies(policy: Policy): Iterable<Policy> {
  yield policy
  for (const one of policy.below) yield* allPolicies(one)
}

function policiesOf(config: Tree): Policy | undefined {
  const tree = nodeAt(config, 'branch-protection')
  return tree?.map ? policyTree(tree, 'branch-protection', 'all', keyLine(config, 'branch-protection'), []) : undefined
}

/** A field with the policies above it: the most particular that sets it counts. */
function inherited({ chain }: Policy, ...path: [field: string, below?: string]): Tree | undefined {
  return chain.map((tree) => nodeAt(tree, ...path)).findLast((one) => one && one.value !== null)
}

const STRUCTURE = ['orgs', 'repos', 'branches', 'unmanaged']
const GLOBAL = [
  'protect-tested-repos',
  'allow_disabled_policies',
  'allow_disabled_job_policies',
  'protect_repos_with_optional_jobs',
]

/** The fields of a policy itself that are set, but for unmanaged. */
function settingsOf({ tree, kind }: Policy): string[] {
  return [...(tree.map ?? [])]
    .filter(
      ([name, one]) => !STRUCTURE.includes(name) && !(kind === 'all' && GLOBAL.includes(name)) && one.value !== null,
    )
    .map(([name]) => name)
}

const isUnmanaged = ({ tree }: Policy) => isTrue(nodeAt(tree, 'unmanaged'))
const isManaged = ({ tree }: Policy) => nodeAt(tree, 'unmanaged')?.value === false

/** Whether something below, at any depth but the first `skip`, takes the management back. */
function managedBelow(policy: Policy): boolean {
  return policy.below.some((one) => isManaged(one) || managedBelow(one))
}

/** What checkconfig finds below a policy that is unmanaged. */
function* unmanagedWithMore(root: Policy): Iterable<[at: number, message: string]> {
  for (const policy of allPolicies(root)) {
    if (!isUnmanaged(policy)) continue
    const settings = settingsOf(policy)
    if (settings.length > 0 && !managedBelow(policy))
      yield [policy.line, `${shown(policy)} is unmanaged, and it sets ${settings.join(', ')}`]
    for (const one of policy.below) {
      // As checkconfig does, which counts only what is below these.
      const takenBack =
        policy.kind === 'all'
          ? one.below.some(isManaged)
          : policy.kind === 'org'
            ? one.below.some(isManaged)
            : isManaged(one)
      if (!takenBack) yield [one.line, `${shown(policy)} is unmanaged, and ${one.place} is listed below it`]
    }
  }
}

const shown = ({ place, kind }: Policy) => (kind === 'all' ? place : `branch-protection of ${place}`)

/** Rules about the section branch-protection of config.yaml. */
export const BRANCH_PROTECTION_RULES: Rule<Tree>[] = [
  {
    name: 'protected-branches',
    severity: 'invalid',
    remedy: 'Keep include or exclude; both are lists of regular expressions of Go (RE2).',
    *find(config) {
      const root = policiesOf(config)
      if (!root) return
      if (isGiven(nodeAt(root.tree, 'include')) && isGiven(nodeAt(root.tree, 'exclude')))
        yield match(root.line, 'branch-protection has both include and exclude')
    },
  },
  {
    name: 'branch-without-protect',
    severity: 'strict',
    remedy: 'Set protect: true there, or unmanaged: true.',
    *find(config) {
      const root = policiesOf(config)
      if (!root || !isGiven(nodeAt(config, 'tide', 'queries'))) return
      for (const policy of allPolicies(root))
        if (policy.kind === 'branch' && !inherited(policy, 'protect') && !isTrue(inherited(policy, 'unmanaged')))
          yield match(policy.line, `branch-protection of ${policy.place} sets neither protect nor unmanaged: true`)
    },
  },
  {
    name: 'strict-checks-with-tide',
    severity: 'strict',
    remedy:
      'Remove strict: Tide itself tests a pull request with the newest base before it merges it; with strict it would have to rebase each.',
    *find(config) {
      const root = policiesOf(config)
      const queries = [...tideQueries(config)]
      if (!root || queries.length === 0) return
      const isStrict = (policy: Policy) =>
        isTrue(inherited(policy, 'protect')) && isTrue(inherited(policy, 'required_status_checks', 'strict'))
      const strictTree = (policy: Policy) => inherited(policy, 'required_status_checks', 'strict')
      if (isStrict(root))
        return yield match(
          strictTree(root),
          'branch-protection requires strict status checks everywhere, and Tide is in use',
        )
      const scope = new PluginScope()
      for (const { query } of queries) {
        for (const org of textsOf(nodeAt(query, 'orgs')))
          scope.add('tide', org, textsOf(nodeAt(query, 'excludedRepos')))
        for (const repo of textsOf(nodeAt(query, 'repos'))) scope.add('tide', repo)
      }
      for (const org of root.below) {
        const strictRepos = org.below.filter((repo) => isStrict(repo) || repo.below.some(isStrict))
        if (isStrict(org)) {
          const lax = org.below.filter((repo) => !strictRepos.includes(repo)).map(({ place }) => place)
          scope.add('strict', org.place, lax)
        }
        for (const repo of strictRepos) scope.add('strict', repo.place)
        const conflicts = scope
          .places()
          .filter(
            (place) => place.split('/')[0] === org.place && scope.has('strict', place) && scope.has('tide', place),
          )
        if (conflicts.length > 0)
          yield match(
            strictTree(isStrict(org) ? org : (strictRepos[0]?.below.find(isStrict) ?? strictRepos[0] ?? org)),
            `branch-protection requires strict status checks in ${conflicts.map(shownPlace).join(', ')}, where Tide merges`,
          )
      }
    },
  },
  {
    name: 'unmanaged-with-settings',
    severity: 'strict',
    remedy: 'Remove unmanaged: true, or what is below it, or set unmanaged: false where Prow is to manage again.',
    *find(config) {
      const root = policiesOf(config)
      for (const [at, message] of root ? unmanagedWithMore(root) : []) yield match(at, message)
    },
  },
  {
    name: 'protected-branch-names',
    // Prow loads it: only branchprotector compiles these, each time it runs.
    severity: 'hint',
    remedy: 'Write a regular expression of Go (RE2): branchprotector stops at this one.',
    *find(config) {
      const root = policiesOf(config)
      for (const { tree, ...policy } of root ? allPolicies(root) : []) {
        for (const list of ['include', 'exclude']) {
          const names = nodeAt(tree, list)
          const error = regexpError(textsOf(names).join('|'))
          if (error)
            yield match(
              names,
              `${shown({ tree, ...policy })}: ${list} ${error}: ${textsOf(names)
                .map((one) => textOf({ line: 1, value: one }))
                .join(', ')}`,
            )
        }
      }
    },
  },
]
