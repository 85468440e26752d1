import { parseYaml } from '../../base/yaml-parse.ts'
import { isGiven, isTrue, lineInBlock, nodeAt, type Tree } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { ALL_JOBS_RULES } from './all-jobs.ts'
import { BRANCH_PROTECTION_RULES } from './branch-protection.ts'
import { CONFIG_RULES } from './config.ts'
import { CONFIG_UPDATER_RULES } from './config-updater.ts'
import { decorator, jobsOf } from './decoration.ts'
import { DECORATION_RULES } from './default-decoration.ts'
import { fields } from './fields.ts'
import { JOB_POD_RULES } from './job-pods.ts'
import { PRESET_RULES } from './job-presets.ts'
import { JOB_RULES } from './jobs.ts'
import { LINK_RULES } from './links.ts'
import { type Lost, watchReads } from './lost-files.ts'
import { LABEL_RULES } from './matching-labels.ts'
import { ORGANIZATION_RULES } from './organizations.ts'
import { PLUGIN_RULES } from './plugins.ts'
import { POD_SECURITY_RULES, PRESET_SECURITY_RULES } from './pod-security.ts'
import { REFERENCE_RULES } from './references.ts'
import {
  type All,
  type Job,
  type Match,
  match,
  type Rule,
  type Severity,
  type Source,
  shownJob,
  type TestPods,
  type Violation,
} from './rule.ts'
import { TEMPLATE_RULES } from './templates.ts'
import { TIDE_RULES } from './tide.ts'
import { TIDE_CONTEXT_RULES } from './tide-contexts.ts'
import { checkTypes } from './types.ts'

/** What a rule gives each of its violations. */
type Judging = Pick<Rule<never>, 'name' | 'severity' | 'remedy' | 'setting'>

const CORRECT = 'Correct the file.'
const NOTHING: Tree = { line: 1, value: null }

/** The rules in the order in which they are applied, by what they are about. */
export const RULES = {
  config: [
    ...CONFIG_RULES,
    ...TEMPLATE_RULES,
    ...LINK_RULES,
    ...DECORATION_RULES,
    ...TIDE_RULES,
    ...ORGANIZATION_RULES,
    ...BRANCH_PROTECTION_RULES,
  ],
  plugins: [...PLUGIN_RULES, ...CONFIG_UPDATER_RULES, ...LABEL_RULES],
  job: [...JOB_RULES, ...PRESET_RULES, ...JOB_POD_RULES, ...POD_SECURITY_RULES],
  all: [...ALL_JOBS_RULES, ...TIDE_CONTEXT_RULES, ...PRESET_SECURITY_RULES, ...REFERENCE_RULES],
}

/**
 * Everywhere a configuration breaks a rule: first as YAML, then the types of its fields, then the rules in their order.
 * What may only follow from a file that cannot be read is left out.
 */
export function checkConfiguration(
  sources: { config: Source; plugins: Source; jobs: Map<string, Source> },
  settings: Settings,
  testPods?: TestPods,
): Violation[] {
  const violations: Violation[] = []
  const texts = new Map(
    [sources.config, sources.plugins, ...sources.jobs.values()].map((one) => [one.displayName, one]),
  )
  const lineOf = ({ at, offset }: Match, file: string): number => {
    if (typeof at === 'number' || at === undefined) return at ?? 1
    return offset === undefined ? at.line : lineInBlock(at, offset, texts.get(file)?.text ?? '')
  }
  const add = (file: string, rule: Judging, found: Match, job?: Job) => {
    const { message, setting = rule.setting } = found
    violations.push({
      rule: rule.name,
      severity: rule.severity,
      file: found.file ?? file,
      line: lineOf(found, found.file ?? file),
      message,
      remedy: found.remedy ?? rule.remedy,
      cause: found.cause ?? (job ? message.replace(shownJob(job), '') : message),
      ...(setting ? { setting } : {}),
    })
  }

  const lost: Lost = new Set()
  const parse = (kind: 'config' | 'plugins' | 'jobs', { displayName, text, isMissing }: Source): Tree | undefined => {
    const { tree, errors } = parseYaml(text)
    for (const { line, message, remedy, readable } of errors)
      add(displayName, { name: 'yaml', severity: readable ? 'strict' : 'invalid', remedy }, match(line, message))
    if (!isMissing && errors.every(({ readable }) => readable)) return tree
    lost.add(kind)
    return undefined
  }
  // Before the rules: it gives keys that Prow takes in another case the names by which rules find them.
  const types = (file: string, tree: Tree, type: string, unknown: Severity, path = '') => {
    for (const found of checkTypes(tree, { type, path, unknown, tag: settings.PROW_IMAGE_TAG }))
      add(
        file,
        { name: found.rule, severity: found.severity, remedy: CORRECT },
        { cause: withoutPath(found), ...found },
      )
  }

  const { displayName: configFile } = sources.config
  const { displayName: pluginsFile } = sources.plugins
  const config = parse('config', sources.config)
  const plugins = parse('plugins', sources.plugins)
  const files = config ? [{ file: configFile, tree: config }] : []
  for (const source of sources.jobs.values()) {
    const tree = parse('jobs', source)
    if (tree) files.push({ file: source.displayName, tree })
  }
  const { roots } = fields()
  for (const { file, tree } of files)
    types(file, tree, tree === config ? roots.config : roots.jobs, tree === config ? 'strict' : 'hint')
  if (plugins) {
    types(pluginsFile, plugins, roots.plugins, 'strict')
    const enabled = nodeAt(plugins, 'plugins')
    if (isGiven(enabled) && !enabled.map) {
      const rule = { name: 'type', severity: 'invalid', remedy: 'Write the organization as a key below it.' } as const
      add(pluginsFile, rule, match(enabled, 'plugins must be a map'))
    }
    // Prow reads both forms, each with a decoder that knows no unknown fields.
    for (const [place, one] of enabled?.map ?? [])
      types(pluginsFile, one, one.list ? '[]s' : 'plugins.OrgPlugins', 'hint', `plugins.${place}`)
  }
  const decorate = decorator(config ?? NOTHING)
  const decorateAll = files.some(({ tree }) => isTrue(nodeAt(tree, 'decorate_all_jobs')))
  const all: All = {
    settings,
    config: config ?? NOTHING,
    plugins: plugins ?? NOTHING,
    jobFiles: files,
    jobs: files.flatMap(({ file, tree }) => jobsOf(tree, file, decorateAll, decorate)),
    testPods,
    configFile,
  }

  const apply = <On>(rules: Rule<On>[], on: On, file: string, job?: Job) => {
    for (const rule of rules) {
      if (lost.size === 0) {
        for (const found of rule.find(on, all)) add(file, rule, found, job)
        continue
      }
      const watched = watchReads(all, job, lost)
      const given = (job ? watched.job : on === all ? watched.all : on) as On
      for (const found of rule.find(given, watched.all)) if (!watched.isConsequence()) add(file, rule, found, job)
    }
  }
  if (config) apply(RULES.config, config, configFile)
  if (plugins) apply(RULES.plugins, plugins, pluginsFile)
  for (const job of all.jobs) apply(RULES.job, job, job.file, job)
  apply<All>(RULES.all, all, configFile)
  return violations
}

/** A message about a field with its name alone in place of its path, which is another in each job. */
function withoutPath({ message }: Match): string {
  return message.replace(/^[^ :]*?([^ :.[]*)(\[\d+\])?(?=[ :])/, '$1')
}
