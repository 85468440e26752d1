import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nearest } from '../../base/nearest.ts'
import { scalarString } from '../../base/yaml-scalars.ts'
import { keyLine, type Tree } from '../../base/yaml-tree.ts'
import { isDuration } from './go-syntax.ts'
import { type Match, match, type Severity } from './rule.ts'

/**
 * The fields of Prow's types, as fields.json has them: by type, then by field, the type of its value. That is one of
 * s (string), b (bool), i (integer), f (float), d (duration), * (anything), another type, or one of them after [] (a
 * list) or {} (a map).
 */
interface Fields {
  roots: { config: string; plugins: string }
  plugins: string[]
  types: Record<string, Record<string, string>>
}

let loaded: Fields | undefined

/** The fields of Prow's types and its plugins: those of the Go module, and those of the installed version below. */
export function fields(): Fields {
  if (loaded) return loaded
  loaded = JSON.parse(readFileSync(join(import.meta.dirname, 'fields.json'), 'utf8')) as Fields
  for (const [type, more] of Object.entries(NEWER)) loaded.types[type] = { ...loaded.types[type], ...more }
  loaded.plugins.push(...NEWER_PLUGINS)
  return loaded
}

/** The fields that the installed version has and the Go module does not. */
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

/** Types with an UnmarshalJSON of their own, from which no fields can be generated. */
const CUSTOM: Record<string, Record<string, string>> = {
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
  file_size_limit: 'Remove it: it belongs to a plugin that Prow does not have.',
  'yaml-validator': 'Remove it: it belongs to a plugin that Prow does not have.',
  elide_skipped_contexts: 'Remove it: Prow omits skipped contexts by default now.',
}

/** The remedies for plugins that Prow does not have. */
export const REMOVED_PLUGINS: Record<string, string> = {
  weainformer: "Remove it: only the guide authors' own Prow had it.",
  'repo-permission-alert': "Remove it: only the guide authors' own Prow had it.",
  'yaml-validator': 'Remove it: Prow does not have it.',
}

const byType = new Map<string, Map<string, string>>()

/** The fields of a type as they are and in lower case: Go's JSON decoder ignores the case. */
function fieldsOf(type: string): Map<string, string> | undefined {
  const before = byType.get(type)
  if (before) return before
  const known = fields().types[type] ?? CUSTOM[type]
  if (!known) return undefined
  const lower = Object.entries(known).map(([name, inner]): [string, string] => [name.toLowerCase(), inner])
  const all = new Map([...lower, ...Object.entries(known)])
  byType.set(type, all)
  return all
}

/**
 * How a part of the configuration is read. In plugins.yaml Prow converts a number or bool to a string, elsewhere it
 * refuses it. checkconfig reports unknown fields of config.yaml and plugins.yaml, not those of job files and of types
 * with an UnmarshalJSON of their own.
 */
export type Decoding = 'config' | 'plugins' | 'jobs' | 'custom'

/** A value of another type than its field, a field that is not known, or a value that is converted to another string. */
export interface TypeMatch extends Match {
  rule: 'type' | 'unknown-field' | 'conversion'
  severity: Severity
}

const invalid = (at: Tree, message: string, remedy: string): TypeMatch => ({
  ...match(at, message, remedy),
  rule: 'type',
  severity: 'invalid',
})

/** Compares what is at `path` with its type, and all that is below it. */
export function* checkTypes(tree: Tree, type: string, path: string, decoding: Decoding): Iterable<TypeMatch> {
  if (type === '*' || tree.value === null) return
  if (type.length === 1) return yield* checkScalar(tree, type, path, decoding)
  if (type.startsWith('[]')) {
    if (!tree.list)
      return yield invalid(tree, `${path} must be a list`, 'Begin each entry with - on a line of its own.')
    for (const [index, one] of tree.list.entries()) yield* checkTypes(one, type.slice(2), `${path}[${index}]`, decoding)
    return
  }
  const known = type.startsWith('{}') ? undefined : fieldsOf(type)
  if (!known && !type.startsWith('{}')) return
  if (!tree.map) return yield invalid(tree, `${path || 'the file'} must be a map`, 'Write key: value below it.')
  for (const [key, one] of tree.map) {
    const inner = known ? (known.get(key) ?? known.get(key.toLowerCase())) : type.slice(2)
    const full = path ? `${path}.${key}` : key
    if (inner !== undefined) yield* checkTypes(one, inner, full, decoding)
    else yield unknownField(keyLine(tree, key), type, key, full, decoding)
  }
}

function unknownField(line: number, type: string, key: string, path: string, decoding: Decoding): TypeMatch {
  const near = nearest(key, Object.keys(fields().types[type] ?? CUSTOM[type] ?? {}))
  const remedy = near ? `Did you mean ${near}?` : 'Prow would ignore it. Remove it, or move it to where it belongs.'
  return {
    ...match(line, `${path} is not a field that Prow knows`, REMOVED_FIELDS[key] ?? remedy),
    rule: 'unknown-field',
    severity: decoding === 'jobs' || decoding === 'custom' ? 'hint' : 'strict',
  }
}

function* checkScalar(tree: Tree, type: string, path: string, decoding: Decoding): Iterable<TypeMatch> {
  const { value, plain } = tree
  if (type === 's') {
    if (tree.map || tree.list) yield invalid(tree, `${path} must be a string`, 'Write the string after the colon.')
    else if (typeof value !== 'string' && (decoding === 'config' || decoding === 'jobs'))
      yield invalid(tree, `${path}: ${plain} must be a string`, `Quote it: "${plain}".`)
    else if (plain !== undefined && typeof value !== 'string' && scalarString(plain) !== plain)
      yield {
        ...match(tree, `${path}: ${plain} becomes the string ${scalarString(plain)}`, 'Quote it.'),
        rule: 'conversion',
        severity: 'hint',
      }
  } else if (type === 'b' && typeof value !== 'boolean')
    yield invalid(tree, `${path} must be true or false`, 'Write true or false, without quotes.')
  else if ((type === 'i' || type === 'f') && typeof value !== 'number')
    yield invalid(tree, `${path} must be a number`, 'Write the number, without quotes.')
  else if (type === 'd') {
    const shown = tree.map ? 'a map' : tree.list ? 'a list' : value
    if (
      tree.map ||
      tree.list ||
      typeof value === 'boolean' ||
      (typeof value === 'string' && value && !isDuration(value))
    )
      yield invalid(
        tree,
        `${path}: ${shown} is not a valid duration`,
        'Write it like 90s, 15m or 1h30m; days are not supported.',
      )
  }
}
