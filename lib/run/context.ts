import type { Settings } from '../settings/table.ts'
import type { StepReport, Wait } from './result.ts'

export interface Run {
  plan: boolean
  json: boolean
  verbose: boolean
  settings: Settings
  /** Whether install-all drives the steps. */
  all: boolean
  steps: StepReport[]
  wrote: boolean
  waits: Wait[]
  /** The step to go on from, when it is not the last that was begun. */
  failed?: string
}

export let underWay: Run | undefined

/** Begins a run, or ends the one that is under way. */
export function setRun(run: Run | undefined): void {
  underWay = run
}

/** The run that is under way. */
export function currentRun(): Run {
  if (!underWay) throw new Error('no run is under way')
  return underWay
}

/** Says that the step has begun to write something that is not an object of the cluster. */
export function markWritten(): void {
  currentRun().wrote = true
}
