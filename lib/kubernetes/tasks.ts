import { type Fault, Problem } from '../base/problem.ts'
import { line, paint, spin } from '../base/terminal.ts'
import { current } from '../run/context.ts'
import { record } from '../run/report.ts'
import type { Done, Waitable } from '../run/result.ts'
import { apply, remove } from './apply.ts'
import { why } from './diagnose.ts'
import type { Thing } from './manifests.ts'
import { waitFor } from './wait.ts'

/** Makes the things of a step, all in as few requests as can be, and tells a line for each. */
export async function tasks(things: (Thing | false | undefined)[]): Promise<Done[]> {
  const run = current()
  const wanted = things.filter((thing) => thing !== false && thing !== undefined)
  const names = wanted.map((thing) => thing.name)
  const done = await spin(names.length > 3 ? `${names.length} things, from ${names[0]}` : names.join(', '), () => {
    if (!run.plan) run.wrote = true
    return apply(wanted, run.plan)
  })
  for (const one of done) record(one)
  return done
}

/** Removes things that the settings no longer want and that the runbook made; tells a line for each that was there. */
export async function gone(things: Thing[]): Promise<void> {
  const run = current()
  for (const thing of things) {
    const done = await spin(thing.name, () => remove(thing, run.plan))
    if (!done) continue
    run.wrote ||= !run.plan
    record(done)
  }
}

/** Waits until the named objects are ready; on the limit throws a Problem that says what holds each up. */
export async function ready(kind: Waitable, names: string[], namespace = ''): Promise<void> {
  const { plan, settings } = current()
  if (plan || names.length === 0) return
  const late = await spin(`waiting for ${names.join(', ')}`, (say) =>
    waitFor(kind, names, namespace, settings.WAIT_SECONDS, say),
  )
  if (late.length > 0) throw Problem.all(await why(kind, late, namespace, settings))
}

/**
 * The same for what no later step relies on: under install-all the wait begins now and ends with `settled`, so that
 * all pods start side by side and the steps after this one need not stand still.
 */
export async function readyLater(kind: Waitable, names: string[], namespace: string): Promise<void> {
  const run = current()
  if (!run.all) return ready(kind, names, namespace)
  if (run.plan || names.length === 0) return
  const late = waitFor(kind, names, namespace, run.settings.WAIT_SECONDS, () => {})
  // It is looked at in `settled`, or by nobody when a step fails before.
  late.catch(() => {})
  run.waits.push({ step: run.steps.at(-1)?.step ?? '', kind, names, namespace, late })
}

/** Waits for all that `readyLater` left open; tells what is not ready, with its cause, as the fault of its step. */
export async function settled(): Promise<void> {
  const run = current()
  const waits = run.waits.splice(0)
  if (waits.length === 0) return
  const names = waits.flatMap((one) => one.names)
  line()
  line(`${paint('bold', 'waiting')}  For what the steps above have made`)
  const faults: Fault[] = []
  let first: string | undefined
  const open = new Set(names)
  await spin(`waiting for ${names.join(', ')}`, async (say) => {
    for (const { step, kind, names: these, namespace, late } of waits) {
      const left = await late
      for (const name of these) open.delete(name)
      if (open.size > 0)
        say(`waiting for ${[...open].join(', ')} (${names.length - open.size} of ${names.length} ready)`)
      if (left.length === 0) continue
      first ??= step
      faults.push(...(await why(kind, left, namespace, run.settings)))
    }
  })
  if (faults.length === 0) {
    line(`  ${paint('green', '✔')} ${names.length} workloads are ready`)
    return
  }
  run.failed = first
  run.steps.find((one) => one.step === first)!.outcome = 'failed'
  throw Problem.all(faults)
}
