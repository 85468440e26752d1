import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nearest } from '../../base/nearest.ts'
import { keyLine, type Tree } from '../../base/yaml-tree.ts'
import { isDuration } from './go-syntax.ts'
import type { Match, Severity } from './rule.ts'

// ---- What Prow knows, from its sources ---------------------------------------------------------------------------

interface Fields {
  roots: { config: string; plugins: string }
  plugins: string[]
  types: Record<string, Record<string, string>>
}

let loaded: Fields | undefined

/** The fields that Prow's types have. Made from the Go module; what came after it is added here by hand. */
export function fields(): Fields {
  if (loaded) return loaded
  loaded = JSON.parse(readFileSync(join(import.meta.dirname, 'fields.json'), 'utf8')) as Fields
  for (const [type, more] of Object.entries(NEWER)) loaded.types[type] = { ...loaded.types[type], ...more }
  loaded.plugins.push(...NEWER_PLUGINS)
  return loaded
}

/** What the installed version has and the Go module has not. */
const NEWER: Record<string, Record<string, string>> = {
  'config.Periodic': { retry: '*' },
  'config.Plank': { max_revivals: 'i' },
  'config.Tide': { github_merge_blocks_policy: '*' },
  'config.Preset': { tolerations: '*' },
  'config.Policy': { require_signed_commits: '*' },
  'v1.DecorationConfig': { scheduling_options: '*', sparse_checkout_files: '*' },
  'v1.Refs': { auxiliary: 'b', sparse_checkout_files: '*' },
  'v1.CensoringOptions': { minimum_secret_length: 'i' },
  'plugins.Trigger': { org_invite: '*' },
}

const NEWER_PLUGINS = ['issue-management']

/** These read themselves, so the module does not say what is in them. */
const BY_HAND: Record<string, Record<string, string>> = {
  'plugins.ConfigUpdater': {
    maps: '{}plugins.ConfigMapSpec',
    cluster_groups: '{}plugins.ClusterGroup',
    gzip: 'b',
    allowed_repos: '[]s',
    denied_repos: '[]s',
  },
  'plugins.ConfigMapSpec': {
    name: 's',
    key: 's',
    partitioned_names: '[]s',
    gzip: 'b',
    clusters: '{}[]s',
    cluster_groups: '[]s',
    use_full_path_as_key: 'b',
  },
  'plugins.ClusterGroup': { clusters: '[]s', namespaces: '[]s' },
  'plugins.OrgPlugins': { plugins: '[]s', excluded_repos: '[]s' },
}

const REMOVED_FIELDS: Record<string, string> = {
  view_auth_configs: 'Remove it: Prow never had it.',
  file_size_limit: 'Remove it: it belongs to a plugin that Prow has not.',
  'yaml-validator': 'Remove it: it belongs to a plugin that Prow has not.',
  elide_skipped_contexts: 'Remove it: Prow leaves skipped contexts out by itself now.',
}

export const REMOVED_PLUGINS: Record<string, string> = {
  weainformer: "Remove it: it was in the guide authors' own Prow.",
  'repo-permission-alert': "Remove it: it was in the guide authors' own Prow.",
  'yaml-validator': 'Remove it: Prow has not got it.',
}

const byType = new Map<string, Map<string, string>>()

/** The fields of a type in lower case, as Go's reader of JSON looks for them, and as they are. */
function fieldsOf(type: string): Map<string, string> | undefined {
  const before = byType.get(type)
  if (before) return before
  const known = fields().types[type] ?? BY_HAND[type]
  if (!known) return undefined
  const made = new Map(
    Object.entries(known).flatMap(
      ([name, inner]) =>
        [
          [name.toLowerCase(), inner],
          [name, inner],
        ] as const,
    ),
  )
  byType.set(type, made)
  return made
}

/** Whether what stands there can be read as the type; tells what cannot, and what nobody reads. */
export function* typed(
  tree: Tree,
  type: string,
  path: string,
  inJobs: boolean,
  inPlugins = false,
): Iterable<Match & { weight?: Severity }> {
  if (type === '*' || tree.value === null) return
  const put = (found: Match, weight?: Severity) => Object.assign(found, { weight })
  if (type.startsWith('[]')) {
    if (!tree.list)
      return yield put([tree, `${path} should be a list`, 'Begin each entry with - on a line of its own.'])
    for (const [index, one] of tree.list.entries())
      yield* typed(one, type.slice(2), `${path}[${index}]`, inJobs, inPlugins)
    return
  }
  if (type.startsWith('{}')) {
    if (!tree.map) return yield put([tree, `${path || 'what is in it'} should be a map`, 'Write key: value below it.'])
    for (const [key, one] of tree.map) yield* typed(one, type.slice(2), `${path}.${key}`, inJobs, inPlugins)
    return
  }
  if (type.length === 1) {
    const { value } = tree
    if (type === 's') {
      if (tree.map || tree.list) yield put([tree, `${path} should be a text`, 'Write the text behind the colon.'])
      // Prow turns a number or a yes into a text in plugins.yaml, and refuses it everywhere else.
      else if (typeof value !== 'string' && !inPlugins) {
        yield put([tree, `${path}: ${tree.plain} should be a text`, `Put it into quotes: "${tree.plain}".`])
      } else if (tree.plain !== undefined && typeof value !== 'string' && asProwReads(tree) !== tree.plain) {
        yield put([tree, `${path}: ${tree.plain} is read as ${asProwReads(tree)}`, 'Put it into quotes.'], 'hint')
      }
    } else if (type === 'b' && typeof value !== 'boolean') {
      yield put([tree, `${path} should be true or false`, 'Write true or false, without quotes.'])
    } else if ((type === 'i' || type === 'f') && typeof value !== 'number') {
      yield put([tree, `${path} should be a number`, 'Write the number, without quotes.'])
    } else if (
      type === 'd' &&
      (tree.map ||
        tree.list ||
        typeof value === 'boolean' ||
        (typeof value === 'string' && value !== '' && !isDuration(value)))
    ) {
      yield put([
        tree,
        `${path}: ${tree.map || tree.list ? '…' : value} is no duration`,
        'Write it like 90s, 15m or 1h30m; there are no days.',
      ])
    }
    return
  }
  const lower = fieldsOf(type)
  if (!lower) return
  if (!tree.map) return yield put([tree, `${path || 'what is in it'} should be a map`, 'Write key: value below it.'])
  for (const [key, one] of tree.map) {
    const inner = lower.get(key) ?? lower.get(key.toLowerCase())
    if (inner !== undefined) {
      yield* typed(one, inner, path ? `${path}.${key}` : key, inJobs, inPlugins)
      continue
    }
    const near = nearest(key, Object.keys(fields().types[type] ?? BY_HAND[type] ?? {}))
    const told = path ? `${path}.${key}` : key
    yield put(
      [
        keyLine(tree, key),
        `${told} is no field that Prow knows`,
        REMOVED_FIELDS[key] ??
          (near ? `Did you mean ${near}?` : 'Prow would ignore it without a word: remove it, or see where it belongs.'),
      ],
      // checkconfig looks at the fields of config.yaml and plugins.yaml only.
      inJobs ? 'hint' : 'strict',
    )
  }
}

/** How Prow turns a number or a yes into the text that a field wants. */
function asProwReads({ value }: Tree): string {
  return typeof value === 'number' && Math.abs(value) >= 1e21 ? value.toExponential() : String(value)
}
