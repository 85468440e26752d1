// Programs that print TAP, run and told one line a test, with the closing line that CI reads.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../lib/base/paths.ts'
import { Tap } from './tap.ts'

/** A program that prints TAP, and the name its lines are shown under. */
export interface Suite {
  name: string
  command: string[]
}

const seconds = (since: number) => `${((Date.now() - since) / 1000).toFixed(1)} s`

const say = (text: string) => process.stdout.write(`${text}\n`)

/** What runs now, to be ended when the run is. */
export const under = new Set<ChildProcess>()

/** The command that runs files of node:test; `more` are options of node. */
export function nodeTests(files: string[], ...more: string[]): string[] {
  const reporter = `--test-reporter=${pathToFileURL(join(ROOT, 'test/flat.mjs'))}`
  return [process.execPath, '--import', 'tsx', '--test', reporter, ...more, ...files]
}

/** Runs a suite and tells each test as it ends. */
export async function runSuite({ name, command }: Suite, env: NodeJS.ProcessEnv): Promise<Tap> {
  const began = Date.now()
  const [program = '', ...args] = command
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  under.add(child)
  const tap = new Tap((line) => say(`${name.padEnd(20)} ${line}`))
  createInterface({ input: child.stderr }).on('line', (line) => tap.stderr(line))
  const lines = createInterface({ input: child.stdout })
  const read = (async () => {
    for await (const line of lines) tap.line(line)
  })()
  const code = await new Promise<number>((settle) => {
    child.once('error', () => settle(127))
    child.once('close', (exit, signal) => settle(signal ? 128 : (exit ?? 1)))
  })
  await read
  under.delete(child)
  tap.end(code)
  say(`${name.padEnd(20)} = ${tap.passed} passed, ${tap.failed} failed, ${seconds(began)}`)
  return tap
}

/** What failed, once more and with its reasons, then the line of counts; answers the exit code. */
export function report(taps: Tap[], began: number): number {
  const passed = taps.reduce((sum, tap) => sum + tap.passed, 0)
  const failed = taps.reduce((sum, tap) => sum + tap.failed, 0)
  say('')
  for (const tap of taps) for (const failure of tap.failures) say(`${failure.slice(0, 80).join('\n')}\n`)
  if (passed + failed === 0) say('no test was executed')
  say(`${taps.length} ${taps.length === 1 ? 'suite' : 'suites'}, ${seconds(began)}`)
  say(`${passed} passed, ${failed} failed`)
  return failed > 0 || passed === 0 ? 1 : 0
}
