import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/table.ts'
import { imagePullCause } from './image-pulls.ts'
import type { KubeObject } from './manifests.ts'
import { objectLabel } from './objects.ts'
import { schedulingCause, withoutPreemption } from './scheduling.ts'

interface Terminated {
  reason?: string
  message?: string
  exitCode: number
  finishedAt?: string
}

export interface ContainerStatus {
  name: string
  ready: boolean
  restartCount: number
  state?: { waiting?: { reason: string; message?: string }; running?: object; terminated?: Terminated }
  lastState?: { terminated?: Terminated }
}

export interface PodStatus {
  phase?: string
  reason?: string
  message?: string
  conditions?: { type: string; status: string; reason?: string; message?: string }[]
  containerStatuses?: ContainerStatus[]
  initContainerStatuses?: ContainerStatus[]
}

/** What is known about one pod that is not ready. */
export interface PodEvidence {
  pod: KubeObject
  status: PodStatus
  /** Its events as `Reason: message`, newest first. */
  events: string[]
  /** PersistentVolumeClaims that it mounts and that are not bound, each with its newest event. */
  claims: { name: string; class: string; message: string }[]
  settings: Settings
  /** Whether an object is there now; undefined when that was not read. An event about a missing one may be older. */
  exists?: (kind: string, name: string) => boolean | undefined
  /** The taints of nodes, as `key=value:effect`, where the nodes were read. */
  taints?: string[]
}

