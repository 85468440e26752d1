import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultDecoration } from '../../../lib/prow/test-job.ts'

test('a job of no repository is decorated by the entries for all, later ones winning field by field', () => {
  const config = `
plank:
  default_decoration_config_entries:
    - config: {timeout: 1h, bucket: one}
    - repo: my-org
      config: {timeout: 2h}
    - repo: "*"
      cluster: other
      config: {timeout: 3h}
    - repo: "*"
      cluster: default
      config: {bucket: two}
`
  assert.deepEqual(defaultDecoration(config), { timeout: '1h', bucket: 'two' })
})

test('the older map of decorations is read too', () => {
  assert.deepEqual(
    defaultDecoration('plank: {default_decoration_configs: {"*": {timeout: 1h}, my-org: {timeout: 2h}}}'),
    {
      timeout: '1h',
    },
  )
})
