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
  const own = ownFields(old)
  if (own?.apiVersion !== wanted.apiVersion || old.apiVersion !== wanted.apiVersion) return false
  return isSame(own.fieldsV1, ownable(wanted), old)
}

function ownFields(object: KubeObject): ManagedFields | undefined {
  const all = (object.metadata.managedFields ?? []) as ManagedFields[]
  return all.find(({ manager, operation, subresource }) => {
    return manager === MANAGER && operation === 'Apply' && !subresource
  })
}

/** A field that an apply would change: its value now, and the one that it would have; undefined where there is none. */
export interface FieldChange {
  /** Such as `spec.template.spec.containers[hook].args`. */
  path: string
  before: unknown
  after: unknown
}

/**
 * The fields that a server-side apply of `wanted` would change in `old`, found without asking the API server: those with
 * another value, and those that our manager owns and `wanted` no longer has. What others have added stays, as it would.
 */
export function appliedChanges(old: KubeObject, wanted: KubeObject): FieldChange[] {
  if (isApplied(old, wanted)) return []
  const target = ownable(wanted)
  const own = ownFields(old)
  return [...valueChanges(target, old, ''), ...(own ? droppedFields(own.fieldsV1, target, old, '') : [])]
}

const join = (path: string, key: string) => (path ? `${path}.${key}` : key)

function valueChanges(wanted: unknown, found: unknown, path: string): FieldChange[] {
  if (isDeepStrictEqual(wanted, found) || (wanted === false && found === undefined)) return []
  if (isMap(wanted) && isMap(found))
    return Object.entries(wanted).flatMap(([key, value]) => valueChanges(value, found[key], join(path, key)))
  if (Array.isArray(wanted) && Array.isArray(found) && wanted.every(isMap)) {
    const names = wanted.map(itemName)
    // Without names their order is all that distinguishes them, and the list is one value.
    if (names.every((name) => name !== undefined))
      return wanted.flatMap((item, index) => {
        const name = names[index]
        const other = found.find((one) => itemName(one) === name)
        return valueChanges(item, other, `${path}[${name}]`)
      })
  }
  return [{ path, before: found, after: wanted }]
}

/** By what the API server distinguishes the items of the lists in Prow's objects. */
function itemName(item: unknown): string | undefined {
  if (!isMap(item)) return undefined
  const name = item.mountPath ?? item.name ?? item.containerPort ?? item.port
  return name === undefined ? undefined : String(name)
}

function droppedFields(fields: Fields, wanted: unknown, found: unknown, path: string): FieldChange[] {
  return Object.entries(fields).flatMap(([key, inner]) => {
    if (key.startsWith('k:') && Array.isArray(wanted) && Array.isArray(found)) {
      const [now, next] = [found, wanted].map((list) => list.find((item) => hasKey(item, key)))
      const shown = `${path}[${itemName(now) ?? key.slice(2)}]`
      if (next !== undefined) return droppedFields(inner, next, now, shown)
      return now === undefined ? [] : [{ path: shown, before: now, after: undefined }]
    }
    if (!key.startsWith('f:') || !isMap(wanted) || !isMap(found)) return []
    const name = key.slice(2)
    if (name in wanted) return droppedFields(inner, wanted[name], found[name], join(path, name))
    return name in found ? [{ path: join(path, name), before: found[name], after: undefined }] : []
  })
}

/** A field that somebody else has set, and that an apply of the runbook leaves. */
export interface ForeignField {
  /** Such as `spec.template.spec.containers[hook].command`. */
  path: string
  /** The same for a JSON patch: `/spec/template/spec/containers/0/command`. */
  pointer: string
  value: unknown
  /** Who has set it, such as `kubectl-patch`. */
  manager: string
}

/** The fields of a Deployment's pods that neither the runbook nor a controller of Kubernetes has set. */
export function foreignFields(deployment: KubeObject): ForeignField[] {
  const all = (deployment.metadata.managedFields ?? []) as ManagedFields[]
  const podOf = (fields: Fields | undefined) => fields?.['f:spec']?.['f:template']?.['f:spec']
  const own = podOf(ownFields(deployment)?.fieldsV1)
  const pod = (deployment.spec as { template?: { spec?: unknown } }).template?.spec
  return all
    .filter(({ manager, subresource }) => !subresource && !manager.startsWith(MANAGER) && !/^kube-/.test(manager))
    .flatMap(({ manager, fieldsV1 }) => {
      const found = leaves(podOf(fieldsV1) ?? {}, own, pod, 'spec.template.spec', '/spec/template/spec')
      return found.map((one) => ({ ...one, manager }))
    })
}

function leaves(
  fields: Fields,
  own: Fields | undefined,
  value: unknown,
  path: string,
  pointer: string,
): Omit<ForeignField, 'manager'>[] {
  return Object.entries(fields).flatMap(([key, inner]) => {
    if (key === '.' || key.startsWith('v:')) return []
    const at = Array.isArray(value) ? value.findIndex((item) => hasKey(item, key)) : key.slice(2)
    const found = (value as Record<string | number, unknown> | undefined)?.[at]
    if (found === undefined) return []
    const shown = Array.isArray(value) ? `${path}[${itemName(found) ?? at}]` : join(path, String(at))
    const place = `${pointer}/${at}`
    if (Object.keys(inner).length > 0) return leaves(inner, own?.[key], found, shown, place)
    return own && key in own ? [] : [{ path: shown, pointer: place, value: found }]
  })
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
