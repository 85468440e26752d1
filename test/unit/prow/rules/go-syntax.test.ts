import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asRegExp,
  cronError,
  durationRemedy,
  isDuration,
  isQuantity,
  regexpError,
} from '../../../../lib/prow/rules/go-syntax.ts'

test('durations that Go parses', () => {
  for (const valid of ['1h', '1h30m', '90s', '1.5h', '0', '-1m', '10ms', '.5s']) assert.ok(isDuration(valid), valid)
  for (const invalid of ['1d', '60', '1 h', '', 'h', '1h30', '10min']) assert.ok(!isDuration(invalid), invalid)
})

test('what is no duration is written as one, where its unit is known', () => {
  const days = 'days and weeks are not supported.'
  for (const [text, remedy] of [
    ['7d', `Write 168h: ${days}`],
    ['2 weeks', `Write 336h: ${days}`],
    ['2 hours', 'Write 2h.'],
    ['10min', 'Write 10m.'],
    ['90 Sec', 'Write 90s.'],
    ['soon', 'Write it like 90s, 15m or 1h30m; days are not supported.'],
  ] as const)
    assert.equal(durationRemedy(text), remedy, text)
})

test('expressions that JavaScript reads alike are not compiled by RE2, and judged alike', () => {
  const subjects = ['', 'main', 'release-1.2', 'docs/a.md', 'aaa', '\n']
  for (const [text, matching] of [
    ['^main$', ['main']],
    ['^release-[0-9]+\\.[0-9]+$', ['release-1.2']],
    ['^(?:main|docs/.*\\.md)$', ['main', 'docs/a.md']],
    ['(a+)+$', ['aaa']],
    ['^*a', ['main', 'release-1.2', 'docs/a.md', 'aaa']],
    ['.', ['main', 'release-1.2', 'docs/a.md', 'aaa']],
  ] as const) {
    assert.equal(regexpError(text), undefined, text)
    assert.deepEqual(
      subjects.filter((one) => asRegExp(text)!.test(one)),
      matching,
      text,
    )
  }
  for (const text of ['a**', '(', ')', '[z-a]', '*a', 'a(?=b)', '[', '(a|b'])
    assert.match(regexpError(text) ?? '', /regular expression|lookahead/, text)
})

test('quantities that Kubernetes parses', () => {
  for (const valid of ['1', '500m', '1.5', '.5', '5.', '2Gi', '1k', '1e3', '1E', '-1', '+1Mi', ' 1Gi '])
    assert.ok(isQuantity(valid), valid)
  for (const invalid of ['2GB', '1gb', 'yes', '', '1K', '1ki', '1e', '.', '1 Gi', '1.5.1'])
    assert.ok(!isQuantity(invalid), invalid)
})

test('cron expressions', () => {
  for (const valid of [
    '0 3 * * *',
    '*/15 2-4 * * 1-5',
    '@daily',
    '@every 90m',
    '0 0 3 * * *',
    '0 3 * jan MON',
    'TZ=UTC 0 3 * * *',
    'CRON_TZ=Asia/Shanghai 0 3 * * *',
    '+1 * * * *',
    '1,2,3 * * * *',
    '5/10 * * * *',
  ])
    assert.equal(cronError(valid), undefined, valid)
  for (const [invalid, message] of [
    ['0 3 * *', 'has 4 fields; a cron expression has 5'],
    ['60 * * * *', 'has 60 as its minute (0 to 59)'],
    ['0 24 * * *', 'has 24 as its hour (0 to 23)'],
    ['0 3 0 * *', 'has 0 as its day of month (1 to 31)'],
    ['0 3 * 13 *', 'has 13 as its month (1 to 12)'],
    ['0 3 * * 7', 'has 7 as its day of week (0 to 6, Sunday is 0)'],
    ['5-3 * * * *', 'has 5-3 as its minute (0 to 59)'],
    ['a * * * *', 'has a as its minute (0 to 59)'],
    ['1-2-3 * * * *', 'has 1-2-3 as its minute (0 to 59)'],
    ['*/x * * * *', 'has */x as its minute (0 to 59)'],
    ['*/0 * * * *', 'has */0 as its minute (0 to 59)'],
    ['TZ=Nowhere 0 3 * * *', 'has an unknown time zone Nowhere'],
    ['@sometimes', 'is not a known name; @hourly, @daily, @weekly, @monthly, @yearly and @every 1h are'],
    ['@every day', 'needs a duration such as 1h30m after @every'],
  ] as const)
    assert.equal(cronError(invalid), message)
})

test('regular expressions of Go', () => {
  for (const valid of [
    '^main$',
    'a(b|c)*',
    '(?i)readme',
    '(?P<n>x)',
    '[^]]',
    '[[:alpha:]]',
    '\\.go$',
    'x{2,}',
    '\\Qa(b\\E',
    '^*/(.*.go)',
    '$*',
    '\\b+',
  ])
    assert.equal(regexpError(valid), undefined, valid)
  for (const [invalid, message] of [
    ['(', 'is not a valid regular expression (missing closing ): ()'],
    ['a)', 'is not a valid regular expression (unexpected ): a))'],
    ['[a', 'is not a valid regular expression (missing closing ]: [a)'],
    ['*a', 'is not a valid regular expression (missing argument to repetition operator: *)'],
    ['a(?!b)', 'has a lookahead or lookbehind, which Go does not support'],
    ['(?<=a)b', 'has a lookahead or lookbehind, which Go does not support'],
    ['(a)\\1', 'has a backreference, which Go does not support'],
    ['a\\Z', 'is not a valid regular expression (invalid escape sequence: \\Z)'],
    ['(?x)a', 'is not a valid regular expression (invalid or unsupported Perl syntax: (?x)'],
    ['a{1001}', 'is not a valid regular expression (invalid repeat count: {1001})'],
    ['a\\', 'is not a valid regular expression (trailing backslash at end of expression)'],
  ] as const)
    assert.equal(regexpError(invalid), message)
  assert.ok(asRegExp('(?m)^/test one$')?.test('x\n/test one'))
  assert.ok(asRegExp('^[[:alpha:]]$')?.test('x'))
  assert.equal(asRegExp('('), undefined)
})
