// The tests of a real node: installs Prow on a rehearsal of their own, runs them, and removes it.
//   npm run test:e2e -- [--keep] [--screenshots DIR] [part of a file's name …]

import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder } from '../../lib/base/cache.ts'
import { ROOT } from '../../lib/base/paths.ts'
import { EXIT, Problem } from '../../lib/base/problem.ts'
import { onPath } from '../../lib/base/shell.ts'
import { requireMachine } from '../../lib/rehearsal/machine.ts'
import { nodeTests, report, runSuite } from '../suite.ts'

const { values, positionals } = parseArgs({
  options: { keep: { type: 'boolean' }, screenshots: { type: 'string' } },
  allowPositionals: true,
})

const dir = process.env.E2E_DIR ?? join(cacheFolder(), 'rehearsal-e2e')

function rehearse(...args: string[]): Promise<number> {
  const line = ['lib/start.mjs', 'rehearse', '--real', '--dir', dir, ...args]
  const child = spawn(process.execPath, line, { cwd: ROOT, stdio: 'inherit' })
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? EXIT.interrupted)))
}

async function main(): Promise<number> {
  const began = Date.now()
  requireMachine()
  if (!onPath('chromium')) {
    throw new Problem(
      'chromium is not installed, and the tests open Deck in it',
      'apt-get install --no-install-recommends chromium',
    )
  }
  // The node of an earlier run has other jobs and changes.
  await rehearse('--down')
  try {
    const exitCode = await rehearse()
    if (exitCode !== EXIT.done) return exitCode
    const files = readdirSync(join(ROOT, 'test/e2e'))
      .filter(
        (name) => name.endsWith('.test.ts') && (!positionals.length || positionals.some((word) => name.includes(word))),
      )
      .sort()
      .map((name) => join('test/e2e', name))
    const env = {
      ...(values.screenshots ? { SCREENSHOTS: resolve(values.screenshots) } : {}),
      ...(values.keep ? { KEEP: 'yes' } : {}),
    }
    const suite = { name: 'e2e', command: nodeTests(files, '--import', 'tsx', '--test-concurrency=1') }
    return report([await runSuite(suite, { ...process.env, E2E_DIR: dir, ...env })], began)
  } finally {
    if (!values.keep) await rehearse('--down')
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Problem)) throw error
  for (const { message, remedy } of error.findings) process.stderr.write(`✖ ${message}\n  ${remedy}\n`)
  process.exitCode = error.exitCode
}
