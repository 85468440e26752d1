// ProwJobs that do not begin: triggered without a pod, or with a pod that does not start.
import { nodeAt, textOf } from '../../base/yaml-tree.ts'
import { isFailure, logLinesWith } from '../../kubernetes/component-log.ts'
import { withLastWords } from '../../kubernetes/diagnose.ts'
import type { KubeObject } from '../../kubernetes/manifests.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import type { PodStatus } from '../../kubernetes/pod-causes.ts'
import { isReady } from '../../kubernetes/wait.ts'
import { podCause } from '../../kubernetes/workload-cause.ts'
import type { ProwJob } from '../../prow/prow-job.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import { type Evidence, wasNotRead } from '../evidence.ts'
import { lasts, placeOfJob, prowJobLabel, prowJobsOf, stuckProwJob } from '../job-evidence.ts'
import { jobRemedy } from '../job-remedies.ts'
import type { Found, Row } from '../row.ts'
import { contextOf } from './pods.ts'

const MANAGER = 'prow-controller-manager'
const MINUTE = 60_000

/** For how long a job may be triggered before its pod exists, and pending before its pod runs, in milliseconds. */
const PATIENCE = 2 * MINUTE

/** For how long a job may wait for its turn before that is worth a warning, in milliseconds. */
const QUEUE_PATIENCE = 10 * MINUTE

/** What the work of prow-controller-manager depends on: whatever is wrong there is the root of a job that does not begin. */
const MANAGER_ROOTS = [
  objectLabel('Deployment', MANAGER, 'prow'),
  ...['prow', 'test-pods'].flatMap((namespace) =>
    ['Role', 'RoleBinding'].map((kind) => objectLabel(kind, MANAGER, namespace)),
  ),
  objectLabel('ServiceAccount', MANAGER, 'prow'),
  objectLabel('ConfigMap', 'config', 'prow'),
]

const podOf = ({ objects }: Evidence, { podName }: ProwJob) => objects.get('Pod', podName, 'test-pods')

/** Since when a job is in the state in which it is. */
const stateSince = ({ pending, started }: ProwJob): Date => pending ?? started

const isOld = (since: Date, { now }: Evidence, patience: number) => now.getTime() - since.getTime() > patience

const readLog = kubectlLine('-n', 'prow', 'logs', `deployment/${MANAGER}`)

/** Whether job pods were read; a job must not be called without a pod otherwise. */
const podsWereRead = (evidence: Evidence) => !wasNotRead(evidence, 'pods', 'test-pods')

/** What keeps a triggered job waiting for its turn: other runs of it, its queue, or the limit of all jobs. */
function waitsForTurn(evidence: Evidence, job: ProwJob): Omit<Found, 'object'> | undefined {
  const { config, objects } = evidence
  const active = prowJobsOf(evidence).filter(
    (one) => one.name !== job.name && (one.state === 'pending' || (one.state === 'triggered' && isBefore(one, job))),
  )
  const shown = (list: ProwJob[]) => `${list.length} pending or triggered before it`
  const follows = (list: ProwJob[]) => [
    ...list.map(prowJobLabel),
    ...list.flatMap(({ podName }) => objects.get('Pod', podName, 'test-pods') ?? []).map(labelOf),
  ]
  const runs = active.filter(({ job: name }) => name === job.job)
  if (job.maxConcurrency > 0 && runs.length >= job.maxConcurrency) {
    return {
      message: `waits for its turn: max_concurrency is ${job.maxConcurrency}, and ${runs.length} other ${runs.length === 1 ? 'run is' : 'runs are'} not complete`,
      evidence: `max_concurrency: ${job.maxConcurrency}; ${shown(runs)}`,
      remedy: `Raise max_concurrency in ${placeOfJob(evidence, job)}, or abort a run in Deck; those that wait: ${kubectlLine('-n', 'prow', 'get', 'prowjobs', '-l', `prow.k8s.io/job=${job.job.slice(0, 63)}`)}`,
      follows: follows(runs),
    }
  }
  if (job.queue) {
    const capacity = nodeAt(config?.config, 'plank', 'job_queue_capacities', job.queue)
    if (config && !capacity) {
      return {
        message: `waits in the queue ${job.queue}, which plank.job_queue_capacities does not define`,
        evidence: `job_queue_name: ${job.queue}`,
        remedy: `Define its capacity in config.yaml, plank.job_queue_capacities, and run ${rerunLine('06-config')}.`,
      }
    }
    const queued = active.filter(({ queue }) => queue === job.queue)
    const limit = Number(textOf(capacity) || -1)
    if (limit >= 0 && queued.length >= limit) {
      return {
        message: `waits for its turn: the queue ${job.queue} has room for ${limit}`,
        evidence: `plank.job_queue_capacities.${job.queue}: ${limit}; ${shown(queued)}`,
        remedy: `Raise it in config.yaml, plank.job_queue_capacities, and run ${rerunLine('06-config')}.`,
        follows: follows(queued),
      }
    }
  }
  const limit = Number(textOf(nodeAt(config?.config, 'plank', 'max_concurrency')) || 0)
  const pending = active.filter(({ state }) => state === 'pending')
  if (limit > 0 && pending.length >= limit) {
    return {
      message: `waits for its turn: plank.max_concurrency is ${limit}, and ${pending.length} jobs run`,
      evidence: `plank.max_concurrency: ${limit}; ${pending.length} pending`,
      remedy: `Raise plank.max_concurrency in config.yaml and run ${rerunLine('06-config')}.`,
      follows: follows(pending),
    }
  }
  return undefined
}

