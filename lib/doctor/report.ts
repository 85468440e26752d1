import { summarize } from '../base/summarize.ts'
import { paint, printLine, symbol, wrapText } from '../base/terminal.ts'
import type { Diagnosis, Row } from './row.ts'

const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`

/** How many of what a finding explains are listed. */
const LISTED = 8

/** A finding for reading: the cause, what to do, the line that it was read from, and what follows from it. */
function show(one: Diagnosis): void {
  const failed = one.outcome === 'failed'
  const [first = '', ...more] = one.message.split('\n')
  const mark = paint(failed ? 'red' : 'yellow', symbol(failed ? '✖' : '!'))
  printLine()
  printLine(`${mark} ${paint('bold', wrapText(first, 2))}`)
  for (const line of more) printLine(`  ${wrapText(line, 2)}`)
  if (one.also.length > 0) printLine(`  ${wrapText(`The same: ${summarize(one.also, LISTED)}`, 2)}`)
  // A line for typing is never broken.
  for (const line of one.remedy.split('\n'))
    printLine(`  ${/: (kubectl|aws|npm|npx) /.test(line) ? withCommand(line) : wrapText(line, 2)}`)
  if (one.evidence && !one.message.includes(one.evidence))
    printLine(`  ${paint('dim', wrapText(`Read: ${one.evidence}`, 2))}`)
  const held = [...new Set(one.consequences.flatMap(({ object, also }) => [object, ...also]))]
  if (held.length > 0) printLine(`  ${paint('dim', wrapText(`Follows from it: ${summarize(held, LISTED)}`, 2))}`)
  printLine(`  ${paint('dim', one.id)}`)
}

/** A sentence, and the command that ends it on a line of its own. */
function withCommand(line: string): string {
  const at = line.search(/(?<=: )(kubectl|aws|npm|npx) /)
  return `${wrapText(line.slice(0, at).trimEnd(), 2)}\n  ${line.slice(at)}`
}

/** Prints findings, root causes first, and with `healthy` what is well. */
export function printDiagnoses(found: Diagnosis[], healthy: Row[] = []): void {
  for (const one of found) show(one)
  printLine()
  for (const { id, title } of healthy) printLine(`  ${paint('green', symbol('✔'))} ${title}  ${paint('dim', id)}`)
  if (healthy.length > 0) printLine()
  const errors = found.filter(({ outcome }) => outcome === 'failed').length
  const warnings = found.length - errors
  printLine(
    found.length === 0
      ? `${paint('green', symbol('✔'))} nothing is wrong`
      : [errors && count(errors, 'problem'), warnings && count(warnings, 'warning')]
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
    also,
    consequences: diagnosesDocument(consequences),
  }))
}
