import { type Finding, failures, Problem } from '../base/problem.ts'
import { record } from './report.ts'

/** Findings, or the reading that they come from. */
export type Findings = Finding | undefined | (Finding | undefined)[]

/**
 * Waits for all `sources` side by side, prints what passed and what is only a warning in their order, and throws one
 * Problem with everything that failed. A source that throws a Problem hides no other.
 */
export async function findings(...sources: (Findings | Promise<Findings>)[]): Promise<void> {
  const failed = failures(await report(sources.map(settle), false))
  if (failed.length > 0) throw Problem.all(failed)
}

/** The same for a step that only looks: also what failed has a line, where it was found. */
export async function inspectAll(...sources: (Findings | Promise<Findings>)[]): Promise<void> {
  const failed = failures(await report(sources.map(settle), true))
  if (failed.length > 0) throw Problem.all(failed)
}

/** The findings of a source; those of the Problem that it throws. An interruption is none: it ends whoever waits. */
export async function settle(source: Findings | Promise<Findings>): Promise<Finding[]> {
  try {
    return [await source].flat().filter((one) => one !== undefined)
  } catch (error) {
    if (error instanceof Problem && error.code !== 'interrupted') return error.findings
    throw error
  }
}

async function report(sources: Promise<Finding[]>[], showFailed: boolean): Promise<Finding[]> {
  const all: Finding[] = []
  // Awaited together: a bug in one must not leave the others without anybody who awaits them.
  for (const finding of (await Promise.all(sources)).flat()) {
    // An API server that is out of reach is one finding, however many questions it leaves open.
    if (all.some(({ message }) => message === finding.message)) continue
    all.push(finding)
    if (finding.outcome !== 'failed' || showFailed) print(finding)
  }
  return all
}

/** Prints the line of a finding, which may stand for several `checks`. */
export function print({ outcome, message, remedy }: Finding, checks?: number): void {
  const [name = ''] = message.split('\n')
  record({ name, outcome, note: outcome === 'failed' ? undefined : remedy || undefined, differences: [], checks })
}