export interface Cause {
  /** Stable, of the catalogue: PRW-IMG-005. */
  id: string
  cause: string
  remedy: string
  /** The line that it was read from, where the cause is not that line itself. */
  evidence?: string
  /** The container whose log says more, and whether it has ended. */
  log?: { container: string; previous: boolean }
  /** Objects that, when something is wrong with them, are the root of this: `Secret prow/cookie`. */
  follows?: string[]
  /** Whether it cannot pass by itself, so that waiting is of no use. */
  lasting?: boolean
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

/** How a container ended that could not even start: while it waits for the next try, only its last state says so. */
function notStarted({ state, lastState }: ContainerStatus): Terminated | undefined {
  const ended = [state?.terminated, lastState?.terminated]
  return ended.find((one) => /^(?:StartError|ContainerCannotRun)$/.test(one?.reason ?? ''))
}

/** A claim that nothing has begun to provision: it waits for the scheduler, which has the cause. */
const WAITS_FOR_POD = /WaitForFirstConsumer|WaitForPodScheduled|waiting for (?:first consumer|pod)/

const isScheduled = ({ pod, status }: PodEvidence) =>
  Boolean((pod.spec as { nodeName?: string } | undefined)?.nodeName) ||
  Boolean(status.conditions?.some((one) => one.type === 'PodScheduled' && one.status === 'True'))

/**
 * The known causes; the first row that recognizes its own is the cause. They stand in the order in which a pod comes
 * about: scheduled, volumes, sandbox, images, containers, probes.
 */
const CAUSES: ((evidence: PodEvidence) => Cause | undefined)[] = [
  function unboundClaim(evidence) {
    const { claims, settings, status } = evidence
    if (isScheduled(evidence)) return undefined
    const message = status.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? ''
    // What keeps it from every node comes before its volume, which is provisioned where it will run.
    if (message && !/PersistentVolumeClaim|binding|bind|storage/i.test(message)) return undefined
    const claim = claims.find((one) => !WAITS_FOR_POD.test(one.message))
    if (!claim) return undefined
    const noClass = /storageclass\S* "?[\w.-]+"? not found|no storage class is set/i.test(claim.message)
    return {
      id: noClass ? 'PRW-VOL-002' : 'PRW-VOL-001',
      cause: `PVC ${claim.name} is Pending (StorageClass ${claim.class || 'none'}): ${claim.message}`,
      evidence: claim.message,
      remedy:
        settings.TARGET === 'eks'
          ? `Run ${rerunLine('07-ebs-csi')}: the EBS CSI driver and StorageClass ${settings.STORAGE_CLASS} provision volumes.`
          : `Set STORAGE_CLASS to a StorageClass of this cluster that provisions volumes: ${kubectlLine('get', 'storageclasses')}`,
      follows: [objectLabel('StorageClass', claim.class)],
      lasting: noClass,
    }
  },
  function unscheduled({ pod, status, settings, taints = [] }) {
    const condition = status.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False')
    if (!condition?.message) return undefined
    const { volumes = [] } = (pod.spec ?? {}) as { volumes?: { persistentVolumeClaim?: { claimName: string } }[] }
    const claims = volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [])
    return {
      ...schedulingCause(condition.message, settings, claims, taints),
      evidence: withoutPreemption(condition.message),
    }
  },
  function missingSecret(evidence) {
    const { namespace = '' } = evidence.pod.metadata
    const pattern =
      /secrets? "([^"]+)" not found|references non-existent secret key: (\S+)|couldn't find key (\S+) in Secret (\S+)/
    const line = event(evidence, pattern) ?? textOf(waiting(evidence, /CreateContainerConfigError/), pattern)
    if (!line) return undefined
    const [, name, path, key, other] = pattern.exec(line) ?? []
    const secret = name ?? other?.split('/').at(-1)
    if (secret && !key && evidence.exists?.('Secret', secret)) return undefined
    return {
      id: path || key ? 'PRW-SEC-002' : 'PRW-SEC-001',
      cause: line,
      evidence: line,
      remedy: `Run ${rerunLine('03-secrets')}.`,
      follows: [secret ? objectLabel('Secret', secret, namespace) : '', ...mounted(evidence, 'Secret')].filter(Boolean),
      lasting: true,
    }
  },
  function missingConfigMap(evidence) {
    const { namespace = '' } = evidence.pod.metadata
    const pattern = /configmaps? "([^"]+)" not found|references non-existent config key/
    const line = event(evidence, pattern) ?? textOf(waiting(evidence, /CreateContainerConfigError/), pattern)
    if (!line) return undefined
    const name = pattern.exec(line)?.[1]
    if (name && evidence.exists?.('ConfigMap', name)) return undefined
    return {
      id: 'PRW-CFG-001',
      cause: line,
      evidence: line,
      remedy: `Run ${rerunLine(/label-config/.test(line) ? '10-labels' : '06-config')}.`,
      follows: name ? [objectLabel('ConfigMap', name, namespace)] : mounted(evidence, 'ConfigMap'),
      lasting: true,
    }
  },
  function multiAttach(evidence) {
    const line = event(evidence, /Multi-Attach error/)
    if (!line || hasStarted(evidence)) return undefined
    const [, volume] = /volume "([^"]+)"/.exec(line) ?? []
    return {
      id: 'PRW-VOL-003',
      cause: `its volume${volume ? ` ${volume}` : ''} is still attached to another node`,
      evidence: line,
      remedy: `A pod that still uses it, or a node that is gone, holds it. Delete that pod; after the loss of a node Kubernetes detaches it within six minutes: ${kubectlLine('get', 'volumeattachments')}`,
    }
  },
  function noSandbox(evidence) {
    const line = event(evidence, /FailedCreatePodSandBox/)
    if (!line || hasStarted(evidence)) return undefined
    const noAddress = /assign an IP|no (?:available )?IP addresses|InsufficientFreeAddresses|failed to allocate/i.test(
      line,
    )
    return {
      id: noAddress ? 'PRW-NET-001' : 'PRW-NET-002',
      cause: noAddress
        ? 'the network has no address for it: the subnet or the network interfaces of the node are used up'
        : 'the network of the pod cannot be set up',
      evidence: line,
      remedy: noAddress
        ? 'Turn on prefix delegation of the VPC CNI (ENABLE_PREFIX_DELEGATION), add nodes, or add larger subnets to the node group.'
        : `Check the network plugin of the node: ${kubectlLine('-n', 'kube-system', 'get', 'pods', '-o', 'wide')}`,
    }
  },
  function imageNotPulled(evidence) {
    const found = waiting(evidence, /ImagePull|ErrImage|InvalidImageName|ImageInspectError/)
    if (!found) return undefined
    const { message = '', reason } = found.state!.waiting!
    // The status says most of the time only that it backs off; the event of the pull has the answer of the registry.
    const pull = event(evidence, /Failed: (?:Failed to pull|Error: Err)|Failed to pull image/) ?? ''
    const { id, meaning, remedy, lasting } = imagePullCause(`${reason} ${message} ${pull}`, evidence.settings)
    return {
      id,
      cause: `the image of ${found.name} cannot be pulled: ${meaning ? `${meaning}\n` : ''}${message || pull || reason}`,
      evidence: pull || message || reason,
      remedy,
      lasting,
    }
  },
  function containerNotCreated(evidence) {
    const found =
      waiting(evidence, /CreateContainerConfigError|CreateContainerError|RunContainerError|StartError/) ??
      containers(evidence).find((one) => !one.ready && !one.state?.running && notStarted(one))
    if (!found) return undefined
    const { message = '', reason = '' } = notStarted(found) ?? found.state!.waiting!
    const known = evidence.exists && /(?:secret|configmap)s? "[^"]+" not found/.test(message)
    return {
      id: /root/.test(message) ? 'PRW-CTR-001' : 'PRW-CTR-002',
      cause: `container ${found.name} cannot be created: ${message || reason}`,
      evidence: message || reason,
      remedy: /root/.test(message)
        ? 'The image runs as root. Set POD_SECURITY=baseline, or use images that do not.'
        : known
          ? 'What it lacked exists by now; the kubelet tries again within two minutes.'
          : /exec|executable|no such file/.test(message)
            ? 'The image has no such program: PROW_IMAGE_TAG and the manifests must be of one version. Run 08-prow.'
            : `Run ${rerunLine('03-secrets')} and ${rerunLine('06-config')}.`,
    }
  },
  function crashed(evidence) {
    const found = containers(evidence).find(
      ({ state, restartCount, ready }) =>
        /CrashLoopBackOff/.test(state?.waiting?.reason ?? '') ||
        (!ready && state?.terminated !== undefined && state.terminated.exitCode !== 0) ||
        (restartCount > 0 && !ready),
    )
    if (!found) return undefined
    const { exitCode, reason } = found.state?.terminated ?? found.lastState?.terminated ?? {}
    if (reason === 'OOMKilled') return outOfMemory(evidence, found)
    const liveness = exitCode === 137 || exitCode === 143 ? event(evidence, /Liveness probe failed/) : undefined
    return {
      id: liveness ? 'PRW-CRA-015' : 'PRW-CRA-001',
      cause: `container ${found.name} crashes${exitCode === undefined ? '' : ` (exit code ${exitCode})`}${liveness ? `: the kubelet ends it, as ${liveness}` : ''}`,
      remedy: `Read its log: ${inPod(evidence, 'logs', '--previous', '-c', found.name)}`,
      log: { container: found.name, previous: found.state?.terminated === undefined },
    }
  },
  function volumeNotMounted(evidence) {
    const line = event(evidence, /FailedMount|MountVolume|FailedAttachVolume|Unable to attach/)
    if (!line || hasStarted(evidence)) return undefined
    return { id: 'PRW-VOL-004', cause: line, evidence: line, remedy: `Check ${inPod(evidence, 'describe')}` }
  },
  function initContainerRuns(evidence) {
    const found = evidence.status.initContainerStatuses?.find(({ state }) => state?.running)
    if (!found) return undefined
    return {
      id: 'PRW-POD-012',
      cause: `its init container ${found.name} has not ended`,
      remedy: `Read its log: ${inPod(evidence, 'logs', '-c', found.name)}`,
      log: { container: found.name, previous: false },
    }
  },
  function probeFails(evidence) {
    const line = event(evidence, /probe failed/i)
    if (!line) return undefined
    return {
      id: 'PRW-POD-003',
      cause: line,
      evidence: line,
      remedy: `It runs but does not answer its probe. Read its log: ${inPod(evidence, 'logs')}`,
      log: { container: '', previous: false },
    }
  },
]

