import type { KubeObject } from './manifests.ts'
import { ADOPTED, isManaged } from './ownership.ts'

// Secrets and ConfigMaps are replaced as a whole in one request, so that no stale key stays.

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

type Texts = Record<string, string>

/** Whether an object is replaced rather than applied. */
export function isReplaced({ kind }: KubeObject): boolean {
  return kind === 'Secret' || kind === 'ConfigMap'
}

/** Whether two values of a Secret are the same to Prow, which trims what it reads; `openssl rand > file` ends in a newline. */
function sameValue(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && decode(one).trim() === decode(other).trim()
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

/** A map as text, whatever the order of its keys: the API server sorts them. */
function canonical(map: unknown): string {
  return JSON.stringify(Object.entries((map ?? {}) as object).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Whether an object already is as it would be after being replaced. */
export function isUpToDate(old: KubeObject, wanted: KubeObject): boolean {
  const { labels = {}, annotations = {} } = wanted.metadata
  const oldData = (old.data ?? {}) as Texts
  const newData = (wanted.data ?? {}) as Texts
  const keys = [...new Set([...Object.keys(oldData), ...Object.keys(newData)])]
  return (
    keys.every((key) =>
      wanted.kind === 'Secret' ? sameValue(oldData[key], newData[key]) : oldData[key] === newData[key],
    ) &&
    canonical(old.binaryData) === canonical(wanted.binaryData) &&
    Object.entries(labels).every(([key, value]) => old.metadata.labels?.[key] === value) &&
    Object.entries(annotations).every(([key, value]) => old.metadata.annotations?.[key] === value) &&
    // It holds the values a second time, where nobody looks for them.
    old.metadata.annotations?.[LAST_APPLIED] === undefined
  )
}

/** The object to put in the place of `old`: its data as wanted, labels and annotations of others kept. */
export function replacement(old: KubeObject, wanted: KubeObject): KubeObject {
  const annotations: Texts = { ...old.metadata.annotations, ...wanted.metadata.annotations }
  delete annotations[LAST_APPLIED]
  if (!isManaged(old)) annotations[ADOPTED] = 'true'
  const data: Texts = { ...(wanted.data as Texts) }
  if (wanted.kind === 'Secret') {
    const oldData = (old.data ?? {}) as Texts
    for (const key of Object.keys(data)) if (sameValue(oldData[key], data[key])) data[key] = oldData[key]!
  }
  return {
    ...wanted,
    ...(old.type ? { type: old.type } : {}),
    ...(Object.keys(data).length > 0 ? { data } : {}),
    metadata: {
      name: wanted.metadata.name,
      namespace: wanted.metadata.namespace,
      labels: { ...old.metadata.labels, ...wanted.metadata.labels },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      // A write of somebody else since it was read is not to be lost: the API server then answers Conflict.
      resourceVersion: old.metadata.resourceVersion,
    },
  }
}
