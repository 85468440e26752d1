import { nodeAt, type Tree, textsOf } from '../../base/yaml-tree.ts'

/** The plugins of each org or org/repo, in both forms of plugins.yaml; `excluded` are repositories as org/repo. */
export function* enabledPlugins(plugins: Tree): Iterable<{ place: string; list: Tree; excluded: string[] }> {
  for (const [place, one] of nodeAt(plugins, 'plugins')?.map ?? []) {
    const list = one.list ? one : nodeAt(one, 'plugins')
    // They are names without the organization.
    const excluded = textsOf(nodeAt(one, 'excluded_repos')).map((repo) => `${place}/${repo}`)
    if (list?.list) yield { place, list, excluded }
  }
}

/** Where a plugin or label applies: in an organization except some of its repositories, or in single repositories. */
export class PluginScope {
  readonly #orgs = new Map<string, Map<string, Set<string>>>()
  readonly #repos = new Map<string, Set<string>>()
  readonly #named = new Set<string>()

  /** Adds an org, or an org/repo, to where `name` applies. */
  add(name: string, place: string, except: string[] = []): void {
    if (place.includes('/')) {
      this.#named.add(place)
      const repos = this.#repos.get(name) ?? new Set()
      this.#repos.set(name, repos.add(place))
      return
    }
    this.#named.add(`${place}/*`)
    for (const repo of except) this.#named.add(repo)
    const orgs = this.#orgs.get(name) ?? new Map<string, Set<string>>()
    const before = orgs.get(place)
    // Two entries for one organization exclude only what both exclude.
    orgs.set(place, new Set(before ? except.filter((repo) => before.has(repo)) : except))
    this.#orgs.set(name, orgs)
  }

  /** Every place that was named; `org/*` is any other repository of the organization. */
  places(): string[] {
    return [...this.#named]
  }

  /** Whether `name` applies to one of `places`. */
  has(name: string, place: string): boolean {
    if (this.#repos.get(name)?.has(place)) return true
    const except = this.#orgs.get(name)?.get(place.split('/')[0]!)
    return except !== undefined && !except.has(place)
  }
}

/** One of `places` as it is shown: an organization by its name. */
export function shownPlace(place: string): string {
  return place.endsWith('/*') ? place.slice(0, -2) : place
}
