import { Problem } from '../base/problem.ts'
import { paint, printLine, withSpinner } from '../base/terminal.ts'
import { currentRun, markWritten } from '../run/context.ts'
import { record } from '../run/report.ts'
import type { Result, Waitable } from '../run/result.ts'
import { applyResources, fetchMissing, removeResource } from './apply.ts'
import type { Resource } from './manifests.ts'
import { snapshot } from './snapshot.ts'
import { Watch } from './wait.ts'
import { waitFor } from './waiting.ts'

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
  const watch = new Watch(kind, names, namespace, settings.WAIT_SECONDS)
  const found = await withSpinner(`waiting for ${names.join(', ')}`, (progress) => waitFor([watch], progress))
  if (found.length > 0) throw Problem.all(found)
}

/**
 * The same for what the next steps can do without: under install-all the wait begins now and ends with `finishWaits`, so
 * that all pods start side by side and the steps that follow need not stand still. One watch serves all of a kind in a
 * namespace.
 */
export async function waitLater(kind: Waitable, names: string[], namespace = ''): Promise<void> {
  const { started, plan, settings, steps, waits } = currentRun()
  if (!started.all) return waitUntilReady(kind, names, namespace)
  if (plan || names.length === 0) return
  const running = waits.find(({ watch }) => watch.kind === kind && watch.namespace === namespace && watch.add(names))
  const watch = running?.watch ?? new Watch(kind, names, namespace, settings.WAIT_SECONDS)
  // Read in `finishWaits`, or by nobody when a step fails before.
  watch.notReady.catch(() => {})
  waits.push({ step: steps.at(-1)?.step ?? '', names, watch })
}

/** Ends all waits that `waitLater` began; throws a Problem with what is not ready, and resumes from its step. */
export async function finishWaits(): Promise<void> {
  const run = currentRun()
  const waits = run.waits.splice(0)
  if (waits.length === 0) return
  const all = waits.flatMap(({ names }) => names).length
  const watches = [...new Set(waits.map(({ watch }) => watch))]
  printLine()
  printLine(`${paint('bold', 'waiting')}  Wait until everything that was installed is ready`)
  const problems = await withSpinner(`waiting for ${all} resources`, (progress) => waitFor(watches, progress))
  if (problems.length > 0) {
    const failed = waits.find(({ names, watch }) => names.some((name) => watch.waiting.includes(name)))
    run.failedStep = failed?.step
    run.steps.find(({ step }) => step === failed?.step)!.outcome = 'failed'
    throw Problem.all(problems)
  }
  printLine(`  ${paint('green', '✔')} ${all} resources are ready`)
}
