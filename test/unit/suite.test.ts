import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tap } from '../suite.ts'

test('the count of a TAP stream adds up what ran, what failed, and what did not get to run', () => {
  const count = (lines: string[], code: number) => {
    const tap = new Tap(() => {})
    for (const line of lines) tap.line(line)
    tap.end(code)
    return [tap.passed, tap.failed]
  }
  assert.deepEqual(count(['1..2', 'ok 1 a', 'ok 2 b'], 0), [2, 0])
  assert.deepEqual(count(['1..2', 'ok 1 a', 'not ok 2 b', '# why'], 1), [1, 1])
  assert.deepEqual(count(['1..3', 'ok 1 a', 'not ok 2 b'], 1), [1, 2])
  assert.deepEqual(count(['1..3', 'ok 1 a'], 1), [1, 2])
  assert.deepEqual(count([], 1), [0, 1])
  assert.deepEqual(count(['ok 1 a'], 7), [1, 1])
  assert.deepEqual(count(['1..0'], 0), [0, 0])
})

test('a failure is repeated with what its program wrote about it, and a crash with the last lines that it wrote', () => {
  const failures = (lines: string[], code: number) => {
    const tap = new Tap(() => {})
    for (const line of lines) tap.line(line)
    tap.end(code)
    return tap.failures
  }
  assert.deepEqual(failures(['ok 1 a', '# about a', 'not ok 2 b', '# why', 'noise', 'ok 3 c', '# about c'], 1), [
    ['✖ b', '     why'],
  ])
  assert.deepEqual(failures(['1..2', 'ok 1 a', '# about a', 'Segmentation fault'], 139), [
    ['✖ ended with exit code 139; tests that were not run: 1', '    Segmentation fault'],
  ])
})