const isBefore = (one: ProwJob, other: ProwJob) => one.started.getTime() < other.started.getTime()

/** The jobs that nobody has given a pod, for too long. */
function triggered(evidence: Evidence, patience: number): ProwJob[] {
  if (!podsWereRead(evidence)) return []
  return prowJobsOf(evidence).filter(
    (job) =>
      /^(triggered|scheduling|)$/.test(job.state) &&
      job.cluster === 'default' &&
      isOld(job.started, evidence, patience) &&
      !podOf(evidence, job),
  )
}

const describe = ({ name }: ProwJob) => kubectlLine('-n', 'prow', 'describe', 'prowjob', name)

/** The lease of the manager's leader, when nobody has renewed it for long. */
function staleLease({ objects, now }: Evidence): string | undefined {
  const lease = objects.get('Lease', 'prow-controller-manager-leader-lock', 'prow')
  const { renewTime, holderIdentity = 'nobody' } = (lease?.spec ?? {}) as {
    renewTime?: string
    holderIdentity?: string
  }
  if (!renewTime || now.getTime() - Date.parse(renewTime) < PATIENCE) return undefined
  return `Lease ${lease!.metadata.name}: held by ${holderIdentity}, renewed last at ${renewTime}`
}

export const jobRows: Row[] = [
  {
    id: 'PRW-JOB-001',
    title: 'every triggered job gets its pod',
    severity: 'error',
    find: async (evidence) => {
      const stuck = triggered(evidence, PATIENCE).filter(
        (job) => job.agent === 'kubernetes' && !waitsForTurn(evidence, job),
      )
      if (stuck.length === 0) return []
      const lease = staleLease(evidence)
      return Promise.all(stuck.slice(0, 20).map((job) => withoutPod(evidence, job, lease)))
    },
  },
  {
    id: 'PRW-JOB-002',
    title: 'no job waits long for its turn',
    severity: 'warning',
    find: (evidence) =>
      triggered(evidence, QUEUE_PATIENCE).flatMap((job) => {
        const reason = waitsForTurn(evidence, job)
        if (!reason) return []
        return [
          {
            ...reason,
            object: prowJobLabel(job),
            message: `${stuckProwJob(job, job.started, evidence)} and ${reason.message}`,
          },
        ]
      }),
  },
  {
    id: 'PRW-JOB-003',
    title: 'every job has an agent that this Prow runs',
    severity: 'error',
    find: (evidence) =>
      triggered(evidence, PATIENCE)
        .filter(({ agent }) => agent !== 'kubernetes')
        .map((job) => ({
          object: prowJobLabel(job),
          message: `${stuckProwJob(job, job.started, evidence)}: its agent is ${job.agent}, which no controller here runs`,
          evidence: `spec.agent: ${job.agent}`,
          remedy: `Write agent: kubernetes in ${placeOfJob(evidence, job)}, and run ${rerunLine('06-config')}.`,
        })),
  },
  {
    // Each cause has an id of its own, as for the pods of components.
    id: 'PRW-JOB-010',
    title: 'the pod of every pending job starts',
    severity: 'error',
    find: (evidence) =>
      podsWereRead(evidence)
        ? Promise.all(
            prowJobsOf(evidence)
              .filter(({ state, cluster }) => state === 'pending' && cluster === 'default')
              .map((job) => pendingFinding(evidence, job)),
          ).then((found) => found.flat())
        : [],
  },
]

