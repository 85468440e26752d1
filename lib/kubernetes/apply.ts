import { summarize } from '../base/summarize.ts'
import { currentRun } from '../run/context.ts'
import { combineOutcomes, type Difference, type Outcome, type Result } from '../run/result.ts'
import { removal } from '../run/task.ts'
import { isApplied } from './applied.ts'
import { differences, objectName } from './difference.ts'
import { isKept, keptNote, recreateReason } from './immutable.ts'
import { inputStream, kubectl } from './kubectl.ts'
import type { KubeObject, Manifest, Resource } from './manifests.ts'
import { isCreatedByRunbook, isManaged, MANAGER, markAdopted, objectRef } from './ownership.ts'
import { isReplaced, isUpToDate, replacement } from './replace.ts'
import { parseObjects, type Snapshot, snapshot } from './snapshot.ts'

/** What is done with an object: each is a request of its own, which all objects of that kind share. */
type Action = 'apply' | 'create' | 'replace' | 'recreate' | 'keep' | 'unknown'

interface Item {
  manifest: Manifest
  action: Action
  old?: KubeObject
  new?: KubeObject
  /** Why it is recreated. */
  reason?: string
}

function classify(manifest: Manifest, now: Snapshot): Item {
  const { plan } = currentRun()
  const { object } = manifest
  const { name, namespace } = object.metadata
  const old = now.get(object.kind, name, namespace)
  const action = ((): Action => {
    // Under --plan the API server cannot be asked about an object whose namespace does not exist yet.
    if (plan && namespace && !now.has('Namespace', namespace)) return 'unknown'
    // A Secret is created by a request that fails when somebody else creates it at the same moment: an apply would
    // overwrite one generated value with another.
    if (!old) return object.kind === 'Secret' && !plan ? 'create' : 'apply'
    if (recreateReason(old, object)) return 'recreate'
    if (isKept(old, object)) return 'keep'
    if (!isReplaced(object)) return isApplied(old, object) ? 'keep' : 'apply'
    return isUpToDate(old, object) ? 'keep' : 'replace'
  })()
  return { manifest, action, old, reason: old && recreateReason(old, object) }
}

/**
 * Makes the objects of `resources` be as given: applied server-side under our manager, forced over hand-made fields,
 * unless that would change nothing; Secrets and ConfigMaps replaced; what cannot change in place recreated or kept. The
 * outcome comes from comparing before and after. Under --plan nothing is written, and the outcome is what would be.
 */
export async function applyResources(resources: Resource[]): Promise<Result[]> {
  const { plan } = currentRun()
  const now = await snapshot()
  const manifests = resources.flatMap((resource) => resource.manifests)
  await fetchMissing(manifests, now)
  const items = new Map(manifests.map((manifest) => [manifest, classify(manifest, now)]))
  const having = (...actions: Action[]) => [...items.values()].filter(({ action }) => actions.includes(action))

  const recreated = having('recreate')
  if (!plan) {
    await markAdopted(
      having('apply')
        .map(({ old }) => old)
        .filter((old) => old !== undefined),
    )
    if (recreated.length > 0) await deleteAndWait(recreated.map(({ old }) => old!))
  }
  // The API server refuses unknown fields of a server-side apply by itself; kubectl would fetch schemas first.
  const manager = [`--field-manager=${MANAGER}`, '--validate=false']
  const apply = ['apply', '--server-side', ...manager, '--force-conflicts', ...(plan ? ['--dry-run=server'] : [])]
  await send(apply, plan ? having('apply') : [...having('apply'), ...recreated])
  await send(['create', ...manager], having('create'))
  const replaced = having('replace')
  for (const item of replaced) item.new = replacement(item.old!, item.manifest.object)
  if (!plan) await send(['replace', `--field-manager=${MANAGER}`], replaced)
  if (!plan) for (const { new: object } of items.values()) if (object) now.put(object)

  return resources.map((resource) =>
    result(
      resource,
      resource.manifests.map((one) => items.get(one)!),
    ),
  )
}

