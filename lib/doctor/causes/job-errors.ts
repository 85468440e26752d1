// ProwJobs that ended without a result: what prow-controller-manager wrote into their description, and what it means.

import { imagePullCause } from '../../kubernetes/image-pulls.ts'
import { tryKubectl } from '../../kubernetes/kubectl.ts'
import { type EventLine, Objects, objectLabel } from '../../kubernetes/objects.ts'
import { refusalOf } from '../../kubernetes/refusals.ts'
import { schedulingCause } from '../../kubernetes/scheduling.ts'
import { parseObjects } from '../../kubernetes/snapshot.ts'
import { newestRuns, type ProwJob, shownProwJob } from '../../prow/prow-job.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import type { Evidence } from '../evidence.ts'
import { isRecent, lasts, placeOfJob, prowJobLabel, prowJobsOf } from '../job-evidence.ts'
import type { Found, Row } from '../row.ts'

/** What a description means: the cause, continuing `job unit ended in error 5 min ago: `, and the remedy. */
interface Meaning {
  id: string
  cause: string
  evidence?: string
  remedy: string
  follows?: string[]
}

/** The descriptions of pkg/plank/reconciler.go, by what they begin with or contain. The first that fits counts. */
const DESCRIPTIONS: [pattern: RegExp, explain: (job: ProwJob, evidence: Evidence) => Meaning | Promise<Meaning>][] = [
  [/can ?not be created/, notCreated],
  [/OOM killed/, outOfMemory],
  [/was evicted|max revivals|stopped unexpectedly|deleted unexpectedly/, disrupted],
  [/scheduling timeout/, notScheduled],
  [/pending timeout/, notStarted],
  [/running timeout/, tooLong],
  [/unknown cluster alias|no build client|Terminal error/, unknownCluster],
  [/some containers didn't finish/, unfinished],
]

export const jobErrorRows: Row[] = [
  {
    // Each cause has an id of its own: PRW-JOB-020 to 029, and PRW-ADM for what refuses the pod.
    id: 'PRW-JOB-029',
    title: 'no job ended in error',
    severity: 'error',
    find: async (evidence) => {
      const failed = newestRuns(prowJobsOf(evidence))
        .filter(({ state, description }) => state === 'error' || (state === 'aborted' && /timeout/.test(description)))
        .filter((job) => isRecent(job.completed ?? job.started, evidence))
      return Promise.all(failed.map((job) => errorFinding(evidence, job)))
    },
  },
]

/** Why a job ended without a result. */
export async function errorFinding(evidence: Evidence, job: ProwJob): Promise<Found> {
  const explain = DESCRIPTIONS.find(([pattern]) => pattern.test(job.description))?.[1] ?? unknown
  const { id, cause, remedy, evidence: line, follows = [] } = await explain(job, evidence)
  return {
    id,
    object: prowJobLabel(job),
    message: `${shownProwJob(job)} ended in ${job.state} ${lasts(job.completed ?? job.started, evidence)} ago: ${cause}`,
    evidence: line ?? job.description,
    remedy,
    follows: [...follows, 'Namespace test-pods'],
  }
}

function notCreated(job: ProwJob, evidence: Evidence): Meaning {
  const words = job.description.replace(/^.*?can ?not be created: */, '')
  const refusal = refusalOf(words)
  const account = /service ?account[^"]*"?([\w-]+\/)?([\w-]+)"? not found/i.exec(words)?.[2]
  const place = placeOfJob(evidence, job)
  if (refusal) {
    const podSecurity = refusal.id === 'PRW-ADM-004'
    return {
      id: refusal.id,
      cause: `its pod was refused\n${words}`,
      evidence: words,
      remedy: podSecurity
        ? `Change what it names in ${place}, or set JOB_POD_SECURITY to a level that admits it and run ${rerunLine('02-namespaces')}.`
        : account && account !== 'prow-jobs'
          ? `Create ServiceAccount test-pods/${account}, or take serviceAccountName out of ${place}.`
          : refusal.remedy(words),
      follows: account ? [objectLabel('ServiceAccount', account, 'test-pods')] : [],
    }
  }
  const denied = /cannot (create|get|patch) resource "pods".*in the namespace "([\w-]+)"/.exec(words)
  if (denied) {
    return {
      id: 'PRW-JOB-020',
      cause: `prow-controller-manager has no right to ${denied[1]} pods in ${denied[2]}\n${words}`,
      remedy: `Run ${rerunLine('08-prow')}, which corrects its Role.`,
      follows: ['Role', 'RoleBinding'].map((kind) => objectLabel(kind, 'prow-controller-manager', 'test-pods')),
    }
  }
  return {
    id: 'PRW-JOB-020',
    cause: `the API server refused its pod\n${words}`,
    evidence: words,
    remedy: `Correct what it names in ${place}, and run ${rerunLine('06-config')} if it is in CONFIG_DIR.`,
  }
}

function outOfMemory(job: ProwJob, evidence: Evidence): Meaning {
  return {
    id: 'PRW-JOB-021',
    cause: 'it needed more memory than its limit',
    remedy: `Raise the memory limit of its container in ${placeOfJob(evidence, job)}; of a container of Prow's, decoration_config.resources in config.yaml.`,
  }
}

/** Events about nodes that end their pods: of the node controller, autoscalers and EKS. */
const NODE_EVENTS =
  /NodeNotReady|DeletingNode|RemovingNode|TerminatingEvictedPod|ScaleDown|Disrupt|SpotInterrupt|Rebalance|NodeTermination|Terminat|Evict|Drain|Shutdown|Reboot/i

/** An event with its time, as evidence. */
const shownEvent = ({ time, reason, message }: EventLine) => `${time.slice(0, 16)} ${reason}: ${message}`

async function disrupted(job: ProwJob, evidence: Evidence): Promise<Meaning> {
  const ended = job.completed ?? job.started
  const isNear = ({ time }: EventLine) => Math.abs(Date.parse(time) - ended.getTime()) < 30 * 60_000
  const own = podEvents(evidence, job).filter(({ reason }) =>
    /Evict|Taint|Preempt|Kill|Disrupt|NodeNotReady/i.test(reason),
  )
  const ofNodes = (await nodeEvents()).filter((one) => isNear(one) && NODE_EVENTS.test(`${one.reason} ${one.message}`))
  const line = own[0] ?? ofNodes[0]
  const text = `${line?.reason} ${line?.message}`
  const by = !line
    ? ''
    : /spot/i.test(text)
      ? 'AWS took back the spot instance that it ran on'
      : /preempt/i.test(text)
        ? 'a pod of higher priority took its place'
        : /disrupt|consolidat|ScaleDown|unneeded|underutili/i.test(text)
          ? 'an autoscaler removed its node'
          : /rebalance/i.test(text)
            ? 'the Auto Scaling group removed its node to balance its zones'
            : /memory|disk|ephemeral|pressure/i.test(text)
              ? 'its node had too little memory or disk left'
              : 'its node was removed or lost'
  return {
    id: 'PRW-JOB-022',
    cause: `${line ? by : 'its pod was ended from outside'} (${job.description.replace(/\.$/, '')})${line ? `\n${shownEvent(line)}` : ''}`,
    evidence: line ? shownEvent(line) : job.description,
    remedy: [
      'Keep nodes with job pods: annotate the job with karpenter.sh/do-not-disrupt: "true" and cluster-autoscaler.kubernetes.io/safe-to-evict: "false".',
      'Suspend AZRebalance of its Auto Scaling group: aws autoscaling suspend-processes --scaling-processes AZRebalance --auto-scaling-group-name NAME',
      'Jobs that take long belong on nodes that are not spot instances. Somebody may also have deleted the pod by hand.',
    ].join('\n'),
  }
}

/** The events of a job's pod, which outlive it; newest first. */
function podEvents({ objects }: Evidence, { podName }: ProwJob): EventLine[] {
  return objects.events({ apiVersion: 'v1', kind: 'Pod', metadata: { name: podName, namespace: 'test-pods' } })
}

/** The events about nodes, which are in the namespace default; read only when a pod was ended. Newest first. */
async function nodeEvents(): Promise<EventLine[]> {
  const { stdout, exitCode } = await tryKubectl(
    ['get', 'events', '-n', 'default', '--field-selector', 'involvedObject.kind=Node', '-o', 'json'],
    { timeout: 20 },
  )
  if (exitCode !== 0 || !stdout.trim()) return []
  const all = new Objects(parseObjects(stdout))
  const nodes = new Set(all.ofKind('Event').map((event) => (event.involvedObject as { name: string }).name))
  return [...nodes]
    .flatMap((name) => all.events({ apiVersion: 'v1', kind: 'Node', metadata: { name } }))
    .sort((a, b) => b.time.localeCompare(a.time))
}

function notScheduled(job: ProwJob, evidence: Evidence): Meaning {
  const line = podEvents(evidence, job).find(({ reason }) => reason === 'FailedScheduling')
  const place = placeOfJob(evidence, job)
  if (!line) {
    return {
      id: 'PRW-JOB-023',
      cause: 'no node had room for its pod within plank.pod_unscheduled_timeout',
      remedy: `Start it again and read why it is Pending: ${kubectlLine('-n', 'test-pods', 'get', 'events', '--field-selector', 'reason=FailedScheduling')}\nThen add nodes, or change the requests, nodeSelector or tolerations in ${place}.`,
    }
  }
  const { id, cause, remedy } = schedulingCause(line.message, evidence.settings, [])
  return {
    id,
    cause,
    evidence: shownEvent(line),
    remedy: `${remedy}\nOr change the requests, nodeSelector or tolerations in ${place}.`,
  }
}

function notStarted(job: ProwJob, evidence: Evidence): Meaning {
  const events = podEvents(evidence, job)
  const pull = events.find(({ message }) => /Failed to pull|Error: Err/.test(message))
  const place = placeOfJob(evidence, job)
  if (pull) {
    const { id, meaning, remedy } = imagePullCause(pull.message, evidence.settings)
    const own = !/\/(?:clonerefs|initupload|entrypoint|sidecar)[:@]/.test(pull.message)
    return {
      id,
      cause: `an image could not be pulled: ${meaning || pull.message}`,
      evidence: shownEvent(pull),
      remedy: own ? `Correct the image in ${place}, or what keeps the nodes from pulling it.` : remedy,
    }
  }
  const line = events.find(({ reason }) => /Failed|BackOff|Unhealthy/.test(reason))
  return {
    id: 'PRW-JOB-024',
    cause: `its pod did not start within plank.pod_pending_timeout${line ? `\n${line.reason}: ${line.message}` : ''}`,
    evidence: line ? shownEvent(line) : job.description,
    remedy: `Start it again and read why it is Pending: ${kubectlLine('-n', 'test-pods', 'describe', 'pods', '-l', `prow.k8s.io/job=${job.job.slice(0, 63)}`)}\nThen correct ${place}, or raise pod_pending_timeout.`,
  }
}

function tooLong(job: ProwJob, evidence: Evidence): Meaning {
  return {
    id: 'PRW-JOB-025',
    cause: 'it ran longer than plank.pod_running_timeout',
    remedy: `See in its log where it hangs, or raise decoration_config.pod_running_timeout in ${placeOfJob(evidence, job)}.`,
  }
}

function unknownCluster(job: ProwJob, evidence: Evidence): Meaning {
  return {
    id: 'PRW-JOB-026',
    cause:
      job.cluster === 'default'
        ? `prow-controller-manager has no access to the cluster of the job\n${job.description}`
        : `its cluster is ${job.cluster}, which prow-controller-manager does not know`,
    evidence: job.description,
    remedy:
      job.cluster === 'default'
        ? `Its Role in test-pods must be as the manifest has it. Run ${rerunLine('08-prow')}, then restart it: ${kubectlLine('-n', 'prow', 'rollout', 'restart', 'deployment/prow-controller-manager')}`
        : `Write cluster: default in ${placeOfJob(evidence, job)}; this installation runs jobs in its own cluster.`,
    follows: ['Role', 'RoleBinding'].map((kind) => objectLabel(kind, 'prow-controller-manager', 'test-pods')),
  }
}

function unfinished(job: ProwJob, evidence: Evidence): Meaning {
  return {
    id: 'PRW-JOB-027',
    cause: 'its pod succeeded though containers of it had not ended',
    remedy: `Let every container of ${placeOfJob(evidence, job)} end by itself; one that serves others belongs under initContainers with restartPolicy: Always.`,
  }
}

function unknown(job: ProwJob): Meaning {
  return {
    id: 'PRW-JOB-029',
    cause: job.description || 'without a description',
    remedy: `The log of prow-controller-manager has more: ${kubectlLine('-n', 'prow', 'logs', 'deployment/prow-controller-manager')}\nThe job: ${kubectlLine('-n', 'prow', 'describe', 'prowjob', job.name)}`,
  }
}
