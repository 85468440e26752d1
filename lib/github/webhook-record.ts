import { fingerprint } from '../base/fingerprint.ts'
import { kubectl } from '../kubernetes/kubectl.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import { markWritten } from '../run/context.ts'

// Which webhooks the runbook created is recorded in annotations of the namespace prow: GitHub offers no place for it.
// A creation is recorded before and after: a run that is killed in between leaves a pending record, by which the next
// run, or uninstall, knows that the webhook is one of ours.

const PREFIX = 'prow-runbook/webhook-'
const PENDING = 'pending-'

/** A webhook that the runbook created, or was about to create: then `id` begins with `pending-`. */
export interface RecordedWebhook {
  id: string
  /** The path of its owner in the API, such as `/orgs/my-org`. */
  path: string
}

/** The webhooks that the namespace prow has on record. */
export function recordedWebhooks(prow: KubeObject | undefined): RecordedWebhook[] {
  return Object.entries(prow?.metadata.annotations ?? {})
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, path]) => ({ id: name.slice(PREFIX.length), path }))
}

export const isPending = (id: string) => id.startsWith(PENDING)

const pendingId = (path: string) => `${PENDING}${fingerprint(path)}`

/** Records that the webhook of an owner, which has none, is about to be created. */
export async function recordIntent(path: string): Promise<void> {
  await annotate(`${PREFIX}${pendingId(path)}=${path}`)
}

/** Whether the creation of the webhook of an owner was begun and not recorded as done. */
export async function hasIntent(path: string): Promise<boolean> {
  const prow = (await snapshot()).get('Namespace', 'prow')
  return recordedWebhooks(prow).some(({ id }) => id === pendingId(path))
}

/** Records that a webhook was created. */
export async function recordWebhook(path: string, id: number): Promise<void> {
  await annotate(`${PREFIX}${id}=${path}`, `${PREFIX}${pendingId(path)}-`)
}

/** Drops the record of a creation that GitHub has refused. */
export async function dropIntent(path: string): Promise<void> {
  await dropRecord(pendingId(path))
}

/** Drops the record of a webhook. */
export async function dropRecord(id: string): Promise<void> {
  await annotate(`${PREFIX}${id}-`)
}

async function annotate(...annotations: string[]): Promise<void> {
  markWritten()
  const stdout = await kubectl(['annotate', '--overwrite', 'namespace', 'prow', ...annotations, '-o', 'json'])
  const now = await snapshot()
  now.put(JSON.parse(stdout))
}
