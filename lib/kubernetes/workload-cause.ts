import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'
import type { KubeObject } from './manifests.ts'
import { createdAt, type EventLine, type Objects, objectLabel } from './objects.ts'
import { stepOf } from './ownership.ts'
import { type Cause, causeOf, mounted, type PodEvidence, type PodStatus } from './pod-causes.ts'
import { refusalOf } from './refusals.ts'

/** A cause, and the pod that showed it. */
export interface WorkloadCause extends Cause {
  pod?: KubeObject
}

/** What else is known while a pod is judged. */
export type Context = Pick<PodEvidence, 'settings' | 'exists' | 'taints'>

const statusOf = (pod: KubeObject) => (pod.status ?? {}) as PodStatus

export function isReadyPod(pod: KubeObject): boolean {
  const { phase, conditions = [] } = statusOf(pod)
  return phase === 'Succeeded' || conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** A pod that is past: evicted, failed, or about to be removed. Another takes its place, and is what counts. */
export const isPast = (pod: KubeObject): boolean =>
  statusOf(pod).phase === 'Failed' || pod.metadata.deletionTimestamp !== undefined

const line = ({ reason, message }: EventLine) => `${reason}: ${message}`

/** Why a pod is not ready. */
export function podCause(objects: Objects, pod: KubeObject, context: Context): Cause {
  return causeOf({
    ...context,
    pod,
    status: statusOf(pod),
    events: objects.events(pod).map(line),
    claims: unboundClaims(objects, pod),
  })
}

/** The PersistentVolumeClaims that a pod mounts and that are not bound. */
function unboundClaims(objects: Objects, pod: KubeObject): PodEvidence['claims'] {
  type Volumes = { volumes?: { persistentVolumeClaim?: { claimName: string } }[] }
  const names = ((pod.spec as Volumes).volumes ?? []).map((volume) => volume.persistentVolumeClaim?.claimName)
  return objects
    .ofKind('PersistentVolumeClaim', pod.metadata.namespace)
    .filter(({ metadata, status }) => {
      return names.includes(metadata.name) && (status as { phase?: string } | undefined)?.phase !== 'Bound'
    })
    .map((claim) => {
      const [newest] = objects.events(claim)
      return {
        name: claim.metadata.name,
        class: (claim.spec as { storageClassName?: string }).storageClassName ?? '',
        message: newest ? line(newest) : 'nothing has provisioned a volume for it',
      }
    })
}

/**
 * Why a Deployment or Job is not ready: by its newest pod that lives and is not ready, else by what refuses its pods.
 * Pods that have failed or were evicted are past.
 */
export function workloadCause(objects: Objects, workload: KubeObject, context: Context): WorkloadCause {
  const { kind, metadata } = workload
  const { name, namespace = '' } = metadata
  if ((workload.spec as { replicas?: number }).replicas === 0) {
    return {
      id: 'PRW-POD-001',
      cause: 'it is scaled to 0 replicas',
      evidence: 'spec.replicas: 0',
      remedy: stepOf(workload)
        ? `Run ${rerunLine(stepOf(workload)!)}, which restores the replicas of its manifest.`
        : `Scale it up: ${kubectlLine('-n', namespace, 'scale', `${kind.toLowerCase()}/${name}`, '--replicas=1')}`,
    }
  }
  const pods = objects.podsOf(workload)
  const pod = pods.find((one) => !isPast(one) && !isReadyPod(one))
  if (pod) return { ...podCause(objects, pod, context), pod }
  const refusal = refusedBy(objects, workload)
  if (refusal) return refusal
  const past = pods.filter(isPast)
  const [last] = past
  if (!last) return hasNoPod(objects, workload)
  if (last.metadata.deletionTimestamp) {
    return {
      id: 'PRW-POD-005',
      cause: `its pod ${last.metadata.name} is being deleted since ${last.metadata.deletionTimestamp}${finalizersOf(last)}`,
      evidence: `deletionTimestamp: ${last.metadata.deletionTimestamp}`,
      remedy: `Check ${kubectlLine('-n', namespace, 'describe', 'pod', last.metadata.name)}`,
      pod: last,
    }
  }
  const { reason = '', message = '' } = statusOf(last)
  const evicted = reason === 'Evicted'
  return {
    id: evicted ? 'PRW-POD-004' : 'PRW-POD-006',
    cause: `${past.length === 1 ? 'its pod was' : `its ${past.length} pods were`} ${evicted ? 'evicted' : 'ended'}: ${message || reason || 'phase Failed'}`,
    evidence: message || reason,
    remedy: evicted
      ? `The node has too little left of what the message names. Free some or add a node; then remove what is left of the pods: ${kubectlLine('-n', namespace, 'delete', 'pods', '--field-selector', 'status.phase=Failed')}`
      : `Read its log: ${kubectlLine('-n', namespace, 'logs', last.metadata.name)}`,
    log: evicted ? undefined : { container: '', previous: false },
    pod: last,
  }
}

function finalizersOf({ metadata }: KubeObject): string {
  const finalizers = (metadata.finalizers ?? []) as string[]
  return finalizers.length > 0 ? `, and waits for ${finalizers.join(', ')}` : ''
}

/** What refuses to create the pods of a workload: the newest refusal of its ReplicaSets, or of itself. */
function refusedBy(objects: Objects, workload: KubeObject): WorkloadCause | undefined {
  const sets = objects
    .ownedBy(workload)
    .filter(({ kind }) => kind === 'ReplicaSet')
    .sort((a, b) => createdAt(b).localeCompare(createdAt(a)))
  const owners = [...sets, workload]
  const events = owners.flatMap((one) => objects.events(one)).filter(({ reason }) => /Failed/.test(reason))
  // Also where events are no longer kept: the ReplicaSet has the message in its conditions.
  const conditions = [...sets.slice(0, 1), workload].flatMap(({ status }) => {
    const { conditions: all = [] } = (status ?? {}) as PodStatus
    return all.filter(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
  })
  const [text] = [...conditions.map(({ message = '' }) => `FailedCreate: ${message}`), ...events.map(line)]
  if (!text) return undefined
  const refusal = refusalOf(text)
  const { name, namespace = '' } = workload.metadata
  return {
    id: refusal?.id ?? 'PRW-ADM-099',
    cause: text,
    evidence: text,
    remedy:
      refusal?.remedy(text) ?? `Check ${kubectlLine('-n', namespace, 'describe', workload.kind.toLowerCase(), name)}`,
    follows: follows(text, namespace),
    lasting: refusal?.lasting,
  }
}

function follows(text: string, namespace: string): string[] {
  const account = /serviceaccount "([^"]+)" not found/i.exec(text)?.[1]
  return account ? [objectLabel('ServiceAccount', account, namespace)] : []
}

