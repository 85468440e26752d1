import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { $, type ProcessOutput, type ProcessPromise } from 'zx/core'
import { EXIT, Problem } from './problem.ts'

/** How a command ended: what it printed, and its exit code. */
export interface Completed {
  stdout: string
  stderr: string
  exitCode: number
}

export interface RunOptions {
  /** Standard input. The only way a secret reaches another program. Never shown. */
  input?: string
  /** Environment on top of our own. */
  env?: Record<string, string>
  /** What `--verbose` shows behind the command, such as what is on its input. */
  comment?: string
  /** The limit in seconds; none when absent. */
  timeout?: number
  /** The folder it runs in; our own when absent. */
  cwd?: string
  /** Hears its stderr as it comes, to tell how far a long command is. */
  onStderr?: (text: string) => void
}

const underWay = new Set<ProcessPromise>()
const followed = new Set<ChildProcess>()
const started = new Map<string, number>()
let listener: ((line: string) => void) | undefined
let interrupted: NodeJS.Signals | undefined

/** Has each command told to `listen` as a person would type it, for `--verbose`. */
export function onCommand(listen: (line: string) => void): void {
  listener = listen
}

/** How many processes this run started so far, by program. */
export function processCounts(): Record<string, number> {
  return Object.fromEntries(started)
}

/** One argument as a shell would want it typed. */
export function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}

function tellStart(program: string, args: string[], shows?: string): void {
  if (interrupted) throw interruption()
  listener?.(`${[program, ...args].map(quote).join(' ')}${shows ? `   # ${shows}` : ''}`)
  started.set(program, (started.get(program) ?? 0) + 1)
}

function start(program: string, args: string[], options: RunOptions): ProcessPromise {
  tellStart(program, args, options.comment)
  const shell = $({
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
    quiet: true,
    nothrow: true,
    verbose: false,
    ...(options.timeout ? { timeout: options.timeout * 1000 } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
  })
  const running = shell`${program} ${args}`
  if (options.onStderr) running.stderr.on('data', (chunk: Buffer) => options.onStderr?.(chunk.toString()))
  underWay.add(running)
  running.finally(() => underWay.delete(running))
  return running
}

/** The file a command line would start, if PATH has one. */
export function onPath(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Not in this folder.
    }
  }
}

/**
 * Runs a program with an argument list and gives back how it ended, also when it failed.
 * Throws a Problem when there is no such program.
 */
export async function tryRun(program: string, args: string[], options: RunOptions = {}): Promise<Completed> {
  const output: ProcessOutput = await start(program, args, options)
  if (interrupted) throw interruption()
  const exitCode = output.exitCode ?? 1
  if (exitCode === 127 && /not found|No such file/.test(output.stderr)) {
    throw new Problem(`${program} is not on this machine`, `Install ${program} and see that it is on PATH.`)
  }
  return { stdout: output.stdout, stderr: output.stderr, exitCode }
}

/** Runs a program and gives back its stdout. Throws a Problem with its stderr when it fails. */
export async function run(program: string, args: string[], options: RunOptions = {}): Promise<string> {
  const ended = await tryRun(program, args, options)
  if (ended.exitCode === 0) return ended.stdout
  throw new Problem(
    `${program} ${args.filter((argument) => !argument.startsWith('-'))[0] ?? ''} failed: ${ended.stderr.trim() || `exit code ${ended.exitCode}`}`,
    'Run the step again with --verbose to see the command.',
  )
}

/**
 * Starts a program that tells as it goes and hands each chunk of its stdout to `onText`,
 * until that answers true or the program ends or `seconds` are over. Answers whether `onText` was satisfied.
 */
export async function stream(
  program: string,
  args: string[],
  seconds: number,
  onText: (text: string) => boolean,
  env: Record<string, string> = {},
): Promise<{ satisfied: boolean; stderr: string }> {
  tellStart(program, args)
  // Not by a shell between us: ending that would leave the program behind.
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  followed.add(child)
  const limit = setTimeout(() => child.kill(), seconds * 1000)
  let satisfied = false
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (satisfied || !onText(text)) return
    satisfied = true
    child.kill()
  })
  try {
    await once(child, 'close')
  } catch (cause) {
    throw new Problem(`${program} cannot be started`, `Install ${program} and see that it is on PATH.`, { cause })
  } finally {
    clearTimeout(limit)
    followed.delete(child)
  }
  if (interrupted) throw interruption()
  return { satisfied, stderr }
}

/** Ends what is followed: nobody waits for it any more. */
export function killStreams(): void {
  for (const child of followed) child.kill()
}

function interruption(): Problem {
  return new Problem('interrupted', 'What was made so far stays. Run the same line again to go on.', {
    exitCode: EXIT.interrupted,
  })
}

/** Ends what is under way when the reader presses Ctrl-C, so that the run ends with exit code 130 and a word. */
export function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interrupted) process.exit(EXIT.interrupted)
      interrupted = signal
      killStreams()
      for (const running of underWay) running.kill('SIGTERM').catch(() => running.child?.kill())
      // A run that waits for no program right now ends here.
      setTimeout(() => process.exit(EXIT.interrupted), 5000).unref()
    })
  }
}
