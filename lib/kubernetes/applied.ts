import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from './manifests.ts'
import { MANAGER } from './ownership.ts'

/**
 * A set of fields as managedFields has it, of the format FieldsV1: a key `f:NAME` is a field, `k:{…}` the item of a list
 * with that key, `v:…` a value in a set, and `.` the node itself. What is empty is owned as a whole.
 */
interface Fields {
  [key: string]: Fields
}

interface ManagedFields {
  manager: string
  operation: string
  apiVersion: string
  subresource?: string
  fieldsV1: Fields
}

/**
 * Whether a server-side apply of `wanted` would change nothing in `old`: the fields that our manager owns are those of
 * `wanted`, and each has its value. What another manager changes or removes it owns from then on, and what `wanted` no
 * longer has is still ours, so neither goes unnoticed. Where the API server writes a value in another way than the
 * manifest, this is false, and an apply finds out.
 */
export function isApplied(old: KubeObject, wanted: KubeObject): boolean {
  const all = (old.metadata.managedFields ?? []) as ManagedFields[]
  const own = all.find(({ manager, operation, subresource }) => {
    return manager === MANAGER && operation === 'Apply' && !subresource
  })
  if (own?.apiVersion !== wanted.apiVersion || old.apiVersion !== wanted.apiVersion) return false
  return isSame(own.fieldsV1, ownable(wanted), old)
}

/** An object without what names it, which nobody owns. */
function ownable({ apiVersion: _version, kind: _kind, metadata, ...rest }: KubeObject): Record<string, unknown> {
  const { name: _name, namespace: _namespace, ...kept } = metadata
  return Object.keys(kept).length > 0 ? { ...rest, metadata: kept } : rest
}

function isSame(fields: Fields, wanted: unknown, found: unknown): boolean {
  const keys = Object.keys(fields).filter((key) => key !== '.')
  // The API server leaves out false where it is the default.
  if (keys.length === 0) return isDeepStrictEqual(wanted, found) || (wanted === false && found === undefined)
  if (Array.isArray(wanted)) return Array.isArray(found) && isSameList(fields, keys, wanted, found)
  if (!isMap(wanted) || !isMap(found) || Object.keys(wanted).length !== keys.length) return false
  return keys.every((key) => {
    const name = key.slice(2)
    return key.startsWith('f:') && name in wanted && isSame(fields[key]!, wanted[name], found[name])
  })
}

/** Whether the items of a list are found as wanted and in their order, whatever others have put between them. */
function isSameList(fields: Fields, keys: string[], wanted: unknown[], found: unknown[]): boolean {
  if (wanted.length !== keys.length) return false
  const places = wanted.map((item) => {
    const owned = keys.filter((key) => hasKey(item, key))
    if (owned.length !== 1) return -1
    const [key = ''] = owned
    return found.findIndex((one) => hasKey(one, key) && isSame(fields[key]!, item, one))
  })
  return places.every((place, index) => place > (places[index - 1] ?? -1))
}

/** Whether an item of a list has a key such as `k:{"name":"tide"}`, or is the value of one such as `v:"a"`. */
function hasKey(item: unknown, key: string): boolean {
  const expected: unknown = JSON.parse(key.slice(2))
  if (key.startsWith('v:')) return isDeepStrictEqual(item, expected)
  // A part of the key that the API server has filled in, such as the protocol of a port, may be absent in a manifest.
  return (
    isMap(item) && isMap(expected) && Object.entries(expected).every(([name, value]) => (item[name] ?? value) === value)
  )
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