/** A workload without a pod and without a refusal: nobody has tried, or a moment ago. */
function hasNoPod(objects: Objects, workload: KubeObject): WorkloadCause {
  const { name, namespace = '', generation } = workload.metadata
  const observed = (workload.status as { observedGeneration?: number } | undefined)?.observedGeneration ?? 0
  const describe = `Check ${kubectlLine('-n', namespace, 'describe', workload.kind.toLowerCase(), name)}`
  const missing = [
    ...mounted({ pod: templateOf(workload) }, 'Secret'),
    ...mounted({ pod: templateOf(workload) }, 'ConfigMap'),
  ]
  if (objects.ownedBy(workload).length === 0 && observed < Number(generation ?? 1)) {
    return {
      id: 'PRW-POD-007',
      cause: 'no controller has dealt with it: kube-controller-manager does not run, or is far behind',
      remedy: describe,
    }
  }
  return { id: 'PRW-POD-008', cause: 'it has no pod', remedy: describe, follows: missing }
}

/** The pod that a workload would create. */
export function templateOf(workload: KubeObject): KubeObject {
  const { template } = workload.spec as { template?: { spec?: unknown } }
  return { ...workload, kind: 'Pod', spec: template?.spec ?? {} } as KubeObject
}

/** What an unknown fault shows: the pod's events in order, and what differs from its siblings that are ready. */
export function unknownCause(objects: Objects, pod: KubeObject): string[] {
  const events = objects
    .events(pod)
    .slice(0, 5)
    .reverse()
    .map((one) => `${one.time.slice(11, 19)} ${line(one)}${one.count > 1 ? ` (${one.count} times)` : ''}`)
  const siblings = objects.ofKind('Pod', pod.metadata.namespace).filter((one) => one !== pod && isReadyPod(one))
  return [...events, ...differencesFrom(siblings, pod)]
}

/** In what a pod differs from all of its healthy siblings. */
function differencesFrom(siblings: KubeObject[], pod: KubeObject): string[] {
  if (siblings.length === 0) return []
  type Spec = { nodeName?: string; containers?: { image: string }[]; serviceAccountName?: string }
  const traits: [name: string, of: (one: KubeObject) => string | undefined][] = [
    ['node', ({ spec }) => (spec as Spec).nodeName],
    ['registry', ({ spec }) => (spec as Spec).containers?.[0]?.image.split('/').slice(0, -1).join('/')],
    ['tag', ({ spec }) => (spec as Spec).containers?.[0]?.image.split(':').at(-1)],
  ]
  return traits.flatMap(([name, of]) => {
    const own = of(pod)
    const theirs = [...new Set(siblings.map(of))]
    return own && !theirs.includes(own)
      ? [`its ${name} is ${own}; healthy pods have ${theirs.slice(0, 3).join(', ')}`]
      : []
  })
}
