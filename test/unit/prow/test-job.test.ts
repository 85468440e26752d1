import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultDecoration, testJob } from '../../../lib/prow/test-job.ts'
import { LOCAL, settings } from '../world.ts'

test('a job of no repository is decorated by the entries for all', async () => {
  const config = `
plank:
  default_decoration_config_entries:
    - config: {timeout: 1h, grace_period: 15s}
    - repo: my-org
      config: {timeout: 2h}
    - repo: "*"
      cluster: other
      config: {timeout: 3h}
    - repo: "*"
      cluster: default
      config: {grace_period: 20s}
`
  assert.deepEqual(await defaultDecoration(config), { timeout: '1h', grace_period: '20s' })
})

test('a later entry that sets another field of gcs_configuration keeps the bucket', async () => {
  const config = `
plank:
  default_decoration_config_entries:
    - config:
        gcs_configuration: {bucket: s3://logs, path_strategy: explicit}
        utility_images: {sidecar: a, clonerefs: b}
    - config:
        gcs_configuration: {path_prefix: nightly}
        utility_images: {sidecar: c}
`
  assert.deepEqual(await defaultDecoration(config), {
    gcs_configuration: { bucket: 's3://logs', path_strategy: 'explicit', path_prefix: 'nightly' },
    utility_images: { sidecar: 'c', clonerefs: 'b' },
  })
})

test('the older map of decorations is read too', async () => {
  const config = 'plank: {default_decoration_configs: {"*": {timeout: 1h}, my-org: {timeout: 2h}}}'
  assert.deepEqual(await defaultDecoration(config), { timeout: '1h' })
})

test('the ProwJob of the test is a triggered periodic with that decoration and a short timeout', () => {
  const job = testJob(settings(LOCAL), { timeout: '1h', gcs_configuration: { bucket: 's3://logs' } }, 'verify-1')
  const spec = job.spec as Record<string, unknown>
  assert.deepEqual(spec.decoration_config, { timeout: '10m', gcs_configuration: { bucket: 's3://logs' } })
  assert.equal(spec.namespace, 'test-pods')
  assert.equal(job.metadata.labels?.['prow.k8s.io/id'], 'verify-1')
  assert.equal((job.status as { state: string }).state, 'triggered')
})
