import { withSpinner } from '../base/terminal.ts'
import { currentRun } from './context.ts'
import { record } from './report.ts'
import type { Change, Difference, Outcome, Result } from './result.ts'

/** One word for a thing and its parts: what a single write did. */
export function change(there: boolean, changes: Difference[], note?: string): Change {
  const { plan } = currentRun()
  const outcome = !there
    ? plan
      ? 'would create'
      : 'created'
    : changes.length === 0
      ? 'unchanged'
      : plan
        ? 'would change'
        : 'changed'
  return { outcome, note: note, differences: there ? changes : [] }
}

/** Does one thing that is not an object of the cluster, and tells its line. `work` says what became of it. */
export async function task(
  name: string,
  work: (
    say: (text: string) => void,
  ) => Promise<{ outcome: Outcome; note?: string; differences?: Result['differences'] }>,
): Promise<void> {
  const done = await withSpinner(name, work)
  if (/^(created|changed|removed)$/.test(done.outcome)) currentRun().wrote = true
  record({ name, differences: [], ...done })
}

/** Tells a line that is no change: a fact that holds or does not, a warning. */
export function note(outcome: 'holds' | 'failed' | 'warning', text: string, more?: string): void {
  record({ name: text, outcome, note: more, differences: [] })
}

/** Tells that a thing is left out, and why. */
export function skipped(name: string, because: string): void {
  record({ name, outcome: 'skipped', note: because, differences: [] })
}

/** Under --plan: tells that the rest of the step comes after a script that was not run yet. */
export function after(script: string, because: string[]): void {
  const more = because.length > 2 ? `${because[0]}, and ${because.length - 1} more` : because.join(', ')
  record({ name: `after ${script}`, outcome: 'after', note: more, differences: [] })
}
