// The tests of a real node: makes a rehearsal of their own with Prow on it, asks it, and takes it down again.
//   npm run test:e2e -- [--keep] [--pictures DIR] [a word of a file's name …]

import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder } from '../../lib/base/cache.ts'
import { ROOT } from '../../lib/base/paths.ts'
import { EXIT, Problem } from '../../lib/base/problem.ts'
import { onPath } from '../../lib/base/shell.ts'
import { needMachine } from '../../lib/rehearsal/node.ts'
import { nodeTests, report, runSuite } from '../suite.ts'

const { values, positionals } = parseArgs({
  options: { keep: { type: 'boolean' }, pictures: { type: 'string' } },
  allowPositionals: true,
})

const dir = process.env.E2E_DIR ?? join(cacheFolder(), 'rehearsal-e2e')

function rehearse(...args: string[]): Promise<number> {
  const line = ['--import', 'tsx', 'scripts/rehearse.ts', '--real', '--dir', dir, ...args]
  const child = spawn(process.execPath, line, { cwd: ROOT, stdio: 'inherit' })
  return new Promise((settle) => child.once('exit', (code) => settle(code ?? EXIT.interrupted)))
}

async function main(): Promise<number> {
  const began = Date.now()
  needMachine()
  if (!onPath('chromium')) {
    throw new Problem(
      'This machine lacks chromium, to look at Deck',
      'apt-get install --no-install-recommends chromium',
    )
  }
  // A node that an earlier run left has jobs and changes of its own.
  await rehearse('--down')
  try {
    const made = await rehearse()
    if (made !== EXIT.done) return made
    const files = readdirSync(join(ROOT, 'test/e2e'))
      .filter(
        (name) => name.endsWith('.test.ts') && (!positionals.length || positionals.some((word) => name.includes(word))),
      )
      .sort()
      .map((name) => join('test/e2e', name))
    const env = {
      ...(values.pictures ? { PICTURES: resolve(values.pictures) } : {}),
      ...(values.keep ? { KEEP: 'yes' } : {}),
    }
    const suite = { name: 'e2e', command: nodeTests(files, '--test-concurrency=1') }
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
