import { withSpinner } from '../base/terminal.ts'
import { currentRun, markWritten } from './context.ts'
import { record } from './report.ts'
import type { Change, Difference } from './result.ts'

/** What a write did, or would do under --plan: `existed` tells created from changed, `differences` changed from unchanged. */
export function change(existed: boolean, differences: Difference[], note?: string): Change {
  const { plan } = currentRun()
  if (existed && differences.length === 0) return { outcome: 'unchanged', note, differences }
  const outcome = existed ? (plan ? 'would change' : 'changed') : plan ? 'would create' : 'created'
  return { outcome, note, differences: existed ? differences : [] }
}

/** The result of a removal. */
export function removal(note?: string): Change {
  return { outcome: currentRun().plan ? 'would remove' : 'removed', note, differences: [] }
}

/** Creates, changes or removes one resource under a spinner, and prints its line. */
export async function task(name: string, work: (progress: (text: string) => void) => Promise<Change>): Promise<void> {
  const done = await withSpinner(name, work)
  if (/^(created|changed|removed)$/.test(done.outcome)) markWritten()
  record({ name, ...done })
}

/** Prints that something is left out, and why. */
export function skipped(name: string, reason: string): void {
  record({ name, outcome: 'skipped', note: reason, differences: [] })
}

/** Under --plan: prints that the rest of the step waits for a script that was not run yet. */
export function after(script: string, reasons: string[]): void {
  const note = reasons.length > 2 ? `${reasons[0]}, and ${reasons.length - 1} more` : reasons.join(', ')
  record({ name: `after ${script}`, outcome: 'after', note, differences: [] })
}
