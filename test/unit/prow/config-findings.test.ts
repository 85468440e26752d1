import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Verdict } from '../../../lib/prow/checkconfig.ts'
import { configFindings } from '../../../lib/prow/config-findings.ts'
import type { Severity, Violation } from '../../../lib/prow/rules/rule.ts'
import { ROWS, type Settings } from '../../../lib/settings/table.ts'

const SETTINGS = { CONFIG_STRICT: 'on', PROW_IMAGE_TAG: ROWS.PROW_IMAGE_TAG.default } as Settings
const OFF = { ...SETTINGS, CONFIG_STRICT: 'off' } as Settings

const NOT_RUN: Verdict = { ran: false, reason: 'CHECKCONFIG=off' }
const verdict = (errors: string[], loads = errors.length === 0): Verdict => ({
  ran: true,
  program: 'it',
  errors,
  loads,
  unmade: [],
})
const ACCEPTED = verdict([])

const violation = (severity: Severity, more: Partial<Violation> = {}): Violation => ({
  rule: `rule-of-${severity}`,
  severity,
  file: 'config.yaml',
  line: 1,
  message: `is ${severity}`,
  remedy: 'Correct it.',
  cause: severity,
  ...more,
})
const ALL = (['invalid', 'strict', 'here', 'hint'] as const).map((severity) => violation(severity))
/** What is found of violations: `outcome message`. */
const outcomes = (violations: Violation[], found: Verdict, settings = SETTINGS) =>
  configFindings(violations, found, settings).map(({ outcome, message }) => `${outcome} ${message}`)

describe('what is refused', () => {
  test('without checkconfig is all but hints, and with CONFIG_STRICT=off what only --strict refuses is not', () => {
    const [invalid, strict, here, hint] = ['invalid', 'strict', 'here', 'hint'].map((one) => `config.yaml:1 is ${one}`)
    assert.deepEqual(outcomes(ALL, NOT_RUN), [
      `failed ${invalid}`,
      `failed ${strict}`,
      `failed ${here}`,
      `warning ${hint}`,
    ])
    assert.deepEqual(outcomes(ALL, NOT_RUN, OFF)[1], `warning ${strict}`)
  })

  test('where checkconfig accepts is only what this installation cannot use', () => {
    for (const settings of [SETTINGS, OFF])
      assert.deepEqual(outcomes(ALL, ACCEPTED, settings), [
        'warning config.yaml:1 is invalid',
        'warning config.yaml:1 is strict',
        'failed config.yaml:1 is here',
        'warning config.yaml:1 is hint',
        'passed it accepts the configuration',
      ])
  })

  test('where only --strict refuses is nothing of what Prow itself would refuse: it loads', () => {
    const refused = verdict(['something else'], true)
    assert.deepEqual(outcomes(ALL.slice(0, 2), refused), [
      'warning config.yaml:1 is invalid',
      'failed config.yaml:1 is strict',
      'failed checkconfig: something else',
    ])
  })

  test('that a field or plugin is unknown is sure for the version alone whose fields and plugins are known', () => {
    const unknown = violation('strict', { rule: 'unknown-field' })
    const other = { ...SETTINGS, PROW_IMAGE_TAG: 'v20270101-0123abcde' } as Settings
    assert.deepEqual(outcomes([unknown, violation('invalid')], NOT_RUN, other), [
      'warning config.yaml:1 is strict',
      'failed config.yaml:1 is invalid',
    ])
  })
})

