import type { Finding } from '../base/problem.ts'

/** What happened to a resource, wherever it lives: in the cluster, in AWS, on GitHub, on disk. */
export type Outcome = 'created' | 'changed' | 'unchanged' | 'removed' | 'would create' | 'would change' | 'would remove'

/** One field that differs: `before` and `after` as a reader wants to see them; absent where there is none. */
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

/** What happened to one resource. */
export interface Result {
  name: string
  outcome: Outcome
  /** One short detail, such as where a value came from. */
  note?: string
  differences: Difference[]
}

/** A Result whose name the caller knows. */
export type Change = Omit<Result, 'name'>

/** One outcome for several: created when all are, unchanged when none changed. */
export function combineOutcomes(outcomes: Outcome[]): Outcome {
  const first = outcomes[0] ?? 'unchanged'
  if (outcomes.every((outcome) => outcome === first)) return first
  return outcomes.some((outcome) => outcome.startsWith('would')) ? 'would change' : 'changed'
}

/** A line of a step's report: a result, the result of a check, or what was left out and why. */
export interface ReportLine {
  name: string
  outcome: Outcome | Finding['outcome'] | 'skipped' | 'after'
  note?: string
  differences: Difference[]
  /** Of a line that stands for several checks, their number. */
  checks?: number
}

export interface StepReport {
  step: string
  title: string
  outcome: 'done' | 'skipped' | 'failed'
  results: ReportLine[]
  problems: Finding[]
  seconds: number
  /** Whether the step has begun to write. */
  wrote: boolean
}

/** The kinds that a step waits for. */
export type Waitable = 'Deployment' | 'Job' | 'CustomResourceDefinition'

/** A wait that a step began and that ends after the steps that follow it. */
export interface Wait {
  step: string
  names: string[]
  /** It may serve several waits. */
  watch: {
    kind: Waitable
    namespace: string
    notReady: Promise<string[]>
    readonly waiting: string[]
    readonly seconds: number
    readonly size: number
    readonly elapsed: number
    readonly ended: boolean
    readonly gaveUp: boolean
    onChange: () => void
    add: (names: string[]) => boolean
    giveUp: (names: string[]) => void
  }
}
