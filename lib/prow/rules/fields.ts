import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nearest } from '../../base/nearest.ts'

/**
 * What Prow's configuration may contain, as fields.json has it, which `npm run fields` writes. The types
 * have for each field the type of its value: s (string), b (bool), f (float), i32, u64 … (integers), d (duration, or
 * nanoseconds), D (duration), q (quantity), I (integer or string), t (time), * (anything), another type, one of them
 * after [] (a list) or {} (a map), or after ! (a type that decodes itself). E>s is a string of the embedded struct E.
 */
interface Fields {
  /** The version that they are of: a value of PROW_IMAGE_TAG. */
  version: string
  roots: { config: string; jobs: string; plugins: string }
  plugins: string[]
  types: Record<string, Record<string, string>>
  /** What newer versions have; the version that came with it. */
  added: { plugins: Record<string, string>; types: Record<string, Record<string, string>> }
  /** What newer versions do not have any more, likewise. */
  removed: { plugins: Record<string, string>; types: Record<string, Record<string, string>> }
}

let loaded: Fields | undefined

/** The fields of Prow's types and its plugins, as the version that this runbook installs by default has them. */
export function fields(): Fields {
  loaded ??= JSON.parse(readFileSync(join(import.meta.dirname, 'fields.json'), 'utf8')) as Fields
  return loaded
}

const REMOVED_FIELDS: Record<string, string> = {
  view_auth_configs: 'Remove it: Prow never had it.',
  file_size_limit: 'Remove it: it belongs to a plugin that Prow does not have.',
  'yaml-validator': 'Remove it: it belongs to a plugin that Prow does not have.',
  elide_skipped_contexts: 'Remove it: Prow omits skipped contexts by default now.',
  implicit_self_approve: 'Write require_self_approval with the opposite value; Prow removed it in 2020.',
}

/** The remedies for plugins that Prow does not have. */
export const REMOVED_PLUGINS: Record<string, string> = {
  weainformer: "Remove it: only the guide authors' own Prow had it.",
  'repo-permission-alert': "Remove it: only the guide authors' own Prow had it.",
  'yaml-validator': 'Remove it: Prow does not have it.',
}

/** Plugins that are programs of their own, which external_plugins would name. */
const EXTERNAL_PLUGINS = ['cherrypicker', 'needs-rebase', 'refresh']

/** The remedy for an external plugin among the plugins of hook; undefined for any other. */
export function externalPluginRemedy(name: string): string | undefined {
  if (!EXTERNAL_PLUGINS.includes(name)) return undefined
  return `Remove it: ${name} is an external plugin, a program of its own, which is not installed here.`
}

/** The day of a version, as in its tag: 20260729. */
const dayOf = (tag: string) => Number(/^v(\d{8})-/.exec(tag)?.[1] ?? 0)

/**
 * What to say of a plugin or field that the version of fields.json and `tag`, the installed one, do not have alike; undefined
 * when nothing is known of it.
 */
function changed(name: string, since: string | undefined, until: string | undefined, tag: string): string | undefined {
  if (since && dayOf(tag) < dayOf(since)) return `Prow has ${name} since ${since}, and PROW_IMAGE_TAG is ${tag}`
  if (until && dayOf(tag) >= dayOf(until)) return `Prow has no ${name} since ${until}, and PROW_IMAGE_TAG is ${tag}`
  return undefined
}

/** Whether Prow of a version has a plugin; why it has it not any more, or not yet, when that is so. */
export function pluginOf(name: string, tag: string): { known: boolean; why?: string } {
  const { plugins, added, removed } = fields()
  const why = changed(`the plugin ${name}`, added.plugins[name], removed.plugins[name], tag)
  const known = why === undefined && (plugins.includes(name) || name in added.plugins)
  return { known, ...(why ? { why } : {}) }
}

/** A field as Prow finds it by a key: its name, the type of its value, and the embedded struct that has it. */
export interface Field {
  name: string
  type: string
  embedded?: string
}

const byType = new Map<string, Map<string, Field> | undefined>()

/** The fields of a type by name and, unless that is another, in lower case: Go's JSON decoder ignores the case. */
export function fieldsOf(type: string): Map<string, Field> | undefined {
  if (byType.has(type)) return byType.get(type)
  const types = fields().types[type]
  const all = types && new Map<string, Field>()
  for (const [name, written] of Object.entries(types ?? {})) {
    const [embedded, inner] = written.includes('>') ? written.split('>') : [undefined, written]
    const field: Field = { name, type: inner!, ...(embedded ? { embedded } : {}) }
    all?.set(name, field)
    if (!types?.[name.toLowerCase()]) all?.set(name.toLowerCase(), field)
  }
  byType.set(type, all)
  return all
}

/** The field of a type for a key; undefined when it has none. */
export function fieldOf(type: string, key: string): Field | undefined {
  const known = fieldsOf(type)
  return known?.get(key) ?? known?.get(key.toLowerCase())
}

/** Why a key that is no field of a type is none, and what to do about it. */
export function unknownKey(type: string, key: string, tag: string): { known: boolean; why?: string; remedy: string } {
  const { types, added } = fields()
  const since = added.types[type]?.[key]
  const why = changed(key, since, undefined, tag)
  const near = nearest(key, Object.keys(types[type] ?? {}))
  const remedy =
    REMOVED_FIELDS[key] ??
    (why
      ? 'Remove it, or set PROW_IMAGE_TAG to that version or a later one.'
      : near
        ? `Did you mean ${near}?`
        : 'Prow would ignore it. Remove it, or move it to where it belongs.')
  return { known: since !== undefined && why === undefined, ...(why ? { why } : {}), remedy }
}
