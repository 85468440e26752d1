import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, mock, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../../../lib/base/paths.ts'
import { quote } from '../../../lib/base/shell.ts'
import { symbol, terminalWidth, withSpinner, wrapText, wrapWords } from '../../../lib/base/terminal.ts'
import { folder, write } from '../world.ts'

const home = folder()

/** What a module that imports terminal.ts prints on a terminal of that many columns. */
function onTerminal(columns: number, body: string, environment: Record<string, string> = {}): string {
  const file = join(home, 'shown.mts')
  const terminal = pathToFileURL(join(ROOT, 'lib/base/terminal.ts')).href
  write(home, { 'shown.mts': `import { printLine, withSpinner, wrapText } from '${terminal}'\n${body}\n` })
  const tsx = pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href
  const line = `stty cols ${columns}; ${[process.execPath, '--import', tsx, file].map(quote).join(' ')}`
  const { NO_COLOR: _, CI: __, ...rest } = process.env
  return execFileSync('script', ['-qec', line, '/dev/null'], {
    encoding: 'utf8',
    env: { ...rest, TERM: 'xterm', ...environment },
  })
}

const spin = `await withSpinner('waiting for hook', (progress) => {
  progress('waiting for hook, deck')
  return new Promise((settle) => setTimeout(settle, 1500))
})`

describe('on a terminal', () => {
  test('a text is wrapped at words, indented, and a long word such as a URL stays whole', () => {
    const url = `https://${'x'.repeat(60)}.example.com`
    const printed = onTerminal(40, `printLine(wrapText('one two three four five six seven eight nine ${url} ten', 4))`)
    const lines = printed.trim().split(/\r?\n/)
    assert.ok(lines.includes(`    ${url}`), printed)
    for (const line of lines.filter((one) => !one.includes('https'))) assert.ok(line.length <= 40, line)
    assert.match(lines[1]!, /^ {4}\S/)
  })

  test('a spinner turns, at most four times a second', () => {
    const printed = onTerminal(80, spin)
    assert.match(printed, /waiting for hook, deck/)
    const frames = printed.match(/waiting for hook/g)?.length ?? 0
    assert.ok(frames <= 7, `${frames} frames in 1.5 seconds`)
  })

  test('what is done at once has no spinner', () => {
    assert.equal(onTerminal(80, "await withSpinner('waiting for hook', async () => {})"), '')
  })

  test('that reports no columns, is dumb, or is that of a CI job, nothing is repeated', () => {
    for (const printed of [
      onTerminal(0, spin),
      onTerminal(80, spin, { TERM: 'dumb' }),
      onTerminal(80, spin, { CI: 'true' }),
    ])
      assert.ok(printed.length < 200, `${printed.length} characters`)
  })
})

test('without a terminal nothing is wrapped', () => {
  assert.equal(terminalWidth(), Number.POSITIVE_INFINITY)
  assert.equal(wrapText('a '.repeat(200), 4), 'a '.repeat(200))
})

test('without a terminal a long wait prints a line every twenty seconds, whether or not it makes progress', async () => {
  const printed: string[] = []
  mock.method(process.stderr, 'write', (text: string) => printed.push(text))
  mock.timers.enable({ apis: ['setInterval'] })
  try {
    await withSpinner('waiting for hook, deck', async (progress) => {
      mock.timers.tick(20_000)
      progress('waiting for deck')
      mock.timers.tick(19_999)
      assert.deepEqual(printed, ['  … waiting for hook, deck\n'])
      mock.timers.tick(20_001)
    })
    mock.timers.tick(60_000)
  } finally {
    mock.timers.reset()
    mock.restoreAll()
  }
  assert.deepEqual(printed.slice(1), Array(2).fill('  … waiting for deck\n'))
})

test('words are wrapped, paragraphs kept', () => {
  assert.equal(wrapWords('one two three\nfour  five', 8), 'one two\nthree\nfour\nfive')
  assert.equal(wrapWords('', 8), '')
  assert.equal(wrapWords('a https://example.com/long b', 6), 'a\nhttps://example.com/long\nb')
})

test('marks are plain characters where the locale is not UTF-8', () => {
  const before = process.env.LC_ALL
  try {
    process.env.LC_ALL = 'C'
    assert.deepEqual(['✔', '✖', '–', '+'].map(symbol), ['*', 'x', '-', '+'])
    process.env.LC_ALL = 'zh_CN.UTF-8'
    assert.equal(symbol('✔'), '✔')
  } finally {
    if (before === undefined) delete process.env.LC_ALL
    else process.env.LC_ALL = before
  }
})
