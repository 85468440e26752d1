import { type Finding, Problem } from '../base/problem.ts'
import { paint, printLine, withSpinner } from '../base/terminal.ts'
import { currentRun } from '../run/context.ts'
import { record } from '../run/report.ts'
import type { Result, Waitable } from '../run/result.ts'
import { applyResources, removeResource } from './apply.ts'
import { diagnose } from './diagnose.ts'
import type { Resource } from './manifests.ts'
import { watchUntilReady } from './wait.ts'

/** Makes the things of a step, all in as few requests as can be, and tells a line for each. */
export async function apply(things: (Resource | false | undefined)[]): Promise<Result[]> {
  const run = currentRun()
  const wanted = things.filter((thing) => thing !== false && thing !== undefined)
  const names = wanted.map((thing) => thing.name)
  const done = await withSpinner(
    names.length > 3 ? `${names.length} things, from ${names[0]}` : names.join(', '),
    () => {
      if (!run.plan) run.wrote = true
      return applyResources(wanted, run.plan)
    },
  )
  for (const one of done) record(one)
  return done
}

/** Removes things that the settings no longer want and that the runbook made; tells a line for each that was there. */
export async function prune(things: Resource[]): Promise<void> {
  const run = currentRun()
  for (const thing of things) {
    const done = await withSpinner(thing.name, () => removeResource(thing, run.plan))
    if (!done) continue
    run.wrote ||= !run.plan
    record(done)
  }
}

/** Waits until the named objects are ready; on the limit throws a Problem that says what holds each up. */
export async function waitUntilReady(kind: Waitable, names: string[], namespace = ''): Promise<void> {
  const { plan, settings } = currentRun()
  if (plan || names.length === 0) return
  const late = await withSpinner(`waiting for ${names.join(', ')}`, (say) =>
    watchUntilReady(kind, names, namespace, settings.WAIT_SECONDS, say),
  )
  if (late.length > 0) throw Problem.all(await diagnose(kind, late, namespace, settings))
}

/**
 * The same for what no later step relies on: under install-all the wait begins now and ends with `settled`, so that
 * all pods start side by side and the steps after this one need not stand still.
 */
export async function waitLater(kind: Waitable, names: string[], namespace: string): Promise<void> {
  const run = currentRun()
  if (!run.all) return waitUntilReady(kind, names, namespace)
  if (run.plan || names.length === 0) return
  const late = watchUntilReady(kind, names, namespace, run.settings.WAIT_SECONDS, () => {})
  // It is looked at in `settled`, or by nobody when a step fails before.
  late.catch(() => {})
  run.waits.push({ step: run.steps.at(-1)?.step ?? '', kind, names, namespace, late })
}

/** Waits for all that `readyLater` left open; tells what is not ready, with its cause, as the fault of its step. */
export async function finishWaits(): Promise<void> {
  const run = currentRun()
  const waits = run.waits.splice(0)
  if (waits.length === 0) return
  const names = waits.flatMap((one) => one.names)
  printLine()
  printLine(`${paint('bold', 'waiting')}  For what the steps above have made`)
  const faults: Finding[] = []
  let first: string | undefined
  const open = new Set(names)
  await withSpinner(`waiting for ${names.join(', ')}`, async (say) => {
    for (const { step, kind, names: these, namespace, late } of waits) {
      const left = await late
      for (const name of these) open.delete(name)
      if (open.size > 0)
        say(`waiting for ${[...open].join(', ')} (${names.length - open.size} of ${names.length} ready)`)
      if (left.length === 0) continue
      first ??= step
      faults.push(...(await diagnose(kind, left, namespace, run.settings)))
    }
  })
  if (faults.length === 0) {
    printLine(`  ${paint('green', '✔')} ${names.length} workloads are ready`)
    return
  }
  run.failed = first
  run.steps.find((one) => one.step === first)!.outcome = 'failed'
  throw Problem.all(faults)
}
