import type { Finding } from '../base/problem.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/table.ts'
import { kubectlLine, tryKubectl } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'
import { getObjects } from './snapshot.ts'

interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
}

interface ContainerStatus {
  name: string
  ready: boolean
  restartCount: number
  state?: { waiting?: { reason: string; message?: string }; terminated?: { reason?: string; exitCode: number } }
  lastState?: { terminated?: { reason?: string; exitCode: number } }
}

interface PodStatus {
  phase?: string
  conditions?: Condition[]
  containerStatuses?: ContainerStatus[]
  initContainerStatuses?: ContainerStatus[]
}

/** What is known about one pod that is not ready, ready to be judged. */
interface PodEvidence {
  pod: KubeObject
  status: PodStatus
  /** The messages of its warning events, newest first. */
  events: string[]
  /** Claims it mounts that are not bound, with what their events say. */
  claims: { name: string; class: string; message: string }[]
  settings: Settings
}

/** A cause that is known: how it looks, and what to do about it. The first row that fits tells the cause. */
interface Cause {
  matches: (sight: PodEvidence) => string | undefined
  remedy: (seen: string, sight: PodEvidence) => string
}

const find = (events: string[], pattern: RegExp) => events.find((message) => pattern.test(message))

const waiting = ({ status }: PodEvidence, reasons: RegExp) =>
  [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].find((one) =>
    reasons.test(one.state?.waiting?.reason ?? ''),
  )

const unscheduled = ({ status }: PodEvidence) =>
  status.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False')?.message

const CAUSES: Cause[] = [
  {
    matches: ({ claims }) =>
      claims.map((claim) => `claim ${claim.name} is Pending (class ${claim.class || 'none'}): ${claim.message}`)[0],
    remedy: (_, { settings }) =>
      settings.TARGET === 'eks'
        ? `Run ${rerunLine('07-ebs-csi')}: the EBS CSI driver and the class ${settings.STORAGE_CLASS} make volumes.`
        : `Set STORAGE_CLASS to a class of this cluster that makes volumes: ${kubectlLine('get', 'storageclasses')}`,
  },
  {
    matches: (sight) => {
      const seen = unscheduled(sight)
      // What the scheduler thinks of moving other pods helps nobody here.
      return seen && `no node takes it: ${seen.replace(/[.,] (no new claims to deallocate|preemption:).*/s, '')}`
    },
    remedy: (seen, { settings }) =>
      /affinity|selector/.test(seen)
        ? `It asks for a Linux node of architecture ${settings.NODE_ARCH} (NODE_ARCH). Add such nodes.`
        : /Insufficient/.test(seen)
          ? 'Add a node, or larger ones.'
          : /taint/.test(seen)
            ? 'Remove the taint, or add nodes without it.'
            : `See ${kubectlLine('get', 'nodes')}`,
  },
  {
    matches: ({ events }) => find(events, /secret "[^"]+" not found|references non-existent secret key/),
    remedy: () => `Run ${rerunLine('03-secrets')}.`,
  },
  {
    matches: ({ events }) => find(events, /configmap "[^"]+" not found/),
    remedy: (seen) => `Run ${rerunLine(/label-config/.test(seen) ? '10-labels' : '06-config')}.`,
  },
  {
    matches: (sight) => {
      const seen = waiting(sight, /ImagePull|ErrImage|InvalidImageName/)
      return (
        seen && `image of ${seen.name} cannot be pulled: ${seen.state?.waiting?.message ?? seen.state?.waiting?.reason}`
      )
    },
    remedy: () =>
      'See that the nodes reach the registry and the tag exists. A mirror is set by PROW_IMAGE_REGISTRY (Prow) and IMAGE_MIRROR (the rest).',
  },
  {
    matches: (sight) => {
      const seen = waiting(sight, /CreateContainerConfigError|CreateContainerError/)
      return seen && `${seen.name} cannot be made: ${seen.state?.waiting?.message ?? ''}`
    },
    remedy: (seen) =>
      /root/.test(seen)
        ? 'The image runs as root. Set POD_SECURITY=baseline, or use images that do not.'
        : `Run ${rerunLine('03-secrets')} and ${rerunLine('06-config')}.`,
  },
  {
    matches: (sight) => {
      const seen = [...(sight.status.initContainerStatuses ?? []), ...(sight.status.containerStatuses ?? [])].find(
        (one) => /CrashLoopBackOff/.test(one.state?.waiting?.reason ?? '') || (one.restartCount > 0 && !one.ready),
      )
      const ended = seen?.lastState?.terminated
      return (
        seen &&
        `${seen.name} crashes${ended ? ` (exit code ${ended.exitCode}${ended.reason === 'OOMKilled' ? ', out of memory' : ''})` : ''}`
      )
    },
    remedy: (_, { pod }) =>
      `Read why: ${kubectlLine('-n', pod.metadata.namespace ?? '', 'logs', pod.metadata.name, '--previous')}`,
  },
  {
    matches: ({ events }) => find(events, /FailedMount|MountVolume|Unable to attach/),
    remedy: (_, { pod }) =>
      `See ${kubectlLine('-n', pod.metadata.namespace ?? '', 'describe', 'pod', pod.metadata.name)}`,
  },
  {
    matches: ({ events }) => find(events, /probe failed/i),
    remedy: (_, { pod }) =>
      `It runs but does not answer its probe. Read its log: ${kubectlLine('-n', pod.metadata.namespace ?? '', 'logs', pod.metadata.name)}`,
  },
  {
    matches: ({ status }) => `it is ${status.phase ?? 'not started'} and not ready`,
    remedy: (_, { pod }) =>
      `See ${kubectlLine('-n', pod.metadata.namespace ?? '', 'describe', 'pod', pod.metadata.name)}`,
  },
]

