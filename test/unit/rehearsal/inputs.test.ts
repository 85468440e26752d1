import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadAll } from 'js-yaml'
import { GO } from '../../../lib/rehearsal/go-modules.ts'
import { createInputs, eksSettings, localSettings } from '../../../lib/rehearsal/inputs.ts'
import { parseSettings } from '../../../lib/settings/settings.ts'
import { folder } from '../world.ts'

test('the settings are those of the cluster they are for', () => {
  assert.match(localSettings('kwok', 'rehearsal'), /^KUBE_CONTEXT=rehearsal$/m)
  assert.match(localSettings('kwok', 'rehearsal'), /^NGINX_ADMISSION=off$/m)
  assert.match(localSettings('kwok', 'rehearsal'), /^STORAGE_CLASS=rehearsal$/m)
  assert.match(localSettings('kind', 'kind-x'), /^NGINX_ADMISSION=on$/m)
  assert.match(localSettings('kind', 'kind-x'), /^STORAGE_CLASS=standard$/m)
  assert.match(localSettings('real', 'rehearsal', '198.18.0.3'), /^GITHUB_API=http:\/\/198\.18\.0\.3$/m)
})

test('all settings are valid', () => {
  for (const text of [
    localSettings('kwok', 'rehearsal'),
    localSettings('kind', 'kind-x'),
    localSettings('real', 'rehearsal', '198.18.0.3'),
    eksSettings(),
  ])
    assert.deepEqual(parseSettings(join(folder({ '.env': text }), '.env'), {}).problems, [])
})

test('the StorageClass of the settings is that of the cluster', () => {
  const objects = loadAll(readFileSync(join(GO, 'cluster/cluster.yaml'), 'utf8')) as {
    kind: string
    metadata: { name: string }
  }[]
  const classes = objects.filter(({ kind }) => kind === 'StorageClass').map(({ metadata }) => metadata.name)
  assert.deepEqual(classes, ['rehearsal'])
  assert.equal(objects.filter(({ kind }) => kind === 'Node').length, 3)
})

test('inputs are private, and a second run keeps them', () => {
  const dir = folder()
  assert.equal(createInputs(dir, 'kwok', 'rehearsal', false), 'created')
  const token = readFileSync(join(dir, 'secrets/oauth-token'), 'utf8')
  assert.match(token, /^ghp_\w{36}\n$/)
  assert.equal(statSync(join(dir, 'secrets')).mode & 0o777, 0o700)
  assert.equal(statSync(join(dir, 'secrets/oauth-token')).mode & 0o777, 0o600)
  assert.equal(createInputs(dir, 'kwok', 'rehearsal', false), 'unchanged')
  assert.equal(readFileSync(join(dir, 'secrets/oauth-token'), 'utf8'), token)
})
