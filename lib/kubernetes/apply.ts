import { combineOutcomes, type Result } from '../run/result.ts'
import { differences } from './difference.ts'
import { inputStream, kubectl } from './kubectl.ts'
import type { KubeObject, Manifest, Resource } from './manifests.ts'
import { parseObjects, type Snapshot, snapshot } from './snapshot.ts'

/** Who we are to the API server: fields we set are ours under this name. */
const MANAGER = 'prow-runbook'

/** On what was there before the runbook, so that uninstall leaves it. Set under another manager: apply must not drop it. */
const ADOPTED = 'prow-runbook/adopted'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

// ---- Making what should be there --------------------------------------------------------------------------------

/**
 * Makes the objects of `things` be as given: server-side, under our manager, forced over hand-made ones; Secrets and
 * ConfigMaps replaced whole in one request, so that no stale key stays. The outcome is told by comparing before and
 * after. With `plan` nothing is written, and the outcome says what would be.
 */
export async function applyResources(things: Resource[], plan: boolean): Promise<Result[]> {
  const now = await snapshot()
  const all = things.flatMap((thing) => thing.manifests)
  await fetchMissing(all, now)

  const before = new Map<Manifest, KubeObject | undefined>()
  for (const one of all)
    before.set(one, now.get(one.object.kind, one.object.metadata.name, one.object.metadata.namespace))

  const leave = all.filter((one) => isImmutable(one.object, before.get(one)))
  const replace = all.filter((one) => !leave.includes(one) && isReplaced(one.object) && before.get(one))
  const differing = replace.filter((one) => !sameData(before.get(one)!, one.object))
  // Under --plan an object whose namespace is not there yet cannot be asked about.
  const homeless = plan
    ? all.filter((one) => one.object.metadata.namespace && !now.has('Namespace', one.object.metadata.namespace))
    : []
  // A Secret that is not there is made by a request that fails when somebody else makes it at the same moment: an
  // apply would put a second generated value over the first.
  const fresh = plan ? [] : all.filter((one) => one.object.kind === 'Secret' && !before.get(one))
  const send = all.filter((one) => ![leave, replace, homeless, fresh].some((others) => others.includes(one)))
  const after = new Map<Manifest, KubeObject>()

  if (!plan) await adopt([...send, ...differing].map((one) => before.get(one)).filter((o) => o !== undefined))
  if (send.length > 0) {
    const sent = await kubectl(
      [
        'apply',
        '--server-side',
        `--field-manager=${MANAGER}`,
        '--force-conflicts',
        // The API server refuses unknown fields of a server-side apply by itself; kubectl would fetch schemas first.
        '--validate=false',
        ...(plan ? ['--dry-run=server'] : []),
        '-o',
        'json',
        '-f',
        '-',
      ],
      { input: inputStream(send.map((one) => one.text)), comment: summarize(send) },
    )
    matchAnswers(send, parseObjects(sent), after)
  }
  if (fresh.length > 0) {
    const answer = await kubectl(
      ['create', `--field-manager=${MANAGER}`, '--validate=false', '-o', 'json', '-f', '-'],
      {
        input: inputStream(fresh.map((one) => one.text)),
        comment: summarize(fresh),
      },
    )
    matchAnswers(fresh, parseObjects(answer), after)
  }
  if (differing.length > 0) {
    const put = differing.map((one) => replacement(before.get(one)!, one.object))
    if (plan) differing.forEach((one, index) => void after.set(one, put[index]!))
    else {
      const answer = await kubectl(['replace', `--field-manager=${MANAGER}`, '-o', 'json', '-f', '-'], {
        input: inputStream(put),
        comment: summarize(differing),
      })
      matchAnswers(differing, parseObjects(answer), after)
    }
  }
  if (!plan) for (const object of after.values()) now.put(object)

  return things.map((thing) => {
    const each = thing.manifests.map((one) => {
      const old = before.get(one)
      const made = after.get(one)
      if (!old) return { outcome: plan ? 'would create' : 'created', differs: [] } as const
      const differs = made ? differences(old, made) : []
      if (differs.length === 0) return { outcome: 'unchanged', differs } as const
      return { outcome: plan ? 'would change' : 'changed', differs } as const
    })
    const adopted = thing.manifests.some((one) => {
      const old = before.get(one)
      return old && !leave.includes(one) && !isManaged(old)
    })
    const notes = [thing.note, adopted ? 'was there, adopted' : '', ...keptNotes(thing, before)].filter(Boolean)
    return {
      name: thing.name,
      outcome: combineOutcomes(each.map((one) => one.outcome)),
      note: notes.join('; ') || undefined,
      differences: each.flatMap((one) => one.differs),
    }
  })
}

