import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { displayPath, ROOT } from '../base/paths.ts'
import { type Finding, Problem } from '../base/problem.ts'
import type { NamedRepository } from '../github/repositories.ts'
import { fillTemplate } from '../kubernetes/manifests.ts'
import { templateValues } from '../settings/derived.ts'
import { settingsPath } from '../settings/settings.ts'
import type { Settings } from '../settings/table.ts'

export interface File {
  /** Its name as the reader knows it. */
  displayName: string
  text: string
}

/** Prow's configuration as files: the user's own, or the templates filled from the settings. */
export interface ProwConfig {
  /** Where it is from, for the reader. */
  from: string
  config: File
  plugins: File
  labels: File
  /** Job files by base name. */
  jobs: Map<string, File>
}

const TEMPLATES = join(ROOT, 'manifests', 'config')

/**
 * Reads Prow's configuration: the folder CONFIG_DIR as it is when it is there, else the templates filled from the
 * settings. Throws one Problem with every fault: a file missing, a base name twice.
 */
export function readProwConfig(settings: Settings): ProwConfig {
  const { read, faults } = files(settings)
  if (faults.length > 0) throw Problem.all(faults)
  return read
}

/** What is there, and what is wrong with the files as such. */
function files(settings: Settings): { read: ProwConfig; faults: Finding[] } {
  const own = settingsPath(settings, settings.CONFIG_DIR)
  const template = !existsSync(own)
  const folder = template ? TEMPLATES : own
  const faults: Finding[] = []
  const values = templateValues(settings)
  const file = (path: string): File => {
    const told = displayPath(path)
    if (!existsSync(path)) {
      faults.push({
        message: `${told} is missing`,
        remedy: `Put it there; manifests/config/${basename(path)} is a start.`,
      })
      return { displayName: told, text: '' }
    }
    try {
      const text = readFileSync(path, 'utf8')
      return { displayName: told, text: template ? fillTemplate(text, values, told) : text }
    } catch (error) {
      if (error instanceof Problem) throw error
      const why = (error as Error).message.split(',')[0]
      faults.push({
        message: `${told} cannot be read (${why})`,
        remedy: 'See that it is a file and that you may read it.',
      })
      return { displayName: told, text: '' }
    }
  }
  const jobs = new Map<string, File>()
  for (const path of jobFiles(join(folder, 'jobs'))) {
    const one = file(path)
    const name = basename(path)
    const before = jobs.get(name)
    if (before) {
      faults.push({
        message: `${one.displayName} has the same name as ${before.displayName}`,
        remedy: 'Rename one: all job files become keys of one ConfigMap, whatever folder they are in.',
      })
    } else if (!/^[-._a-zA-Z0-9]+$/.test(name)) {
      faults.push({
        message: `${one.displayName} cannot be a key of a ConfigMap`,
        remedy: 'Rename it: letters, digits, - . and _ are allowed.',
      })
    }
    jobs.set(name, one)
  }
  const read: ProwConfig = {
    from: template ? 'the templates in manifests/config' : displayPath(folder),
    config: file(join(folder, 'config.yaml')),
    plugins: file(join(folder, 'plugins.yaml')),
    labels: file(join(folder, 'labels.yaml')),
    jobs,
  }
  return { read, faults }
}

/**
 * Reads Prow's configuration and looks at it by Prow's rules. Throws one Problem with every fault, each with file and
 * line; gives back what is only worth a word. CONFIG_STRICT=off lets pass what `checkconfig` lets pass without --strict.
 */
export async function validateConfig(settings: Settings): Promise<{ prow: ProwConfig; hints: Finding[] }> {
  // The YAML library is needed by those alone who look at a configuration.
  const { checkConfiguration: examine } = await import('./rules/index.ts')
  const { read, faults } = files(settings)
  const refused = settings.CONFIG_STRICT === 'on' ? ['invalid', 'strict', 'here'] : ['invalid', 'here']
  const missing = read.config.text === '' && faults.length > 0
  const hints: Finding[] = []
  for (const found of examine(read, settings)) {
    // A file that is not there was told as that.
    if (missing && found.rule !== 'yaml') continue
    const fault = { message: `${found.file}:${found.line} ${found.message}`, remedy: found.remedy }
    if (refused.includes(found.severity)) faults.push(fault)
    else hints.push(fault)
  }
  if (faults.length > 0) throw Problem.all(faults)
  return { prow: read, hints }
}

/** How Tide would merge the repositories of an organisation; nothing for those that it does not merge. */
export async function mergeMethods(prow: ProwConfig, org: string): Promise<(repo: string) => string | undefined> {
  const { nodeAt: at, toPlain: plainly, parseYaml: readYaml, textsOf } = await import('../base/yaml-tree.ts')
  const tide = at(readYaml(prow.config.text).tree, 'tide')
  const queries = at(tide, 'queries')?.list ?? []
  const methods = (plainly(at(tide, 'merge_method')) ?? {}) as Record<string, string | Record<string, string>>
  return (repo) => {
    const name = `${org}/${repo}`
    const merged = queries.some(
      (query) =>
        textsOf(at(query, 'repos')).includes(name) ||
        (textsOf(at(query, 'orgs')).includes(org) && !textsOf(at(query, 'excludedRepos')).includes(name)),
    )
    if (!merged) return undefined
    const ofOrg = methods[org]
    const method = methods[name] ?? (typeof ofOrg === 'object' ? (ofOrg?.[repo] ?? ofOrg?.['*']) : ofOrg)
    // A map goes by branches.
    return typeof method === 'object' ? undefined : (method ?? 'merge')
  }
}

/** The repositories of an organisation that have jobs or that a query of Tide names. */
export async function namedRepositories(prow: ProwConfig, org: string): Promise<Map<string, NamedRepository>> {
  const { nodeAt: at, parseYaml: readYaml, textsOf } = await import('../base/yaml-tree.ts')
  const CREDENTIALS =
    /^[^#\n]*(oauth_token_secret|ssh_key_secrets|github_app_private_key_secret|cookiefile_secret|skip_cloning|clone_uri)\b/m
  const named = new Map<string, NamedRepository>()
  for (const { displayName: told, text } of [prow.config, ...prow.jobs.values()]) {
    const { tree } = readYaml(text)
    const clones = CREDENTIALS.test(prow.config.text) || CREDENTIALS.test(text)
    for (const kind of ['presubmits', 'postsubmits']) {
      for (const [name, list] of at(tree, kind)?.map ?? []) {
        const [owner, repo, more] = name.split('/')
        if (owner !== org || !repo || more || !list.list?.length || named.has(repo)) continue
        named.set(repo, { repo, jobs: `${told}:${list.list[0]!.line}`, clones })
      }
    }
  }
  for (const query of at(readYaml(prow.config.text).tree, 'tide', 'queries')?.list ?? []) {
    for (const name of textsOf(at(query, 'repos'))) {
      const [owner, repo] = name.split('/')
      if (owner === org && repo && !named.has(repo)) named.set(repo, { repo, clones: true })
    }
  }
  return named
}

/** The YAML files of a folder and of all folders in it, sorted. `kubectl create configmap --from-file` takes no nested one. */
function jobFiles(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return []
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      // A link that leads nowhere is a file that is missing.
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return jobFiles(path)
      return /\.ya?ml$/.test(name) ? [path] : []
    })
}
