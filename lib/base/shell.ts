import { setTimeout as delay } from 'node:timers/promises'
import { type ProcessPromise, which, $ as zx } from 'zx/core'
import { EXIT, Problem } from './problem.ts'

/** How a command ended: what it printed, and its exit code; 128 and more when a signal ended it. */
export interface Completed {
  stdout: string
  stderr: string
  exitCode: number
}

export interface RunOptions {
  /** Standard input; closed when absent. The only way a secret reaches another program. Never printed. */
  input?: string
  /** Environment on top of our own. */
  env?: Record<string, string>
  /** What `--verbose` prints behind the command, such as what is on its input. */
  comment?: string
  /** After how many seconds it is ended. */
  timeout?: number
  /** The folder it runs in; our own when absent. */
  cwd?: string
  /** It may ask something at the terminal. It is then in our process group, and without a group of its own. */
  terminal?: boolean
  /** Gets its stderr as it comes, to show how far a long command is. */
  onStderr?: (text: string) => void
}

/** The limit of a command that has none of its own, in seconds: none that we start should take so long. */
const LIMIT = 120
/** How long a command may take to end after SIGTERM before SIGKILL, in seconds. */
const GRACE = 5

// The commands that run now, to be ended with the run.
const running = new Set<ProcessPromise>()
const counts = new Map<string, number>()
const stopping = new AbortController()
let listener: ((line: string) => void) | undefined

/** Has each command handed to `listen` as a person would type it, for `--verbose`. */
export function onCommand(listen: (line: string) => void): void {
  listener = listen
}

/** How many processes were started so far, by program. */
export function processCounts(): Record<string, number> {
  return Object.fromEntries(counts)
}

/** One argument as a shell wants it typed. */
export function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}

/** The file that a program's name stands for on PATH, if there is one. */
export function onPath(program: string): string | undefined {
  return which.sync(program, { nothrow: true }) ?? undefined
}

