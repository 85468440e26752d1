import { displayPath } from '../base/paths.ts'
import { EXIT, type Problem } from '../base/problem.ts'
import { processCounts } from '../base/shell.ts'
import { paint, printLine, printProblems, terminalWidth } from '../base/terminal.ts'
import { currentRun, type Run, setRun, underWay } from './context.ts'
import { rerunLine } from './rerun.ts'
import type { ReportLine } from './result.ts'

const SIGNS: Record<ReportLine['outcome'], [string, Parameters<typeof paint>[0]]> = {
  created: ['✔', 'green'],
  changed: ['✔', 'yellow'],
  unchanged: ['✔', 'dim'],
  holds: ['✔', 'green'],
  'would create': ['+', 'green'],
  'would change': ['~', 'yellow'],
  removed: ['✔', 'yellow'],
  'would remove': ['-', 'yellow'],
  after: ['…', 'cyan'],
  skipped: ['–', 'dim'],
  warning: ['!', 'yellow'],
  failed: ['✖', 'red'],
}

function show(entry: ReportLine): void {
  const [sign, colour] = SIGNS[entry.outcome]
  // A fact is told by itself; the others have their word in a column.
  const fact = entry.outcome === 'holds' || entry.outcome === 'failed' || entry.outcome === 'warning'
  const { note = '' } = entry
  const name = fact && !note ? entry.name : entry.name.padEnd(32)
  const word = fact ? '' : entry.outcome.padEnd(12)
  const length = 4 + name.length + (word ? 2 + word.length : 0) + 2 + note.length
  const gap = length > terminalWidth() ? '\n      ' : '  '
  const told = `  ${paint(colour, sign)} ${name}${word && `  ${paint(colour, word)}`}`
  printLine(note ? `${told}${gap}${paint('dim', note)}` : told.trimEnd())
  const run = currentRun()
  if (!run.plan && !run.verbose) return
  for (const differs of entry.differences) {
    printLine(paint('dim', `      ${differs.object}  ${differs.path}`))
    for (const one of differs.lines ?? []) {
      const colour = one.startsWith('+') ? 'green' : one.startsWith('-') ? 'red' : 'dim'
      printLine(`        ${paint(colour, `${one[0]} ${one.slice(1)}`)}`)
    }
    if (differs.before !== undefined) printLine(`        ${paint('red', `- ${differs.before}`)}`)
    if (differs.after !== undefined) printLine(`        ${paint('green', `+ ${differs.after}`)}`)
  }
}

export function record(entry: ReportLine): void {
  currentRun().steps.at(-1)?.results.push(entry)
  show(entry)
}

/** The counts of a run, by outcome. */
function counts(run: Run): Record<string, number> {
  const count: Record<string, number> = {}
  for (const { results: things } of run.steps) {
    for (const { outcome } of things) count[outcome] = (count[outcome] ?? 0) + 1
  }
  return count
}

export function finishRun(problem: Problem | undefined, json: boolean): void {
  const run = underWay
  const count = run ? counts(run) : {}
  const todo =
    (count['would create'] ?? 0) + (count['would change'] ?? 0) + (count['would remove'] ?? 0) + (count.after ?? 0)
  const exitCode = problem ? problem.exitCode : run?.plan && todo > 0 ? EXIT.differs : EXIT.done
  if (problem) {
    printLine()
    printProblems(problem.findings)
    const failed = run?.failed ?? run?.steps.at(-1)?.step
    if (failed && problem.exitCode !== EXIT.usage) {
      printLine()
      if (!run?.wrote && !run?.plan) printLine(paint('dim', `${failed} wrote nothing.`))
      printLine(`Then go on with:  ${rerunLine(failed, true)}`)
    }
  }
  if (run && run.steps.length > 0) {
    printLine()
    const words = [
      'created',
      'changed',
      'removed',
      'unchanged',
      'would create',
      'would change',
      'would remove',
      'after',
      'skipped',
    ]
      .filter((word) => count[word])
      .map((word) => `${count[word]} ${word === 'after' ? 'after an earlier step' : word}`)
    const checked = count.holds ? [count.holds === 1 ? '1 check holds' : `${count.holds} checks hold`] : []
    const ended = problem ? paint('red', 'stopped') : run.plan ? 'planned' : paint('green', 'done')
    printLine(
      [`${ended}: ${run.steps.length} ${run.steps.length === 1 ? 'step' : 'steps'}`, ...words, ...checked].join(' · '),
    )
    // On EKS each aws is a second, so their number is told.
    if (run.verbose || processCounts().aws) {
      const told = Object.entries(processCounts()).map(([program, number]) => `${program} ${number}`)
      printLine(paint('dim', `processes: ${told.join(', ') || 'none'}`))
    }
  }
  if (json) {
    const told = {
      version: 1,
      exitCode,
      plan: Boolean(run?.plan),
      target: run ? { kind: run.settings.TARGET, env: displayPath(run.settings.file) } : null,
      counts: count,
      steps: run?.steps ?? [],
      problems: problem?.findings ?? [],
      processes: processCounts(),
    }
    process.stdout.write(`${JSON.stringify(told, null, 2)}\n`)
  }
  process.exitCode = exitCode
  setRun(undefined)
}
