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
 * A watch of the named objects of one kind until all are ready, one has failed, or `seconds` are over. Costs nothing
 * when the snapshot has them ready.
 */
export class Watch {
  readonly kind: Waitable
  readonly namespace: string
  /** For how long it waits at most. */
  readonly seconds: number
  /**
   * The names of those that are not ready in the end. Rejected with a Problem that has the last answer of the API server
   * when the watch itself keeps failing.
   */
  readonly notReady: Promise<string[]>
  /** Called when one more object is ready, or no longer. */
  onChange: () => void = () => {}
  readonly #names = new Set<string>()
  /** As seen last. */
  readonly #objects = new Map<string, KubeObject>()
  readonly #began = Date.now()
  readonly #stopped = new AbortController()
  #hopeless: string[] = []
  #ended = false

  constructor(kind: Waitable, names: string[], namespace: string, seconds: number) {
    this.kind = kind
    this.namespace = namespace
    this.seconds = seconds
    for (const name of names) this.#names.add(name)
    this.notReady = this.#run(Date.now() + seconds * 1000)
  }

  /** Waits for more objects in the same watch; false when it has ended. */
  add(names: string[]): boolean {
    if (!this.#ended) for (const name of names) this.#names.add(name)
    return !this.#ended
  }

  /** Ends the wait, when any are named, because these will not be ready by waiting. */
  giveUp(names: string[]): void {
    if (this.#ended || names.length === 0) return
    this.#hopeless = names
    this.#stopped.abort()
  }

  get gaveUp(): boolean {
    return this.#hopeless.length > 0
  }

  get ended(): boolean {
    return this.#ended
  }

  /** How many objects it waits for. */
  get size(): number {
    return this.#names.size
  }

  /** For how many seconds it has waited. */
  get elapsed(): number {
    return Math.round((Date.now() - this.#began) / 1000)
  }

  /** The names of those that are not ready yet. */
  get waiting(): string[] {
    return [...this.#names].filter((name) => {
      const object = this.#objects.get(name)
      return !object || !isReady(object)
    })
  }

  /** The names of those that will not be ready by waiting. */
  get #failed(): string[] {
    return [...this.#names].filter((name) => {
      const object = this.#objects.get(name)
      return object !== undefined && hasFailed(object)
    })
  }

  get #over(): boolean {
    return this.waiting.length === 0 || this.#failed.length > 0 || this.gaveUp
  }

  async #run(end: number): Promise<string[]> {
    const now = await snapshot()
    for (const name of this.#names) {
      const object = now.get(this.kind, name, this.namespace)
      if (object) this.#objects.set(name, object)
    }
    const where = this.namespace ? ['-n', this.namespace] : []
    let failures = 0
    let lastError = ''
    while (!this.#over && Date.now() < end) {
      this.onChange()
      let rest = ''
      let seen = false
      const { exitCode, stderr } = await stream(
        'kubectl',
        ['get', this.kind.toLowerCase(), ...where, '--watch', '-o', 'json'],
        Math.ceil((end - Date.now()) / 1000),
        (text) => {
          rest += text
          const last = rest.lastIndexOf('\n}\n') + 3
          if (last < 3) return false
          const objects = parseObjects(rest.slice(0, last))
          rest = rest.slice(last)
          for (const object of objects) {
            if (this.#names.has(object.metadata.name)) seen = true
            this.#objects.set(object.metadata.name, object)
            now.put(object)
          }
          this.onChange()
          return this.#over
        },
        this.#stopped.signal,
      )
      if (this.#over) break
      // Something between us and the API server may close a watch long before the limit: it is begun again, later each
      // time that it brings nothing.
      failures = seen ? 0 : failures + 1
      lastError = exitCode !== 0 && stderr.trim() ? stderr : ''
      if (lastError && !isTransient(lastError) && failures >= ATTEMPTS) break
      await sleep(Math.max(0, Math.min(1000 * 2 ** Math.min(failures, 4), end - Date.now())))
    }
    this.#ended = true
    if (!this.#over && failures > 0 && lastError) throw explainKubectl(lastError)
    const waiting = this.waiting
    const failed = [...this.#failed, ...this.#hopeless.filter((name) => waiting.includes(name))]
    return failed.length > 0 ? failed : waiting
  }
}