async function withoutPod(evidence: Evidence, job: ProwJob, lease: string | undefined): Promise<Found> {
  const message = stuckProwJob(job, job.started, evidence)
  const manager = evidence.objects.get('Deployment', MANAGER, 'prow')
  const found = { object: prowJobLabel(job), follows: MANAGER_ROOTS }
  if (lease) {
    return {
      ...found,
      id: 'PRW-JOB-004',
      message: `${message} and has no pod: no ${MANAGER} is the leader, which alone creates pods`,
      evidence: lease,
      remedy: `It must be able to renew its Lease. Check its log: ${readLog}\nThen restart it: ${kubectlLine('-n', 'prow', 'rollout', 'restart', `deployment/${MANAGER}`)}`,
    }
  }
  const lines = manager && isReady(manager) ? await logLinesWith(MANAGER, 'prow', job.name) : []
  const last = lines.filter(isFailure).at(-1)
  return {
    ...found,
    message: `${message} and has no pod: ${MANAGER} does not create it${last ? `\n${last.text}` : ''}`,
    evidence: last?.text ?? `state ${job.state || 'none'}, no pod test-pods/${job.podName}`,
    remedy: last
      ? `Its log has the reason: ${readLog}`
      : `Check its log, and that its Roles are as ${rerunLine('08-prow')} applies them: ${readLog}`,
  }
}

/** Why the pod of a pending job does not run; nothing while it may still start, or runs. */
async function pendingFinding(evidence: Evidence, job: ProwJob): Promise<Found[]> {
  const { objects, settings } = evidence
  const since = stateSince(job)
  const pod = podOf(evidence, job)
  const about = { object: prowJobLabel(job) }
  if (!pod) {
    if (!isOld(since, evidence, PATIENCE)) return []
    return [
      {
        ...about,
        id: 'PRW-JOB-005',
        message: `${stuckProwJob(job, since, evidence)}, and its pod ${job.podName} does not exist: ${MANAGER} does not create another`,
        evidence: `no pod test-pods/${job.podName}`,
        remedy: `Check its log: ${readLog}`,
        follows: MANAGER_ROOTS,
      },
    ]
  }
  if (!isStarting(pod)) return isOverdue(evidence, job, pod)
  const cause = podCause(objects, pod, contextOf(evidence, 'test-pods'))
  if (!cause.lasting && !isOld(since, evidence, PATIENCE)) return []
  const found = await withLastWords(objects, { ...cause, pod }, settings)
  return [
    {
      ...about,
      id: found.id,
      message: `${stuckProwJob(job, since, evidence)}: ${found.cause}`,
      evidence: found.evidence,
      remedy: jobRemedy(found, pod, placeOfJob(evidence, job)),
      follows: [
        ...(found.follows ?? []),
        'Namespace test-pods',
        objectLabel('ServiceAccount', job.serviceAccount, 'test-pods'),
      ],
    },
  ]
}

/** Whether no container of the job itself has begun. */
function isStarting(pod: KubeObject): boolean {
  const { phase, containerStatuses = [] } = (pod.status ?? {}) as PodStatus
  if (phase === 'Succeeded' || phase === 'Failed') return false
  return phase !== 'Running' || containerStatuses.some(({ state }) => state?.waiting !== undefined)
}

/** A pod that has ended, and whose job nobody has completed. */
function isOverdue(evidence: Evidence, job: ProwJob, pod: KubeObject): Found[] {
  const { phase } = (pod.status ?? {}) as PodStatus
  if (phase !== 'Succeeded' && phase !== 'Failed') return []
  const ended = endOf(pod) ?? stateSince(job)
  if (!isOld(ended, evidence, PATIENCE)) return []
  return [
    {
      object: prowJobLabel(job),
      id: 'PRW-JOB-006',
      message: `${stuckProwJob(job, stateSince(job), evidence)}, though its pod ended ${lasts(ended, evidence)} ago: ${MANAGER} does not complete it`,
      evidence: `pod test-pods/${pod.metadata.name}: ${phase}; ProwJob: ${job.state}`,
      remedy: `Check its log: ${readLog}\nThe job: ${describe(job)}`,
      follows: MANAGER_ROOTS,
    },
  ]
}

function endOf(pod: KubeObject): Date | undefined {
  const { containerStatuses = [] } = (pod.status ?? {}) as PodStatus
  const times = containerStatuses.flatMap(({ state }) => state?.terminated?.finishedAt ?? [])
  return times.length > 0 ? new Date(times.sort().at(-1)!) : undefined
}
