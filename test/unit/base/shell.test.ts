import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import { onPath, processCounts, quote, run, stream, tryCommand, tryRun, wordsOf } from '../../../lib/base/shell.ts'
import { folder } from '../world.ts'

const node = (script: string, ...args: string[]) => ['-e', script, '--', ...args]

describe('a command', () => {
  test('gets its arguments as they are, and its input by stdin', async () => {
    const odd = ['a b', "it's", '$HOME', '`x`', '', '*', '--x=;ls']
    const printed = await run(process.execPath, node('console.log(JSON.stringify(process.argv.slice(1)))', ...odd))
    assert.deepEqual(JSON.parse(printed), odd)
    assert.equal(await run('cat', [], { input: 'what nobody sees' }), 'what nobody sees')
  })

  test('has a closed stdin when it gets no input', async () => {
    const { exitCode, stdout } = await tryRun('cat', [], { timeout: 10 })
    assert.deepEqual([exitCode, stdout], [0, ''])
    assert.equal(await run('cat', [], { input: '', timeout: 10 }), '')
  })

  test('speaks English, whatever the locale', async () => {
    process.env.LC_ALL = 'zh_CN.UTF-8'
    try {
      assert.equal((await run('printenv', ['LC_ALL'])).trim(), 'C')
    } finally {
      delete process.env.LC_ALL
    }
  })

  test('may end without reading its input', async () => {
    for (let n = 0; n < 5; n++) assert.equal((await tryRun('true', [], { input: 'x'.repeat(2e6) })).exitCode, 0)
  })

  test('that fails is a Problem with what it printed, without the values of its options', async () => {
    await assert.rejects(run('bash', ['-c', 'echo broken >&2; exit 3']), (error) => {
      assert.ok(error instanceof Problem)
      assert.equal(error.message, 'bash failed: broken')
      return true
    })
  })

  test('that is not installed is a Problem with a code, not by what a shell says', async () => {
    await assert.rejects(tryRun('no-such-program', []), (error) => {
      assert.ok(error instanceof Problem)
      assert.equal(error.code, 'missing-program')
      assert.match(error.message, /^no-such-program is not installed/)
      return true
    })
    // 127 is an exit code like another.
    assert.equal((await tryRun('bash', ['-c', 'echo not found >&2; exit 127'])).exitCode, 127)
  })

  test('that takes too long is ended with all that it started, and is a Problem', async () => {
    const mark = join(folder(), 'mark')
    await assert.rejects(
      tryRun('bash', ['-c', `(sleep 3; touch ${mark}) & wait`], { timeout: 1 }),
      (error) => error instanceof Problem && error.code === 'timeout',
    )
    await new Promise((settle) => setTimeout(settle, 3000))
    assert.equal(existsSync(mark), false)
  })

  test('is counted by its program', async () => {
    const before = processCounts().true ?? 0
    await tryRun('true', [])
    assert.equal(processCounts().true, before + 1)
  })
})

describe('a template literal', () => {
  const command = (pieces: TemplateStringsArray, ...values: unknown[]) => ({ pieces, values })

  test('is run as it is typed, with its values quoted', async () => {
    const { pieces, values } = command`printf %s:%s ${'a b'} ${'$HOME'}`
    assert.equal((await tryCommand(pieces, values)).stdout, 'a b:$HOME')
  })

  test('has its words taken apart', () => {
    const { pieces, values } = command`kubectl -n prow get ${['cm', 'plugins']} -o yaml`
    assert.deepEqual(wordsOf(pieces, values), ['kubectl', '-n', 'prow', 'get', 'cm', 'plugins', '-o', 'yaml'])
  })
})

test('a stream ends when the reader is satisfied, and says how the command ended when not', async () => {
  let text = ''
  const endless = ['-c', 'while :; do echo line; sleep 0.05; done']
  const first = await stream('bash', endless, 20, (piece) => {
    text += piece
    return text.split('line').length > 3
  })
  assert.equal(first.satisfied, true)
  const second = await stream('bash', ['-c', 'echo why >&2; exit 4'], 20, () => false)
  assert.deepEqual([second.satisfied, second.exitCode, second.stderr.trim()], [false, 4, 'why'])
})

test('an argument is quoted as a shell wants it typed', () => {
  assert.equal(quote('a b'), "'a b'")
  assert.equal(quote("it's"), `'it'\\''s'`)
  assert.equal(quote('--x=a/b:c@d,e'), '--x=a/b:c@d,e')
  assert.equal(quote(''), "''")
})

test('a program is found on PATH, a folder or an absent one is not', () => {
  assert.ok(onPath('sh'))
  assert.equal(onPath('no-such-program'), undefined)
})
