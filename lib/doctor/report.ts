import type { Finding } from '../base/problem.ts'
import { counted, summarize } from '../base/summarize.ts'
import { paint, printFinding, printLine, symbol } from '../base/terminal.ts'
import { troubleshootingPage } from '../base/troubleshooting.ts'
import type { Diagnosis, Row } from './row.ts'

/** How many of what a finding explains are listed. */
const LISTED = 8

/** A diagnosis as a finding, with the same of other objects, the line that it was read from, and what follows from it. */
export function findingOf({ outcome, id, object, message, remedy, evidence, also, consequences }: Diagnosis): Finding {
  const held = new Set(consequences.flatMap((one) => [one.object, ...one.also]))
  for (const one of [object, ...also]) held.delete(one)
  // What somebody has changed at the object itself is most of the time why.
  const edits = consequences.filter((one) => one.id.startsWith('PRW-DRF-') && one.object === object)
  const changed = edits.flatMap((one) => [
    ...one.message
      .split('\n')
      .slice(1)
      .map((line) => `Not as the runbook applies it: ${line}`),
    // The same script need not be named twice.
    ...(remedy.includes(/npx tsx \S+/.exec(one.remedy)?.[0] ?? one.remedy) ? [] : [one.remedy]),
  ])
  return {
    outcome,
    id,
    message: also.length > 0 ? `${message}\nThe same: ${summarize(also, LISTED)}` : message,
    remedy,
    details: [
      ...changed,
      ...(evidence && !message.includes(evidence) ? [`Read: ${evidence}`] : []),
      ...(held.size > 0 ? [`Follows from it: ${summarize([...held], LISTED)}`] : []),
    ],
  }
}

/** Prints findings, root causes first, and with `healthy` what is well. */
export function printDiagnoses(found: Diagnosis[], healthy: Row[] = []): void {
  for (const one of found) {
    printLine()
    printFinding(findingOf(one))
  }
  printLine()
  for (const { id, title } of healthy) printLine(`  ${paint('green', symbol('✔'))} ${title}  ${paint('dim', id)}`)
  if (healthy.length > 0) printLine()
  const errors = found.filter(({ outcome }) => outcome === 'failed').length
  const warnings = found.length - errors
  printLine(
    found.length === 0
      ? `${paint('green', symbol('✔'))} nothing is wrong`
      : [errors && counted(errors, 'problem'), warnings && counted(warnings, 'warning')]
          .filter(Boolean)
          .join(` ${symbol('·')} `),
  )
}

/** Findings as they stand in the JSON document. */
export function diagnosesDocument(found: Diagnosis[]): object[] {
  return found.map(({ outcome, id, object, message, evidence, remedy, also, consequences }) => ({
    id,
    severity: outcome === 'failed' ? 'error' : 'warning',
    object,
    message,
    ...(evidence ? { evidence } : {}),
    remedy,
    page: troubleshootingPage(id),
    also,
    consequences: diagnosesDocument(consequences),
  }))
}
