// Runs programs that print TAP and shows a line for each test, and the closing line that CI reads.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../lib/base/paths.ts'
import { Tap } from './tap.ts'

/** A program that prints TAP, and the name that its lines are shown with. */
export interface Suite {
  name: string
  command: string[]
  /** The rehearsal cluster that it uses, by its folder in that of test/scripts/helpers.bash. */
  cluster?: 'local' | 'eks'
}

const seconds = (since: number) => `${((Date.now() - since) / 1000).toFixed(1)} s`

const print = (text: string) => process.stdout.write(`${text}\n`)

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
  createInterface({ input: child.stderr }).on('line', (line) => tap.stderr(line))
  const lines = createInterface({ input: child.stdout })
  const read = (async () => {
    for await (const line of lines) tap.line(line)
  })()
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(127))
    child.once('close', (exit, signal) => resolve(signal ? 128 : (exit ?? 1)))
  })
  await read
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
