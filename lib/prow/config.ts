import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { displayPath, ROOT } from '../base/paths.ts'
import { type Finding, failed, failures, Problem, warning } from '../base/problem.ts'
import { fillTemplate } from '../kubernetes/manifests.ts'
import { templateValues } from '../settings/derived.ts'
import { settingsPath } from '../settings/settings.ts'
import type { Settings } from '../settings/table.ts'
import type { Source, Violation } from './rules/rule.ts'

/** Prow's configuration as files: the user's own, or the templates filled from the settings. */
export interface ProwConfig {
  /** Where it comes from, as it is shown. */
  from: string
  config: Source
  plugins: Source
  labels: Source
  /** Job files by base name. */
  jobs: Map<string, Source>
}

/** A configuration as far as it could be read. */
interface ReadConfig {
  prow: ProwConfig
  /** Files that are missing, unreadable, or cannot be keys of a ConfigMap. */
  problems: Finding[]
  /** The display names of the files that could not be read. */
  unread: Set<string>
  /** The text of each template as it is in the repository, by display name. */
  templates: Map<string, string>
}

const TEMPLATES = join(ROOT, 'manifests', 'config')

/**
 * Reads Prow's configuration: the folder CONFIG_DIR as it is when it exists, else the templates in manifests/config,
 * filled from the settings. Throws one Problem with every file that is missing, unreadable or has the base name of
 * another.
 */
export function readProwConfig(settings: Settings): ProwConfig {
  const { prow, problems } = readFiles(settings)
  if (problems.length > 0) throw Problem.all(problems)
  return prow
}

function readFiles(settings: Settings): ReadConfig {
  const own = settingsPath(settings, settings.CONFIG_DIR)
  const isTemplate = !existsSync(own)
  const folder = isTemplate ? TEMPLATES : own
  const values = templateValues(settings)
  const problems: Finding[] = []
  const unread = new Set<string>()
  const templates = new Map<string, string>()
  const read = (path: string): Source => {
    const displayName = displayPath(path)
    try {
      const text = readFileSync(path, 'utf8')
      if (isTemplate) templates.set(displayName, text)
      return { displayName, text: isTemplate ? fillTemplate(text, values, displayName) : text }
    } catch (error) {
      if (error instanceof Problem) throw error
      const { code, message } = error as NodeJS.ErrnoException
      unread.add(displayName)
      problems.push(
        code === 'ENOENT' || code === 'ENOTDIR'
          ? failed(`${displayName} is missing`, `Create it; manifests/config/${basename(path)} is an example.`)
          : failed(
              `${displayName} cannot be read (${message.split(',')[0]})`,
              'Check that it is a file and that you may read it.',
            ),
      )
      return { displayName, text: '' }
    }
  }
  const jobs = new Map<string, Source>()
  for (const path of jobFiles(join(folder, 'jobs'))) {
    const file = read(path)
    const name = basename(path)
    const other = jobs.get(name)
    if (other)
      problems.push(
        failed(
          `${file.displayName} has the same name as ${other.displayName}`,
          'Rename one: all job files become keys of one ConfigMap, whatever folder they are in.',
        ),
      )
    else if (!/^[-._a-zA-Z0-9]+$/.test(name))
      problems.push(
        failed(
          `${file.displayName} cannot be a key of a ConfigMap`,
          'Rename it: only letters, digits, - . and _ are allowed.',
        ),
      )
    jobs.set(name, file)
  }
  const prow: ProwConfig = {
    from: isTemplate ? 'the templates in manifests/config' : displayPath(folder),
    config: read(join(folder, 'config.yaml')),
    plugins: read(join(folder, 'plugins.yaml')),
    labels: read(join(folder, 'labels.yaml')),
    jobs,
  }
  return { prow, problems, unread, templates }
}

/**
 * Reads Prow's configuration and checks it against the rules in lib/prow/rules. Throws one Problem with everything that
 * is refused, each with file and line; gives back what is only a warning. CONFIG_STRICT=off accepts what `checkconfig`
 * accepts without --strict.
 */
export async function validateConfig(settings: Settings): Promise<{ prow: ProwConfig; findings: Finding[] }> {
  // On demand: most scripts need no rules and no YAML parser, which take a moment to load.
  const { checkConfiguration } = await import('./rules/index.ts')
  const { prow, problems, unread, templates } = readFiles(settings)
  const refused = settings.CONFIG_STRICT === 'on' ? ['invalid', 'strict', 'here'] : ['invalid', 'here']
  // Job files are judged by config.yaml and plugins.yaml, so without one of them only their YAML can be.
  const incomplete = unread.has(prow.config.displayName) || unread.has(prow.plugins.displayName)
  const findings = [...problems]
  for (const violation of checkConfiguration(prow, settings)) {
    if ((incomplete || unread.has(violation.file)) && violation.rule !== 'yaml') continue
    const { file, line, severity } = violation
    const template = templates.get(file)
    const remedy = template === undefined ? violation.remedy : templateRemedy(violation, template, settings)
    const finding = refused.includes(severity) ? failed : warning
    findings.push(finding(`${file}:${line} ${violation.message}`, remedy))
  }
  if (failures(findings).length > 0) throw Problem.all(failures(findings))
  return { prow, findings }
}

/** What to do about a template, which git tracks: correct the setting that fills the line, or edit a copy. */
function templateRemedy({ line, remedy }: Violation, template: string, settings: Settings): string {
  const text = template.split('\n')[line - 1] ?? ''
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!).filter((name) => name in settings)
  const copy = `npm run init -- --config copies the templates to ${settings.CONFIG_DIR}/, where you can edit them: ${remedy}`
  return names.length > 0 ? `Correct ${names.join(' or ')} in ${displayPath(settings.file)}. Or ${copy}` : copy
}

/** The YAML files of a folder and of all folders in it, sorted; `kubectl create configmap --from-file` takes no nested one. */
function jobFiles(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return []
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      // A dangling link counts as a file that is missing.
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return jobFiles(path)
      return /\.ya?ml$/.test(name) ? [path] : []
    })
}
