import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { failed, Problem, passed, warning } from '../../../lib/base/problem.ts'
import { currentRun, newRun, setRun } from '../../../lib/run/context.ts'
import { findings, inspectAll } from '../../../lib/run/findings.ts'
import { finishRun } from '../../../lib/run/report.ts'
import { combineOutcomes } from '../../../lib/run/result.ts'
import { change, removal } from '../../../lib/run/task.ts'
import { LOCAL, settings } from '../world.ts'

const here = settings(LOCAL)

beforeEach(() => {
  setRun(newRun(here))
  currentRun().steps.push({
    step: '90-x',
    title: '',
    outcome: 'done',
    results: [],
    problems: [],
    seconds: 0,
    wrote: false,
  })
})

const lines = () => currentRun().steps[0]!.results.map(({ outcome, name }) => `${outcome} ${name}`)

describe('findings', () => {
  test('prints what passed and warnings in their order, and throws all failures once', async () => {
    await assert.rejects(
      findings(
        passed('a'),
        new Promise((settle) => setTimeout(() => settle([warning('b', 'do b'), failed('c', 'do c')]), 20)),
        Promise.reject(new Problem('d', 'do d')),
        [passed('e'), undefined],
        failed('c', 'do c'),
      ),
      (error) => {
        assert.ok(error instanceof Problem)
        assert.deepEqual(
          error.findings.map(({ message }) => message),
          ['c', 'd'],
        )
        return true
      },
    )
    assert.deepEqual(lines(), ['passed a', 'warning b', 'passed e'])
  })

  test('has a line for what failed only where a step does nothing but look', async () => {
    await assert.rejects(inspectAll(passed('a'), failed('b\nmore', 'do b')))
    assert.deepEqual(lines(), ['passed a', 'failed b'])
  })

  test('lets a bug through', async () => {
    await assert.rejects(findings(Promise.reject(new TypeError('a bug'))), TypeError)
  })
})

describe('an outcome', () => {
  test('follows from what existed and what differs', () => {
    const differs = [{ object: 'a', path: 'b' }]
    assert.equal(change(false, []).outcome, 'created')
    assert.equal(change(true, []).outcome, 'unchanged')
    assert.equal(change(true, differs).outcome, 'changed')
    assert.equal(removal().outcome, 'removed')
    setRun(newRun(here, { plan: true }))
    assert.equal(change(false, []).outcome, 'would create')
    assert.equal(change(true, differs).outcome, 'would change')
    assert.equal(removal().outcome, 'would remove')
  })

  test('of several is created when all are', () => {
    assert.equal(combineOutcomes(['created', 'created']), 'created')
    assert.equal(combineOutcomes(['created', 'unchanged']), 'changed')
    assert.equal(combineOutcomes(['unchanged', 'unchanged']), 'unchanged')
    assert.equal(combineOutcomes(['unchanged', 'would create']), 'would change')
    assert.equal(combineOutcomes([]), 'unchanged')
  })
})

describe('the end of a run', () => {
  const printed = (problem: Problem): string => {
    const write = process.stderr.write
    let text = ''
    process.stderr.write = ((piece: string) => {
      text += piece
      return true
    }) as typeof process.stderr.write
    try {
      finishRun(problem, false)
    } finally {
      process.stderr.write = write
      process.exitCode = 0
    }
    return text
  }

  test('says that nothing was changed of the step that failed, not of the last one', () => {
    const run = currentRun()
    run.steps[0]!.wrote = true
    run.steps.push({ ...run.steps[0]!, step: '91-y', results: [], wrote: false })
    run.failedStep = '90-x'
    assert.doesNotMatch(printed(new Problem('a', 'b')), /changed nothing/)
  })

  test('says so when the step that failed had not begun to write', () => {
    assert.match(
      printed(new Problem('a', 'b')),
      /90-x changed nothing\.\nThen resume with: {2}npx tsx scripts\/90-x\.ts/,
    )
  })
})
