import { styleText } from 'node:util'
import ora from 'ora'
import type { Fault } from './problem.ts'

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
export function line(text = ''): void {
  stream.write(`${text}\n`)
}

/** Faults to the reader: what is wrong, then what to do. */
export function problems(faults: Fault[]): void {
  for (const { wrong, remedy } of faults) {
    const [first, ...more] = wrong.split('\n')
    line(`${paint('red', '✖')} ${paint('bold', first ?? '')}`)
    for (const one of [...more, ...remedy.split('\n')]) line(`  ${one}`)
  }
}

/** The width the reader's terminal has, in characters. */
export function width(): number {
  return terminal ? (stream.columns ?? 100) : 100
}

/**
 * Does `work` under a spinner that shows `text` and, later, what `work` says.
 * Without a terminal nothing is printed but a line now and then when the work is long.
 */
export async function spin<T>(text: string, work: (say: (text: string) => void) => Promise<T>): Promise<T> {
  if (!terminal) {
    let last = Date.now()
    return work((said) => {
      if (Date.now() - last < EVERY) return
      last = Date.now()
      line(`  … ${said}`)
    })
  }
  // stdin is left alone: a script may be fed by a pipe, and Ctrl-C must reach us.
  const spinner = ora({ text, stream, indent: 2, discardStdin: false, hideCursor: true }).start()
  try {
    return await work((said) => {
      spinner.text = said.slice(0, width() - 6)
    })
  } finally {
    spinner.stop()
  }
}
