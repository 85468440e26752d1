import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'dotenv'
import { ROOT } from '../../../lib/base/paths.ts'
import { envExample } from '../../../lib/settings/env-example.ts'
import { parseSettings } from '../../../lib/settings/settings.ts'
import { ROWS } from '../../../lib/settings/table.ts'
import { folder } from '../world.ts'

describe('.env.example', () => {
  const text = readFileSync(join(ROOT, '.env.example'), 'utf8')

  test('is made of the table of settings', () => assert.equal(text, envExample()))

  test('has every setting, and sets none', () => {
    for (const name of Object.keys(ROWS)) assert.match(text, new RegExp(`^#? ?${name}=`, 'm'))
    for (const [name, value] of Object.entries(parse(text))) assert.equal(value, '', name)
  })

  test('shows defaults and examples that are accepted', () => {
    const shown = Object.entries(ROWS).map(([name, row]) => {
      const { default: fallback, example } = row as { default?: string; example?: string }
      return name === 'CERTIFICATE_ARN' ? '' : `${name}=${fallback ?? example ?? ''}\n`
    })
    assert.deepEqual(parseSettings(join(folder({ '.env': shown.join('') }), '.env'), {}).problems, [])
  })
})

test('given values are set, also those with a default', () => {
  const values = parse(envExample({ PROW_HOST: 'prow.example.com', LOG_DAYS: '7' }))
  assert.equal(values.PROW_HOST, 'prow.example.com')
  assert.equal(values.LOG_DAYS, '7')
  assert.equal(values.GITHUB_ORG, '')
  assert.ok(!('OAUTH' in values))
})
