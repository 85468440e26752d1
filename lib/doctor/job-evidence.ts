import { elapsed } from '../base/elapsed.ts'
import { objectLabel } from '../kubernetes/objects.ts'
import { type ProwJob, prowJobOf, shownProwJob } from '../prow/prow-job.ts'
import type { Job } from '../prow/rules/rule.ts'
import type { Evidence } from './evidence.ts'

/** The ProwJobs in the cluster, the newest first. */
export function prowJobsOf({ objects }: Evidence): ProwJob[] {
  const jobs = objects.ofKind('ProwJob', 'prow').map(prowJobOf)
  return jobs.sort((a, b) => b.started.getTime() - a.started.getTime())
}

/** How long ago something is that counts when --since names nothing else, in milliseconds. */
const WINDOW = 24 * 3600 * 1000

/** Whether something is recent enough to be examined. */
export function isRecent(time: Date, { now, since }: Evidence): boolean {
  return time.getTime() >= (since?.getTime() ?? now.getTime() - WINDOW)
}

/** The label of a ProwJob, by which findings are folded. */
export const prowJobLabel = ({ name }: ProwJob): string => objectLabel('ProwJob', name, 'prow')

/** For how long something has lasted: `40 min`. */
export const lasts = (since: Date, { now }: Evidence): string => elapsed(now.getTime() - since.getTime())

/** The job in the configuration that a ProwJob is a run of. */
export function configuredJob({ config }: Evidence, { job, org, repo, type }: ProwJob): Job | undefined {
  const kind = type === 'batch' ? 'presubmit' : type
  return config?.jobs.find(
    (one) => one.name === job && one.kind === kind && (kind === 'periodic' || one.repo === `${org}/${repo}`),
  )
}

/** Where a job is written: `unit.yaml:3 (CONFIG_DIR)`, or in its own repository. */
export function placeOfJob(evidence: Evidence, prowJob: ProwJob): string {
  const found = configuredJob(evidence, prowJob)
  if (found) return `${found.file.split(' ')[0]}:${found.tree.line}`
  return prowJob.org ? `.prow.yaml of ${prowJob.org}/${prowJob.repo}` : `its job file`
}

/** A ProwJob at the beginning of a message, and for how long it has been so. */
export function stuckProwJob(prowJob: ProwJob, since: Date, evidence: Evidence): string {
  return `${shownProwJob(prowJob)} has been ${prowJob.state} for ${lasts(since, evidence)}`
}
