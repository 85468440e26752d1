import { nearest } from '../../base/nearest.ts'
import { isGiven, keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { tideQueries } from './config.ts'
import { fields, REMOVED_PLUGINS } from './fields.ts'
import type { Match, Rule } from './rule.ts'

// ---- plugins.yaml ------------------------------------------------------------------------------------------------

/** The plugins of each org or org/repo, in both forms. */
export function* enabled(plugins: Tree): Iterable<{ place: string; list: Tree; excluded: string[] }> {
  for (const [place, one] of nodeAt(plugins, 'plugins')?.map ?? []) {
    const list = one.list ? one : nodeAt(one, 'plugins')
    if (list?.list) yield { place, list, excluded: textsOf(nodeAt(one, 'excluded_repos')) }
  }
}

function* sameRepos(plugins: Tree, section: string): Iterable<Match> {
  const seen = new Set<string>()
  for (const entry of nodeAt(plugins, section)?.list ?? []) {
    for (const repo of nodeAt(entry, 'repos')?.list ?? []) {
      if (seen.has(textOf(repo))) yield [repo, `${section} has ${textOf(repo)} twice`]
      seen.add(textOf(repo))
    }
  }
}

/** Rules about plugins.yaml. */
export const PLUGIN_RULES: Rule<Tree>[] = [
  {
    name: 'unknown-plugin',
    severity: 'invalid',
    remedy: 'Remove it: hook would ignore it without a word.',
    *find(plugins) {
      const known = fields().plugins
      for (const { place, list } of enabled(plugins)) {
        for (const one of list.list ?? []) {
          const name = textOf(one)
          if (known.includes(name)) continue
          const near = nearest(name, known)
          yield [
            one,
            `enables ${name} for ${place}, a plugin that Prow has not got`,
            REMOVED_PLUGINS[name] ?? (near ? `Did you mean ${near}?` : undefined),
          ]
        }
      }
    },
  },
  {
    name: 'plugin-twice',
    severity: 'invalid',
    remedy: 'Keep it for the organisation, or for its repositories.',
    *find(plugins) {
      const places = new Map([...enabled(plugins)].map(({ place, list }) => [place, new Set(textsOf(list))]))
      for (const { place, list } of enabled(plugins)) {
        if (!place.includes('/')) continue
        const org = places.get(place.split('/')[0]!)
        for (const one of list.list ?? [])
          if (org?.has(textOf(one))) yield [one, `enables ${textOf(one)} for ${place} and for its organisation`]
      }
    },
  },
  {
    name: 'external-plugin-twice',
    severity: 'invalid',
    remedy: 'Keep it for the organisation, or for its repositories.',
    *find(plugins) {
      const external = nodeAt(plugins, 'external_plugins')
      for (const [place, list] of external?.map ?? []) {
        if (!place.includes('/')) continue
        const org = (nodeAt(external, place.split('/')[0]!)?.list ?? []).map((one) => textOf(nodeAt(one, 'name')))
        for (const one of list.list ?? [])
          if (org.includes(textOf(nodeAt(one, 'name'))))
            yield [one, `has the external plugin ${textOf(nodeAt(one, 'name'))} for ${place} and for its organisation`]
      }
    },
  },
  {
    name: 'sizes',
    severity: 'invalid',
    remedy: 'Let them grow from s to xxl.',
    *find(plugins) {
      const size = nodeAt(plugins, 'size')
      const defaults: Record<string, number> = { s: 10, m: 30, l: 100, xl: 500, xxl: 1000 }
      const names = Object.keys(defaults)
      if (!size) return
      const of = (name: string) => Number(nodeAt(size, name)?.value ?? 0)
      // All at 0 means the defaults.
      if (names.every((name) => of(name) === 0)) return
      for (const [index, name] of names.slice(1).entries())
        if (of(names[index]!) > of(name)) return yield [size, `size: ${names[index]} is above ${name}`]
    },
  },
  {
    name: 'reviewers',
    severity: 'invalid',
    remedy: 'Write 1 or more.',
    *find(plugins) {
      const count = nodeAt(plugins, 'blunderbuss', 'request_count')
      if (typeof count?.value === 'number' && count.value < 1)
        yield [count, `blunderbuss.request_count is ${count.value}`]
    },
  },
  {
    name: 'approve-twice',
    severity: 'invalid',
    remedy: 'Keep one entry a repository.',
    *find(plugins) {
      yield* sameRepos(plugins, 'approve')
      yield* sameRepos(plugins, 'welcome')
    },
  },
  {
    name: 'config-updater',
    severity: 'invalid',
    remedy: 'Keep one of the two.',
    *find(plugins) {
      for (const [glob, one] of nodeAt(plugins, 'config_updater', 'maps')?.map ?? []) {
        if (isGiven(nodeAt(one, 'name')) && isGiven(nodeAt(one, 'partitioned_names')))
          yield [one, `config_updater.maps.${glob} has both name and partitioned_names`]
        if (isGiven(nodeAt(one, 'clusters')) && isGiven(nodeAt(one, 'cluster_groups')))
          yield [one, `config_updater.maps.${glob} has both clusters and cluster_groups`]
      }
    },
  },
  {
    name: 'config-updater-namespaces',
    severity: 'here',
    remedy: 'Leave clusters out, then it is prow. hook has rights for ConfigMaps in prow alone.',
    *find(plugins) {
      for (const [glob, one] of nodeAt(plugins, 'config_updater', 'maps')?.map ?? []) {
        for (const list of nodeAt(one, 'clusters')?.map?.values() ?? []) {
          for (const namespace of list.list ?? []) {
            if (textOf(namespace) !== 'prow')
              yield [namespace, `config_updater.maps.${glob} writes to the namespace ${textOf(namespace)}`]
          }
        }
      }
    },
  },
  {
    name: 'label-files',
    severity: 'hint',
    remedy:
      'Name the one file that label_sync reads: whatever else the pattern fits becomes a key of label-config too.',
    *find(plugins) {
      const maps = nodeAt(plugins, 'config_updater', 'maps')
      for (const [glob, one] of maps?.map ?? [])
        if (textOf(nodeAt(one, 'name')) === 'label-config' && glob.includes('*'))
          yield [keyLine(maps, glob), `config_updater.maps.${glob} puts all that it fits into label-config`]
    },
  },
  {
    name: 'trusted-apps',
    severity: 'here',
    remedy:
      'Write it without [bot]: Prow takes that off the name of who opened the pull request, and compares the rest.',
    *find(plugins) {
      const places: [section: string, trees: Iterable<Tree>][] = [
        ['triggers', nodeAt(plugins, 'triggers')?.list ?? []],
        ['dco', nodeAt(plugins, 'dco')?.map?.values() ?? []],
      ]
      for (const [section, trees] of places)
        for (const tree of trees)
          for (const app of nodeAt(tree, 'trusted_apps')?.list ?? [])
            if (textOf(app).endsWith('[bot]'))
              yield [app, `${section}.trusted_apps has ${textOf(app)}, which no pull request is ever from`]
    },
  },
  {
    name: 'tide-and-plugins',
    severity: 'strict',
    remedy: '',
    *find(plugins, all) {
      yield* mismatched(plugins, all.config)
    },
  },
  {
    name: 'owners',
    severity: 'strict',
    remedy: 'Enable verify-owners there too: it keeps the OWNERS files readable.',
    *find(plugins) {
      const space = new Space()
      for (const { place, list, excluded } of enabled(plugins))
        for (const name of ['approve', 'blunderbuss', 'owners-label', 'verify-owners'])
          if (textsOf(list).includes(name)) space.add(name, place, excluded)
      const bad = space
        .places()
        .filter(
          (place) =>
            ['approve', 'blunderbuss', 'owners-label'].some((name) => space.has(name, place)) &&
            !space.has('verify-owners', place),
        )
      if (bad.length > 0)
        yield [
          keyLine(plugins, 'plugins'),
          `uses OWNERS files in ${bad.map(shownPlace).join(', ')} without the plugin verify-owners`,
        ]
    },
  },
  {
    name: 'no-organisation',
    severity: 'hint',
    remedy: 'GITHUB_ORG says whom Prow serves.',
    *find(plugins, all) {
      const org = all.settings.GITHUB_ORG
      if (![...enabled(plugins)].some(({ place }) => place.split('/')[0] === org))
        yield [keyLine(plugins, 'plugins'), `enables no plugin for ${org} or a repository of it`]
    },
  },
]

/** Which places something holds for: an organisation but for some of its repositories, or single ones. */
export class Space {
  readonly #orgs = new Map<string, Map<string, Set<string>>>()
  readonly #repos = new Map<string, Set<string>>()
  readonly #named = new Set<string>()

  add(what: string, place: string, except: string[] = []): void {
    if (place.includes('/')) {
      this.#named.add(place)
      const repos = this.#repos.get(what) ?? new Set()
      this.#repos.set(what, repos.add(place))
      return
    }
    this.#named.add(`${place}/*`)
    for (const repo of except) this.#named.add(repo)
    const orgs = this.#orgs.get(what) ?? new Map<string, Set<string>>()
    const before = orgs.get(place)
    // Two entries for one organisation leave out only what both leave out.
    orgs.set(place, new Set(before ? except.filter((repo) => before.has(repo)) : except))
    this.#orgs.set(what, orgs)
  }

  /** Every place that was named; `org/*` is any other repository of it. */
  places(): string[] {
    return [...this.#named]
  }

  has(what: string, place: string): boolean {
    if (this.#repos.get(what)?.has(place)) return true
    const except = this.#orgs.get(what)?.get(place.split('/')[0]!)
    return except !== undefined && !except.has(place)
  }
}

function shownPlace(place: string): string {
  return place.endsWith('/*') ? place.slice(0, -2) : place
}

/** Labels that a plugin sets and Tide's queries must mind. */
const PAIRS: [plugin: string, label: string, wants: 'labels' | 'missingLabels', external?: boolean][] = [
  ['lgtm', 'lgtm', 'labels'],
  ['approve', 'approved', 'labels'],
  ['hold', 'do-not-merge/hold', 'missingLabels'],
  ['wip', 'do-not-merge/work-in-progress', 'missingLabels'],
  ['bugzilla', 'bugzilla/invalid-bug', 'missingLabels'],
  ['verify-owners', 'do-not-merge/invalid-owners-file', 'missingLabels'],
  ['release-note', 'do-not-merge/release-note-label-needed', 'missingLabels'],
  ['cherry-pick-unapproved', 'do-not-merge/cherry-pick-not-approved', 'missingLabels'],
  ['blockade', 'do-not-merge/blocked-paths', 'missingLabels'],
  ['needs-rebase', 'needs-rebase', 'missingLabels', true],
]

function* mismatched(plugins: Tree, config: Tree): Iterable<Match> {
  const space = new Space()
  for (const { query } of tideQueries(config)) {
    const kinds = ['tide']
    for (const [, label, wants] of PAIRS)
      if (textsOf(nodeAt(query, wants)).includes(label)) kinds.push(`label ${label}`)
    for (const kind of kinds) {
      for (const org of textsOf(nodeAt(query, 'orgs'))) space.add(kind, org, textsOf(nodeAt(query, 'excludedRepos')))
      for (const repo of textsOf(nodeAt(query, 'repos'))) space.add(kind, repo)
    }
  }
  for (const { place, list, excluded } of enabled(plugins))
    for (const name of textsOf(list)) space.add(name, place, excluded)
  for (const [place, list] of nodeAt(plugins, 'external_plugins')?.map ?? [])
    for (const one of list.list ?? []) space.add(`external ${textOf(nodeAt(one, 'name'))}`, place)
  for (const [plugin, label, wants, external] of PAIRS) {
    const name = external ? `external ${plugin}` : plugin
    const idle = space.places().filter((place) => space.has(`label ${label}`, place) && !space.has(name, place))
    const unminded = space
      .places()
      .filter((place) => space.has(name, place) && space.has('tide', place) && !space.has(`label ${label}`, place))
    const verb = wants === 'labels' ? 'requires' : 'forbids'
    if (idle.length > 0)
      yield [
        keyLine(plugins, 'plugins'),
        `lacks ${plugin} for ${idle.map(shownPlace).join(', ')}, where a query of Tide ${verb} ${label}`,
        `Enable ${plugin} there, or take ${label} out of the query.`,
      ]
    if (unminded.length > 0)
      yield [
        keyLine(plugins, 'plugins'),
        `enables ${plugin} for ${unminded.map(shownPlace).join(', ')}, where no query of Tide ${verb} ${label}`,
        `Add ${label} to ${wants} of the query in config.yaml.`,
      ]
  }
}