describe('what checkconfig refuses', () => {
  test('stands with the violation that explains it, once', () => {
    const violations = [
      violation('invalid', { file: 'jobs/a.yaml', line: 9, message: 'presubmit unit sets PULL_REFS' }),
      violation('invalid', { line: 3, cause: 'b', message: 'tide.sync_period: 60 is not a valid duration' }),
    ]
    const error = 'cannot unmarshal number into Go struct field Tide.ProwConfig.tide.sync_period of type string'
    const [period, unit, ...rest] = configFindings(violations, verdict([error]), SETTINGS)
    assert.equal(period?.remedy, `checkconfig: ${error}\nCorrect it. Prow refuses it.`)
    assert.equal(unit?.remedy, 'Correct it. Prow refuses it.')
    assert.deepEqual(rest, [])
  })

  test('stands with what is alike in the singular, and not for the name of a file', () => {
    const file = 'config/jobs/deploy-labels.yaml'
    const violations = [
      violation('invalid', {
        file,
        line: 5,
        cause: 'a',
        message: 'presubmits.acme/app[0].labels.a: true must be a string',
      }),
      violation('invalid', { file, line: 9, cause: 'b', message: `presubmit deploy gets A twice: from ${file}:2` }),
      violation('invalid', { line: 3, cause: 'c', message: 'postsubmit release: branches has a lookahead' }),
    ]
    const errors = [
      `error unmarshalling ${file}: cannot unmarshal bool into Go struct field Presubmit.presubmits.JobBase.labels of type string`,
      'could not set branch regexes for release: could not compile positive branch regex',
    ]
    const explained = configFindings(violations, verdict(errors), SETTINGS)
    assert.deepEqual(
      explained.map(({ message, remedy }) => [message.split(' ')[0], remedy.startsWith('checkconfig: ')]),
      [
        ['config.yaml:3', true],
        [`${file}:5`, true],
        [`${file}:9`, false],
      ],
    )
  })

  test('stands with the one that is invalid in the file that it names, in whatever words', () => {
    const quantity = violation('invalid', { file: 'jobs/a.yaml', message: 'cpu: much is not a valid amount' })
    const error = "error unmarshalling jobs/a.yaml: it must match the regular expression '^[0-9]$'"
    const other = violation('invalid', {
      file: 'jobs/a.yaml',
      cause: 'b',
      message: 'memory: all is not a valid amount',
    })
    assert.equal(configFindings([quantity], verdict([error]), SETTINGS).length, 1)
    assert.equal(configFindings([quantity, other], verdict([error]), SETTINGS).length, 3)
  })

  test('makes a hint of the rules a failure, when it is the same', () => {
    const hint = violation('hint', {
      message: 'tide.context_options has e2e in required-contexts and in optional-contexts',
    })
    const error = 'context policy for master in org/repo is invalid: contexts e2e are defined as required and optional'
    assert.equal(outcomes([hint], verdict([error], true)).length, 2)
    const same = 'context_options: e2e'
    assert.match(outcomes([hint], verdict([same], true))[0]!, /^failed config\.yaml:1 tide\.context_options/)
  })

  test('stands by itself where no violation explains it, and shows how it passes', () => {
    const found = (loads: boolean) =>
      configFindings([violation('here')], verdict(['no such thing'], loads), SETTINGS)[1]!
    assert.deepEqual(found(false).message, 'checkconfig: no such thing')
    assert.equal(found(false).remedy, 'Correct the file: it refuses the configuration.')
    assert.match(found(true).remedy, /CONFIG_STRICT=off lets it pass\.$/)
  })

  test('is shortened when it lists thousands of jobs, and freed of the words of the decoder', () => {
    const [finding] = configFindings(
      [],
      verdict([`error unmarshaling JSON: while decoding JSON: json: ${'job '.repeat(999)}`]),
      SETTINGS,
    )
    assert.match(finding!.message, /^checkconfig: job /)
    assert.ok(finding!.message.length < 400)
  })
})

test('of many errors of one cause the first is shown, with how many more there are', () => {
  const long = violation('strict', { message: 'presubmit unit-tests-of-everything: the name has 70 characters' })
  const errors = [
    'unit-tests-of-everything too long',
    'job unit-tests-of-everything-else too long: unit-tests-of-everything',
  ]
  const [finding] = configFindings([long], verdict(errors, true), SETTINGS)
  assert.match(finding!.remedy, /^checkconfig: unit-tests-of-everything too long \(and 1 more like it\)\n/)
})

test('errors about the jobs of one cause all stand with it, whichever job its first place has', () => {
  const long = (name: string, line: number) =>
    violation('strict', { line, message: `presubmit ${name}: the name has 70 characters`, cause: 'length' })
  const errors = ['unit', 'e2e', 'lint'].map((name) => `name of Presubmit job "${name}-of-everything" too long`)
  const violations = ['lint', 'unit', 'e2e'].map((name, line) => long(`${name}-of-everything`, line))
  const [finding, ...rest] = configFindings(violations, verdict(errors, true), SETTINGS)
  assert.match(
    finding!.remedy,
    /^checkconfig: name of Presubmit job "unit-of-everything" too long \(and 2 more like it\)\n/,
  )
  assert.deepEqual(rest, [])
})

