import type { KubeObject } from './manifests.ts'
import { isManaged } from './ownership.ts'
import { hasFailed } from './wait.ts'

// What the API server does not let change in place: the template of a Job, the class and the smaller size of a
// PersistentVolumeClaim.

/** The StorageClass that a PersistentVolumeClaim names; empty when it names none. */
function classOf(claim: KubeObject): string {
  return (claim.spec as { storageClassName?: string }).storageClassName ?? ''
}

const UNITS: Record<string, number> = {
  '': 1,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
}

/** The size that a PersistentVolumeClaim requests, in bytes. */
function requestedBytes(claim: KubeObject): number {
  const { storage } = (claim.spec as { resources: { requests: { storage: string } } }).resources.requests
  const [, count = '0', unit = ''] = /^([\d.]+)(\w*)$/.exec(storage) ?? []
  return Number(count) * (UNITS[unit] ?? 1)
}

/** Why an object has to be deleted and created again to be as wanted; undefined when it does not. */
export function recreateReason(old: KubeObject, wanted: KubeObject): string | undefined {
  if (wanted.kind !== 'Job' || !isManaged(old)) return undefined
  if (hasFailed(old)) return 'the last one failed'
  return contains(old.spec, wanted.spec) ? undefined : 'the template of a Job cannot be changed'
}

/** Whether `whole` has everything that `part` has. The API server adds defaults, so the reverse need not hold. */
function contains(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return Array.isArray(whole) && whole.length === part.length && part.every((one, i) => contains(whole[i], one))
  }
  if (typeof part === 'object' && part !== null) {
    return (
      typeof whole === 'object' &&
      whole !== null &&
      Object.entries(part).every(([key, value]) => contains((whole as Record<string, unknown>)[key], value))
    )
  }
  return whole === part || (part === null && whole === undefined)
}

/** Whether an existing object is left as it is, because it cannot become as wanted. */
export function isKept(old: KubeObject, wanted: KubeObject): boolean {
  if (wanted.kind === 'Job') return true
  if (wanted.kind !== 'PersistentVolumeClaim') return false
  // The guide's PVC has no class, and takes one as long as it waits for a volume.
  const takesClass = classOf(old) === '' && (old.status as { phase?: string } | undefined)?.phase === 'Pending'
  return !takesClass && (classOf(old) !== classOf(wanted) || requestedBytes(old) >= requestedBytes(wanted))
}

/** What the reader has to know about a PersistentVolumeClaim that stays other than wanted. */
export function keptNote(old: KubeObject, wanted: KubeObject): string {
  if (wanted.kind !== 'PersistentVolumeClaim') return ''
  const name = `PVC ${wanted.metadata.name}`
  if (classOf(old) !== classOf(wanted)) return `${name} keeps class ${classOf(old) || '(none)'}: it cannot change`
  return requestedBytes(old) > requestedBytes(wanted) ? `${name} keeps its larger size` : ''
}
