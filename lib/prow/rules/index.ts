import { at, given, isTrue, readYaml, type Tree } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { CONFIG_RULES } from './config.ts'
import { decorator, jobsOf } from './decoration.ts'
import { fields, typed } from './fields.ts'
import { JOB_RULES, TOGETHER_RULES } from './jobs.ts'
import { PLUGIN_RULES } from './plugins.ts'
import { type All, type Finding, files, type Rule, type Source, type Weight } from './rule.ts'

/** Everything that our rules say about a configuration, in the order of its files and lines. */
export function examine(
  sources: { config: Source; plugins: Source; jobs: Map<string, Source> },
  settings: Settings,
): Finding[] {
  const findings: Finding[] = []
  const tell = (
    rule: string,
    weight: Weight,
    file: string,
    tree: Tree | number | undefined,
    wrong: string,
    remedy: string,
  ) => {
    findings.push({ rule, weight, file, line: typeof tree === 'number' ? tree : (tree?.line ?? 1), wrong, remedy })
  }
  const parse = (source: Source): Tree => {
    const { tree, faults } = readYaml(source.text)
    for (const { line, wrong } of faults) {
      // Two of a name and a second document are read by Prow, but not as they were meant.
      const read = /twice in one map|second document/.test(wrong)
      tell('yaml', read ? 'here' : 'invalid', source.told, line, wrong, 'Correct the file.')
    }
    return tree
  }
  const config = parse(sources.config)
  const plugins = parse(sources.plugins)
  const decorate = decorator(config)
  const everything = isTrue(at(config, 'decorate_all_jobs'))
  const jobFiles = [{ file: sources.config.told, tree: config }]
  for (const source of sources.jobs.values()) jobFiles.push({ file: source.told, tree: parse(source) })
  const anywhere = everything || jobFiles.some(({ tree }) => isTrue(at(tree, 'decorate_all_jobs')))
  const all: All = {
    settings,
    config,
    plugins,
    jobFiles,
    jobs: jobFiles.flatMap(({ file, tree }) => jobsOf(tree, file, anywhere, decorate)),
  }

  const { roots } = fields()
  const types = (file: string, tree: Tree, type: string, inJobs: boolean, inPlugins = false) => {
    for (const found of typed(tree, type, '', inJobs, inPlugins)) {
      tell(
        found.weight === undefined
          ? 'type'
          : found.weight === 'hint' && !/no field/.test(found[1])
            ? 'reading'
            : 'unknown-field',
        found.weight ?? 'invalid',
        file,
        found[0],
        found[1],
        found[2] ?? '',
      )
    }
  }
  types(sources.config.told, config, roots.config, false)
  types(sources.plugins.told, plugins, roots.plugins, false, true)
  // These read themselves, so checkconfig does not see what nobody reads in them.
  const byHand = (tree: Tree, type: string, path: string) => {
    for (const found of typed(tree, type, path, true, true)) {
      tell(
        found.weight === 'hint' ? 'unknown-field' : 'type',
        found.weight ?? 'invalid',
        sources.plugins.told,
        found[0],
        found[1],
        found[2] ?? '',
      )
    }
  }
  const places = at(plugins, 'plugins')
  if (given(places) && !places.map)
    tell(
      'type',
      'invalid',
      sources.plugins.told,
      places,
      'plugins should be a map',
      'Write the organisation: below it.',
    )
  for (const [place, one] of places?.map ?? []) byHand(one, one.list ? '[]s' : 'plugins.OrgPlugins', `plugins.${place}`)
  const updater = at(plugins, 'config_updater')
  if (updater) byHand(updater, 'plugins.ConfigUpdater', 'config_updater')
  for (const { file, tree } of jobFiles.slice(1)) types(file, tree, roots.config, true)

  const apply = <On>(rules: Rule<On>[], on: On, file: string) => {
    for (const rule of rules) {
      for (const found of rule.look(on, all))
        tell(rule.name, rule.weight, files.get(found) ?? file, found[0], found[1], found[2] ?? rule.remedy)
    }
  }
  apply(CONFIG_RULES, config, sources.config.told)
  apply(PLUGIN_RULES, plugins, sources.plugins.told)
  for (const job of all.jobs) apply(JOB_RULES, job, job.file)
  apply(TOGETHER_RULES, all, sources.config.told)
  // What is said of a file that cannot be read may be wrong, and so what depends on it.
  const broken = new Set(
    findings.filter((one) => one.rule === 'yaml' && one.weight === 'invalid').map((one) => one.file),
  )
  if (broken.size === 0) return findings
  const blind = broken.has(sources.config.told) || broken.has(sources.plugins.told)
  return findings.filter((one) => one.rule === 'yaml' || (!blind && !broken.has(one.file)))
}
