import { type Finding, failed } from '../base/problem.ts'
import { summarize } from '../base/summarize.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import type { Waitable } from '../run/result.ts'
import type { Settings } from '../settings/table.ts'
import { parseLine } from './component-log.ts'
import { tryKubectl } from './kubectl.ts'
import { meaningOfLastWords } from './last-words.ts'
import type { KubeObject } from './manifests.ts'
import { Objects, objectLabel } from './objects.ts'
import { type Cause, mounted } from './pod-causes.ts'
import { getObjects } from './snapshot.ts'
import { unknownCause, type WorkloadCause, workloadCause } from './workload-cause.ts'

/** The kinds by which a workload is judged. */
export const WORKLOAD_KINDS = [
  'pods',
  'events',
  'persistentvolumeclaims',
  'replicasets.apps',
  'deployments.apps',
  'jobs.batch',
]

/**
 * Why the named workloads are not ready: a finding for each cause, with all that it holds up, and its remedy. Reads the
 * pods, events, PersistentVolumeClaims, ReplicaSets, Secrets and ConfigMaps of the namespace, and the log of a crashed container.
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
  const found = await causesOf(kind, names, namespace, settings)
  return [...new Set(found.map(({ cause }) => cause))].map((cause) => {
    const held = found.filter((one) => one.cause === cause)
    const [first] = held
    const { id, remedy } = first!
    if (held.length === 1)
      return { ...failed(`${kind} ${namespace}/${first!.name} is not ready: ${cause}`, remedy), id }
    const list = summarize(
      held.map(({ name }) => name),
      12,
    )
    return { ...failed(`${held.length} ${kind}s in ${namespace} are not ready: ${list}\n${cause}`, remedy), id }
  })
}

/** The cause of each named workload that is not ready. */
export async function causesOf(
  kind: Waitable,
  names: string[],
  namespace: string,
  settings: Settings,
  logs = true,
): Promise<(WorkloadCause & { name: string })[]> {
  // Secrets and ConfigMaps too: an event about a missing one is older than the one that was made since.
  const kinds = [...WORKLOAD_KINDS, 'secrets', 'configmaps']
  const objects = new Objects(await getObjects(kinds.join(','), '-n', namespace))
  const exists = (kind: string, name: string) => objects.get(kind, name, namespace) !== undefined
  return Promise.all(
    names.map(async (name) => {
      const workload = objects.get(kind, name, namespace)
      if (!workload) return { id: 'PRW-POD-002', cause: 'it does not exist', remedy: 'Run this step again.', name }
      const cause = workloadCause(objects, workload, { settings, exists })
      return { ...(logs ? await withLastWords(objects, cause, settings) : cause), name }
    }),
  )
}

/** A cause with what the container said last, and what that means, where its log is of use. */
export async function withLastWords<T extends WorkloadCause>(
  objects: Objects,
  found: T,
  settings: Settings,
): Promise<T> {
  if (!found.log || !found.pod) return found
  const words = await lastWords(found.pod, found.log)
  const known = meaningOfLastWords(words, settings)
  const more = found.id === 'PRW-POD-099' ? unknownCause(objects, found.pod) : []
  return {
    ...found,
    ...(known ? { id: known.id, remedy: known.remedy } : {}),
    cause: [known ? `${found.cause}: ${known.cause}` : found.cause, ...more, words].filter(Boolean).join('\n'),
    evidence: words || found.evidence,
    follows: [...(found.follows ?? []), ...rootsOf(found.pod, known?.about)],
  }
}

/** The objects that may be the root of a crash: what its last words are about; all that it mounts when nobody knows. */
function rootsOf(pod: KubeObject, about?: string): string[] {
  const { namespace = '' } = pod.metadata
  const { serviceAccountName = '' } = pod.spec as { serviceAccountName?: string }
  if (about === 'Role')
    return ['prow', 'test-pods'].flatMap((where) =>
      ['Role', 'RoleBinding'].map((kind) => objectLabel(kind, serviceAccountName, where)),
    )
  const mounts = [...mounted({ pod }, 'Secret'), ...mounted({ pod }, 'ConfigMap')]
  if (!about) return mounts
  const [kind, name] = about.split(' ')
  return name ? [objectLabel(kind!, name, namespace)] : mounts.filter((one) => one.startsWith(`${kind} `))
}

/** For how many seconds the log of a pod is waited for. */
const LOG_LIMIT = 15

/** How many of its last lines are read: a program that rejects an argument prints all others after it. */
const LINES = 400

/** Of a container's log the line that ended it, or else the last one. Empty when there is none. */
async function lastWords(
  { metadata: { name, namespace = '' } }: KubeObject,
  { container, previous }: NonNullable<Cause['log']>,
): Promise<string> {
  const options = [
    ...(previous ? ['--previous'] : []),
    `--tail=${LINES}`,
    ...(container ? ['-c', container] : ['--all-containers']),
  ]
  const { stdout } = await tryKubectl(['-n', namespace, 'logs', name, ...options], { timeout: LOG_LIMIT })
  return decisiveLine(stdout)
}

/**
 * The line of a log that says why it ended. Prow's components print JSON: the last one that is fatal. A program that does
 * not know an argument says so before its usage.
 */
export function decisiveLine(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim())
  const rejected = lines.findLast((line) => /flag provided but not defined|unknown (?:shorthand )?flag/.test(line))
  const fatal = lines.findLast(
    (line) => /"(?:level|severity)":"(?:fatal|panic)"/.test(line) || /^(?:panic|fatal error): /.test(line),
  )
  const line = (fatal ?? rejected ?? lines.at(-1) ?? '').trim()
  return parseLine(line)?.text ?? line.slice(0, 300)
}
