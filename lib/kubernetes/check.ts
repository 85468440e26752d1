import { type Finding, failed, Problem, passed } from '../base/problem.ts'
import { counted } from '../base/summarize.ts'
import { currentRun, forgetExcept } from '../run/context.ts'
import { findings, print, settle } from '../run/findings.ts'
import { rerunLine } from '../run/rerun.ts'
import { after } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { type Snapshot, snapshot } from './snapshot.ts'

/** A fact that a step relies on or has brought about. Checking changes nothing. */
export interface Check {
  /** The fact, as it reads when it is true: `namespace prow exists`. */
  fact: string
  /** The script that makes it true. Under --plan its absence is no problem. */
  step?: string
  /** What to do when it is not true. Absent: run the script `step`. */
  remedy?: string
  /**
   * Looks, in the snapshot that all checks share or further: true when it passed, else the message of what is wrong,
   * or findings with remedies of their own. A Problem that it throws is what is wrong.
   */
  inspect: (snapshot: Snapshot, settings: Settings) => Verdict | Promise<Verdict>
}

type Verdict = true | string | Finding | Finding[]

/** Checks, or what makes them of the settings. */
export type Checks = Check | Check[] | ((settings: Settings) => Check[])

/** The rows of `checks` for the settings of this run. */
export function rows(...checks: Checks[]): Check[] {
  return checks.flatMap((one) => (typeof one === 'function' ? one(currentRun().settings) : one))
}

/** What each check found, in their order. They look side by side. */
export async function findingsOf(checks: Check[]): Promise<Finding[][]> {
  const now = snapshot()
  const { settings } = currentRun()
  return Promise.all(
    checks.map((check) =>
      settle(
        (async () => {
          // One that takes no snapshot reads something else meanwhile.
          const read = check.inspect as () => ReturnType<Check['inspect']>
          const verdict = await (check.inspect.length === 0 ? read() : check.inspect(await now, settings))
          if (verdict === true) return passed(check.fact)
          return typeof verdict === 'string' ? failed(verdict, remedyOf(check)) : verdict
        })(),
      ),
    ),
  )
}

function remedyOf({ remedy, step }: Check): string {
  return remedy ?? `Run ${rerunLine(step ?? '01-cluster')} first.`
}

/**
 * Splits what checks found: what failed, and under --plan, by step, what an earlier step would make true. The second is
 * no failure.
 */
function sortOut(checks: Check[], found: Finding[][]): { failures: Finding[]; later: Map<string, string[]> } {
  const { plan } = currentRun()
  const later = new Map<string, string[]>()
  const failures: Finding[] = []
  for (const [index, { step }] of checks.entries()) {
    const failed = found[index]!.filter(({ outcome }) => outcome === 'failed')
    if (!plan || !step) failures.push(...failed)
    else if (failed.length > 0) later.set(step, [...(later.get(step) ?? []), ...failed.map(({ message }) => message)])
  }
  return { failures, later }
}

/**
 * Ends the step unless every check passes, with everything that failed. Under --plan a fact that an earlier step makes
 * true becomes a line `after NN-name`.
 */
export async function need(...checks: Checks[]): Promise<void> {
  const all = rows(...checks)
  // A step that applied a CustomResourceDefinition did not wait until it is established.
  const definitions = currentRun().waits.filter(({ watch }) => watch.kind === 'CustomResourceDefinition')
  await Promise.allSettled(definitions.map(({ watch }) => watch.notReady))
  const { failures, later } = sortOut(all, await findingsOf(all))
  if (failures.length > 0) throw Problem.all(failures)
  for (const [step, messages] of later) after(step, messages)
}

/** Ends the step unless every check passes, and prints a line for each. */
export async function show(...checks: Checks[]): Promise<void> {
  await findings(...(await findingsOf(rows(...checks))))
}

/** What verify need not read again: what AWS answered in this run, or has acknowledged since. */
export const LASTING = /^aws /

/**
 * Reads afresh and checks each group: a line with how many passed (each of them with --verbose), and a line for each
 * that did not. Throws one Problem with everything that failed, in all groups. The cluster and GitHub are read again,
 * not what AWS has answered or acknowledged in this run; a run that does nothing else has read nothing before.
 */
export async function verify(groups: Record<string, Checks>): Promise<void> {
  forgetExcept(LASTING)
  const all = Object.entries(groups).map(([group, checks]) => ({ group, checks: rows(checks) }))
  const found = await Promise.all(all.map(({ checks }) => findingsOf(checks)))
  const failures: Finding[] = []
  const later = new Map<string, string[]>()
  for (const [index, { group, checks }] of all.entries()) {
    const sorted = sortOut(checks, found[index]!)
    printChecks(group, found[index]!.flat())
    for (const one of sorted.failures) print(one)
    failures.push(...sorted.failures)
    for (const [step, messages] of sorted.later) later.set(step, [...(later.get(step) ?? []), ...messages])
  }
  for (const [step, messages] of later) after(step, messages)
  if (failures.length > 0) throw Problem.all(failures)
}

/** Prints how many checks of a group passed, with --verbose each of them, and what is only a warning. */
export function printChecks(group: string, findings: Finding[]): void {
  const passes = findings.filter(({ outcome }) => outcome === 'passed')
  if (currentRun().verbose) for (const one of passes) print(one)
  else if (passes.length > 0) print(passed(group, `${counted(passes.length, 'check')} passed`), passes.length)
  for (const one of findings) if (one.outcome === 'warning') print(one)
}
