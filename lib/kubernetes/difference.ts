import { structuredPatch } from 'diff'
import { fingerprint } from '../base/fingerprint.ts'
import type { Difference } from '../run/result.ts'
import type { KubeObject } from './manifests.ts'

/** An object's name for the reader, such as `Deployment prow/hook`. */
export function objectName({ kind, metadata: { name, namespace } }: KubeObject): string {
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`
}

/** The part of an object that somebody wants: without status and what the API server keeps for itself. */
export function essence(object: KubeObject): Record<string, unknown> {
  const { status: _status, metadata, ...rest } = object
  const {
    managedFields: _fields,
    resourceVersion: _version,
    generation: _generation,
    uid: _uid,
    creationTimestamp: _created,
    annotations,
    ...kept
  } = metadata as KubeObject['metadata'] & Record<string, unknown>
  const wanted = Object.entries((annotations ?? {}) as Record<string, string>).filter(
    ([name]) =>
      name !== 'kubectl.kubernetes.io/last-applied-configuration' && name !== 'deployment.kubernetes.io/revision',
  )
  return { ...rest, metadata: { ...kept, ...(wanted.length > 0 ? { annotations: Object.fromEntries(wanted) } : {}) } }
}

const SECRET = /^(data|stringData)$/

/** The fields in which two states of an object differ. Values of Secrets are shown by their fingerprint only. */
export function differences(before: KubeObject, after: KubeObject): Difference[] {
  const object = objectName(after)
  const found: Difference[] = []
  const secret = after.kind === 'Secret'
  const walk = (a: unknown, b: unknown, path: string): void => {
    if (JSON.stringify(a) === JSON.stringify(b)) return
    // A Secret that had no data at all must not show all of it as one new field.
    if (secret && SECRET.test(path) && (a === undefined || b === undefined)) {
      walk(a ?? {}, b ?? {}, path)
      return
    }
    if (isMap(a) && isMap(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        walk(a[key], b[key], path ? `${path}.${key}` : key)
      }
      return
    }
    if (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.some(isMap)) {
      a.forEach((one, index) => {
        walk(one, b[index], `${path}[${(isMap(one) && one.name) || index}]`)
      })
      return
    }
    found.push(difference(object, path, a, b, secret && SECRET.test(path.replace(/\..*/, ''))))
  }
  walk(essence(before), essence(after), '')
  return found
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function difference(object: string, path: string, before: unknown, after: unknown, secret: boolean): Difference {
  if (secret) {
    const shownValue = (value: unknown) =>
      value === undefined ? undefined : `fingerprint ${fingerprint(Buffer.from(String(value), 'base64').toString())}`
    return { object, path, before: shownValue(before), after: shownValue(after) }
  }
  if (typeof before === 'string' && typeof after === 'string' && (before.includes('\n') || after.includes('\n'))) {
    const patch = structuredPatch('', '', before, after, '', '', { context: 1 })
    return { object, path, lines: patch.hunks.flatMap((hunk) => hunk.lines) }
  }
  if (Array.isArray(before) && Array.isArray(after) && [...before, ...after].every((one) => typeof one !== 'object')) {
    const lines = structuredPatch('', '', `${before.join('\n')}\n`, `${after.join('\n')}\n`, '', '', { context: 0 })
    return { object, path, lines: lines.hunks.flatMap((hunk) => hunk.lines) }
  }
  return { object, path, before: shown(before), after: shown(after) }
}

function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}
