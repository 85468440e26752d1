import { nodeAt, textOf, textsOf } from '../../base/yaml-tree.ts'
import { enabledPlugins, PluginScope } from './enabled-plugins.ts'
import { asRegExp } from './go-syntax.ts'
import { type All, type Job, match, type Rule, shownJob } from './rule.ts'

/** Rules about all jobs together. */
export const ALL_JOBS_RULES: Rule<All>[] = [
  {
    name: 'jobs-twice',
    severity: 'invalid',
    remedy: 'Rename one; two jobs may have the same name only on different branches.',
    *find(all) {
      const groups = groupBy(all.jobs, (job) =>
        job.kind === 'periodic' ? shownJob(job) : `${job.kind} ${job.repo} ${job.name}`,
      )
      for (const jobs of groups.values()) {
        for (const [index, job] of jobs.entries()) {
          const other = jobs.slice(0, index).find((one) => job.kind === 'periodic' || overlap(one, job))
          if (!other) continue
          const shown = job.kind === 'periodic' ? shownJob(job) : `${shownJob(job)} of ${job.repo}`
          yield {
            ...match(nodeAt(job.tree, 'name') ?? job.tree, `${shown} is also in ${other.file}:${other.tree.line}`),
            file: job.file,
          }
        }
      }
    },
  },
  {
    name: 'contexts-twice',
    severity: 'invalid',
    remedy: 'Give one of them another context: GitHub shows one status for each context.',
    *find(all) {
      const context = (job: Job) => textOf(nodeAt(job.tree, 'context')) || job.name
      const jobs = all.jobs.filter((job) => job.kind !== 'periodic')
      for (const same of groupBy(jobs, (job) => `${job.kind} ${job.repo} ${context(job)}`).values()) {
        for (const [index, job] of same.entries()) {
          const other = same.slice(0, index).find((one) => one.name !== job.name && overlap(one, job))
          if (other)
            yield {
              ...match(
                nodeAt(job.tree, 'context') ?? job.tree,
                `${job.kind}s ${other.name} and ${job.name} of ${job.repo} both report as ${context(job)}`,
              ),
              file: job.file,
            }
        }
      }
    },
  },
  {
    name: 'presets-twice',
    severity: 'invalid',
    remedy: 'Remove one: a pair of label and value selects one preset.',
    *find(all) {
      const seen = new Map<string, string>()
      for (const { file, tree } of all.jobFiles) {
        for (const preset of nodeAt(tree, 'presets')?.list ?? []) {
          for (const [label, value] of nodeAt(preset, 'labels')?.map ?? []) {
            const pair = `${label}: ${textOf(value)}`
            if (seen.has(pair))
              yield { ...match(value, `has a second preset for ${pair}; the first is in ${seen.get(pair)}`), file }
            seen.set(pair, `${file}:${value.line}`)
          }
        }
      }
    },
  },
  {
    name: 'missing-trigger',
    severity: 'strict',
    remedy: 'Enable the plugin trigger for it in plugins.yaml: without it nothing starts these jobs.',
    *find(all) {
      const scope = new PluginScope()
      for (const { place, list, excluded } of enabledPlugins(all.plugins))
        if (textsOf(list).includes('trigger')) scope.add('trigger', place, excluded)
      const reported = new Set<string>()
      for (const job of all.jobs) {
        if (job.kind === 'periodic' || reported.has(job.repo) || scope.has('trigger', job.repo)) continue
        reported.add(job.repo)
        yield {
          ...match(job.tree, `has jobs for ${job.repo}, where the plugin trigger is not enabled`),
          file: job.file,
        }
      }
    },
  },
]

function groupBy(jobs: Job[], key: (job: Job) => string): Map<string, Job[]> {
  const groups = new Map<string, Job[]>()
  for (const job of jobs) {
    const group = groups.get(key(job))
    if (group) group.push(job)
    else groups.set(key(job), [job])
  }
  return groups
}

/** Which branches a job is for, as expressions. */
interface Branches {
  branches: string[]
  skip: string[]
}

/** The branches of a job. */
export function branchesOf({ tree }: Job): Branches {
  return { branches: textsOf(nodeAt(tree, 'branches')), skip: textsOf(nodeAt(tree, 'skip_branches')) }
}

/** Whether two jobs run on a branch in common, by Prow's own approximation. */
function overlap(a: Job, b: Job): boolean {
  const [some, others] = [branchesOf(a), branchesOf(b)]
  const everywhere = (one: Branches) => one.branches.length === 0 && one.skip.length === 0
  if (everywhere(some) || everywhere(others)) return true
  if (some.branches.length > 0 && others.branches.length > 0)
    return some.branches.some((branch) => others.branches.includes(branch))
  if (some.branches.length > 0) return some.branches.some((branch) => runsOn(others, branch))
  return others.branches.length === 0 || others.branches.some((branch) => runsOn(some, branch))
}

/** Whether a job with these branches runs on one; false where that is not certain. */
function runsOn(branches: Branches, branch: string): boolean {
  return branchFilter(branches)(branch)
}

/** What answers whether a job with these branches runs on one; false where that is not certain. */
export function branchFilter({ branches, skip }: Branches): (branch: string) => boolean {
  const wanted = branches.length > 0 ? asRegExp(branches.join('|')) : { test: () => true }
  const skipped = skip.length > 0 ? asRegExp(skip.join('|')) : { test: () => false }
  // Where the meaning of an expression is not certain, the rule is silent.
  return wanted && skipped ? (branch) => !skipped.test(branch) && wanted.test(branch) : () => false
}
