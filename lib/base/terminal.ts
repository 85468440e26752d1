import { styleText } from 'node:util'
import { type Finding, failures } from './problem.ts'
import { idAndPage } from './troubleshooting.ts'

// Progress goes to stderr; stdout is for data that somebody asked for.
const stream = process.stderr
const terminal = Boolean(stream.isTTY) && process.env.TERM !== 'dumb'
const colours = terminal && !process.env.NO_COLOR
// A CI job may have a terminal, and nobody who watches it.
const spins = terminal && Boolean(stream.columns) && !process.env.CI

/** How often a long wait prints a line where no spinner turns, in milliseconds. */
const EVERY = 20_000
/** After how many milliseconds a spinner appears, and how often it turns: it must not cost more than the work. */
const SPINNER = { after: 200, interval: 250 }

type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold'

/** The text in a colour, on a terminal that wants colours; else the text. */
export function paint(colour: Colour, text: string): string {
  return colours ? styleText(colour, text) : text
}

/** Prints one line. */
export function printLine(text = ''): void {
  stream.write(`${text}\n`)
}

/** A text in lines of at most `width` characters where its words allow that. */
export function wrapWords(text: string, width: number): string {
  const wrapped = text.split('\n').map((paragraph) => {
    const lines: string[] = []
    for (const word of paragraph.split(' ')) {
      const last = lines.at(-1)
      if (last === undefined) lines.push(word)
      else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
      else lines.splice(-1, 1, last.trimEnd(), word)
    }
    return lines.join('\n')
  })
  return wrapped.join('\n')
}

/**
 * A text in lines that fit the terminal, words kept whole, all but the first indented by `indent` characters. A word that
 * is longer than a line, such as a URL or a path, stays whole, so that it can be copied.
 */
export function wrapText(text: string, indent: number): string {
  const width = terminalWidth() - indent
  if (!Number.isFinite(width) || width < 20) return text
  return wrapWords(text, width).replaceAll('\n', `\n${' '.repeat(indent)}`)
}

/** Prints what failed. */
export function printProblems(findings: Finding[]): void {
  for (const one of failures(findings)) printFinding(one)
}

/** Prints a finding that is not well: the message, what to do, what else is known, and the page about it. A line for typing is never broken. */
export function printFinding({ outcome, message, remedy, details = [], id }: Finding): void {
  const [first = '', ...more] = message.split('\n')
  const mark = outcome === 'failed' ? paint('red', symbol('✖')) : paint('yellow', '!')
  printLine(`${mark} ${paint('bold', wrapText(first, 2))}`)
  for (const one of [...more, ...remedy.split('\n')]) printLine(`  ${withCommand(one)}`)
  for (const one of [...details, ...(id ? [idAndPage(id)] : [])]) printLine(`  ${paint('dim', wrapText(one, 2))}`)
}

const COMMAND = /(?:^\s*|(?<=: |\b[Rr]un ))(?:kubectl|aws|npm|npx|helm|chmod|openssl) /

/** A sentence, wrapped, and the command that ends it, on a line of its own where it does not fit beside the sentence. */
function withCommand(line: string): string {
  const at = line.search(COMMAND)
  if (at < 0) return wrapText(line, 2)
  if (at === 0 || line.length + 2 <= terminalWidth()) return line
  return `${wrapText(line.slice(0, at).trimEnd(), 2)}\n  ${line.slice(at)}`
}

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

/** A text cut to what is left of a line of the terminal after `indent` characters. */
export function fit(text: string, indent: number): string {
  const room = terminalWidth() - indent
  return text.length > room ? `${text.slice(0, room - 1)}${symbol('…')}` : text
}

/** A spinner's text on one line: what wraps is not cleared again. */
const fitted = (text: string) => fit(text, 6)

/** Clears the terminal; elsewhere only separates what follows. */
export function clearScreen(): void {
  stream.write(terminal ? '\x1b[H\x1b[2J' : '\n')
}

/** What shows how far work is. */
interface Progress {
  show: (text: string) => void
  stop: () => void
}

function spin(text: string): Progress {
  let shown = text
  let spinner: { text: string; stop: () => void } | undefined
  let stopped = false
  const timer = setTimeout(async () => {
    // Loaded for what takes long: most tasks are done before.
    const { default: ora } = await import('ora')
    if (stopped) return
    // stdin is left alone: a script may be fed by a pipe, and Ctrl-C must reach us.
    const { interval } = SPINNER
    spinner = ora({ text: fitted(shown), prefixText: ' ', stream, discardStdin: false, interval }).start()
  }, SPINNER.after)
  return {
    show: (text) => {
      shown = text
      if (spinner) spinner.text = fitted(text)
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
      spinner?.stop()
    },
  }
}

function printNowAndThen(text: string): Progress {
  let shown = text
  const timer = setInterval(() => printLine(`  … ${shown}`), EVERY)
  return {
    show: (text) => {
      shown = text
    },
    stop: () => clearInterval(timer),
  }
}

/**
 * Does `work` under a spinner that shows `text` and, later, what `work` reports as its progress. Where no spinner can
 * turn, which is also a terminal that does not know its width or that of a CI job, a line is printed now and then.
 */
export async function withSpinner<T>(text: string, work: (progress: (text: string) => void) => Promise<T>): Promise<T> {
  const { show, stop } = spins ? spin(text) : printNowAndThen(text)
  try {
    return await work(show)
  } finally {
    stop()
  }
}
