import { isGiven, keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { match, type Rule } from './rule.ts'
import { tideQueries } from './tide.ts'

/** An organization, or a repository of one, and where it is named. */
interface Place {
  org: string
  at: Tree | number
}

const orgOf = (place: string) => place.split('/')[0]!

function placesOf(list: Tree | undefined): Place[] {
  return (list?.list ?? []).map((one) => ({ org: orgOf(textOf(one)), at: one }))
}

/** The keys of a map from `*`, org or org/repo, but for `*`. */
function keysOf(tree: Tree | undefined): Place[] {
  return [...(tree?.map?.keys() ?? [])]
    .filter((key) => key !== '*' && key !== '')
    .map((key) => ({ org: orgOf(key), at: keyLine(tree, key) }))
}

/** Of some places, those of other organizations; `none` is whether all are. GitHub ignores the case of names. */
function others(places: Place[], org: string): { others: Place[]; none: boolean } {
  const rest = places.filter((one) => one.org !== '' && one.org.toLowerCase() !== org.toLowerCase())
  return { others: rest, none: rest.length > 0 && rest.length === places.length }
}

const names = (places: Place[]) => [...new Set(places.map(({ org }) => org))].join(', ')

/** The places of Tide: its queries, and the organizations that have a method of merging. */
function tidePlaces(config: Tree): [what: string, places: Place[]][] {
  const queried = [...tideQueries(config)].flatMap(({ query }) => [
    ...placesOf(nodeAt(query, 'orgs')),
    ...placesOf(nodeAt(query, 'repos')),
  ])
  return [
    ['tide.queries', queried],
    ['tide.merge_method', keysOf(nodeAt(config, 'tide', 'merge_method'))],
  ]
}

/** Everybody who may rerun and abort jobs in Deck. */
function* rerunRights(config: Tree): Iterable<Tree> {
  const deck = nodeAt(config, 'deck')
  for (const one of nodeAt(deck, 'rerun_auth_configs')?.map?.values() ?? []) yield one
  for (const entry of nodeAt(deck, 'default_rerun_auth_configs')?.list ?? []) {
    const one = nodeAt(entry, 'rerun_auth_configs')
    if (one) yield one
  }
}

/** Rules about organizations that are not GITHUB_ORG. */
export const ORGANIZATION_RULES: Rule<Tree>[] = [
  {
    name: 'tide-organization',
    severity: 'here',
    remedy: 'Name GITHUB_ORG or repositories of it: nothing of it would be merged.',
    *find(config, all) {
      const org = all.settings.GITHUB_ORG
      for (const [what, places] of tidePlaces(config)) {
        const { others: rest, none } = others(places, org)
        if (none) yield match(rest[0]!.at, `${what} has only ${names(rest)}, and GITHUB_ORG is ${org}`)
      }
    },
  },
  {
    name: 'tide-other-organization',
    severity: 'hint',
    remedy: 'Keep it only if the bot has access there and webhooks of that organization reach this Prow.',
    *find(config, all) {
      const org = all.settings.GITHUB_ORG
      for (const [what, places] of tidePlaces(config)) {
        const { others: rest, none } = others(places, org)
        if (rest.length > 0 && !none)
          yield match(rest[0]!.at, `${what} also has ${names(rest)}, beside GITHUB_ORG (${org})`)
      }
    },
  },
  {
    name: 'rerun-organization',
    severity: 'here',
    remedy: 'Name GITHUB_ORG, or remove it: whoever is in that organization could rerun and abort jobs here.',
    *find(config, all) {
      const org = all.settings.GITHUB_ORG
      for (const rights of rerunRights(config)) {
        const teams = (nodeAt(rights, 'github_team_slugs')?.list ?? []).flatMap((team) => {
          const name = nodeAt(team, 'org')
          return isGiven(name) ? [{ org: textOf(name), at: name }] : []
        })
        const places = [...placesOf(nodeAt(rights, 'github_orgs')), ...teams]
        for (const { org: other, at } of others(places, org).others)
          yield match(at, `the rerun rights of Deck include ${other}, and GITHUB_ORG is ${org}`)
      }
    },
  },
  {
    name: 'rerun-users',
    severity: 'hint',
    remedy: 'Keep those who belong to your organization; github_orgs names all its members.',
    *find(config, all) {
      const org = all.settings.GITHUB_ORG
      // In a configuration that was made for another organization its users are strangers.
      if (!tidePlaces(config).some(([, places]) => others(places, org).none)) return
      for (const rights of rerunRights(config)) {
        const users = nodeAt(rights, 'github_users')
        if (isGiven(users))
          yield match(
            users.list?.[0] ?? users,
            `the rerun rights of Deck include the users ${textsOf(users).join(', ')}`,
          )
      }
    },
  },
]
