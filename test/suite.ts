// Runs programs that print TAP and shows a line for each test, and the closing line that CI reads.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../lib/base/paths.ts'

/** A program that prints TAP, and the name that its lines are shown with. */
export interface Suite {
  name: string
  command: string[]
  /** The rehearsal cluster that it uses, by its folder in that of test/scripts/helpers.bash. */
  cluster?: 'local' | 'eks'
}

export const seconds = (since: number) => `${((Date.now() - since) / 1000).toFixed(1)} s`

export const print = (text: string) => process.stdout.write(`${text}\n`)

/** Counts the tests of a program. One that crashed or ran fewer tests than it planned has failed ones. */
export class Tap {
  passed = 0
  failed = 0
  /** What is printed once more at the end: each failure, with the first lines about it. */
  readonly failures: string[][] = []
  readonly #show: (line: string) => void
  readonly #unread: string[] = []
  #planned = 0
  #failure: string[] | undefined

  constructor(show: (line: string) => void) {
    this.#show = show
  }

  /** One line that it printed, to whatever stream. */
  line(line: string): void {
    const [, not, name] = /^(not )?ok \d+ (.*)$/.exec(line) ?? []
    const [, planned] = /^1\.\.(\d+)/.exec(line) ?? []
    if (name !== undefined) this.#end(name, not === undefined)
    else if (planned) this.#planned = Number(planned)
    else if (line.startsWith('## ')) this.#show(line.slice(3))
    else if (line.startsWith('#')) this.#failure?.push(`    ${line.slice(1)}`)
    else this.#unread.push(`    ${line}`)
  }

  /** It ended with this exit code. */
  end(code: number): void {
    const missing = Math.max(0, this.#planned - this.passed - this.failed)
    if (missing === 0 && (code === 0 || this.failed > 0)) return
    this.#end(`ended with exit code ${code}${missing > 0 ? `; tests that were not run: ${missing}` : ''}`, false)
    this.failed += Math.max(0, missing - 1)
    this.#failure!.push(...this.#unread.slice(-20))
  }

  #end(name: string, passed: boolean): void {
    const line = `${passed ? '✔' : '✖'} ${name}`
    this.#show(line)
    this.#failure = passed ? undefined : [line]
    if (this.#failure) this.failures.push(this.#failure)
    if (passed) this.passed++
    else this.failed++
  }
}

/** The suites that run now, to be ended with the run. */
export const runningSuites = new Set<ChildProcess>()

/** The command that runs files of node:test; `more` are further options of node. */
export function nodeTests(files: string[], ...more: string[]): string[] {
  const reporter = `--test-reporter=${pathToFileURL(join(ROOT, 'test/flat.mjs'))}`
  return [process.execPath, '--test', reporter, ...more, ...files]
}

/** Runs a suite and shows each test as it ends. */
export async function runSuite({ name, command }: Suite, env: NodeJS.ProcessEnv): Promise<Tap> {
  const began = Date.now()
  const [program = '', ...args] = command
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  runningSuites.add(child)
  const tap = new Tap((line) => print(`${name.padEnd(20)} ${line}`))
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', (line) => tap.line(line))
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(127))
    child.once('close', (exit, signal) => resolve(signal ? 128 : (exit ?? 1)))
  })
  runningSuites.delete(child)
  tap.end(code)
  print(`${name.padEnd(20)} = ${tap.passed} passed, ${tap.failed} failed, ${seconds(began)}`)
  return tap
}

/** Prints what failed once more, with its reasons, then the line of counts; answers the exit code. */
export function report(taps: Tap[], began: number): number {
  const passed = taps.reduce((sum, tap) => sum + tap.passed, 0)
  const failed = taps.reduce((sum, tap) => sum + tap.failed, 0)
  print('')
  for (const tap of taps) for (const failure of tap.failures) print(`${failure.slice(0, 80).join('\n')}\n`)
  if (passed + failed === 0) print('no test was run')
  print(`${taps.length} ${taps.length === 1 ? 'suite' : 'suites'}, ${seconds(began)}`)
  print(`${passed} passed, ${failed} failed`)
  return failed > 0 || passed === 0 ? 1 : 0
}
