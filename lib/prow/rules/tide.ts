import { isGiven, keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { bothSet, ORG_REPO } from './config.ts'
import { regexpError } from './go-syntax.ts'
import { type Match, match, type Rule } from './rule.ts'

/** The queries of Tide. */
export function* tideQueries(config: Tree): Iterable<{ query: Tree; name: string }> {
  for (const [index, query] of (nodeAt(config, 'tide', 'queries')?.list ?? []).entries())
    yield { query, name: `tide.queries[${index}]` }
}

function* duplicates(list: Tree | undefined, path: string): Iterable<Match> {
  const seen = new Set<string>()
  for (const one of list?.list ?? []) {
    if (seen.has(textOf(one))) yield match(one, `${path} has ${textOf(one)} twice`, 'Remove one.')
    seen.add(textOf(one))
  }
}

/** What a query must name: organizations and repositories. */
function* queryScope(query: Tree, name: string): Iterable<Match> {
  const orgs = textsOf(nodeAt(query, 'orgs'))
  const repos = nodeAt(query, 'repos')?.list ?? []
  for (const org of nodeAt(query, 'orgs')?.list ?? []) {
    if (textOf(org).includes('/') || textOf(org) === '')
      yield match(
        org,
        `${name}.orgs has ${textOf(org) || 'an empty name'}`,
        'Name an organization; org/repo belongs under repos.',
      )
  }
  for (const repo of repos) {
    if (!ORG_REPO.test(textOf(repo))) yield match(repo, `${name}.repos has ${textOf(repo)}`, 'Write it as org/repo.')
    else if (orgs.includes(textOf(repo).split('/')[0]!))
      yield match(
        repo,
        `${name}.repos has ${textOf(repo)}, which its organization in orgs already covers`,
        'Remove it from repos.',
      )
  }
  if (orgs.length === 0 && repos.length === 0)
    yield match(query, `${name} has neither orgs nor repos`, 'Name at least one.')
  for (const repo of nodeAt(query, 'excludedRepos')?.list ?? []) {
    if (!ORG_REPO.test(textOf(repo)) || !orgs.includes(textOf(repo).split('/')[0]!))
      yield match(
        repo,
        `${name}.excludedRepos has ${textOf(repo)}, and orgs does not have its organization`,
        'Write org/repo of an organization in orgs.',
      )
  }
}

const QUERY_LISTS = [
  'orgs',
  'repos',
  'excludedRepos',
  'labels',
  'missingLabels',
  'includedBranches',
  'excludedBranches',
]

/** Rules about the section tide of config.yaml. */
export const TIDE_RULES: Rule<Tree>[] = [
  {
    name: 'tide-queries',
    severity: 'invalid',
    remedy: 'A query names orgs or repos, each once, and a label either in labels or in missingLabels.',
    *find(config) {
      for (const { query, name } of tideQueries(config)) {
        yield* queryScope(query, name)
        const missing = textsOf(nodeAt(query, 'missingLabels'))
        for (const label of nodeAt(query, 'labels')?.list ?? []) {
          if (missing.includes(textOf(label)))
            yield match(
              label,
              `${name} both requires and forbids ${textOf(label)}`,
              'Remove it from labels or from missingLabels.',
            )
        }
        if (isGiven(nodeAt(query, 'includedBranches')) && isGiven(nodeAt(query, 'excludedBranches')))
          yield match(query, `${name} has both includedBranches and excludedBranches`, 'Keep one.')
        for (const list of QUERY_LISTS) yield* duplicates(nodeAt(query, list), `${name}.${list}`)
      }
    },
  },
  {
    name: 'needs-ok-to-test',
    severity: 'strict',
    remedy: 'Remove needs-ok-to-test from missingLabels: a pull request with lgtm has been reviewed.',
    *find(config) {
      for (const { query, name } of tideQueries(config)) {
        if (
          textsOf(nodeAt(query, 'labels')).includes('lgtm') &&
          textsOf(nodeAt(query, 'missingLabels')).includes('needs-ok-to-test')
        )
          yield match(query, `${name} requires lgtm and forbids needs-ok-to-test`)
      }
    },
  },
  {
    name: 'tide-url-pairs',
    severity: 'invalid',
    remedy: 'Keep the plural form.',
    *find(config) {
      const tide = nodeAt(config, 'tide')
      yield* bothSet(tide, 'target_url', 'target_urls')
      yield* bothSet(tide, 'pr_status_base_url', 'pr_status_base_urls')
      const urls = nodeAt(tide, 'pr_status_base_urls')
      if (isGiven(urls) && !urls.map?.has('*'))
        yield match(
          keyLine(tide, 'pr_status_base_urls'),
          "tide.pr_status_base_urls has no '*'",
          "Add '*' with the URL for all others.",
        )
    },
  },
  {
    name: 'merge-method',
    severity: 'invalid',
    remedy: 'Write merge, squash or rebase; it must be allowed in the settings of the repository.',
    *find(config) {
      const check = (tree: Tree, name: string): Match[] =>
        isGiven(tree) && !tree.map && !['merge', 'squash', 'rebase'].includes(textOf(tree))
          ? [match(tree, `tide.merge_method of ${name} is ${textOf(tree)}`)]
          : []
      for (const [name, one] of nodeAt(config, 'tide', 'merge_method')?.map ?? []) {
        yield* check(one, name)
        for (const [repo, inner] of one.map ?? []) {
          yield* check(inner, `${name}/${repo}`)
          for (const [branch, last] of inner.map ?? []) {
            yield* check(last, `${name}/${repo}@${branch}`)
            const error = regexpError(branch)
            if (error)
              yield match(
                keyLine(inner, branch),
                `tide.merge_method of ${name}/${repo}: the branch ${branch} ${error}`,
                'Write the branch as a regular expression of Go (RE2).',
              )
          }
        }
      }
    },
  },
  {
    name: 'tide-periods',
    severity: 'hint',
    remedy: 'A minute is enough for tide.sync_period, ten seconds for deck.tide_update_period.',
    *find(config) {
      const below = (tree: Tree | undefined, least: number) => {
        const seconds = /^(\d+)s$/.exec(textOf(tree))?.[1]
        return seconds && Number(seconds) < least ? seconds : undefined
      }
      const sync = nodeAt(config, 'tide', 'sync_period')
      const update = nodeAt(config, 'deck', 'tide_update_period')
      if (below(sync, 30))
        yield match(sync, `tide.sync_period of ${below(sync, 30)} seconds uses up GitHub's rate limit`)
      if (below(update, 5))
        yield match(update, `deck.tide_update_period of ${below(update, 5)} seconds only keeps Tide busy`)
    },
  },
]
