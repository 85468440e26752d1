import { isGiven, isTrue, nodeAt, parseYaml, type Tree } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { ALL_JOBS_RULES } from './all-jobs.ts'
import { CONFIG_RULES } from './config.ts'
import { decorator, jobsOf } from './decoration.ts'
import { DECORATION_RULES } from './default-decoration.ts'
import { checkTypes, type Decoding, fields } from './fields.ts'
import { JOB_POD_RULES } from './job-pods.ts'
import { JOB_RULES } from './jobs.ts'
import { PLUGIN_RULES } from './plugins.ts'
import { type All, type Job, type Match, match, type Rule, type Source, shownJob, type Violation } from './rule.ts'
import { TIDE_RULES } from './tide.ts'

/** What a rule gives each of its violations. */
type Judging = Pick<Rule<never>, 'name' | 'severity' | 'remedy' | 'setting'>

const YAML = { name: 'yaml', remedy: 'Correct the file.' }

/** Everywhere a configuration breaks a rule: first as YAML, then the types of its fields, then the rules in their order. */
export function checkConfiguration(
  sources: { config: Source; plugins: Source; jobs: Map<string, Source> },
  settings: Settings,
): Violation[] {
  const violations: Violation[] = []
  const add = (file: string, rule: Judging, found: Match, job?: Job) => {
    const { at, message, setting = rule.setting } = found
    violations.push({
      rule: rule.name,
      severity: rule.severity,
      file: found.file ?? file,
      line: typeof at === 'number' ? at : (at?.line ?? 1),
      message,
      remedy: found.remedy ?? rule.remedy,
      cause: found.cause ?? (job ? message.replace(shownJob(job), '') : message),
      ...(setting ? { setting } : {}),
    })
  }
  const parse = ({ displayName, text }: Source): Tree => {
    const { tree, errors } = parseYaml(text)
    for (const { line, message, readable } of errors)
      add(displayName, { ...YAML, severity: readable ? 'here' : 'invalid' }, match(line, message))
    return tree
  }
  const types = (file: string, tree: Tree, type: string, path: string, decoding: Decoding) => {
    for (const found of checkTypes(tree, type, path, decoding))
      add(file, { name: found.rule, severity: found.severity, remedy: 'Correct the file.' }, found)
  }
  const apply = <On>(rules: Rule<On>[], on: On, file: string, job?: Job) => {
    for (const rule of rules) for (const found of rule.find(on, all)) add(file, rule, found, job)
  }

  const { displayName: configFile } = sources.config
  const { displayName: pluginsFile } = sources.plugins
  const config = parse(sources.config)
  const plugins = parse(sources.plugins)
  const jobFiles = [{ file: configFile, tree: config }]
  for (const source of sources.jobs.values()) jobFiles.push({ file: source.displayName, tree: parse(source) })
  const decorate = decorator(config)
  const decorateAll = jobFiles.some(({ tree }) => isTrue(nodeAt(tree, 'decorate_all_jobs')))
  const all: All = {
    settings,
    config,
    plugins,
    jobFiles,
    jobs: jobFiles.flatMap(({ file, tree }) => jobsOf(tree, file, decorateAll, decorate)),
  }

  const { roots } = fields()
  types(configFile, config, roots.config, '', 'config')
  types(pluginsFile, plugins, roots.plugins, '', 'plugins')
  const enabled = nodeAt(plugins, 'plugins')
  if (isGiven(enabled) && !enabled.map) {
    const rule = { name: 'type', severity: 'invalid', remedy: 'Write the organization as a key below it.' } as const
    add(pluginsFile, rule, match(enabled, 'plugins must be a map'))
  }
  for (const [place, one] of enabled?.map ?? [])
    types(pluginsFile, one, one.list ? '[]s' : 'plugins.OrgPlugins', `plugins.${place}`, 'custom')
  const updater = nodeAt(plugins, 'config_updater')
  if (updater) types(pluginsFile, updater, 'plugins.ConfigUpdater', 'config_updater', 'custom')
  for (const { file, tree } of jobFiles.slice(1)) types(file, tree, roots.config, '', 'jobs')

  apply([...CONFIG_RULES, ...DECORATION_RULES, ...TIDE_RULES], config, configFile)
  apply(PLUGIN_RULES, plugins, pluginsFile)
  for (const job of all.jobs) apply([...JOB_RULES, ...JOB_POD_RULES], job, job.file, job)
  apply(ALL_JOBS_RULES, all, configFile)
  return withoutConsequences(violations, configFile, pluginsFile)
}

/** Without what may only follow from a file that cannot be parsed: job files are judged by config.yaml and plugins.yaml. */
function withoutConsequences(violations: Violation[], config: string, plugins: string): Violation[] {
  const unreadable = new Set(
    violations.filter(({ rule, severity }) => rule === 'yaml' && severity === 'invalid').map(({ file }) => file),
  )
  const all = unreadable.has(config) || unreadable.has(plugins)
  return violations.filter(({ rule, file }) => rule === 'yaml' || (!all && !unreadable.has(file)))
}
