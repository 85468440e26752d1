import { inputStream, kubectl } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'

/** The runbook's field manager: the fields that it sets are known to the API server under this name. */
export const MANAGER = 'prow-runbook'
/** On what existed before the runbook, so that uninstall leaves it. Set under another manager: apply must not drop it. */
export const ADOPTED = 'prow-runbook/adopted'
/** The step that applies an object. */
const STEP = 'prow-runbook/step'

/** Whether the runbook created or adopted the object. */
export function isManaged(object: KubeObject): boolean {
  return object.metadata.labels?.['app.kubernetes.io/managed-by'] === MANAGER
}

/** Whether the runbook created the object itself, rather than adopted it. */
export function isCreatedByRunbook(object: KubeObject): boolean {
  return isManaged(object) && object.metadata.annotations?.[ADOPTED] === undefined
}

/** The step that applies an object, such as `08-prow`; undefined for one that carries no such label. */
export function stepOf(object: KubeObject): string | undefined {
  return object.metadata.labels?.[STEP]
}

/** What names an object, for kubectl -f -. */
export function objectRef({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace } }
}

/** Marks objects that are about to be managed and were not, as existing before the runbook. */
export async function markAdopted(objects: KubeObject[]): Promise<void> {
  const foreign = objects.filter((one) => !isManaged(one) && one.metadata.annotations?.[ADOPTED] === undefined)
  if (foreign.length === 0) return
  await kubectl(['annotate', '--overwrite', '--field-manager=prow-runbook-adopted', '-f', '-', `${ADOPTED}=true`], {
    input: inputStream(foreign.map(objectRef)),
    comment: `${foreign.length} objects that existed before`,
  })
}
