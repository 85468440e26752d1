import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { EXIT, Problem } from '../../../lib/base/problem.ts'
import { parseSettings, readSettings, settingsPath } from '../../../lib/settings/settings.ts'
import { EKS, folder, LOCAL, settings } from '../world.ts'

/** An env file with these values. */
function envFile(values: Record<string, string>): string {
  const lines = Object.entries(values).map(([name, value]) => `${name}="${value}"\n`)
  return join(folder({ '.env': lines.join('') }), '.env')
}

/** The Problem with which the settings are refused. */
function problemOf(file: string, environment: Record<string, string> = {}): Problem {
  try {
    readSettings(file, environment)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('the settings are accepted')
}

/** The problems with settings, as `message | remedy`. */
function problems(values: Record<string, string>, environment: Record<string, string> = {}): string[] {
  return parseSettings(envFile(values), environment).problems.map(({ message, remedy }) => `${message} | ${remedy}`)
}

describe('settings', () => {
  test('have their types and defaults', () => {
    const local = settings(LOCAL)
    assert.equal(local.WAIT_SECONDS, 600)
    assert.equal(local.HTTPS_PORT, 443)
    assert.equal(local.GITHUB_AUTH, 'pat')
    assert.deepEqual(local.GITHUB_REPOS, [])
    assert.equal(local.IMAGE_MIRROR, '')
    assert.deepEqual(settings({ ...LOCAL, GITHUB_REPOS: ' a, b ,,c' }).GITHUB_REPOS, ['a', 'b', 'c'])
    assert.equal(settings(EKS).IDENTITY, 'irsa')
  })

  test('come from the environment before the file, also when the variable is empty', () => {
    const read = readSettings(envFile(LOCAL), { PROW_HOST: 'env.example.com', LOG_DAYS: '' })
    assert.equal(read.PROW_HOST, 'env.example.com')
    assert.equal(read.LOG_DAYS, 90)
    assert.deepEqual(read.fromEnvironment, ['PROW_HOST', 'LOG_DAYS'])
    assert.deepEqual(read.overridden, [
      { name: 'PROW_HOST', group: 'Prow', file: 'prow.example.com', environment: 'env.example.com' },
    ])
    assert.match(
      problems(LOCAL, { GITHUB_ORG: '' })[0]!,
      /^GITHUB_ORG is set to nothing in the environment .*unset it there/,
    )
  })

  test('of which several are refused are all reported at once', () => {
    assert.equal(problems({ ...LOCAL, PROW_HOST: '', OAUTH: 'x', NO_SUCH: 'y', INGRESS: 'alb' }).length, 4)
  })

  test('from the environment are to be corrected there', () => {
    assert.match(problems(LOCAL, { OAUTH: 'maybe' })[0]!, /Correct it in the environment/)
    assert.match(problems(LOCAL, { INGRESS: 'alb' })[0]!, /\| In the environment, set INGRESS=nginx/)
  })

  test('that are malformed are replaced by their default, so that reading can go on', () => {
    const { settings: read, problems } = parseSettings(
      envFile({ ...LOCAL, DECK_ACCESS: 'all', LOG_DAYS: 'x', LOG_BUCKET: 'A' }),
      {},
    )
    assert.equal(problems.length, 3)
    assert.deepEqual(read.DECK_ACCESS, { kind: 'internal', cidrs: [] })
    assert.equal(read.LOG_DAYS, 90)
    assert.equal(read.LOG_BUCKET, '')
  })
})

describe('the name of a setting', () => {
  test('that is unknown is reported with the nearest known one', () => {
    assert.match(
      problems({ ...LOCAL, PROW_HOTS: 'x' })[0]!,
      /PROW_HOTS in .* is not a known setting \| Did you mean PROW_HOST/,
    )
    assert.match(problems({ ...LOCAL, prow_host: 'x' })[0]!, /prow_host in .* Did you mean PROW_HOST/)
    assert.match(problems({ ...LOCAL, SOMETHING_ELSE_ENTIRELY: 'x' })[0]!, /\.env\.example lists/)
  })
})

describe('the target', () => {
  test('is not another in the environment than in the file: exit code 3, naming both', () => {
    const cases: [Record<string, string>, Record<string, string>][] = [
      [EKS, { AWS_REGION: 'us-east-1' }],
      [EKS, { AWS_ACCOUNT_ID: '999999999999' }],
      [EKS, { CLUSTER_NAME: 'other' }],
      [EKS, { CLUSTER_NAME: '' }],
      [LOCAL, { KUBECONFIG_FILE: '/root/.kube/config' }],
      [LOCAL, { KUBE_CONTEXT: 'production' }],
      // Also when the other settings are not for that target, and when the value is malformed.
      [EKS, { TARGET: 'local' }],
      [LOCAL, { TARGET: 'eks' }],
      [EKS, { AWS_REGION: 'nowhere' }],
    ]
    for (const [values, environment] of cases) {
      const [[name = '', value = ''] = []] = Object.entries(environment)
      const problem = problemOf(envFile(values), environment)
      assert.equal(problem.exitCode, EXIT.wrongTarget, name)
      assert.equal(problem.findings.length, 1)
      assert.ok(problem.message.startsWith(`${name} is ${values[name]} in `), problem.message)
      assert.ok(problem.message.endsWith(` and ${value || 'empty'} in the environment`), problem.message)
    }
  })

  test('is reported whole when several differ', () => {
    const problem = problemOf(envFile(EKS), { AWS_REGION: 'us-east-1', CLUSTER_NAME: 'other', LOG_BUCKET: 'else' })
    assert.deepEqual(
      problem.findings.map(({ message }) => message.split(' ')[0]),
      ['AWS_REGION', 'CLUSTER_NAME'],
    )
  })

  test('may be exported when it is the same, or when the file does not set it', () => {
    const { AWS_REGION, ...rest } = EKS
    assert.equal(readSettings(envFile(EKS), { AWS_REGION: ` ${AWS_REGION} ` }).AWS_REGION, AWS_REGION)
    assert.equal(readSettings(envFile(rest), { AWS_REGION: 'us-east-1' }).AWS_REGION, 'us-east-1')
  })
})

test('without a file the problem is the file', () => {
  const problem = problemOf(join(folder(), '.env'))
  assert.match(problem.message, /\.env does not exist$/)
  assert.match(problem.findings[0]!.remedy, /npm run init/)
  assert.match(problemOf(folder()).message, /cannot be read/)
})

test('paths are resolved from the folder of the env file', () => {
  const read = settings(LOCAL, folder())
  assert.equal(settingsPath(read, 'secrets'), join(read.file, '../secrets'))
  assert.equal(settingsPath(read, '/else/where'), '/else/where')
})
