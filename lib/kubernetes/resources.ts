import { type Finding, Problem } from '../base/problem.ts'
import { paint, printLine, withSpinner } from '../base/terminal.ts'
import { currentRun, markWritten } from '../run/context.ts'
import { settle } from '../run/findings.ts'
import { record } from '../run/report.ts'
import type { Result, Waitable } from '../run/result.ts'
import { applyResources, fetchMissing, removeResource } from './apply.ts'
import { diagnose } from './diagnose.ts'
import type { Resource } from './manifests.ts'
import { snapshot } from './snapshot.ts'
import { watchUntilReady } from './wait.ts'

/** Applies resources, all in as few requests as possible, and prints a line for each. Under --plan nothing is written. */
export async function apply(...resources: (Resource | false | undefined)[]): Promise<Result[]> {
  const wanted = resources.filter((one) => one !== false && one !== undefined)
  const names = wanted.map(({ name }) => name)
  const results = await withSpinner(
    names.length > 3 ? `${names[0]} and ${names.length - 1} more` : names.join(', '),
    () => {
      if (!currentRun().plan) markWritten()
      return applyResources(wanted)
    },
  )
  for (const one of results) record(one)
  return results
}

/** Removes resources that the settings no longer want and that the runbook created; prints a line for each that existed. */
export async function prune(...resources: Resource[]): Promise<void> {
  await fetchMissing(
    resources.flatMap(({ manifests }) => manifests),
    await snapshot(),
  )
  for (const resource of resources) {
    const result = await withSpinner(resource.name, () => removeResource(resource))
    if (!result) continue
    if (!currentRun().plan) markWritten()
    record(result)
  }
}

/** Waits until the named objects are ready; at the limit throws a Problem with what holds each up. */
export async function waitUntilReady(kind: Waitable, names: string[], namespace = ''): Promise<void> {
  const { plan, settings } = currentRun()
  if (plan || names.length === 0) return
  const notReady = await withSpinner(`waiting for ${names.join(', ')}`, (progress) =>
    watchUntilReady(kind, names, namespace, settings.WAIT_SECONDS, progress),
  )
  if (notReady.length > 0) throw Problem.all(await diagnose(kind, notReady, namespace, settings))
}

/**
 * The same for what no later step relies on: under install-all the wait begins now and ends with `finishWaits`, so that
 * all pods start side by side and the steps that follow need not stand still.
 */
export async function waitLater(kind: Waitable, names: string[], namespace: string): Promise<void> {
  const { started, plan, settings, steps, waits } = currentRun()
  if (!started.all) return waitUntilReady(kind, names, namespace)
  if (plan || names.length === 0) return
  const notReady = watchUntilReady(kind, names, namespace, settings.WAIT_SECONDS, () => {})
  // Read in `finishWaits`, or by nobody when a step fails before.
  notReady.catch(() => {})
  waits.push({ step: steps.at(-1)?.step ?? '', kind, names, namespace, notReady })
}

/** Ends all waits that `waitLater` began; throws a Problem with what is not ready, and resumes from its step. */
export async function finishWaits(): Promise<void> {
  const run = currentRun()
  const waits = run.waits.splice(0)
  if (waits.length === 0) return
  const names = waits.flatMap((one) => one.names)
  printLine()
  printLine(`${paint('bold', 'waiting')}  Wait until everything that was installed is ready`)
  const problems: Finding[] = []
  const open = new Set(names)
  await withSpinner(`waiting for ${names.join(', ')}`, async (progress) => {
    for (const { step, kind, names: these, namespace, notReady } of waits) {
      const found = await settle(
        notReady.then((late) => (late.length > 0 ? diagnose(kind, late, namespace, run.settings) : [])),
      )
      for (const name of these) open.delete(name)
      if (open.size > 0)
        progress(`waiting for ${[...open].join(', ')} (${names.length - open.size} of ${names.length} ready)`)
      if (found.length > 0) run.failedStep ??= step
      problems.push(...found)
    }
  })
  if (problems.length > 0) {
    run.steps.find((one) => one.step === run.failedStep)!.outcome = 'failed'
    throw Problem.all(problems)
  }
  printLine(`  ${paint('green', '✔')} ${names.length} workloads are ready`)
}
