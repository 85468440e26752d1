import { stream } from '../base/shell.ts'
import { explainKubectl } from './errors.ts'
import { ENVIRONMENT, targeted } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'
import { parseObjects, snapshot } from './snapshot.ts'

// ---- Waiting ----------------------------------------------------------------------------------------------------

/** Whether a Deployment, Job or definition is as its spec wants it, as `kubectl rollout status` would say. */
export function isReady(object: KubeObject): boolean {
  const status = (object.status ?? {}) as Record<string, unknown>
  const conditions = (status.conditions ?? []) as { type: string; status: string }[]
  const holds = (type: string) => conditions.some((c) => c.type === type && c.status === 'True')
  if (object.kind === 'Deployment') {
    const wanted = ((object.spec as { replicas?: number }).replicas ?? 1) as number
    return (
      Number(status.observedGeneration ?? 0) >= Number(object.metadata.generation ?? 0) &&
      Number(status.updatedReplicas ?? 0) === wanted &&
      Number(status.replicas ?? 0) === wanted &&
      Number(status.availableReplicas ?? 0) === wanted
    )
  }
  if (object.kind === 'Job') return holds('Complete')
  if (object.kind === 'CustomResourceDefinition') return holds('Established')
  return true
}

/**
 * Watches the named objects of one kind until all are ready or `seconds` are over; gives back the names of those
 * that are not. `say` hears where it is. Costs nothing when the snapshot has them ready.
 */
export async function watchUntilReady(
  kind: 'Deployment' | 'Job' | 'CustomResourceDefinition',
  names: string[],
  namespace: string,
  seconds: number,
  say: (text: string) => void,
): Promise<string[]> {
  const now = await snapshot()
  const waiting = new Set(
    names.filter((name) => {
      const object = now.get(kind, name, namespace)
      return !object || !isReady(object)
    }),
  )
  if (waiting.size === 0) return []
  const tell = () =>
    say(`waiting for ${[...waiting].join(', ')} (${names.length - waiting.size} of ${names.length} ready)`)
  tell()
  const where = namespace ? ['-n', namespace] : []
  const end = Date.now() + seconds * 1000
  // A watch may be closed by what is between us and the API server long before the limit; it is then begun anew.
  while (waiting.size > 0 && Date.now() < end) {
    let rest = ''
    const left = Math.ceil((end - Date.now()) / 1000)
    const { satisfied, stderr } = await stream(
      'kubectl',
      targeted(['get', kind.toLowerCase(), ...where, '--watch', '-o', 'json']),
      left,
      (text) => {
        rest += text
        const last = rest.lastIndexOf('\n}\n') + 3
        if (last < 3) return false
        const whole = rest.slice(0, last)
        rest = rest.slice(last)
        for (const object of parseObjects(whole)) {
          if (!names.includes(object.metadata.name)) continue
          now.put(object)
          if (isReady(object)) waiting.delete(object.metadata.name)
          else waiting.add(object.metadata.name)
        }
        tell()
        return waiting.size === 0
      },
      ENVIRONMENT,
    )
    if (!satisfied && /refused|Unauthorized|[Ff]orbidden/.test(stderr)) throw explainKubectl(stderr)
  }
  return [...waiting]
}
