import { styleText } from 'node:util'
import ora from 'ora'
import type { Finding } from './problem.ts'

// The telling goes to stderr; stdout is for data that somebody asked for.
const stream = process.stderr
const terminal = Boolean(stream.isTTY)
const colours = terminal && !process.env.NO_COLOR && process.env.TERM !== 'dumb'

/** How often a long wait says where it is when there is no terminal to turn a spinner on, in milliseconds. */
const EVERY = 20_000

type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold'

/** The text in a colour, on a terminal that wants colours; else the text. */
export function paint(colour: Colour, text: string): string {
  return colours ? styleText(colour, text) : text
}

/** One line to the reader. */
export function printLine(text = ''): void {
  stream.write(`${text}\n`)
}

/** Faults to the reader: what is message, then what to do. */
export function printProblems(faults: Finding[]): void {
  for (const { message, remedy } of faults) {
    const [first, ...more] = message.split('\n')
    printLine(`${paint('red', '✖')} ${paint('bold', first ?? '')}`)
    for (const one of [...more, ...remedy.split('\n')]) printLine(`  ${one}`)
  }
}

/** The width of the reader's terminal in characters; no limit where there is none. */
export function terminalWidth(): number {
  return terminal ? stream.columns || 100 : Number.POSITIVE_INFINITY
}

/** A spinner's text on one line: what wraps is not cleared again. */
function fitted(text: string): string {
  const room = terminalWidth() - 6
  return text.length > room ? `${text.slice(0, room - 1)}…` : text
}

/**
 * Does `work` under a spinner that shows `text` and, later, what `work` says.
 * Without a terminal nothing is printed but a line now and then when the work is long.
 */
export async function withSpinner<T>(text: string, work: (say: (text: string) => void) => Promise<T>): Promise<T> {
  if (!terminal) {
    let last = Date.now()
    return work((said) => {
      if (Date.now() - last < EVERY) return
      last = Date.now()
      printLine(`  … ${said}`)
    })
  }
  // stdin is left alone: a script may be fed by a pipe, and Ctrl-C must reach us.
  const spinner = ora({ text: fitted(text), prefixText: ' ', stream, discardStdin: false }).start()
  try {
    return await work((said) => {
      spinner.text = fitted(said)
    })
  } finally {
    spinner.stop()
  }
}
