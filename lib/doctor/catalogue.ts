import { Problem } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import { awsRows } from './causes/aws.ts'
import { configurationRows } from './causes/configuration.ts'
import { driftRows } from './causes/drift.ts'
import { githubRows } from './causes/github.ts'
import { ingressRows } from './causes/ingress.ts'
import { installationRows } from './causes/installation.ts'
import { jobErrorRows } from './causes/job-errors.ts'
import { jobLogRows } from './causes/job-logs.ts'
import { jobRows } from './causes/jobs.ts'
import { networkRows } from './causes/network.ts'
import { podRows } from './causes/pods.ts'
import { sourceRows } from './causes/sources.ts'
import { tideRows } from './causes/tide.ts'
import { webhookRows } from './causes/webhooks.ts'
import { type Evidence, readEvidence } from './evidence.ts'
import { fold } from './fold.ts'
import { type Diagnosis, diagnosisOf, type Row } from './row.ts'
import type { Station } from './trace.ts'
import { traceJob } from './trace-job.ts'
import { type PullName, tracePull } from './trace-pull.ts'

/** Every cause that the doctor knows, by area. Among equals the first is shown first. */
export const CATALOGUE: Row[] = [
  ...installationRows,
  ...configurationRows,
  ...podRows,
  ...networkRows,
  ...githubRows,
  ...webhookRows,
  ...jobRows,
  ...jobErrorRows,
  ...jobLogRows,
  ...tideRows,
  ...awsRows,
  ...ingressRows,
  ...driftRows,
  ...sourceRows,
]

/** What every row found and what was found `besides`, root causes first, and the rows that found nothing. */
export async function examine(
  evidence: Evidence,
  besides: Diagnosis[] = [],
): Promise<{ found: Diagnosis[]; healthy: Row[] }> {
  const results = await Promise.all(CATALOGUE.map((row) => ask(row, evidence)))
  return {
    found: fold([...results.flatMap(({ found }) => found), ...besides]),
    healthy: results.filter(({ found }) => found.length === 0).map(({ row }) => row),
  }
}

/** Reads everything and examines it; jobs and deliveries from `since` on, or of the last day. */
export async function diagnoseInstallation(
  settings: Settings,
  since?: Date,
): Promise<{ found: Diagnosis[]; healthy: Row[] }> {
  return examine(await readEvidence(settings, { since }))
}

/** What is to be followed all the way: a pull request or a job. */
export interface Followed {
  pull?: PullName
  job?: string
}

/** Reads everything, and follows one thing through it. */
export async function follow(settings: Settings, { pull, job }: Followed, since?: Date): Promise<Station[]> {
  const evidence = await readEvidence(settings, { since })
  const { found } = await examine(evidence)
  return pull ? tracePull(evidence, found, pull) : traceJob(evidence, found, job ?? '')
}

/** What one row found. A question of its own that fails is a finding of it, and hides no other. */
async function ask(row: Row, evidence: Evidence): Promise<{ row: Row; found: Diagnosis[] }> {
  try {
    return { row, found: (await row.find(evidence)).map((one) => diagnosisOf(row, one)) }
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'interrupted') throw error
    const { message, remedy } = error.findings[0]!
    const object = row.title
    return {
      row,
      found: [
        diagnosisOf(
          { id: 'PRW-SRC-002', severity: 'warning' },
          { object, message: `"${object}" was not examined: ${message}`, remedy },
        ),
      ],
    }
  }
}
