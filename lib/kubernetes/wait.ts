import { sleep, stream } from '../base/shell.ts'
import type { Waitable } from '../run/result.ts'
import { explainKubectl, isTransient } from './errors.ts'
import type { KubeObject } from './manifests.ts'
import { parseObjects, snapshot } from './snapshot.ts'

interface Condition {
  type: string
  status: string
}

const hasCondition = (object: KubeObject, type: string) =>
  ((object.status as { conditions?: Condition[] } | undefined)?.conditions ?? []).some(
    (one) => one.type === type && one.status === 'True',
  )

/**
 * Whether a Deployment, Job or CustomResourceDefinition is as its spec wants it, as `kubectl rollout status` would say.
 * A Deployment that is scaled to 0 runs nothing, so it is not.
 */
export function isReady(object: KubeObject): boolean {
  if (object.kind === 'Job') return hasCondition(object, 'Complete')
  if (object.kind === 'CustomResourceDefinition') return hasCondition(object, 'Established')
  if (object.kind !== 'Deployment') return true
  const status = (object.status ?? {}) as Record<string, unknown>
  const wanted = (object.spec as { replicas?: number }).replicas ?? 1
  return (
    wanted > 0 &&
    Number(status.observedGeneration ?? 0) >= Number(object.metadata.generation ?? 0) &&
    Number(status.updatedReplicas ?? 0) === wanted &&
    Number(status.replicas ?? 0) === wanted &&
    Number(status.availableReplicas ?? 0) === wanted
  )
}

/** Whether an object will never be ready by waiting: a Job that has failed. */
export function hasFailed(object: KubeObject): boolean {
  return object.kind === 'Job' && hasCondition(object, 'Failed')
}

/** How often in a row a watch may fail for a reason that does not pass by itself before that ends the wait. */
const ATTEMPTS = 3

/**
 * Watches the named objects of one kind until all are ready, one has failed, or `seconds` are over; gives back the
 * names of those that are not ready. Costs nothing when the snapshot has them ready. Throws a Problem with the last
 * answer of the API server when the watch itself keeps failing.
 */
export async function watchUntilReady(
  kind: Waitable,
  names: string[],
  namespace: string,
  seconds: number,
  progress: (text: string) => void,
): Promise<string[]> {
  const now = await snapshot()
  const waiting = new Set<string>()
  const failed = new Set<string>()
  const note = (name: string, object: KubeObject | undefined) => {
    if (object && isReady(object)) waiting.delete(name)
    else waiting.add(name)
    if (object && hasFailed(object)) failed.add(name)
  }
  for (const name of names) note(name, now.get(kind, name, namespace))
  const over = () => waiting.size === 0 || failed.size > 0
  const print = () =>
    progress(`waiting for ${[...waiting].join(', ')} (${names.length - waiting.size} of ${names.length} ready)`)
  const where = namespace ? ['-n', namespace] : []
  const end = Date.now() + seconds * 1000
  let failures = 0
  let lastError = ''
  while (!over() && Date.now() < end) {
    print()
    let rest = ''
    let seen = false
    const { exitCode, satisfied, stderr } = await stream(
      'kubectl',
      ['get', kind.toLowerCase(), ...where, '--watch', '-o', 'json'],
      Math.ceil((end - Date.now()) / 1000),
      (text) => {
        rest += text
        const last = rest.lastIndexOf('\n}\n') + 3
        if (last < 3) return false
        const whole = rest.slice(0, last)
        rest = rest.slice(last)
        for (const object of parseObjects(whole)) {
          if (!names.includes(object.metadata.name)) continue
          seen = true
          now.put(object)
          note(object.metadata.name, object)
        }
        print()
        return over()
      },
    )
    if (satisfied) break
    // Something between us and the API server may close a watch long before the limit: it is begun again, later each
    // time that it brings nothing.
    failures = seen ? 0 : failures + 1
    lastError = exitCode !== 0 && stderr.trim() ? stderr : ''
    if (lastError && !isTransient(lastError) && failures >= ATTEMPTS) throw explainKubectl(lastError)
    await sleep(Math.max(0, Math.min(1000 * 2 ** Math.min(failures, 4), end - Date.now())))
  }
  if (waiting.size > 0 && failures > 0 && lastError) throw explainKubectl(lastError)
  return failed.size > 0 ? [...failed] : [...waiting]
}
