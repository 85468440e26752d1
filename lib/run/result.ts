import type { Finding } from '../base/problem.ts'

/** What became of a thing of AWS. */
export type Change = Omit<Result, 'name'>

/** One field that differs: `was` and `is` as a reader wants to see them; absent where there is none. */
export interface Difference {
  /** The object, such as `Deployment prow/hook`. */
  object: string
  /** The field, such as `spec.replicas`. */
  path: string
  before?: string
  after?: string
  /** For texts of several lines: the differing lines, each with + or - in front. */
  lines?: string[]
}

/** What became of an object or thing. */
export type Outcome = 'created' | 'changed' | 'unchanged' | 'removed' | 'would create' | 'would change' | 'would remove'

/** What became of a thing, with what differs. */
export interface Result {
  name: string
  outcome: Outcome
  note?: string
  differences: Difference[]
}

/** One word for several: a thing is created when all of it is, unchanged when nothing of it changed. */
export function combineOutcomes(outcomes: Outcome[]): Outcome {
  const first = outcomes[0] ?? 'unchanged'
  if (outcomes.every((outcome) => outcome === first)) return first
  return outcomes.some((outcome) => outcome.startsWith('would')) ? 'would change' : 'changed'
}

/** A line of preflight about what a later step will find. */
export interface Ahead {
  outcome: 'holds' | 'warning' | 'failed'
  message: string
  finding?: Finding
}

export interface ReportLine extends Omit<Result, 'outcome'> {
  outcome: Outcome | 'skipped' | 'after' | 'holds' | 'failed' | 'warning'
}

export interface StepReport {
  step: string
  title: string
  outcome: 'done' | 'skipped' | 'failed'
  results: ReportLine[]
  problems: Finding[]
  /** How long it took. */
  seconds: number
}

/** The kinds that a step waits for. */
export type Waitable = 'Deployment' | 'Job' | 'CustomResourceDefinition'

export interface Wait {
  step: string
  kind: Waitable
  names: string[]
  namespace: string
  late: Promise<string[]>
}
