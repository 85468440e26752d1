import { isGiven, isTrue, nodeAt, type Tree, textOf, toPlain } from '../../base/yaml-tree.ts'
import type { Decoration, Job } from './rule.ts'

// ---- All of it ---------------------------------------------------------------------------------------------------

/** The jobs of a tree, with what they are decorated with. */
export function jobsOf(
  tree: Tree,
  file: string,
  everything: boolean,
  decorate: (repo: string, job: Tree) => Decoration | undefined,
): Job[] {
  const jobs: Job[] = []
  const add = (kind: Job['kind'], repo: string, list: Tree | undefined) => {
    for (const one of list?.list ?? []) {
      if (!one.map) continue
      const own = nodeAt(one, 'decorate')
      const decorated = own && own.value !== null ? isTrue(own) : everything
      const extra = nodeAt(one, 'extra_refs')?.list?.[0]
      const at0 =
        kind === 'periodic' && extra ? `${textOf(nodeAt(extra, 'org'))}/${textOf(nodeAt(extra, 'repo'))}` : repo
      const given = nodeAt(one, 'decoration_config')
      const decoration = decorated ? decorate(at0, one) : given?.map ? (toPlain(given) as Decoration) : undefined
      jobs.push({ kind, tree: one, repo: at0, name: textOf(nodeAt(one, 'name')), file, decorated, decoration })
    }
  }
  for (const [repo, list] of nodeAt(tree, 'presubmits')?.map ?? []) add('presubmit', repo, list)
  for (const [repo, list] of nodeAt(tree, 'postsubmits')?.map ?? []) add('postsubmit', repo, list)
  add('periodic', '', nodeAt(tree, 'periodics'))
  return jobs
}

/** Merges the defaults of config.yaml that apply to a place, as Prow does: later entries win, field by field. */
export function decorator(config: Tree): (repo: string, job: Tree) => Decoration | undefined {
  const plank = nodeAt(config, 'plank')
  const entries = (nodeAt(plank, 'default_decoration_config_entries')?.list ?? []).map((entry) => ({
    repo: textOf(nodeAt(entry, 'repo')) || '*',
    cluster: textOf(nodeAt(entry, 'cluster')) || '*',
    config: (toPlain(nodeAt(entry, 'config')) ?? {}) as Decoration,
  }))
  for (const place of nodeAt(plank, 'default_decoration_configs')?.map?.keys() ?? []) {
    entries.push({
      repo: place,
      cluster: '*',
      config: (toPlain(nodeAt(plank, 'default_decoration_configs', place)) ?? {}) as Decoration,
    })
  }
  const rank = (repo: string) => (repo === '*' ? 0 : repo.includes('/') ? 2 : 1)
  if (!isGiven(nodeAt(plank, 'default_decoration_config_entries'))) entries.sort((a, b) => rank(a.repo) - rank(b.repo))
  const known = new Map<string, Decoration>()
  return (repo, job) => {
    const cluster = textOf(nodeAt(job, 'cluster')) || 'default'
    const key = `${repo} ${cluster}`
    let merged = known.get(key)
    if (!merged) {
      merged = {}
      for (const one of entries) {
        const fits = one.repo === '*' || one.repo === repo || one.repo === repo.split('/')[0]
        if (fits && (one.cluster === '*' || one.cluster === cluster)) merged = over(merged, one.config)
      }
      known.set(key, merged)
    }
    const own = nodeAt(job, 'decoration_config')
    return own?.map ? over(merged, toPlain(own) as Decoration) : merged
  }
}

function over(below: Decoration, above: Decoration): Decoration {
  const merged: Decoration = { ...below }
  for (const [name, value] of Object.entries(above ?? {})) {
    if (value === null || value === undefined || value === '') continue
    const deep = name === 'utility_images' || name === 'gcs_configuration'
    merged[name] = deep ? { ...(below[name] as object), ...(value as object) } : value
  }
  return merged
}
