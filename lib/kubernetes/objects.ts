import type { KubeObject } from './manifests.ts'

/** An event about an object, as far as it is read. */
export interface EventLine {
  reason: string
  message: string
  /** When it was seen last, as an ISO time. */
  time: string
  count: number
}

/** An object that another one mounts or uses, such as `Secret prow/oauth-token`. */
export function objectLabel(kind: string, name: string, namespace = ''): string {
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`
}

export const labelOf = ({ kind, metadata }: KubeObject): string =>
  objectLabel(kind, metadata.name, metadata.namespace ?? '')

/** What was read of a cluster at one time, to be asked by kind, name, owner and event. */
export class Objects {
  readonly all: KubeObject[]

  constructor(all: KubeObject[]) {
    this.all = all
  }

  ofKind(kind: string, namespace?: string): KubeObject[] {
    return this.all.filter(
      (one) => one.kind === kind && (namespace === undefined || (one.metadata.namespace ?? '') === namespace),
    )
  }

  get(kind: string, name: string, namespace = ''): KubeObject | undefined {
    return this.ofKind(kind, namespace).find(({ metadata }) => metadata.name === name)
  }

  /** The events of an object, newest first. Those of an earlier object of the same name do not count. */
  events({ kind, metadata }: KubeObject): EventLine[] {
    return this.ofKind('Event')
      .filter(({ involvedObject }) => {
        const about = involvedObject as { kind: string; name: string; namespace?: string; uid?: string }
        return (
          about.kind === kind &&
          about.name === metadata.name &&
          (about.namespace ?? '') === (metadata.namespace ?? '') &&
          (!about.uid || !metadata.uid || about.uid === metadata.uid)
        )
      })
      .map((event) => ({
        reason: String(event.reason ?? ''),
        message: String(event.message ?? ''),
        time: timeOf(event),
        count: Number(event.count ?? (event.series as { count?: number } | undefined)?.count ?? 1),
      }))
      .sort((a, b) => b.time.localeCompare(a.time))
  }

  /** The objects that an object owns directly. */
  ownedBy({ kind, metadata }: KubeObject): KubeObject[] {
    return this.all.filter((one) => {
      const [owner] = (one.metadata.ownerReferences ?? []) as { kind: string; name: string; uid?: string }[]
      return (
        one.metadata.namespace === metadata.namespace &&
        owner?.kind === kind &&
        owner.name === metadata.name &&
        (!owner.uid || !metadata.uid || owner.uid === metadata.uid)
      )
    })
  }

  /** The pods of a Deployment, ReplicaSet or Job, newest first. */
  podsOf(workload: KubeObject): KubeObject[] {
    const owned = this.ownedBy(workload)
    const pods = owned.flatMap((one) => (one.kind === 'Pod' ? [one] : this.ownedBy(one))).filter(isPod)
    return pods.sort((a, b) => createdAt(b).localeCompare(createdAt(a)))
  }
}

const isPod = ({ kind }: KubeObject) => kind === 'Pod'

export const createdAt = ({ metadata }: KubeObject): string => String(metadata.creationTimestamp ?? '')

function timeOf(event: KubeObject): string {
  const series = event.series as { lastObservedTime?: string } | undefined
  return String(series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp)
}