test('a check that checkconfig could not make is a warning, and the configuration is accepted', () => {
  const unmade: Verdict = { ran: true, program: 'it', errors: [], loads: true, unmade: ['error opening x'] }
  assert.deepEqual(outcomes([violation('invalid')], unmade), [
    'warning config.yaml:1 is invalid',
    'warning checkconfig could not make one of its checks: error opening x',
    'passed it accepts the configuration',
  ])
})

test('a failure of checkconfig is a warning with its cause, and is no verdict', () => {
  const failure: Verdict = { ran: false, reason: 'no such image', remedy: 'Pull it.' }
  assert.deepEqual(configFindings([], failure, SETTINGS), [
    {
      outcome: 'warning',
      message: 'checkconfig did not check the configuration: no such image',
      remedy:
        'Pull it. Without it only the rules of this runbook check the configuration; CHECKCONFIG=off leaves it out.',
    },
  ])
})

describe('violations of one cause are one finding', () => {
  const jobs = (count: number, files = 1) =>
    Array.from({ length: count }, (_, index) =>
      violation('here', {
        file: `jobs/${String.fromCharCode(97 + (index % files))}.yaml`,
        line: 10 * index + 1,
        message: `presubmit job-${index} has cluster: build`,
        cause: 'has cluster: build',
      }),
    )

  test('at the first place, with how many more there are and the first of them', () => {
    const [finding, ...rest] = configFindings(jobs(3849, 2).reverse(), NOT_RUN, SETTINGS)
    assert.equal(finding?.message, 'jobs/a.yaml:1 presubmit job-0 has cluster: build')
    assert.equal(
      finding?.remedy,
      'The same in 3848 more places in 2 files: a.yaml:21, a.yaml:41, a.yaml:61, …\nCorrect it. Only this installation refuses it.',
    )
    assert.deepEqual(rest, [])
    assert.match(configFindings(jobs(3), NOT_RUN, SETTINGS)[0]!.remedy, /^The same in a\.yaml:11, a\.yaml:21\.\n/)
  })

  test('but not those that have another remedy, rule or severity', () => {
    const [one] = jobs(1)
    const others = [{ remedy: 'Another.' }, { rule: 'another' }, { severity: 'hint' as const }]
    assert.equal(configFindings([one!, ...others.map((other) => ({ ...one!, ...other }))], NOT_RUN, SETTINGS).length, 4)
  })

  test('in the order of files and lines, whatever the order of the rules', () => {
    const at = (file: string, line: number) => violation('invalid', { file, line, cause: `${file}${line}` })
    const found = outcomes(
      [at('plugins.yaml', 2), at('config.yaml', 95), at('jobs/a.yaml', 3), at('config.yaml', 9)],
      NOT_RUN,
    )
    assert.deepEqual(
      found.map((one) => one.split(' ')[1]),
      ['config.yaml:9', 'config.yaml:95', 'jobs/a.yaml:3', 'plugins.yaml:2'],
    )
  })
})

test('each finding shows who refuses it, and which setting lets it pass', () => {
  const standing = (one: Violation, found: Verdict = NOT_RUN, settings = SETTINGS) =>
    configFindings([one], found, settings)[0]!.remedy.replace('Correct it.', '').trim()
  assert.equal(standing(violation('invalid')), 'Prow refuses it.')
  assert.equal(standing(violation('strict')), 'Only checkconfig --strict refuses it: CONFIG_STRICT=off lets it pass.')
  assert.equal(standing(violation('strict', { rule: 'yaml' })), 'Prow accepts it: CONFIG_STRICT=off lets it pass.')
  assert.equal(standing(violation('here')), 'Only this installation refuses it.')
  const pod = violation('here', { setting: 'JOB_POD_SECURITY=privileged' })
  assert.equal(standing(pod), 'Only this installation refuses it. JOB_POD_SECURITY=privileged lets it pass.')
  const named = violation('here', { setting: 'A=b', remedy: 'Set A=b.' })
  assert.equal(standing(named), 'Set A=b. Only this installation refuses it.')
  assert.equal(standing(violation('hint')), '')
  assert.equal(standing(violation('invalid'), ACCEPTED), 'checkconfig accepts it.')
  for (const found of [NOT_RUN, ACCEPTED])
    assert.equal(standing(violation('strict'), found, OFF), 'Only checkconfig --strict refuses it.')
  assert.equal(standing(violation('strict'), ACCEPTED), 'checkconfig accepts it.')
})