/** Why the named Deployments or Jobs are not ready, one fault each: the cause as the cluster tells it, and the remedy. */
export async function diagnose(
  kind: string,
  names: string[],
  namespace: string,
  settings: Settings,
): Promise<Finding[]> {
  if (kind === 'CustomResourceDefinition') {
    return names.map((name) => ({
      message: `${name} is not established`,
      remedy: `See its conditions: ${kubectlLine('get', 'crd', name, '-o', 'yaml')}`,
    }))
  }
  const all = await getObjects('pods,events,persistentvolumeclaims,replicasets.apps', '-n', namespace)
  const of = (kinds: string) => all.filter((object) => object.kind === kinds)
  const events = (kinds: string, name: string) =>
    of('Event')
      .filter((event) => {
        const about = event.involvedObject as { kind: string; name: string }
        return about.kind === kinds && about.name === name
      })
      .sort((a, b) => String(b.lastTimestamp ?? b.eventTime).localeCompare(String(a.lastTimestamp ?? a.eventTime)))
      .map((event) => `${event.reason}: ${event.message}`)

  const found: { name: string; cause: string; remedy: string }[] = []
  for (const name of names) {
    const sets = of('ReplicaSet').filter((set) => owner(set) === `${kind}/${name}`)
    const owners = [`${kind}/${name}`, ...sets.map((set) => `ReplicaSet/${set.metadata.name}`)]
    const owned = of('Pod').filter((one) => owners.includes(owner(one)))
    const pod = owned.find((one) => !isReady(one))
    if (!pod) {
      const refused = sets
        .flatMap((set) => events('ReplicaSet', set.metadata.name))
        .concat(events(kind, name))
        .find((message) => /Failed|forbidden|exceeded/i.test(message))
      found.push({
        name,
        cause: refused ?? 'it has no pod',
        remedy: /serviceaccount/i.test(refused ?? '')
          ? `Run ${rerunLine('05-service-accounts')}.`
          : `See ${kubectlLine('-n', namespace, 'describe', kind.toLowerCase(), name)}`,
      })
      continue
    }
    const sight: PodEvidence = {
      pod,
      status: (pod.status ?? {}) as PodStatus,
      events: events('Pod', pod.metadata.name),
      claims: claims(pod, of('PersistentVolumeClaim')).map((claim) => ({
        name: claim.metadata.name,
        class: (claim.spec as { storageClassName?: string }).storageClassName ?? '',
        message: events('PersistentVolumeClaim', claim.metadata.name)[0] ?? 'nothing has made a volume for it',
      })),
      settings,
    }
    const cause = CAUSES.find((row) => row.matches(sight))!
    const seen = cause.matches(sight)!
    const last = /crashes/.test(seen) ? await lastLogLine(pod) : ''
    found.push({ name, cause: `${seen}${last}`, remedy: cause.remedy(seen, sight) })
  }
  // One cause often holds up all of them, and is then told once.
  const faults: Finding[] = []
  for (const cause of new Set(found.map((one) => one.cause))) {
    const held = found.filter((one) => one.cause === cause)
    const what = held.length === 1 ? `${kind} ${namespace}/` : `${held.length} ${kind}s in ${namespace} are not ready: `
    faults.push({
      message: `${what}${held.map((one) => one.name).join(', ')}${held.length === 1 ? ' is not ready: ' : '\n'}${cause}`,
      remedy: held[0]!.remedy,
    })
  }
  return faults
}

/** Who made an object, such as `ReplicaSet/hook-5d8f`. */
function owner(object: KubeObject): string {
  const [first] = (object.metadata.ownerReferences ?? []) as { kind: string; name: string }[]
  return first ? `${first.kind}/${first.name}` : ''
}

function isReady(pod: KubeObject): boolean {
  const status = pod.status as PodStatus
  return (
    status.phase === 'Succeeded' || Boolean(status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))
  )
}

function claims(pod: KubeObject, all: KubeObject[]): KubeObject[] {
  const volumes = ((pod.spec as { volumes?: { persistentVolumeClaim?: { claimName: string } }[] }).volumes ?? []).map(
    (volume) => volume.persistentVolumeClaim?.claimName,
  )
  return all.filter(
    (claim) => volumes.includes(claim.metadata.name) && (claim.status as { phase?: string })?.phase !== 'Bound',
  )
}

/** The last line of a crashed container's log: Prow's programs say there, in JSON, what ended them. */
async function lastLogLine(pod: KubeObject): Promise<string> {
  const { stdout } = await tryKubectl([
    '-n',
    pod.metadata.namespace ?? '',
    'logs',
    pod.metadata.name,
    '--previous',
    '--tail=1',
    '--all-containers',
  ])
  const text = stdout.trim().split('\n').at(-1) ?? ''
  if (!text) return ''
  try {
    const { msg, error } = JSON.parse(text)
    return `\n${[msg, error].filter(Boolean).join(': ')}`
  } catch {
    return `\n${text.slice(0, 300)}`
  }
}
