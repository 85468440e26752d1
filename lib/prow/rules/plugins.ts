import { nearest } from '../../base/nearest.ts'
import { summarize } from '../../base/summarize.ts'
import { keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { enabledPlugins, PluginScope, shownPlace } from './enabled-plugins.ts'
import { externalPluginRemedy, fields, pluginOf, REMOVED_PLUGINS } from './fields.ts'
import { type Match, match, type Rule } from './rule.ts'
import { tideQueries } from './tide.ts'

function* repeatedRepos(plugins: Tree, section: string): Iterable<Match> {
  const seen = new Set<string>()
  for (const entry of nodeAt(plugins, section)?.list ?? []) {
    for (const repo of nodeAt(entry, 'repos')?.list ?? []) {
      if (seen.has(textOf(repo))) yield match(repo, `${section} has ${textOf(repo)} twice`)
      seen.add(textOf(repo))
    }
  }
}

/** Rules about plugins.yaml. */
export const PLUGIN_RULES: Rule<Tree>[] = [
  {
    name: 'unknown-plugin',
    severity: 'invalid',
    remedy: 'Remove it: hook would ignore it without an error.',
    *find(plugins, { settings }) {
      for (const { place, list } of enabledPlugins(plugins)) {
        for (const one of list.list ?? []) {
          const name = textOf(one)
          const { known, why } = pluginOf(name, settings.PROW_IMAGE_TAG)
          if (known) continue
          if (why) {
            yield match(
              one,
              `enables ${name} for ${place}: ${why}`,
              'Remove it, or set PROW_IMAGE_TAG to a version that has it.',
            )
            continue
          }
          const near = nearest(name, fields().plugins)
          yield match(
            one,
            `enables ${name} for ${place}, a plugin that Prow does not have`,
            externalPluginRemedy(name) ?? REMOVED_PLUGINS[name] ?? (near ? `Did you mean ${near}?` : undefined),
          )
        }
      }
    },
  },
  {
    name: 'plugin-forms',
    severity: 'invalid',
    remedy: 'Write plugins: above the list, as for the others.',
    *find(plugins) {
      const places = [...(nodeAt(plugins, 'plugins')?.map ?? [])]
      const list = places.find(([, one]) => one.list)
      const map = places.find(([, one]) => one.map)
      if (list && map)
        yield match(
          list[1],
          `plugins has a list for ${list[0]} and a map for ${map[0]}, and Prow reads only one of these forms`,
        )
    },
  },
  {
    name: 'plugin-twice',
    severity: 'invalid',
    remedy: 'Keep it for the organization, or for its repositories.',
    *find(plugins) {
      const places = new Map(
        [...enabledPlugins(plugins)].map(({ place, list, excluded }) => [
          place,
          { plugins: new Set(textsOf(list)), excluded },
        ]),
      )
      for (const { place, list } of enabledPlugins(plugins)) {
        if (!place.includes('/')) continue
        const [name, repo] = place.split('/')
        const org = places.get(name!)
        // A repository that its organization excludes may have the same plugins.
        if (!org || org.excluded.includes(`${name}/${repo}`)) continue
        for (const one of list.list ?? [])
          if (org.plugins.has(textOf(one)))
            yield match(one, `enables ${textOf(one)} for ${place} and for its organization`)
      }
    },
  },
  {
    name: 'external-plugin-twice',
    severity: 'invalid',
    remedy: 'Keep it for the organization, or for its repositories.',
    *find(plugins) {
      const external = nodeAt(plugins, 'external_plugins')
      for (const [place, list] of external?.map ?? []) {
        if (!place.includes('/')) continue
        const org = (nodeAt(external, place.split('/')[0]!)?.list ?? []).map((one) => textOf(nodeAt(one, 'name')))
        for (const one of list.list ?? []) {
          const name = textOf(nodeAt(one, 'name'))
          if (org.includes(name))
            yield match(one, `has the external plugin ${name} for ${place} and for its organization`)
        }
      }
    },
  },
  {
    name: 'sizes',
    severity: 'invalid',
    remedy: 'The sizes must grow from s to xxl.',
    *find(plugins) {
      const size = nodeAt(plugins, 'size')
      if (!size) return
      const names = ['s', 'm', 'l', 'xl', 'xxl']
      const of = (name: string) => Number(nodeAt(size, name)?.value ?? 0)
      // Prow takes its defaults when all are 0.
      if (names.every((name) => of(name) === 0)) return
      for (const [index, name] of names.slice(1).entries())
        if (of(names[index]!) > of(name)) return yield match(size, `size: ${names[index]} is above ${name}`)
    },
  },
  {
    name: 'reviewers',
    severity: 'invalid',
    remedy: 'Write 1 or more.',
    *find(plugins) {
      const count = nodeAt(plugins, 'blunderbuss', 'request_count')
      if (typeof count?.value === 'number' && count.value < 1)
        yield match(count, `blunderbuss.request_count is ${count.value}`)
    },
  },
  {
    name: 'approve-twice',
    severity: 'invalid',
    remedy: 'Keep one entry for each repository.',
    *find(plugins) {
      yield* repeatedRepos(plugins, 'approve')
      yield* repeatedRepos(plugins, 'welcome')
    },
  },
  {
    name: 'trusted-apps',
    severity: 'here',
    remedy: 'Write it without [bot]: Prow removes that suffix from the author of a pull request before it compares.',
    *find(plugins) {
      const places: [section: string, trees: Iterable<Tree>][] = [
        ['triggers', nodeAt(plugins, 'triggers')?.list ?? []],
        ['dco', nodeAt(plugins, 'dco')?.map?.values() ?? []],
      ]
      for (const [section, trees] of places)
        for (const tree of trees)
          for (const app of nodeAt(tree, 'trusted_apps')?.list ?? [])
            if (textOf(app).endsWith('[bot]'))
              yield match(app, `${section}.trusted_apps has ${textOf(app)}, which matches no author`)
    },
  },
  {
    name: 'tide-and-plugins',
    severity: 'strict',
    remedy: 'The labels of the plugins and of the queries of Tide must agree.',
    *find(plugins, all) {
      yield* labelMismatches(plugins, all.config, all.configFile)
    },
  },
  {
    name: 'owners',
    severity: 'strict',
    remedy:
      'Enable verify-owners there too, and add do-not-merge/invalid-owners-file to missingLabels of the Tide queries for it: it keeps the OWNERS files readable.',
    *find(plugins) {
      const users = ['approve', 'blunderbuss', 'owners-label']
      const scope = new PluginScope()
      for (const { place, list, excluded } of enabledPlugins(plugins))
        for (const name of [...users, 'verify-owners'])
          if (textsOf(list).includes(name)) scope.add(name, place, excluded)
      const places = scope
        .places()
        .filter((place) => users.some((name) => scope.has(name, place)) && !scope.has('verify-owners', place))
      if (places.length > 0)
        yield match(
          keyLine(plugins, 'plugins'),
          `uses OWNERS files in ${summarize(places.map(shownPlace))} without the plugin verify-owners`,
        )
    },
  },
  {
    name: 'no-organization',
    severity: 'hint',
    remedy: 'Enable plugins for GITHUB_ORG, or correct it.',
    *find(plugins, all) {
      const org = all.settings.GITHUB_ORG
      if (![...enabledPlugins(plugins)].some(({ place }) => place.split('/')[0] === org))
        yield match(keyLine(plugins, 'plugins'), `enables no plugin for ${org} or a repository of it`)
    },
  },
]

/** The labels that plugins set and Tide's queries must have, as checkconfig lists them. */
const PAIRS: [plugin: string, label: string, list: 'labels' | 'missingLabels', external?: boolean][] = [
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

function* labelMismatches(plugins: Tree, config: Tree, configFile: string): Iterable<Match> {
  const scope = new PluginScope()
  for (const { query } of tideQueries(config)) {
    const kinds = ['tide']
    for (const [, label, list] of PAIRS) if (textsOf(nodeAt(query, list)).includes(label)) kinds.push(`label ${label}`)
    for (const kind of kinds) {
      for (const org of textsOf(nodeAt(query, 'orgs'))) scope.add(kind, org, textsOf(nodeAt(query, 'excludedRepos')))
      for (const repo of textsOf(nodeAt(query, 'repos'))) scope.add(kind, repo)
    }
  }
  for (const { place, list, excluded } of enabledPlugins(plugins))
    for (const name of textsOf(list)) scope.add(name, place, excluded)
  for (const [place, list] of nodeAt(plugins, 'external_plugins')?.map ?? [])
    for (const one of list.list ?? []) scope.add(`external ${textOf(nodeAt(one, 'name'))}`, place)
  for (const [plugin, label, list, external] of PAIRS) {
    const name = external ? `external ${plugin}` : plugin
    const queried = scope.places().filter((place) => scope.has(`label ${label}`, place) && !scope.has(name, place))
    const enabled = scope
      .places()
      .filter((place) => scope.has(name, place) && scope.has('tide', place) && !scope.has(`label ${label}`, place))
    const verb = list === 'labels' ? 'requires' : 'forbids'
    const inQuery = [...tideQueries(config)]
      .flatMap(({ query }) => nodeAt(query, list)?.list ?? [])
      .find((one) => textOf(one) === label)
    if (queried.length > 0)
      yield {
        ...match(
          inQuery,
          `a query of Tide ${verb} ${label} in ${summarize(queried.map(shownPlace))}, where the plugin ${plugin} is not enabled`,
          external
            ? `Remove ${label} from ${list}: ${plugin} is an external plugin, which is not installed here, and Tide merges no pull request that conflicts.`
            : `Enable ${plugin} there in plugins.yaml, or remove ${label} from ${list}.`,
        ),
        file: configFile,
      }
    const enabledAt = [...enabledPlugins(plugins)]
      .flatMap((one) => one.list.list ?? [])
      .find((one) => textOf(one) === plugin)
    if (enabled.length > 0)
      yield match(
        enabledAt ?? keyLine(plugins, 'plugins'),
        `enables ${plugin} for ${summarize(enabled.map(shownPlace))}, where no query of Tide ${verb} ${label}`,
        `Add ${label} to ${list} of the query in config.yaml.`,
      )
  }
}
