import { isGiven, isTrue, nodeAt, parseYaml, type Tree } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { CONFIG_RULES } from './config.ts'
import { decorator, jobsOf } from './decoration.ts'
import { fields, typed } from './fields.ts'
import { JOB_RULES, TOGETHER_RULES } from './jobs.ts'
import { PLUGIN_RULES } from './plugins.ts'
import { type All, files, type Rule, type Severity, type Source, type Violation } from './rule.ts'

/** Everything that our rules say about a configuration, in the order of its files and lines. */
export function checkConfiguration(
  sources: { config: Source; plugins: Source; jobs: Map<string, Source> },
  settings: Settings,
): Violation[] {
  const findings: Violation[] = []
  const tell = (
    rule: string,
    weight: Severity,
    file: string,
    tree: Tree | number | undefined,
    message: string,
    remedy: string,
  ) => {
    findings.push({
      rule,
      severity: weight,
      file,
      line: typeof tree === 'number' ? tree : (tree?.line ?? 1),
      message: message,
      remedy,
    })
  }
  const parse = (source: Source): Tree => {
    const { tree, errors: faults } = parseYaml(source.text)
    for (const { line, message } of faults) {
      // Two of a name and a second document are read by Prow, but not as they were meant.
      const read = /twice in one map|second document/.test(message)
      tell('yaml', read ? 'here' : 'invalid', source.displayName, line, message, 'Correct the file.')
    }
    return tree
  }
  const config = parse(sources.config)
  const plugins = parse(sources.plugins)
  const decorate = decorator(config)
  const everything = isTrue(nodeAt(config, 'decorate_all_jobs'))
  const jobFiles = [{ file: sources.config.displayName, tree: config }]
  for (const source of sources.jobs.values()) jobFiles.push({ file: source.displayName, tree: parse(source) })
  const anywhere = everything || jobFiles.some(({ tree }) => isTrue(nodeAt(tree, 'decorate_all_jobs')))
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
  types(sources.config.displayName, config, roots.config, false)
  types(sources.plugins.displayName, plugins, roots.plugins, false, true)
  // These read themselves, so checkconfig does not see what nobody reads in them.
  const byHand = (tree: Tree, type: string, path: string) => {
    for (const found of typed(tree, type, path, true, true)) {
      tell(
        found.weight === 'hint' ? 'unknown-field' : 'type',
        found.weight ?? 'invalid',
        sources.plugins.displayName,
        found[0],
        found[1],
        found[2] ?? '',
      )
    }
  }
  const places = nodeAt(plugins, 'plugins')
  if (isGiven(places) && !places.map)
    tell(
      'type',
      'invalid',
      sources.plugins.displayName,
      places,
      'plugins should be a map',
      'Write the organisation: below it.',
    )
  for (const [place, one] of places?.map ?? []) byHand(one, one.list ? '[]s' : 'plugins.OrgPlugins', `plugins.${place}`)
  const updater = nodeAt(plugins, 'config_updater')
  if (updater) byHand(updater, 'plugins.ConfigUpdater', 'config_updater')
  for (const { file, tree } of jobFiles.slice(1)) types(file, tree, roots.config, true)

  const apply = <On>(rules: Rule<On>[], on: On, file: string) => {
    for (const rule of rules) {
      for (const found of rule.find(on, all))
        tell(rule.name, rule.severity, files.get(found) ?? file, found[0], found[1], found[2] ?? rule.remedy)
    }
  }
  apply(CONFIG_RULES, config, sources.config.displayName)
  apply(PLUGIN_RULES, plugins, sources.plugins.displayName)
  for (const job of all.jobs) apply(JOB_RULES, job, job.file)
  apply(TOGETHER_RULES, all, sources.config.displayName)
  // What is said of a file that cannot be read may be message, and so what depends on it.
  const broken = new Set(
    findings.filter((one) => one.rule === 'yaml' && one.severity === 'invalid').map((one) => one.file),
  )
  if (broken.size === 0) return findings
  const blind = broken.has(sources.config.displayName) || broken.has(sources.plugins.displayName)
  return findings.filter((one) => one.rule === 'yaml' || (!blind && !broken.has(one.file)))
}
