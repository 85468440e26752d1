import { type Fault, Problem } from '../base/problem.ts'
import { current } from '../run/context.ts'
import { rerunLine } from '../run/rerun.ts'
import { after, note } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { type World, world } from './snapshot.ts'

/** A fact that a step relies on. A check looks and changes nothing. */
export interface Check {
  /** The fact, as it reads when all is well: `namespace prow exists`. */
  says: string
  /** The same when it is not so: `namespace prow is missing`. */
  otherwise: string
  /** What to do then. Absent: run the script `madeBy`. */
  remedy?: string
  /** The script that makes it so. Under --plan its absence is no fault. */
  madeBy?: string
  /** Whether it is so, in one snapshot that all rows share. */
  holds: (world: World, settings: Settings) => boolean
}

/** Every row that does not hold. */
export async function failing(...rows: (Check | Check[])[]): Promise<Check[]> {
  const now = await world()
  return rows.flat().filter((row) => !row.holds(now, current().settings))
}

/** What is wrong about a row that does not hold, and what to do. */
export function fault(row: Check): Fault {
  return { wrong: row.otherwise, remedy: row.remedy ?? `Run ${rerunLine(row.madeBy ?? '01-cluster')} first.` }
}

/**
 * Ends the step unless every row holds, with all that do not. Under --plan a row that an earlier step makes true
 * becomes a line `after NN-name`.
 */
export async function need(...rows: (Check | Check[])[]): Promise<void> {
  const failed = await failing(...rows)
  const earlier = current().plan ? failed.filter((row) => row.madeBy) : []
  const faults = failed.filter((row) => !earlier.includes(row)).map(fault)
  if (faults.length > 0) throw Problem.all(faults)
  for (const script of new Set(earlier.map((row) => row.madeBy!))) {
    after(
      script,
      earlier.filter((row) => row.madeBy === script).map((row) => row.otherwise),
    )
  }
}

/**
 * Shows rows under the name of what they are about, and gives back a fault for each that does not hold. Where all
 * hold one line says so; --verbose shows each.
 */
export async function report(about: string, ...rows: (Check | Check[])[]): Promise<Fault[]> {
  const all = rows.flat()
  if (all.length === 0) return []
  const failed = new Set(await failing(all))
  if (failed.size === 0 && all.length > 1 && !current().verbose) {
    note('holds', about, `all ${all.length} as they should be`)
    return []
  }
  for (const row of all) note(failed.has(row) ? 'failed' : 'holds', failed.has(row) ? row.otherwise : row.says)
  return [...failed].map(fault)
}
