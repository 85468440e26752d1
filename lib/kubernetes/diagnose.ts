import { type Finding, failed } from '../base/problem.ts'
import { summarize } from '../base/summarize.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Waitable } from '../run/result.ts'
import type { Settings } from '../settings/table.ts'
import { kubectlLine, tryKubectl } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'
import { type Cause, causeOf, type PodStatus } from './pod-causes.ts'
import { getObjects } from './snapshot.ts'

/** Pods and what belongs to them in one namespace, read together. */
class Evidence {
  readonly objects: KubeObject[]

  constructor(objects: KubeObject[]) {
    this.objects = objects
  }

  ofKind(kind: string): KubeObject[] {
    return this.objects.filter((object) => object.kind === kind)
  }

  /** The events of an object, newest first. */
  events(kind: string, name: string): string[] {
    return this.ofKind('Event')
      .filter(({ involvedObject }) => {
        const about = involvedObject as { kind: string; name: string }
        return about.kind === kind && about.name === name
      })
      .sort((a, b) => String(b.lastTimestamp ?? b.eventTime).localeCompare(String(a.lastTimestamp ?? a.eventTime)))
      .map(({ reason, message }) => `${reason}: ${message}`)
  }

  /** The PersistentVolumeClaims that a pod mounts and that are not bound. */
  unboundClaims(pod: KubeObject) {
    type Volumes = { volumes?: { persistentVolumeClaim?: { claimName: string } }[] }
    const names = ((pod.spec as Volumes).volumes ?? []).map((volume) => volume.persistentVolumeClaim?.claimName)
    return this.ofKind('PersistentVolumeClaim')
      .filter(({ metadata, status }) => {
        return names.includes(metadata.name) && (status as { phase?: string } | undefined)?.phase !== 'Bound'
      })
      .map(({ metadata, spec }) => ({
        name: metadata.name,
        class: (spec as { storageClassName?: string }).storageClassName ?? '',
        message: this.events('PersistentVolumeClaim', metadata.name)[0] ?? 'nothing has provisioned a volume for it',
      }))
  }
}

/**
 * Why the named workloads are not ready: a finding for each cause, with all that it holds up, and its remedy. Reads the
 * pods, events, PersistentVolumeClaims and ReplicaSets of the namespace, and the log of a crashed container.
 */
export async function diagnose(
  kind: Waitable,
  names: string[],
  namespace: string,
  settings: Settings,
): Promise<Finding[]> {
  if (kind === 'CustomResourceDefinition') {
    return names.map((name) =>
      failed(`${name} is not established`, `Check its conditions: ${kubectlLine('get', 'crd', name, '-o', 'yaml')}`),
    )
  }
  const kinds = 'pods,events,persistentvolumeclaims,replicasets.apps,deployments.apps,jobs.batch'
  const evidence = new Evidence(await getObjects(kinds, '-n', namespace))
  const found: (Cause & { name: string })[] = []
  for (const name of names) {
    const cause = await causeFor(kind, name, namespace, evidence, settings)
    found.push({ ...cause, name })
  }
  return [...new Set(found.map(({ cause }) => cause))].map((cause) => {
    const held = found.filter((one) => one.cause === cause)
    const [first] = held
    if (held.length === 1) return failed(`${kind} ${namespace}/${first!.name} is not ready: ${cause}`, first!.remedy)
    const list = summarize(
      held.map(({ name }) => name),
      12,
    )
    return failed(`${held.length} ${kind}s in ${namespace} are not ready: ${list}\n${cause}`, first!.remedy)
  })
}

async function causeFor(
  kind: string,
  name: string,
  namespace: string,
  evidence: Evidence,
  settings: Settings,
): Promise<Cause> {
  const describe = `Check ${kubectlLine('-n', namespace, 'describe', kind.toLowerCase(), name)}`
  const workload = evidence.ofKind(kind).find(({ metadata }) => metadata.name === name)
  if (!workload) return { cause: 'it does not exist', remedy: 'Run this step again.' }
  if ((workload.spec as { replicas?: number }).replicas === 0) {
    return {
      cause: 'it is scaled to 0 replicas',
      remedy: `Scale it up: ${kubectlLine('-n', namespace, 'scale', `${kind.toLowerCase()}/${name}`, '--replicas=1')}`,
    }
  }
  const sets = evidence.ofKind('ReplicaSet').filter((set) => ownerOf(set) === `${kind}/${name}`)
  const owners = [`${kind}/${name}`, ...sets.map(({ metadata }) => `ReplicaSet/${metadata.name}`)]
  const pods = evidence.ofKind('Pod').filter((pod) => owners.includes(ownerOf(pod)))
  const pod = pods.find((one) => !isReadyPod(one))
  if (!pod) {
    const refusal = [
      ...sets.flatMap(({ metadata }) => evidence.events('ReplicaSet', metadata.name)),
      ...evidence.events(kind, name),
    ].find((message) => /Failed|forbidden|exceeded/i.test(message))
    const account = /serviceaccount/i.test(refusal ?? '')
    return {
      cause: refusal ?? 'it has no pod',
      remedy: account ? `Run ${rerunLine('05-service-accounts')}.` : describe,
    }
  }
  const cause = causeOf({
    pod,
    status: (pod.status ?? {}) as PodStatus,
    events: evidence.events('Pod', pod.metadata.name),
    claims: evidence.unboundClaims(pod),
    settings,
  })
  const line = cause.log ? await lastLogLine(pod) : ''
  return line ? { ...cause, cause: `${cause.cause}\n${line}` } : cause
}

/** The owner of an object, such as `ReplicaSet/hook-5d8f`. */
function ownerOf(object: KubeObject): string {
  const [first] = (object.metadata.ownerReferences ?? []) as { kind: string; name: string }[]
  return first ? `${first.kind}/${first.name}` : ''
}

function isReadyPod(pod: KubeObject): boolean {
  const { phase, conditions = [] } = pod.status as PodStatus
  return phase === 'Succeeded' || conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** The last line of a crashed container's log: Prow's components print there, in JSON, what ended them. */
async function lastLogLine({ metadata: { name, namespace = '' } }: KubeObject): Promise<string> {
  const options = ['--previous', '--tail=1', '--all-containers']
  const { stdout } = await tryKubectl(['-n', namespace, 'logs', name, ...options])
  const text = stdout.trim().split('\n').at(-1) ?? ''
  try {
    const { msg, error } = JSON.parse(text)
    return [msg, error].filter(Boolean).join(': ')
  } catch {
    return text.slice(0, 300)
  }
}
