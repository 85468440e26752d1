import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EXIT, Problem } from '../../../lib/base/problem.ts'
import { COMMON, parseOptions, selectSteps } from '../../../lib/run/command-line.ts'

const NAMES = ['00-preflight', '01-cluster', '02-namespaces', '03-secrets']

describe('--from, --only and --skip', () => {
  test('select by number, with or without the leading zero, or by name; in their order', () => {
    assert.deepEqual(selectSteps(NAMES, {}), NAMES)
    assert.deepEqual(selectSteps(NAMES, { from: '02' }), ['02-namespaces', '03-secrets'])
    assert.deepEqual(selectSteps(NAMES, { from: '2', skip: ['3'] }), ['02-namespaces'])
    assert.deepEqual(selectSteps(NAMES, { only: ['03,01-cluster', '0'] }), ['00-preflight', '01-cluster', '03-secrets'])
    assert.deepEqual(selectSteps(NAMES, { from: '03', only: ['01'] }), [])
  })

  test('a number that no step has is a usage problem', () => {
    for (const selection of [{ from: '99' }, { only: ['1,x'] }, { skip: [''] }]) {
      assert.throws(
        () => selectSteps(NAMES, selection),
        (error) =>
          error instanceof Problem && error.exitCode === EXIT.usage && /00-preflight/.test(error.findings[0]!.remedy),
      )
    }
  })
})

describe('npm', () => {
  test('that has taken an option for itself ends the script, with the line to type', () => {
    // As npm 10 and 11 set them.
    const cases: [string, NodeJS.ProcessEnv][] = [
      ['--plan', { npm_config_parseable: 'true', npm_config_long: 'true', npm_config_all: 'true' }],
      ['--from 05', { npm_config_from: '05' }],
      ['--delete-logs', { npm_config_delete_logs: 'true' }],
    ]
    for (const [typed, config] of cases) {
      const environment = { npm_lifecycle_event: 'install:all', ...config }
      const options = { ...COMMON, from: { type: 'string' }, 'delete-logs': { type: 'boolean' } } as const
      assert.throws(
        () => parseOptions(options, environment),
        (error) => {
          assert.ok(error instanceof Problem)
          assert.equal(error.exitCode, EXIT.usage)
          assert.equal(error.findings[0]!.remedy, `Type npm run install:all -- ${typed}`)
          return true
        },
      )
    }
  })

  test('that has taken none lets it run; so does a shell that was started by npm for something else', () => {
    assert.doesNotThrow(() => parseOptions(COMMON, { npm_lifecycle_event: 'install:all', npm_config_yes: 'true' }))
    assert.doesNotThrow(() => parseOptions(COMMON, { npm_config_plan: 'true' }))
  })
})
