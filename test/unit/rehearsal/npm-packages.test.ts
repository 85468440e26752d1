import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import { ensurePackages, npmError } from '../../../lib/rehearsal/npm-packages.ts'
import { folder } from '../world.ts'

const ROOT = join(import.meta.dirname, '../../..')
process.env.RUNBOOK_CACHE = folder()

/** A folder with a lock file, and an npm on PATH that runs a script. */
function withNpm(script: string): string {
  const dir = folder({ 'package-lock.json': '{}', 'bin/npm': `#!/bin/sh\ncd ${'"$3"'}\n${script}\n` })
  chmodSync(join(dir, 'bin/npm'), 0o755)
  process.env.PATH = `${join(dir, 'bin')}${delimiter}${process.env.PATH}`
  return dir
}

test('packages are installed once, and again when the lock file changes', async () => {
  const dir = withNpm('rm -rf node_modules; mkdir node_modules; echo "$*" >>calls')
  assert.equal((await ensurePackages(() => {}, dir))[1].outcome, 'created')
  assert.equal((await ensurePackages(() => {}, dir))[1].outcome, 'unchanged')
  assert.match(readFileSync(join(dir, 'calls'), 'utf8'), /^ci --prefix \S+ .*\n$/)
  writeFileSync(join(dir, 'package-lock.json'), '{"lockfileVersion":3}')
  assert.equal((await ensurePackages(() => {}, dir))[1].outcome, 'created')
})

test('an installation that fails is a problem with its cause, and is tried again', async () => {
  const dir = withNpm('mkdir -p node_modules; echo "npm error code ENOTFOUND\nnpm error network failed" >&2; exit 1')
  await assert.rejects(
    ensurePackages(() => {}, dir),
    (error) => {
      assert.ok(error instanceof Problem)
      assert.equal(error.message, "the npm packages of Deck's pages could not be installed: network failed")
      assert.match(error.findings[0]!.remedy, /npm registry can be reached/)
      return true
    },
  )
  assert.equal(existsSync(join(dir, 'node_modules/.installed')), false)
})

test("the cause is npm's first line that is not a code", () => {
  assert.equal(
    npmError('npm error code E404\nnpm error 404 Not Found - GET x\nnpm error 404\n'),
    '404 Not Found - GET x',
  )
  assert.equal(npmError('npm ERR! code X\nnpm ERR! errno 1\nnpm ERR! request failed\n'), 'request failed')
  assert.equal(npmError('Killed'), '')
})

test('an installation on EKS does not install them: their versions are exact, and stand in one place', () => {
  const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'))
  const { dependencies } = read('lib/rehearsal/package.json')
  const top = read('package.json')
  for (const [name, version] of Object.entries(dependencies)) {
    assert.match(version as string, /^\d+\.\d+\.\d+$/)
    assert.equal(name in { ...top.dependencies, ...top.devDependencies }, false, name)
  }
  const lock = readFileSync(join(ROOT, 'lib/rehearsal/package-lock.json'), 'utf8')
  assert.doesNotMatch(lock, /"resolved"/)
})
