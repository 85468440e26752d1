import { nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import { prowUrl } from '../../settings/derived.ts'
import { type Match, match, type Rule } from './rule.ts'

/** The paths of Deck's own pages. */
const PAGES =
  /^\/(?:view\/|spyglass|pr-history|pr\/?(?:[?#]|$)|job-history|tide(?:-history)?\/?(?:[?#]|$)|log\?|rerun\?|\?)/

/** A link of the configuration: its host, and what follows it. */
interface Link {
  tree: Tree
  path: string
  /** The link as it is written, without what a template appends. */
  url: string
  host: string
  rest: string
  /** Its place in the text. */
  offset: number
}

function* linksIn(tree: Tree | undefined, path: string): Iterable<Link> {
  const links = textOf(tree).matchAll(/https?:\/\/([^\s/?#{}()<>[\]"'`]+)([^\s()<>[\]"'`]*)/gi)
  for (const { 0: url, 1: host = '', 2: rest = '', index: offset } of links)
    yield { tree: tree!, path, url, host, rest, offset }
}

/** The links that point to Deck, whatever follows the host: Prow appends to some of them. */
function* deckLinks(config: Tree): Iterable<Link> {
  const [plank, tide] = [nodeAt(config, 'plank'), nodeAt(config, 'tide')]
  for (const [place, one] of nodeAt(plank, 'job_url_prefix_config')?.map ?? [])
    yield* linksIn(one, `plank.job_url_prefix_config of ${place}`)
  yield* linksIn(nodeAt(tide, 'pr_status_base_url'), 'tide.pr_status_base_url')
  for (const [place, one] of nodeAt(tide, 'pr_status_base_urls')?.map ?? [])
    yield* linksIn(one, `tide.pr_status_base_urls of ${place}`)
}

/** The texts that may have links to Deck among others. */
function* textsWithLinks(config: Tree): Iterable<Link> {
  const [plank, tide] = [nodeAt(config, 'plank'), nodeAt(config, 'tide')]
  for (const name of ['job_url_template', 'report_template']) yield* linksIn(nodeAt(plank, name), `plank.${name}`)
  for (const [place, one] of nodeAt(plank, 'report_templates')?.map ?? [])
    yield* linksIn(one, `plank.report_templates of ${place}`)
  yield* linksIn(nodeAt(tide, 'target_url'), 'tide.target_url')
  for (const [place, one] of nodeAt(tide, 'target_urls')?.map ?? []) yield* linksIn(one, `tide.target_urls of ${place}`)
  for (const [place, one] of nodeAt(config, 'slack_reporter_configs')?.map ?? [])
    yield* linksIn(nodeAt(one, 'report_template'), `slack_reporter_configs of ${place}: report_template`)
}

/** Rules about the links of config.yaml to Prow's own pages. */
export const LINK_RULES: Rule<Tree>[] = [
  {
    name: 'links',
    severity: 'here',
    remedy: 'Write PROW_HOST there.',
    *find(config, all): Iterable<Match> {
      const wanted = prowUrl(all.settings)
      const host = wanted.replace(/^https:\/\//, '')
      const links = [...deckLinks(config), ...[...textsWithLinks(config)].filter(({ rest }) => PAGES.test(rest))]
      const seen = new Set<string>()
      for (const link of links) {
        // Links over http to this host are reported as that.
        if (link.host.toLowerCase().replace(/:(443|80)$/, '') === host.toLowerCase()) continue
        const message = `${link.path} points to ${link.host}, another Prow than this one (${host})`
        if (seen.has(message)) continue
        seen.add(message)
        yield match(link.tree, message, {
          remedy: `Replace ${link.url.slice(0, link.url.length - link.rest.length)} with ${wanted}.`,
          cause: `links to ${link.host}`,
          offset: link.offset,
        })
      }
    },
  },
]
