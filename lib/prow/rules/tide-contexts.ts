import { isGiven, isTrue, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { branchesOf, branchFilter } from './all-jobs.ts'
import { asRegExp, regexpError } from './go-syntax.ts'
import { type All, type Job, type Match, match, type Rule } from './rule.ts'

const LISTS = ['required-contexts', 'optional-contexts', 'required-if-present-contexts'] as const
const EXPRESSIONS = 'optional-regex-contexts'

type List = (typeof LISTS)[number]

/** A context in one of the three lists, or an expression, and where it comes from. */
interface Context {
  name: string
  list: List | typeof EXPRESSIONS
  at: Tree
  file: string
  /** The presubmit that reports it. */
  job?: string
}

function ofPolicy(policy: Tree | undefined, file: string): Context[] {
  if (!policy) return []
  return ([...LISTS, EXPRESSIONS] as const).flatMap((list) =>
    (nodeAt(policy, list)?.list ?? []).map((at) => ({ name: textOf(at), list, at, file })),
  )
}

/** The context of a presubmit, and what answers whether it runs on a branch. */
function ofJob(job: Job): { context: Context; runsOn: (branch: string) => boolean } {
  const name = textOf(nodeAt(job.tree, 'context')) || job.name
  return {
    context: { name, list: listOf(job), at: job.tree, file: job.file, job: job.name },
    runsOn: branchFilter(branchesOf(job)),
  }
}

/** The list into which Tide puts the context of a presubmit. */
function listOf({ tree }: Job): List {
  if (isTrue(nodeAt(tree, 'optional')) || isTrue(nodeAt(tree, 'skip_report'))) return 'optional-contexts'
  return isTrue(nodeAt(tree, 'always_run')) ? 'required-contexts' : 'required-if-present-contexts'
}

/** The branches that Prow checks, by repository: those that any part of the configuration names, else master. */
function knownBranches(all: All): Map<string, Set<string>> {
  const known = new Map<string, Set<string>>()
  const add = (repo: string, branches: Iterable<string>) => {
    const before = known.get(repo) ?? new Set()
    for (const branch of branches) before.add(branch)
    known.set(repo, before)
  }
  for (const job of all.jobs) if (job.kind === 'presubmit') add(job.repo, textsOf(nodeAt(job.tree, 'branches')))
  for (const orgs of [
    nodeAt(all.config, 'branch-protection', 'orgs'),
    nodeAt(all.config, 'tide', 'context_options', 'orgs'),
  ])
    for (const [org, one] of orgs?.map ?? [])
      for (const [repo, policy] of nodeAt(one, 'repos')?.map ?? [])
        add(`${org}/${repo}`, nodeAt(policy, 'branches')?.map?.keys() ?? [])
  for (const branches of known.values()) if (branches.size === 0) branches.add('master')
  return known
}

/** What contradicts itself among the contexts of a branch. */
function* contradictions(contexts: Context[], where: string): Iterable<Match> {
  const byName = new Map<string, Context>()
  for (const one of contexts) {
    if (one.list === EXPRESSIONS) continue
    const before = byName.get(one.name)
    if (before && before.list !== one.list) {
      const source = (context: Context) => (context.job ? `${context.list} (${context.job} reports it)` : context.list)
      // A job cannot be changed by the policy: what is written in the policy is the slip.
      const at = one.job ? before : one
      yield { ...match(at.at, `${where}: ${one.name} is in ${source(before)} and in ${source(one)}`), file: at.file }
    }
    byName.set(one.name, before ?? one)
  }
  for (const { name: text, at, file, list } of contexts) {
    if (list !== EXPRESSIONS) continue
    const error = regexpError(text)
    if (error) yield { ...match(at, `${where}: the expression ${text} of ${EXPRESSIONS} ${error}`), file }
    const expression = asRegExp(text)
    for (const other of byName.values())
      if (other.list !== 'optional-contexts' && expression?.test(other.name))
        yield {
          ...match(at, `${where}: ${text} of ${EXPRESSIONS} matches ${other.name}, which is in ${other.list}`),
          file,
        }
  }
}

/** Rules about the contexts that Tide requires. */
export const TIDE_CONTEXT_RULES: Rule<All>[] = [
  {
    name: 'context-policy',
    severity: 'strict',
    remedy: 'Keep it in one list: a context is either required, or optional, or required when present.',
    *find(all) {
      const { config, configFile: file } = all
      const options = nodeAt(config, 'tide', 'context_options')
      if (!isGiven(options)) return
      const jobs = new Map<string, ReturnType<typeof ofJob>[]>()
      for (const job of all.jobs) {
        if (job.kind !== 'presubmit') continue
        const same = jobs.get(job.repo)
        if (same) same.push(ofJob(job))
        else jobs.set(job.repo, [ofJob(job)])
      }
      const seen = new Set<Tree>()
      for (const [place, branches] of knownBranches(all)) {
        const [org, repo, more] = place.split('/')
        if (!org || !repo || more !== undefined) continue
        const ofOrg = nodeAt(options, 'orgs', org)
        const ofRepo = nodeAt(ofOrg, 'repos', repo)
        for (const branch of branches) {
          const policies = [options, ofOrg, ofRepo, nodeAt(ofRepo, 'branches', branch)]
          const contexts = policies.flatMap((policy) => ofPolicy(policy, file))
          for (const { context, runsOn } of jobs.get(place) ?? []) if (runsOn(branch)) contexts.push(context)
          for (const found of contradictions(contexts, `tide.context_options for ${branch} of ${place}`)) {
            if (seen.has(found.at as Tree)) continue
            seen.add(found.at as Tree)
            yield found
          }
        }
      }
    },
  },
  {
    name: 'context-lists',
    // Prow finds out only when Tide evaluates a pull request.
    severity: 'hint',
    remedy: 'Keep it in one list: a context is either required, or optional, or required when present.',
    *find(all) {
      const options = nodeAt(all.config, 'tide', 'context_options')
      if (knownBranches(all).size > 0) return
      yield* contradictions(ofPolicy(options, all.configFile), 'tide.context_options')
    },
  },
]
