import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXIT, failed, failures, Problem, passed, warning } from '../../../lib/base/problem.ts'
import { summarize } from '../../../lib/base/summarize.ts'

test('a Problem of several findings keeps equal ones once, and the code of the first', () => {
  const problem = Problem.all([failed('a', 'do a', 'denied'), failed('b', 'do b'), failed('a', 'do a again')])
  assert.deepEqual(
    problem.findings.map(({ message }) => message),
    ['a', 'b'],
  )
  assert.equal(problem.code, 'denied')
  assert.equal(problem.exitCode, EXIT.failed)
  assert.throws(() => Problem.all([]), /needs a finding/)
})

test('an interruption decides how the run ends, whatever else was found', () => {
  const problem = Problem.all([failed('a', 'do a', 'denied'), failed('interrupted', 'again', 'interrupted')])
  assert.equal(problem.exitCode, EXIT.interrupted)
  assert.equal(problem.code, 'interrupted')
  assert.equal(problem.findings.length, 2)
})

test('only what failed is a failure', () => {
  assert.deepEqual(
    failures([passed('a'), warning('b', 'x'), failed('c', 'y')]).map(({ message }) => message),
    ['c'],
  )
})

test('a long list is summarized', () => {
  assert.equal(summarize([]), '')
  assert.equal(summarize(['a', 'b', 'c']), 'a, b, c')
  assert.equal(summarize(['a', 'b', 'c', 'd', 'e']), 'a, b and 3 more')
})
