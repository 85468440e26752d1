import type { Problem } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import type { StepReport, Wait } from './result.ts'

/** The cluster that a run is for. */
export interface Target {
  /** The file that has the context, with its credentials. */
  kubeconfig: string
  context: string
  /** The address of the API server. */
  server: string
  /** What a refusal of this API server means, where more is known than it says itself. */
  explain?: (stderr: string) => Problem | undefined
}

/** How a run was started, so that a line for typing is right for it. */
export interface Started {
  /** By install-all, which drives the steps. */
  all: boolean
  /** The argument of --env; empty when there was none. */
  env: string
  plan: boolean
}

/** All that one run knows. Nothing else in lib remembers anything. */
export interface Run {
  settings: Settings
  started: Started
  plan: boolean
  verbose: boolean
  json: boolean
  /** Set by the target lock. */
  target?: Target
  /** What was read from the cluster, AWS and GitHub, by the question. */
  reads: Map<string, Promise<unknown>>
  steps: StepReport[]
  waits: Wait[]
  /** What an operation that only reads answers: its part of the JSON document, and how the run ends. */
  answer?: { exitCode: number; document: object }
  /** The step to resume from, when it is not the last that was begun. */
  failedStep?: string
}

let running: Run | undefined

/** Begins a run; without an argument ends it. */
export function setRun(run?: Run): void {
  running = run
}

/** The run, if one was begun: only the report asks, which is printed also when none was. */
export function maybeRun(): Run | undefined {
  return running
}

/** The run. Throws when none was begun, which is a bug of ours. */
export function currentRun(): Run {
  if (!running) throw new Error('no run was begun')
  return running
}

/** A run that has not read or done anything yet. */
export function newRun(settings: Settings, options: Partial<Started & Pick<Run, 'verbose' | 'json'>> = {}): Run {
  const { all = false, env = '', plan = false, verbose = false, json = false } = options
  return { settings, started: { all, env, plan }, plan, verbose, json, reads: new Map(), steps: [], waits: [] }
}

/** The target of the run. Throws before the target lock has set it, which is a bug of ours. */
export function target(): Target {
  const { target } = currentRun()
  if (!target) throw new Error('the target is not locked')
  return target
}

/** Notes that the current step has begun to write. */
export function markWritten(): void {
  const step = currentRun().steps.at(-1)
  if (step) step.wrote = true
}

/** Reads once a run: the answer to a question is kept until `forget`. What failed is read again next time. */
export function readOnce<T>(question: string, read: () => Promise<T>): Promise<T> {
  const { reads } = currentRun()
  const known = reads.get(question)
  if (known) return known as Promise<T>
  const answer = read()
  reads.set(question, answer)
  // By identity: a newer answer may stand there by now.
  answer.catch(() => reads.get(question) === answer && reads.delete(question))
  return answer
}

/** Puts in what is known of a question without reading it, such as from the answer to a write. */
export function remember(question: string, answer: unknown): void {
  currentRun().reads.set(question, Promise.resolve(answer))
}

/** Drops what was read, except the answers to questions that match `kept`. */
export function forgetExcept(kept: RegExp): void {
  const { reads } = currentRun()
  for (const question of reads.keys()) if (!kept.test(question)) reads.delete(question)
}

/** Drops what was read, so that it is read afresh. With `about`, only the questions that hold this text. */
export function forget(about = ''): void {
  const { reads } = currentRun()
  for (const question of reads.keys()) if (question.includes(about)) reads.delete(question)
}
