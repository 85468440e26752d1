import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/table.ts'
import { kubectlLine } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'

export interface ContainerStatus {
  name: string
  ready: boolean
  restartCount: number
  state?: {
    waiting?: { reason: string; message?: string }
    running?: object
    terminated?: { reason?: string; exitCode: number }
  }
  lastState?: { terminated?: { reason?: string; exitCode: number } }
}

export interface PodStatus {
  phase?: string
  conditions?: { type: string; status: string; reason?: string; message?: string }[]
  containerStatuses?: ContainerStatus[]
  initContainerStatuses?: ContainerStatus[]
}

/** What is known about one pod that is not ready. */
export interface PodEvidence {
  pod: KubeObject
  status: PodStatus
  /** The messages of its events, newest first. */
  events: string[]
  /** PersistentVolumeClaims that it mounts and that are not bound, each with its newest event. */
  claims: { name: string; class: string; message: string }[]
  settings: Settings
}

export interface Cause {
  cause: string
  remedy: string
  /** Whether the log of the crashed container says more. */
  log?: boolean
}

const event = ({ events }: PodEvidence, pattern: RegExp) => events.find((message) => pattern.test(message))

const containers = ({ status }: PodEvidence) => [
  ...(status.initContainerStatuses ?? []),
  ...(status.containerStatuses ?? []),
]

const waiting = (evidence: PodEvidence, reasons: RegExp) =>
  containers(evidence).find(({ state }) => reasons.test(state?.waiting?.reason ?? ''))

const inPod = ({ pod: { metadata } }: PodEvidence, verb: string, ...more: string[]) =>
  kubectlLine('-n', metadata.namespace ?? '', verb, ...(verb === 'describe' ? ['pod'] : []), metadata.name, ...more)

/** The known causes; the first row that recognizes its own is the cause. The last one recognizes every pod. */
const CAUSES: ((evidence: PodEvidence) => Cause | undefined)[] = [
  function unboundClaim({ claims: [claim], settings }) {
    if (!claim) return undefined
    return {
      cause: `PVC ${claim.name} is Pending (StorageClass ${claim.class || 'none'}): ${claim.message}`,
      remedy:
        settings.TARGET === 'eks'
          ? `Run ${rerunLine('07-ebs-csi')}: the EBS CSI driver and StorageClass ${settings.STORAGE_CLASS} provision volumes.`
          : `Set STORAGE_CLASS to a StorageClass of this cluster that provisions volumes: ${kubectlLine('get', 'storageclasses')}`,
    }
  },
  function unscheduled({ status, settings }) {
    const condition = status.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False')
    if (!condition?.message) return undefined
    // What the scheduler says about preemption is of no use here.
    const reason = condition.message.replace(/[.,] (no new claims to deallocate|preemption:).*/s, '')
    const remedies: [RegExp, string][] = [
      [/affinity|selector/, `It needs a Linux node of architecture ${settings.NODE_ARCH} (NODE_ARCH). Add such nodes.`],
      [/Insufficient/, 'Add a node, or larger ones.'],
      [/taint/, 'Remove the taint, or add nodes without it.'],
    ]
    return {
      cause: `no node can run it: ${reason}`,
      remedy: remedies.find(([pattern]) => pattern.test(reason))?.[1] ?? `Check ${kubectlLine('get', 'nodes')}`,
    }
  },
  function missingSecret(evidence) {
    const cause = event(evidence, /secret "[^"]+" not found|references non-existent secret key/)
    return cause ? { cause, remedy: `Run ${rerunLine('03-secrets')}.` } : undefined
  },
  function missingConfigMap(evidence) {
    const cause = event(evidence, /configmap "[^"]+" not found/)
    if (!cause) return undefined
    return { cause, remedy: `Run ${rerunLine(/label-config/.test(cause) ? '10-labels' : '06-config')}.` }
  },
  function imageNotPulled(evidence) {
    const found = waiting(evidence, /ImagePull|ErrImage|InvalidImageName/)
    if (!found) return undefined
    const { message, reason } = found.state!.waiting!
    return {
      cause: `the image of ${found.name} cannot be pulled: ${message ?? reason}`,
      remedy:
        'Check that the nodes reach the registry and that the tag exists. A mirror is set by PROW_IMAGE_REGISTRY (Prow) and IMAGE_MIRROR (the rest).',
    }
  },
  function containerNotCreated(evidence) {
    const found = waiting(evidence, /CreateContainerConfigError|CreateContainerError/)
    if (!found) return undefined
    const message = found.state?.waiting?.message ?? ''
    return {
      cause: `container ${found.name} cannot be created: ${message}`,
      remedy: /root/.test(message)
        ? 'The image runs as root. Set POD_SECURITY=baseline, or use images that do not.'
        : `Run ${rerunLine('03-secrets')} and ${rerunLine('06-config')}.`,
    }
  },
  function crashed(evidence) {
    const found = containers(evidence).find(
      ({ state, restartCount, ready }) =>
        /CrashLoopBackOff/.test(state?.waiting?.reason ?? '') || (restartCount > 0 && !ready),
    )
    if (!found) return undefined
    const { exitCode, reason } = found.lastState?.terminated ?? {}
    const memory = reason === 'OOMKilled' ? ', out of memory' : ''
    return {
      cause: `container ${found.name} crashes${exitCode === undefined ? '' : ` (exit code ${exitCode}${memory})`}`,
      remedy: `Read its log: ${inPod(evidence, 'logs', '--previous')}`,
      log: true,
    }
  },
  function volumeNotMounted(evidence) {
    const cause = event(evidence, /FailedMount|MountVolume|Unable to attach/)
    return cause ? { cause, remedy: `Check ${inPod(evidence, 'describe')}` } : undefined
  },
  function initContainerRuns(evidence) {
    const found = evidence.status.initContainerStatuses?.find(({ state }) => state?.running)
    if (!found) return undefined
    return {
      cause: `its init container ${found.name} has not ended`,
      remedy: `Read its log: ${inPod(evidence, 'logs', '-c', found.name)}`,
    }
  },
  function probeFails(evidence) {
    const cause = event(evidence, /probe failed/i)
    if (!cause) return undefined
    return { cause, remedy: `It runs but does not answer its probe. Read its log: ${inPod(evidence, 'logs')}` }
  },
]

/** The cause that keeps a pod from being ready, and its remedy. */
export function causeOf(evidence: PodEvidence): Cause {
  for (const recognize of CAUSES) {
    const found = recognize(evidence)
    if (found) return found
  }
  return {
    cause: `its pod is ${evidence.status.phase ?? 'not started'} and not ready`,
    remedy: `Check ${inPod(evidence, 'describe')}`,
  }
}
