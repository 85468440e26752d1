import { type Finding, Problem } from '../base/problem.ts'
import { currentRun } from '../run/context.ts'
import { rerunLine } from '../run/rerun.ts'
import { after, note } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { type Snapshot, snapshot } from './snapshot.ts'

/** A fact that a step relies on. A check looks and changes nothing. */
export interface Check {
  /** The fact, as it reads when all is well: `namespace prow exists`. */
  fact: string
  /** The same when it is not so: `namespace prow is missing`. */
  failure: string
  /** What to do then. Absent: run the script `madeBy`. */
  remedy?: string
  /** The script that makes it so. Under --plan its absence is no fault. */
  step?: string
  /** Whether it is so, in one snapshot that all rows share. */
  passes: (world: Snapshot, settings: Settings) => boolean
}

/** Every row that does not hold. */
export async function failedChecks(...rows: (Check | Check[])[]): Promise<Check[]> {
  const now = await snapshot()
  return rows.flat().filter((row) => !row.passes(now, currentRun().settings))
}

/** What is wrong about a row that does not hold, and what to do. */
export function toFinding(row: Check): Finding {
  return { message: row.failure, remedy: row.remedy ?? `Run ${rerunLine(row.step ?? '01-cluster')} first.` }
}

/**
 * Ends the step unless every row holds, with all that do not. Under --plan a row that an earlier step makes true
 * becomes a line `after NN-name`.
 */
export async function need(...rows: (Check | Check[])[]): Promise<void> {
  const failed = await failedChecks(...rows)
  const earlier = currentRun().plan ? failed.filter((row) => row.step) : []
  const faults = failed.filter((row) => !earlier.includes(row)).map(toFinding)
  if (faults.length > 0) throw Problem.all(faults)
  for (const script of new Set(earlier.map((row) => row.step!))) {
    after(
      script,
      earlier.filter((row) => row.step === script).map((row) => row.failure),
    )
  }
}

/**
 * Shows rows under the name of what they are about, and gives back a fault for each that does not hold. Where all
 * hold one line says so; --verbose shows each.
 */
export async function reportChecks(about: string, ...rows: (Check | Check[])[]): Promise<Finding[]> {
  const all = rows.flat()
  if (all.length === 0) return []
  const failed = new Set(await failedChecks(all))
  if (failed.size === 0 && all.length > 1 && !currentRun().verbose) {
    note('holds', about, `all ${all.length} as they should be`)
    return []
  }
  for (const row of all) note(failed.has(row) ? 'failed' : 'holds', failed.has(row) ? row.failure : row.fact)
  return [...failed].map(toFinding)
}
