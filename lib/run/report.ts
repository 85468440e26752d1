import { displayPath } from '../base/paths.ts'
import { EXIT, type Problem } from '../base/problem.ts'
import { processCounts } from '../base/shell.ts'
import { counted } from '../base/summarize.ts'
import { paint, printLine, printProblems, symbol, terminalWidth, wrapText } from '../base/terminal.ts'
import { troubleshootingPage } from '../base/troubleshooting.ts'
import { currentRun, maybeRun, type Run, setRun } from './context.ts'
import { rerunLine } from './rerun.ts'
import type { ReportLine } from './result.ts'

const MARKS: Record<ReportLine['outcome'], [mark: string, colour: Parameters<typeof paint>[0]]> = {
  created: ['✔', 'green'],
  changed: ['✔', 'yellow'],
  unchanged: ['✔', 'dim'],
  passed: ['✔', 'green'],
  'would create': ['+', 'green'],
  'would change': ['~', 'yellow'],
  removed: ['✔', 'yellow'],
  'would remove': ['-', 'yellow'],
  after: ['…', 'cyan'],
  skipped: ['–', 'dim'],
  warning: ['!', 'yellow'],
  failed: ['✖', 'red'],
}

/** The width of the column of names. */
const NAMES = 32

/** How far the second line of an entry is indented, in characters. */
const INDENT = 4

function show({ name, outcome, note = '', differences }: ReportLine): void {
  const [mark, colour] = MARKS[outcome]
  const sign = paint(colour, symbol(mark))
  // The result of a check and what a plan waits for are their own sentence; the others have their outcome in a column.
  const sentence = ['passed', 'failed', 'warning', 'after'].includes(outcome)
  const plain = sentence ? name : `${name.padEnd(NAMES)}  ${outcome.padEnd(12)}`
  const column = sentence ? '' : `  ${paint(colour, outcome.padEnd(12))}`
  const width = INDENT + (sentence ? Math.max(plain.length, NAMES) : plain.length) + 2 + note.length
  const first = sentence ? wrapText(name, INDENT) : `${name.padEnd(NAMES)}${column}`
  if (!note) printLine(`  ${sign} ${sentence ? first : first.trimEnd()}`)
  else if (width <= terminalWidth())
    printLine(`  ${sign} ${sentence ? first.padEnd(NAMES) : first}  ${paint('dim', note)}`)
  else {
    printLine(`  ${sign} ${sentence ? first : `${name.padEnd(NAMES)}  ${paint(colour, outcome)}`}`)
    printLine(`${' '.repeat(INDENT + 2)}${paint('dim', wrapText(note, INDENT + 2))}`)
  }
  const { plan, verbose } = currentRun()
  if (!plan && !verbose) return
  for (const { object, path, lines = [], before, after } of differences) {
    printLine(paint('dim', `      ${object}  ${path}`))
    for (const one of lines) {
      const colour = one.startsWith('+') ? 'green' : one.startsWith('-') ? 'red' : 'dim'
      printLine(`        ${paint(colour, `${one[0]} ${one.slice(1)}`)}`)
    }
    if (before !== undefined) printLine(`        ${paint('red', `- ${before}`)}`)
    if (after !== undefined) printLine(`        ${paint('green', `+ ${after}`)}`)
  }
}

/** Adds a line to the report of the current step, and prints it. */
export function record(line: ReportLine): void {
  currentRun().steps.at(-1)?.results.push(line)
  show(line)
}

/** How many lines a run has, by outcome. */
function count(run: Run): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome, checks = 1 } of run.steps.flatMap(({ results }) => results))
    counts[outcome] = (counts[outcome] ?? 0) + checks
  return counts
}

const COUNTED = ['created', 'changed', 'removed', 'unchanged', 'would create', 'would change', 'would remove'] as const

function summary(run: Run, counts: Record<string, number>, problem: Problem | undefined): string {
  const ended = problem ? paint('red', 'stopped') : run.plan ? 'planned' : paint('green', 'done')
  return [
    `${ended}: ${counted(run.steps.length, 'step')}`,
    ...COUNTED.filter((outcome) => counts[outcome]).map((outcome) => `${counts[outcome]} ${outcome}`),
    ...(counts.after ? [`${counts.after} after an earlier step`] : []),
    ...(counts.skipped ? [`${counts.skipped} skipped`] : []),
    ...(counts.passed ? [`${counted(counts.passed, 'check')} passed`] : []),
    ...(counts.warning ? [counted(counts.warning, 'warning')] : []),
  ].join(` ${symbol('·')} `)
}

/** Prints how the run ended, and with `json` the document of it on stdout; sets the exit code and ends the run. */
export function finishRun(problem: Problem | undefined, json: boolean): void {
  const run = maybeRun()
  const counts = run ? count(run) : {}
  const todo = ['would create', 'would change', 'would remove', 'after'].some((outcome) => counts[outcome])
  const exitCode = problem
    ? problem.exitCode
    : (run?.answer?.exitCode ?? (run?.plan && todo ? EXIT.differs : EXIT.done))
  const failedStep = run?.failedStep ?? run?.steps.at(-1)?.step
  if (problem) {
    printLine()
    printProblems(problem.findings)
    if (run && failedStep && exitCode !== EXIT.usage) {
      printLine()
      const wrote = run.steps.find(({ step }) => step === failedStep)?.wrote
      if (!wrote && !run.plan) printLine(paint('dim', `${failedStep} changed nothing.`))
      printLine(`Then resume with:  ${rerunLine(failedStep, true)}`)
    }
  }
  if (run && run.steps.length > 0) {
    if (problem || !run.answer) {
      printLine()
      printLine(summary(run, counts, problem))
    }
    // On EKS each aws process takes a second, so their number is of interest.
    if (run.verbose || processCounts().aws) {
      const programs = Object.entries(processCounts()).map(([program, number]) => `${program} ${number}`)
      printLine(paint('dim', `processes: ${programs.join(', ') || 'none'}`))
    }
  }
  if (json) {
    const document = {
      version: 1,
      exitCode,
      plan: Boolean(run?.plan),
      target: run ? { kind: run.settings.TARGET, env: displayPath(run.settings.file) } : null,
      counts,
      steps: run?.steps ?? [],
      problems: (problem?.findings ?? []).map((one) => (one.id ? { ...one, page: troubleshootingPage(one.id) } : one)),
      resume: problem && failedStep ? rerunLine(failedStep, true) : null,
      ...run?.answer?.document,
      processes: processCounts(),
    }
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  }
  process.exitCode = exitCode
  setRun()
}