/** A container that was killed for its memory: it says nothing itself, so no log is read. */
function outOfMemory(evidence: PodEvidence, { name, restartCount }: ContainerStatus): Cause {
  const { containers: specs = [] } = (evidence.pod.spec ?? {}) as {
    containers?: { name: string; resources?: { limits?: { memory?: string } } }[]
  }
  const limit = specs.find((one) => one.name === name)?.resources?.limits?.memory
  return {
    id: 'PRW-CRA-016',
    cause: `container ${name} needs more memory than ${limit ? `its limit of ${limit}` : 'its node has'}: it crashes (exit code 137, out of memory)`,
    evidence: `OOMKilled, ${restartCount} restarts`,
    remedy: limit
      ? `Raise its memory limit: ${kubectlLine('-n', evidence.pod.metadata.namespace ?? '', 'set', 'resources', `deployment/${name}`, '-c', name, '--limits=memory=SIZE')}`
      : 'Add nodes with more memory.',
  }
}

/** The message of a waiting container where it matches. */
function textOf(status: ContainerStatus | undefined, pattern: RegExp): string | undefined {
  const message = status?.state?.waiting?.message ?? ''
  return pattern.test(message) ? message : undefined
}

/** Whether a container of the pod was created: then its network and volumes are there, whatever an older event says. */
function hasStarted({ status }: PodEvidence): boolean {
  return [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].some(
    ({ state, lastState, restartCount }) =>
      restartCount > 0 || 'running' in (state ?? {}) || state?.terminated || lastState?.terminated,
  )
}

/** The Secrets or ConfigMaps that a pod mounts or takes its environment from. */
export function mounted({ pod }: Pick<PodEvidence, 'pod'>, kind: 'Secret' | 'ConfigMap'): string[] {
  const text = JSON.stringify(pod.spec ?? {})
  const pattern =
    kind === 'Secret'
      ? /"secretName":"([^"]+)"|"secret(?:KeyRef|Ref)?":\{[^{}]*"name":"([^"]+)"/g
      : /"configMap(?:KeyRef|Ref)?":\{[^{}]*"name":"([^"]+)"/g
  const names = [...text.matchAll(pattern)].map(([, first, second]) => first ?? second ?? '')
  return [...new Set(names)].map((name) => objectLabel(kind, name, pod.metadata.namespace ?? ''))
}

/** The cause that keeps a pod from being ready, and its remedy. The id PRW-POD-099 is of one that no row knows. */
export function causeOf(evidence: PodEvidence): Cause {
  for (const recognize of CAUSES) {
    const found = recognize(evidence)
    if (found) return found
  }
  const { phase = 'not started' } = evidence.status
  const newest = evidence.events.find(
    (line) => !/^(Scheduled|Pulled|Pulling|Created|Started|SuccessfulAttachVolume): /.test(line),
  )
  return {
    id: 'PRW-POD-099',
    cause: `its pod is ${phase} and not ready${newest ? `\n${newest}` : ''}`,
    evidence: newest,
    remedy: `Check ${inPod(evidence, 'describe')}`,
    log: { container: '', previous: false },
  }
}