/** Sends objects in one request, and puts what the API server made of each into its item. */
async function send(args: string[], items: Item[]): Promise<void> {
  if (items.length === 0) return
  const answer = await kubectl([...args, '-o', 'json', '-f', '-'], {
    input: inputStream(items.map((item) => item.new ?? item.manifest.text)),
    comment: summarize(items.map(({ manifest }) => objectName(manifest.object))),
  })
  const answered = new Map(parseObjects(answer).map((object) => [objectName(object), object]))
  for (const item of items) item.new = answered.get(objectName(item.manifest.object))
}

async function deleteAndWait(objects: KubeObject[]): Promise<void> {
  await kubectl(['delete', '--ignore-not-found', '--cascade=foreground', '--wait=true', '-f', '-'], {
    input: inputStream(objects.map(objectRef)),
    comment: summarize(objects.map(objectName)),
    timeout: 300,
  })
}

function outcomeOf({ action, old, new: object, manifest, reason }: Item): { outcome: Outcome; changes: Difference[] } {
  const { plan } = currentRun()
  if (!old) return { outcome: plan ? 'would create' : 'created', changes: [] }
  const changes =
    action === 'recreate'
      ? [{ object: objectName(manifest.object), path: 'object', after: `recreated: ${reason}` }]
      : object
        ? differences(old, object)
        : []
  if (changes.length === 0) return { outcome: 'unchanged', changes }
  return { outcome: plan ? 'would change' : 'changed', changes }
}

function result({ name, note }: Resource, items: Item[]): Result {
  const outcomes = items.map(outcomeOf)
  const adopted = items.some(({ old, action }) => old && action !== 'keep' && !isManaged(old))
  const notes = [
    note,
    adopted ? 'existed, adopted' : '',
    ...items.map(({ reason }) => (reason ? `recreated: ${reason}` : '')),
    ...items.map(({ old, manifest }) => (old ? keptNote(old, manifest.object) : '')),
  ]
  return {
    name,
    outcome: combineOutcomes(outcomes.map(({ outcome }) => outcome)),
    note: notes.filter(Boolean).join('; ') || undefined,
    differences: outcomes.flatMap(({ changes }) => changes),
  }
}

/** Reads what the snapshot does not hold, in one request. */
export async function fetchMissing(manifests: Manifest[], now: Snapshot): Promise<void> {
  const unseen = manifests.filter(({ object }) => !now.wasQueried(object))
  if (unseen.length === 0) return
  // Whole manifests, since kubectl takes names of several kinds and namespaces only from a file.
  const found = await kubectl(['get', '--ignore-not-found', '-o', 'json', '-f', '-'], {
    input: inputStream(unseen.map(({ text }) => text)),
    comment: summarize(unseen.map(({ object }) => objectName(object))),
  })
  for (const object of parseObjects(found)) now.put(object)
  for (const { object } of unseen) now.markAbsent(object)
}

/**
 * Removes the objects of a resource that exist and that the runbook created; what it adopted or never touched stays.
 * Answers undefined when there is nothing to remove.
 */
export async function removeResource({ name, manifests, note }: Resource): Promise<Result | undefined> {
  const now = await snapshot()
  await fetchMissing(manifests, now)
  const existing = manifests
    .map(({ object: { kind, metadata } }) => now.get(kind, metadata.name, metadata.namespace))
    .filter((object) => object !== undefined && isCreatedByRunbook(object)) as KubeObject[]
  if (existing.length === 0) return undefined
  if (!currentRun().plan) {
    await kubectl(['delete', '--ignore-not-found', '--wait=true', '-f', '-'], {
      input: inputStream(existing.map(objectRef)),
      comment: summarize(existing.map(objectName)),
      timeout: 300,
    })
    for (const object of existing) now.drop(object)
  }
  return { name, ...removal(note) }
}