// `pieces` and `values` are those of a template literal; zx quotes each value.
function start(pieces: TemplateStringsArray, values: unknown[], options: RunOptions): ProcessPromise {
  throwIfInterrupted()
  const { input, env, comment, cwd, terminal = false, onStderr } = options
  const program = programOf(pieces, values)
  // Not from what a shell says about it, which is in the language of the reader.
  if (!onPath(program)) {
    throw new Problem(`${program} is not installed, or not on PATH`, `Install ${program}.`, { code: 'missing-program' })
  }
  const words = String.raw({ raw: pieces }, ...values.map((value) => [value].flat().map(String).map(quote).join(' ')))
  listener?.(`${words.trim()}${comment ? `   # ${comment}` : ''}`)
  counts.set(program, (counts.get(program) ?? 0) + 1)
  const command = zx({
    // The program takes the shell's place, so that a signal reaches it; in a group of its own, with all that it starts.
    prefix: 'exec ',
    // A group of its own is also a session of its own, which has no terminal.
    detached: !terminal,
    stdio: [terminal ? 'inherit' : input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', ...env },
    quiet: true,
    nothrow: true,
    verbose: false,
    ...(cwd ? { cwd } : {}),
  })
  const child = command(pieces, ...values)
  if (input !== undefined) {
    // A program that ends without reading its input has said why on stderr.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  }
  if (onStderr) child.stderr.on('data', (chunk: Buffer) => onStderr(chunk.toString()))
  running.add(child)
  return child
}

function programOf(pieces: TemplateStringsArray, values: unknown[]): string {
  const [first = ''] = pieces
  return first.trim() ? first.trim().split(/\s+/)[0]! : String(values[0])
}

const literal = (pieces: TemplateStringsArray, ...values: unknown[]) => [pieces, values] as const

function end(child: ProcessPromise, signal: NodeJS.Signals = 'SIGTERM'): void {
  for (const pid of [-child.pid!, child.pid!]) {
    try {
      process.kill(pid, signal)
      return
    } catch {
      // It has ended already, or has no group of its own.
    }
  }
}

/** Waits for a command; ends it when `seconds` are over. Answers whether it came to that. */
async function ended(child: ProcessPromise, seconds: number): Promise<{ completed: Completed; timedOut: boolean }> {
  let timedOut = false
  const limit = setTimeout(() => {
    timedOut = true
    end(child)
    setTimeout(() => end(child, 'SIGKILL'), GRACE * 1000).unref()
  }, seconds * 1000)
  try {
    const { stdout, stderr, exitCode } = await child
    return { completed: { stdout, stderr, exitCode: exitCode ?? 128 }, timedOut }
  } finally {
    clearTimeout(limit)
    running.delete(child)
  }
}

/**
 * Runs a program with an argument list and gives back how it ended, also when it failed. Throws a Problem when there
 * is no such program ('missing-program') or it takes too long ('timeout').
 */
export function tryRun(program: string, args: string[], options: RunOptions = {}): Promise<Completed> {
  return tryCommand(...literal`${program} ${args}`, options)
}

/** The same for a template literal, in which the command stands as a person would type it. */
export async function tryCommand(
  pieces: TemplateStringsArray,
  values: readonly unknown[],
  options: RunOptions = {},
): Promise<Completed> {
  const seconds = options.timeout ?? LIMIT
  const { completed, timedOut } = await ended(start(pieces, [...values], options), seconds)
  throwIfInterrupted()
  if (!timedOut) return completed
  const said = completed.stderr.trim().split('\n').at(-1)
  throw new Problem(
    `${describe(wordsOf(pieces, values))} did not end within ${seconds} seconds${said ? `: ${said}` : ''}`,
    'Run the same line again when what it waits for answers; --verbose shows the command.',
    { code: 'timeout' },
  )
}

/** Runs a program and gives back its stdout. Throws a Problem with its stderr when it fails. */
export async function run(program: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await tryRun(program, args, options)
  if (exitCode === 0) return stdout
  throw new Problem(
    `${describe([program, ...args])} failed: ${stderr.trim() || `exit code ${exitCode}`}`,
    'Run the step again with --verbose to see the command.',
  )
}

/** The words of a command that is written as a template literal. */
export function wordsOf(pieces: TemplateStringsArray, values: readonly unknown[]): string[] {
  return pieces.flatMap((piece, index) => [
    ...piece.split(/\s+/).filter(Boolean),
    ...(index < values.length ? [values[index]].flat().map(String) : []),
  ])
}

/** A command by its program and first words, without options, in which values may be. */
function describe(words: string[]): string {
  const first = words.findIndex((word) => word.startsWith('-'))
  return words.slice(0, first < 0 ? 3 : Math.min(first, 3)).join(' ')
}

/**
 * Runs a program that prints as it goes and hands each piece of its stdout to `onText`, until that answers true, `signal`
 * is aborted, the program ends or `seconds` are over. Answers whether `onText` was satisfied, and how the program ended.
 */
export async function stream(
  program: string,
  args: string[],
  seconds: number,
  onText: (text: string) => boolean,
  signal?: AbortSignal,
): Promise<{ satisfied: boolean; exitCode: number; stderr: string }> {
  const [pieces, values] = literal`${program} ${args}`
  const child = start(pieces, [...values], {})
  let satisfied = false
  let thrown: unknown
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (satisfied || thrown) return
    try {
      satisfied = onText(text)
    } catch (error) {
      thrown = error
    }
    if (satisfied || thrown) end(child)
  })
  const stop = () => end(child)
  signal?.addEventListener('abort', stop)
  const { completed } = await ended(child, seconds)
  signal?.removeEventListener('abort', stop)
  if (thrown) throw thrown
  throwIfInterrupted()
  return { satisfied, exitCode: completed.exitCode, stderr: completed.stderr }
}

/** Ends every command that runs: nobody waits for it any more. */
export function endCommands(): void {
  for (const child of running) end(child)
}

/** Waits for some milliseconds. Throws when the run is interrupted meanwhile. */
export async function sleep(milliseconds: number): Promise<void> {
  await delay(milliseconds, undefined, { signal: stopping.signal }).catch(() => {})
  throwIfInterrupted()
}

/** Aborted when the run is interrupted, for what waits for something else than a command. */
export function interruption(): AbortSignal {
  return stopping.signal
}

/** Throws the Problem of a run that the reader has interrupted. */
export function throwIfInterrupted(): void {
  if (!stopping.signal.aborted) return
  throw new Problem('interrupted', 'What was done so far stays. Run the same line again to continue.', {
    exitCode: EXIT.interrupted,
    code: 'interrupted',
  })
}

/** Ends all commands on Ctrl-C and its like, so that the run ends with exit code 130 and a report. */
export function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(EXIT.interrupted)
      stopping.abort()
      endCommands()
      // Something that does not heed the signal holds up nobody.
      setTimeout(() => process.exit(EXIT.interrupted), 10_000).unref()
    })
  }
}
