import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from '../../lib/base/paths.ts'
import { EXIT, Problem } from '../../lib/base/problem.ts'
import { quote, run, tryRun } from '../../lib/base/shell.ts'
import { toFinding } from '../../lib/kubernetes/check.ts'
import { selectSteps } from '../../lib/run/command-line.ts'
import { rerunLine, rerunWith } from '../../lib/run/rerun.ts'
import { Tap } from '../tap.ts'

const NAMES = ['00-preflight', '01-cluster', '02-namespaces', '03-secrets']

describe('--from, --only and --skip', () => {
  test('choose by number, with or without the nought, or by name; in their order', () => {
    assert.deepEqual(selectSteps(NAMES, {}), NAMES)
    assert.deepEqual(selectSteps(NAMES, { from: '02' }), ['02-namespaces', '03-secrets'])
    assert.deepEqual(selectSteps(NAMES, { from: '2', skip: ['3'] }), ['02-namespaces'])
    assert.deepEqual(selectSteps(NAMES, { only: ['03,01-cluster', '0'] }), ['00-preflight', '01-cluster', '03-secrets'])
    assert.deepEqual(selectSteps(NAMES, { from: '03', only: ['01'] }), [])
  })

  test('a number that is no step is a word about usage', () => {
    for (const choice of [{ from: '99' }, { only: ['1,x'] }, { skip: [''] }]) {
      assert.throws(
        () => selectSteps(NAMES, choice),
        (error) =>
          error instanceof Problem && error.exitCode === EXIT.usage && /00-preflight/.test(error.findings[0]!.remedy),
      )
    }
  })
})

test('lines for typing are as the run was started', () => {
  rerunWith({ all: false, env: '', plan: false })
  assert.equal(rerunLine('03-secrets', true), 'npx tsx scripts/03-secrets.ts')
  rerunWith({ all: true, env: "/a b/it's", plan: true })
  assert.equal(rerunLine('03-secrets', true), `npm run install:all -- --from 03 --env '/a b/it'\\''s' --plan`)
  assert.equal(rerunLine('02-namespaces'), `npx tsx scripts/02-namespaces.ts --env '/a b/it'\\''s'`)
  rerunWith({ all: false, env: '', plan: false })
})

test('a check that does not hold names the script that makes it so', () => {
  const row = { fact: 'a is there', failure: 'a is missing', passes: () => false }
  assert.deepEqual(toFinding({ ...row, step: '02-namespaces' }), {
    message: 'a is missing',
    remedy: 'Run npx tsx scripts/02-namespaces.ts first.',
  })
  assert.equal(toFinding({ ...row, remedy: 'Do that.' }).remedy, 'Do that.')
})

describe('a program', () => {
  test('gets its arguments as they are, and its input by stdin', async () => {
    const odd = ['a b', "it's", '$HOME', '`x`', '', '*', '--x=;ls']
    const printed = await run(process.execPath, [
      '-e',
      'console.log(JSON.stringify(process.argv.slice(1)))',
      '--',
      ...odd,
    ])
    assert.deepEqual(JSON.parse(printed), odd)
    assert.equal(await run('cat', [], { input: 'what nobody sees' }), 'what nobody sees')
  })

  test('that fails or is not there is a Problem', async () => {
    await assert.rejects(
      run('bash', ['-c', 'echo wrong >&2; exit 3']),
      (error) => error instanceof Problem && /wrong/.test(error.message),
    )
    await assert.rejects(
      tryRun('no-such-program', []),
      (error) => error instanceof Problem && /not on this machine/.test(error.message),
    )
  })

  test('is shown as a shell would want it typed', () => {
    assert.equal(quote('a b'), "'a b'")
    assert.equal(quote("it's"), `'it'\\''s'`)
    assert.equal(quote('--x=a/b:c@d,e'), '--x=a/b:c@d,e')
    assert.equal(quote(''), "''")
  })
})

describe('the scripts', () => {
  const scripts = readdirSync(join(ROOT, 'scripts')).filter((name) => /^\d\d-/.test(name))

  test('are fourteen, each opens with what it is for, and none looks at the environment or deletes by kubectl', () => {
    assert.equal(scripts.length, 14)
    for (const name of scripts) {
      const text = readFileSync(join(ROOT, 'scripts', name), 'utf8')
      assert.match(text, /^\/\/ /, name)
      assert.doesNotMatch(text, /process\.env|'delete'|import\.meta\.main/, name)
    }
  })
})

describe('the count of the tests', () => {
  const count = (lines: string[], code: number) => {
    const tap = new Tap(() => {})
    for (const line of lines) tap.line(line)
    tap.end(code)
    return [tap.passed, tap.failed]
  }

  test('adds up what ran, what failed, and what did not get to run', () => {
    assert.deepEqual(count(['1..2', 'ok 1 a', 'ok 2 b'], 0), [2, 0])
    assert.deepEqual(count(['1..2', 'ok 1 a', 'not ok 2 b', '# why'], 1), [1, 1])
    assert.deepEqual(count(['1..3', 'ok 1 a', 'not ok 2 b'], 1), [1, 2])
    assert.deepEqual(count(['1..3', 'ok 1 a'], 1), [1, 2])
    assert.deepEqual(count([], 1), [0, 1])
    assert.deepEqual(count(['ok 1 a'], 7), [1, 1])
    assert.deepEqual(count(['1..0'], 0), [0, 0])
  })
})
