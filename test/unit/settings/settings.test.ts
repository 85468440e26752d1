import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'dotenv'
import { nearest } from '../../../lib/base/nearest.ts'
import { ROOT } from '../../../lib/base/paths.ts'
import { Problem } from '../../../lib/base/problem.ts'
import { envExample } from '../../../lib/settings/env-example.ts'
import { readSettings, settingsPath } from '../../../lib/settings/settings.ts'
import { ROWS } from '../../../lib/settings/table.ts'
import { EKS, folder, LOCAL, settings } from '../world.ts'

/** What is wrong with settings, a line a fault. */
function faults(values: Record<string, string>, environment: Record<string, string> = {}): string[] {
  const path = folder({
    '.env': Object.entries(values)
      .map(([name, value]) => `${name}="${value}"\n`)
      .join(''),
  })
  try {
    readSettings(join(path, '.env'), environment)
    return []
  } catch (error) {
    assert.ok(error instanceof Problem)
    for (const { remedy } of error.findings) assert.ok(remedy.length > 5)
    return error.findings.map(({ message, remedy }) => `${message} | ${remedy}`)
  }
}

describe('settings', () => {
  test('that are right have their types and defaults', () => {
    const local = settings(LOCAL)
    assert.equal(local.WAIT_SECONDS, 600)
    assert.equal(local.GITHUB_AUTH, 'pat')
    assert.deepEqual(local.GITHUB_REPOS, [])
    assert.equal(local.IMAGE_MIRROR, '')
    assert.deepEqual(settings({ ...LOCAL, GITHUB_REPOS: ' a, b ,,c' }).GITHUB_REPOS, ['a', 'b', 'c'])
    assert.equal(settings(EKS).IDENTITY, 'irsa')
  })

  test('the environment wins, also with nothing in it, and is told', () => {
    const path = folder({ '.env': readLines(LOCAL) })
    const read = readSettings(join(path, '.env'), { PROW_HOST: 'env.example.com', LOG_DAYS: '' })
    assert.equal(read.PROW_HOST, 'env.example.com')
    assert.deepEqual(read.fromEnvironment, ['PROW_HOST', 'LOG_DAYS'])
    assert.match(
      faults(LOCAL, { GITHUB_ORG: '' })[0]!,
      /^GITHUB_ORG is set to nothing in the environment .*unset it there/,
    )
  })

  const table: [Record<string, string>, RegExp][] = [
    [{ PROW_HOST: '' }, /^PROW_HOST is not set/],
    [{ PROW_HOST: 'https://prow.example.com' }, /PROW_HOST=.*without https/],
    [{ PROW_HOST: 'Prow.Example.com' }, /PROW_HOST/],
    [{ PROW_HOST: 'prow' }, /PROW_HOST/],
    [{ LOG_BUCKET: 'My_Bucket' }, /LOG_BUCKET/],
    [{ LOG_BUCKET: 'with.dots' }, /LOG_BUCKET/],
    [{ GITHUB_ORG: 'a b' }, /GITHUB_ORG/],
    [{ GITHUB_REPOS: 'org/repo' }, /GITHUB_REPOS/],
    [{ GITHUB_API: 'https://api.github.com/' }, /GITHUB_API/],
    [{ GITHUB_API: 'api.github.com' }, /GITHUB_API/],
    [{ WAIT_SECONDS: '4' }, /must be from 5 to 3600 seconds/],
    [{ WAIT_SECONDS: '1e3' }, /whole number/],
    [{ GHPROXY_STORAGE_GI: '1' }, /GHPROXY_STORAGE_GI/],
    [{ OAUTH: 'true' }, /must be on or off/],
    [{ TARGET: 'gke' }, /must be eks or local/],
    [{ INGRESS: 'traefik' }, /must be alb, nginx or none/],
    [{ PROW_IMAGE_TAG: 'v1:2' }, /PROW_IMAGE_TAG/],
    [{ PROW_IMAGE_REGISTRY: 'https://registry.example.com' }, /PROW_IMAGE_REGISTRY/],
    [{ PROW_IMAGE_REGISTRY: 'gcr.io/k8s-prow' }, /PROW_IMAGE_REGISTRY=gcr.io\/k8s-prow is gone/],
    [{ DECK_ACCESS: 'everyone' }, /DECK_ACCESS/],
    [{ HOOK_CIDRS: '10.0.0.0' }, /HOOK_CIDRS/],
    [{ GITHUB_AUTH: 'app' }, /GITHUB_APP_ID is not set/],
    [{ GITHUB_APP_ID: '0' }, /GITHUB_APP_ID/],
    [{ PROW_HOTS: 'x' }, /PROW_HOTS in .* is no setting \| Did you mean PROW_HOST/],
    [{ prow_host: 'x' }, /prow_host in .* Did you mean PROW_HOST/],
    [{ SOMETHING_ELSE_ENTIRELY: 'x' }, /\.env\.example lists/],
  ]
  for (const [message, says] of table) {
    test(`${JSON.stringify(message)} is refused`, () => {
      const told = faults({ ...LOCAL, ...message })
      assert.equal(told.length, 1, told.join('\n'))
      assert.match(told[0]!, says)
    })
  }

  test('of EKS are wanted on EKS only', () => {
    assert.deepEqual(faults({ ...EKS, AWS_ACCOUNT_ID: '', AWS_REGION: '', CLUSTER_NAME: '' }).length, 3)
    assert.match(faults({ ...EKS, AWS_ACCOUNT_ID: '123' })[0]!, /12 digits/)
    assert.match(faults({ ...EKS, OBJECT_STORE: 'on' })[0]!, /OBJECT_STORE=on needs TARGET=local/)
    assert.equal(faults(LOCAL).length, 0)
  })

  test('every fault is told at once', () => {
    assert.equal(faults({ ...LOCAL, PROW_HOST: '', OAUTH: 'x', NO_SUCH: 'y', INGRESS: 'alb' }).length, 4)
  })

  test('a fault of the environment is to be corrected there', () => {
    assert.match(faults(LOCAL, { OAUTH: 'maybe' })[0]!, /Correct it in the environment/)
  })
})

test('the nearest name is one that a slip would make, and none that is another word', () => {
  assert.equal(nearest('GITHUB_ORGANISATION', ['GITHUB_ORG', 'GITHUB_REPOS']), undefined)
  assert.equal(nearest('GITHUB_OGR', ['GITHUB_ORG', 'GITHUB_REPOS']), 'GITHUB_ORG')
})

test('paths of the settings are from the folder of their file', () => {
  const read = settings(LOCAL, folder())
  assert.equal(settingsPath(read, 'secrets'), join(read.file, '../secrets'))
  assert.equal(settingsPath(read, '/else/where'), '/else/where')
})

describe('.env.example', () => {
  const text = readFileSync(join(ROOT, '.env.example'), 'utf8')

  test('is what the table of settings makes', () => assert.equal(text, envExample()))

  test('names every setting, and as it stands sets no default anew', () => {
    for (const name of Object.keys(ROWS)) assert.match(text, new RegExp(`^#? ?${name}=`, 'm'))
    for (const [name, value] of Object.entries(parse(text))) {
      assert.ok(value === '' || name === 'TARGET', `${name} is in force`)
    }
  })

  test('its defaults and examples are right', () => {
    const shown = Object.fromEntries(
      Object.entries(ROWS).map(([name, row]) => {
        const { default: fallback, example } = row as { default?: string; example?: string }
        return [name, fallback ?? example ?? '']
      }),
    )
    const message = faults({ ...shown, CERTIFICATE_ARN: '' })
    assert.deepEqual(message, [])
  })
})

function readLines(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
