import type { KubeObject } from '../kubernetes/manifests.ts'

/** A ProwJob, as far as it is read (sigs.k8s.io/prow/pkg/apis/prowjobs/v1). */
export interface ProwJob {
  name: string
  /** The name of the job that it is a run of. */
  job: string
  type: string
  state: string
  description: string
  /** The page of its log in Deck. */
  url: string
  buildId: string
  podName: string
  cluster: string
  agent: string
  /** How many runs of the job may run at once; 0 is no limit. */
  maxConcurrency: number
  queue: string
  isDecorated: boolean
  reports: boolean
  /** The status context on GitHub. */
  context: string
  serviceAccount: string
  org: string
  repo: string
  /** The numbers of its pull requests. */
  pulls: number[]
  /** The head of its first pull request, else the commit of the branch. */
  sha: string
  created: Date
  started: Date
  pending: Date | undefined
  completed: Date | undefined
  /** The id of the delivery that started it; empty for what no event started. */
  eventGuid: string
  /** The state that each reporter of crier has reported last. */
  reported: Record<string, string>
}

interface Refs {
  org?: string
  repo?: string
  base_sha?: string
  pulls?: { number: number; sha?: string }[]
}

interface Spec {
  job?: string
  type?: string
  cluster?: string
  agent?: string
  context?: string
  report?: boolean
  max_concurrency?: number
  job_queue_name?: string
  decoration_config?: { default_service_account_name?: string }
  pod_spec?: { serviceAccountName?: string }
  refs?: Refs
  extra_refs?: Refs[]
}

interface Status {
  state?: string
  description?: string
  url?: string
  build_id?: string
  pod_name?: string
  startTime?: string
  pendingTime?: string
  completionTime?: string
  prev_report_states?: Record<string, string>
}

const dateOf = (text: string | undefined) => (text ? new Date(text) : undefined)

/** Reads a ProwJob object. */
export function prowJobOf({ metadata, spec, status }: KubeObject): ProwJob {
  const given = (spec ?? {}) as Spec
  const now = (status ?? {}) as Status
  const refs = given.refs ?? given.extra_refs?.[0] ?? {}
  const created = new Date(String(metadata.creationTimestamp ?? 0))
  return {
    name: metadata.name,
    job: given.job ?? metadata.name,
    type: given.type ?? '',
    state: now.state ?? '',
    description: now.description ?? '',
    url: now.url ?? '',
    buildId: now.build_id ?? '',
    podName: now.pod_name ?? metadata.name,
    cluster: given.cluster ?? 'default',
    agent: given.agent ?? 'kubernetes',
    maxConcurrency: given.max_concurrency ?? 0,
    queue: given.job_queue_name ?? '',
    isDecorated: given.decoration_config !== undefined,
    reports: given.report ?? false,
    context: given.context || (given.job ?? ''),
    serviceAccount:
      given.pod_spec?.serviceAccountName ?? given.decoration_config?.default_service_account_name ?? 'default',
    org: refs.org ?? '',
    repo: refs.repo ?? '',
    pulls: (refs.pulls ?? []).map(({ number }) => number),
    sha: refs.pulls?.[0]?.sha ?? refs.base_sha ?? '',
    created,
    started: dateOf(now.startTime) ?? created,
    pending: dateOf(now.pendingTime),
    completed: dateOf(now.completionTime),
    eventGuid: metadata.labels?.['event-GUID'] ?? '',
    reported: now.prev_report_states ?? {},
  }
}

/** A run of a job, as messages name it: `job unit of my-org/web#12`. */
export function shownProwJob({ job, org, repo, pulls }: ProwJob): string {
  if (!org) return `job ${job}`
  return `job ${job} of ${org}/${repo}${pulls.length > 0 ? `#${pulls.join(', #')}` : ''}`
}

/** Whether two are runs of one job for the same pull requests or branch, so that the later one counts. */
export function isSameJob(one: ProwJob, other: ProwJob): boolean {
  const key = ({ job, type, org, repo, pulls }: ProwJob) => `${job} ${type} ${org}/${repo} ${pulls}`
  return key(one) === key(other)
}

/** Of several runs of one job, only the newest of each, the newest first. */
export function newestRuns(jobs: ProwJob[]): ProwJob[] {
  const sorted = [...jobs].sort((a, b) => b.started.getTime() - a.started.getTime())
  return sorted.filter((one, index) => sorted.findIndex((other) => isSameJob(one, other)) === index)
}