/** Whether the runbook made or adopted the object. */
export function isManaged(object: KubeObject): boolean {
  return object.metadata.labels?.['app.kubernetes.io/managed-by'] === MANAGER
}

async function fetchMissing(all: Manifest[], now: Snapshot): Promise<void> {
  const unseen = all.filter((one) => !now.wasQueried(one.object))
  if (unseen.length === 0) return
  // Whole manifests, since kubectl takes names of several kinds and namespaces only from a file.
  const found = await kubectl(['get', '--ignore-not-found', '-o', 'json', '-f', '-'], {
    input: inputStream(unseen.map((one) => one.text)),
    comment: summarize(unseen),
  })
  for (const object of parseObjects(found)) now.put(object)
  for (const one of unseen) now.markAbsent(one.object)
}

function isReplaced(object: KubeObject): boolean {
  return object.kind === 'Secret' || object.kind === 'ConfigMap'
}

/** Whether a text is the same to Prow, which trims what it reads; `openssl rand > file` ends in a newline. */
function sameText(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && decode(a).trim() === decode(b).trim()
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

function sameData(old: KubeObject, wanted: KubeObject): boolean {
  const labels = wanted.metadata.labels ?? {}
  const annotations = wanted.metadata.annotations ?? {}
  const [oldData, newData] = [old.data ?? {}, wanted.data ?? {}] as Record<string, string>[]
  const keys = new Set([...Object.keys(oldData!), ...Object.keys(newData!)])
  const sameData = [...keys].every((key) =>
    wanted.kind === 'Secret' ? sameText(oldData![key], newData![key]) : oldData![key] === newData![key],
  )
  return (
    sameData &&
    canonicalMap(old.binaryData) === canonicalMap(wanted.binaryData) &&
    Object.entries(labels).every(([key, value]) => old.metadata.labels?.[key] === value) &&
    Object.entries(annotations).every(([key, value]) => old.metadata.annotations?.[key] === value) &&
    // It holds the values a second time, where nobody looks for them.
    old.metadata.annotations?.[LAST_APPLIED] === undefined
  )
}

/** A map as text, whatever the order of its keys: the API server sorts them. */
function canonicalMap(map: unknown): string {
  return JSON.stringify(Object.entries((map ?? {}) as object).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function replacement(old: KubeObject, wanted: KubeObject): KubeObject {
  const annotations: Record<string, string> = { ...old.metadata.annotations, ...wanted.metadata.annotations }
  delete annotations[LAST_APPLIED]
  if (!isManaged(old)) annotations[ADOPTED] = 'true'
  const data: Record<string, string> = { ...(wanted.data as Record<string, string>) }
  if (wanted.kind === 'Secret') {
    const oldData = (old.data ?? {}) as Record<string, string>
    for (const key of Object.keys(data)) if (sameText(oldData[key], data[key])) data[key] = oldData[key]!
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
      // A write of somebody else since we looked is not to be lost: the API server then answers Conflict.
      resourceVersion: old.metadata.resourceVersion,
    },
  }
}

/** A Job's template and a claim's class cannot change: what is there stays. */
function isImmutable(object: KubeObject, old: KubeObject | undefined): boolean {
  if (!old) return false
  if (object.kind === 'Job') return true
  if (object.kind !== 'PersistentVolumeClaim') return false
  // The guide's claim has no class, and takes one as long as it waits for a volume.
  const takesClass = classOf(old) === '' && (old.status as { phase?: string } | undefined)?.phase === 'Pending'
  return !takesClass && (classOf(old) !== classOf(object) || requestedBytes(old) >= requestedBytes(object))
}

function classOf(claim: KubeObject): string {
  return (claim.spec as { storageClassName?: string }).storageClassName ?? ''
}

/** The size that a claim asks for, in bytes. */
function requestedBytes(claim: KubeObject): number {
  const asked = (claim.spec as { resources: { requests: { storage: string } } }).resources.requests.storage
  const [, count = '0', unit = ''] = /^([\d.]+)(\w*)$/.exec(asked) ?? []
  const units: Record<string, number> = {
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
  return Number(count) * (units[unit] ?? 1)
}

function keptNotes(thing: Resource, before: Map<Manifest, KubeObject | undefined>): string[] {
  return thing.manifests.flatMap((one) => {
    const old = before.get(one)
    if (!old || one.object.kind !== 'PersistentVolumeClaim') return []
    if (classOf(old) !== classOf(one.object)) {
      return [`claim ${one.object.metadata.name} keeps class ${classOf(old) || '(none)'}: it cannot change`]
    }
    return requestedBytes(old) > requestedBytes(one.object)
      ? [`claim ${one.object.metadata.name} keeps its larger size`]
      : []
  })
}

async function adopt(old: KubeObject[]): Promise<void> {
  const foreign = old.filter((object) => !isManaged(object) && object.metadata.annotations?.[ADOPTED] === undefined)
  const marked = foreign.filter((object) => !isReplaced(object))
  if (marked.length === 0) return
  await kubectl(['annotate', '--overwrite', '--field-manager=prow-runbook-adopted', '-f', '-', `${ADOPTED}=true`], {
    input: inputStream(marked.map(objectRef)),
    comment: `${marked.length} objects that were there before`,
  })
}

function summarize(manifests: Manifest[]): string {
  const names = manifests.map((one) => `${one.object.kind.toLowerCase()}/${one.object.metadata.name}`)
  return names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
}

function matchAnswers(sent: Manifest[], answered: KubeObject[], into: Map<Manifest, KubeObject>): void {
  for (const one of sent) {
    const { kind, metadata } = one.object
    const found = answered.find(
      (object) =>
        object.kind === kind &&
        object.metadata.name === metadata.name &&
        (object.metadata.namespace ?? '') === (metadata.namespace ?? ''),
    )
    if (found) into.set(one, found)
  }
}

/**
 * Removes the objects of a thing that are there and that the runbook made; what it adopted or never touched stays.
 * Answers undefined when there is nothing to remove.
 */
export async function removeResource(thing: Resource, plan: boolean): Promise<Result | undefined> {
  const now = await snapshot()
  await fetchMissing(thing.manifests, now)
  const there = thing.manifests
    .map(({ object: { kind, metadata } }) => now.get(kind, metadata.name, metadata.namespace))
    .filter((object) => object !== undefined && isCreatedByRunbook(object)) as KubeObject[]
  if (there.length === 0) return undefined
  if (!plan) {
    await kubectl(['delete', '--ignore-not-found', '--wait=true', '-f', '-'], {
      input: inputStream(there.map(objectRef)),
      comment: there.map((object) => `${object.kind.toLowerCase()}/${object.metadata.name}`).join(', '),
    })
    for (const object of there) now.drop(object)
  }
  return { name: thing.name, outcome: plan ? 'would remove' : 'removed', note: thing.note, differences: [] }
}

/** Whether the runbook made the object itself, rather than adopted it. */
export function isCreatedByRunbook(object: KubeObject): boolean {
  return isManaged(object) && object.metadata.annotations?.[ADOPTED] === undefined
}

/** What names an object, for kubectl -f -. */
export function objectRef({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace } }
}
