import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { displayPath, ROOT } from '../base/paths.ts'
import { type Finding, failed, Problem } from '../base/problem.ts'
import { fillTemplate } from '../kubernetes/manifests.ts'
import { templateValues } from '../settings/derived.ts'
import { settingsPath } from '../settings/settings.ts'
import type { Settings } from '../settings/table.ts'
import type { Source } from './rules/rule.ts'

/** Prow's configuration as files: the user's own, or the templates filled from the settings. */
export interface ProwConfig {
  /** Where it comes from, as it is shown. */
  from: string
  config: Source
  plugins: Source
  /** labels.yaml, which nothing but 10-labels reads; undefined when CONFIG_DIR has none. */
  labels: Source | undefined
  /** Job files by base name. */
  jobs: Map<string, Source>
}

/** A configuration as far as it could be read. */
interface ReadConfig {
  prow: ProwConfig
  /** Files that are missing, unreadable, or cannot be keys of a ConfigMap. */
  problems: Finding[]
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

function configFolder(settings: Settings): { folder: string; isTemplate: boolean } {
  const own = settingsPath(settings, settings.CONFIG_DIR)
  return existsSync(own) ? { folder: own, isTemplate: false } : { folder: TEMPLATES, isTemplate: true }
}

/** The display name of labels.yaml, whether it exists or not. */
export function labelsPath(settings: Settings): string {
  return displayPath(join(configFolder(settings).folder, 'labels.yaml'))
}

/** Whether there is a labels.yaml. */
export function hasLabelsFile(settings: Settings): boolean {
  return existsSync(join(configFolder(settings).folder, 'labels.yaml'))
}

/** Reads Prow's configuration as far as it can be read. */
export function readFiles(settings: Settings): ReadConfig {
  const { folder, isTemplate } = configFolder(settings)
  const values = templateValues(settings)
  const problems: Finding[] = []
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
      problems.push(
        code === 'ENOENT' || code === 'ENOTDIR'
          ? failed(`${displayName} is missing`, `Create it; manifests/config/${basename(path)} is an example.`)
          : failed(
              `${displayName} cannot be read (${message.split(',')[0]})`,
              'Check that it is a file and that you may read it.',
            ),
      )
      return { displayName, text: '', isMissing: true }
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
    labels: hasLabelsFile(settings) ? read(join(folder, 'labels.yaml')) : undefined,
    jobs,
  }
  return { prow, problems, templates }
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
