import { isGiven, isTrue, nodeAt, type Tree, textOf, toPlain } from '../../base/yaml-tree.ts'
import { UTILITY_IMAGES } from '../../settings/derived.ts'
import { containersOf, type Decoration, type Job } from './rule.ts'

/** The decoration of a job of `repo`, which is empty for a job of no repository. */
export type Decorate = (repo: string, job?: Tree) => Decoration

/** The jobs of a file. `decorateAll` is decorate_all_jobs. */
export function jobsOf(tree: Tree, file: string, decorateAll: boolean, decorate: Decorate): Job[] {
  const jobs: Job[] = []
  const add = (kind: Job['kind'], place: string, list: Tree | undefined) => {
    for (const one of list?.list ?? []) {
      if (!one.map) continue
      const own = nodeAt(one, 'decorate')
      const decorated = own && own.value !== null ? isTrue(own) : decorateAll
      const extra = nodeAt(one, 'extra_refs')?.list?.[0]
      const repo =
        kind === 'periodic' && extra ? `${textOf(nodeAt(extra, 'org'))}/${textOf(nodeAt(extra, 'repo'))}` : place
      const given = nodeAt(one, 'decoration_config')
      const decoration = decorated ? decorate(repo, one) : given?.map ? (toPlain(given) as Decoration) : undefined
      jobs.push({ kind, tree: one, repo, name: textOf(nodeAt(one, 'name')), file, decorated, decoration })
    }
  }
  for (const [repo, list] of nodeAt(tree, 'presubmits')?.map ?? []) add('presubmit', repo, list)
  for (const [repo, list] of nodeAt(tree, 'postsubmits')?.map ?? []) add('postsubmit', repo, list)
  add('periodic', '', nodeAt(tree, 'periodics'))
  return jobs
}

/** What merges the default decorations of config.yaml that apply to a job with its own, as Prow does. */
export function decorator(config: Tree): Decorate {
  const plank = nodeAt(config, 'plank')
  const entries = (nodeAt(plank, 'default_decoration_config_entries')?.list ?? []).map((entry) => ({
    repo: textOf(nodeAt(entry, 'repo')) || '*',
    cluster: textOf(nodeAt(entry, 'cluster')) || '*',
    config: (toPlain(nodeAt(entry, 'config')) ?? {}) as Decoration,
  }))
  for (const [place, one] of nodeAt(plank, 'default_decoration_configs')?.map ?? [])
    entries.push({ repo: place, cluster: '*', config: (toPlain(one) ?? {}) as Decoration })
  // Entries apply in their order; the older map from the general to the particular.
  const rank = (repo: string) => (repo === '*' ? 0 : repo.includes('/') ? 2 : 1)
  if (!isGiven(nodeAt(plank, 'default_decoration_config_entries'))) entries.sort((a, b) => rank(a.repo) - rank(b.repo))
  const known = new Map<string, Decoration>()
  return (repo, job) => {
    const cluster = textOf(nodeAt(job, 'cluster')) || 'default'
    const key = `${repo} ${cluster}`
    let defaults = known.get(key)
    if (!defaults) {
      defaults = {}
      for (const one of entries) {
        const applies = one.repo === '*' || one.repo === repo || one.repo === repo.split('/')[0]
        if (applies && (one.cluster === '*' || one.cluster === cluster))
          defaults = mergeDecorations(defaults, one.config)
      }
      known.set(key, defaults)
    }
    const own = nodeAt(job, 'decoration_config')
    return own?.map ? mergeDecorations(defaults, toPlain(own) as Decoration) : defaults
  }
}

/** The fields that Prow merges field by field; it replaces all others as a whole. */
const MERGED = ['utility_images', 'resources', 'gcs_configuration', 'censoring_options']

/** A decoration over its defaults, as ApplyDefault of prow/pkg/apis/prowjobs/v1 merges them. */
export function mergeDecorations(defaults: Decoration, over: Decoration): Decoration {
  const merged: Decoration = { ...defaults }
  for (const [name, value] of Object.entries(over ?? {})) {
    if (isEmpty(value) || (Array.isArray(value) && value.length === 0)) continue
    merged[name] = MERGED.includes(name) ? mergeFields(defaults[name], value) : value
  }
  return merged
}

function mergeFields(defaults: unknown, over: unknown): Record<string, unknown> {
  const merged = { ...(defaults as Record<string, unknown>) }
  for (const [name, value] of Object.entries(over as object)) {
    if (isEmpty(value)) continue
    // The one map in which Prow prefers the defaults.
    merged[name] = name === 'media_types' ? { ...value, ...(merged[name] as object) } : value
  }
  return merged
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

/** What a decorated job needs and its decoration lacks: `no gcs_configuration`; undefined when it is complete. */
export function missingDecoration(job: Job): { what: string; remedy?: string } | undefined {
  if (!job.decoration || containersOf(job).length === 0) return undefined
  const { utility_images: images, gcs_configuration: gcs } = job.decoration
  const missing = UTILITY_IMAGES.filter((name) => !images?.[name])
  if (missing.length > 0) return { what: `no utility_images for ${missing.join(', ')}` }
  if (!gcs) return { what: 'no gcs_configuration, so no bucket for logs' }
  const remedy = 'Write path_strategy: explicit.'
  const strategy = String(gcs.path_strategy ?? '')
  if (strategy === '') return { what: 'no path_strategy', remedy }
  if (!['explicit', 'legacy', 'single'].includes(strategy)) return { what: `path_strategy: ${strategy}`, remedy }
  if (strategy === 'explicit' || (gcs.default_org && gcs.default_repo)) return undefined
  return { what: `path_strategy: ${strategy} without default_org and default_repo`, remedy }
}
