import { styleText } from 'node:util'
import ora from 'ora'
import wrapAnsi from 'wrap-ansi'
import { type Finding, failures } from './problem.ts'

// Progress goes to stderr; stdout is for data that somebody asked for.
const stream = process.stderr
const terminal = Boolean(stream.isTTY) && process.env.TERM !== 'dumb'
const colours = terminal && !process.env.NO_COLOR
// A CI job may have a terminal, and nobody who watches it.
const spins = terminal && Boolean(stream.columns) && !process.env.CI

/** How often a long wait prints a line where no spinner turns, in milliseconds. */
const EVERY = 20_000

type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold'

/** The text in a colour, on a terminal that wants colours; else the text. */
export function paint(colour: Colour, text: string): string {
  return colours ? styleText(colour, text) : text
}

/** Prints one line. */
export function printLine(text = ''): void {
  stream.write(`${text}\n`)
}

/**
 * A text in lines that fit the terminal, words kept whole, all but the first indented by `indent` characters. A word that
 * is longer than a line, such as a URL or a path, stays whole, so that it can be copied.
 */
export function wrapText(text: string, indent: number): string {
  const width = terminalWidth() - indent
  if (!Number.isFinite(width) || width < 20) return text
  return wrapAnsi(text, width, { hard: false }).replaceAll('\n', `\n${' '.repeat(indent)}`)
}

/** Prints what failed: the message, then the remedy. A line for typing is never broken. */
export function printProblems(findings: Finding[]): void {
  for (const { message, remedy } of failures(findings)) {
    const [first = '', ...more] = message.split('\n')
    printLine(`${paint('red', symbol('✖'))} ${paint('bold', wrapText(first, 2))}`)
    for (const one of [...more, ...remedy.split('\n')]) printLine(`  ${isCommand(one) ? one : wrapText(one, 2)}`)
  }
}

const isCommand = (line: string) => /^\s*(kubectl|aws|npx|npm|helm|chmod|openssl) /.test(line)

const ASCII: Record<string, string> = { '✔': '*', '✖': 'x', '…': '.', '–': '-', '·': '|' }

/** A mark that the terminal can show: plain characters where the locale is not UTF-8. */
export function symbol(mark: string): string {
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  const locale = LC_ALL || LC_CTYPE || LANG || ''
  return locale && !/utf-?8/i.test(locale) ? (ASCII[mark] ?? mark) : mark
}

/** The width of the terminal in characters; no limit where there is none. */
export function terminalWidth(): number {
  return terminal ? stream.columns || 100 : Number.POSITIVE_INFINITY
}

/** A spinner's text on one line: what wraps is not cleared again. */
function fitted(text: string): string {
  const room = terminalWidth() - 6
  return text.length > room ? `${text.slice(0, room - 1)}…` : text
}

/**
 * Does `work` under a spinner that shows `text` and, later, what `work` reports as its progress. Where no spinner can
 * turn, which is also a terminal that does not know its width or that of a CI job, a line is printed now and then when
 * the work is long.
 */
export async function withSpinner<T>(text: string, work: (progress: (text: string) => void) => Promise<T>): Promise<T> {
  if (!spins) {
    let last = Date.now()
    return work((now) => {
      if (Date.now() - last < EVERY) return
      last = Date.now()
      printLine(`  … ${now}`)
    })
  }
  // stdin is left alone: a script may be fed by a pipe, and Ctrl-C must reach us.
  const spinner = ora({ text: fitted(text), prefixText: ' ', stream, discardStdin: false }).start()
  try {
    return await work((now) => {
      spinner.text = fitted(now)
    })
  } finally {
    spinner.stop()
  }
}
