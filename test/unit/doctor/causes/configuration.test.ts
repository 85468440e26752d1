import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { configurationRows } from '../../../../lib/doctor/causes/configuration.ts'
import type { KubeObject } from '../../../../lib/kubernetes/manifests.ts'
import { configMapTexts } from '../../../../lib/prow/cluster-config.ts'
import { readProwConfig } from '../../../../lib/prow/config.ts'
import { configMapSize } from '../../../../lib/prow/config-maps.ts'
import { newRun, setRun } from '../../../../lib/run/context.ts'
import { LOCAL, settings } from '../../world.ts'
import { evidence, findings, type Given } from '../evidence.ts'

setRun(newRun(settings(LOCAL)))

const { config, plugins, jobs } = readProwConfig(settings(LOCAL))
const RIGHT = { config: config.text, plugins: plugins.text, jobs: [...jobs.values()][0]!.text }
const find = (given: Given) => findings(configurationRows, evidence({ ...RIGHT, ...given }))

test('the configuration of the templates is no finding', async () => {
  assert.deepEqual(await find({}), [])
})

test('a ConfigMap that was edited against a rule, with its line', async () => {
  const [found, ...more] = await find({ config: config.text.replace('bucket: s3://', 'bucket: ') })
  assert.deepEqual(more, [])
  assert.equal(found?.id, 'PRW-CFG-010')
  assert.equal(found?.object, 'ConfigMap prow/config')
  assert.match(found?.message ?? '', /^config.yaml:\d+ of ConfigMap prow\/config: has bucket: my-logs/)
  assert.match(found?.remedy ?? '', /config\/, then run .*06-config/)
})

test('a namespace of the configuration that is not that of this installation', async () => {
  const found = await find({ config: config.text.replace('pod_namespace: test-pods', 'pod_namespace: other') })
  assert.ok(found.some(({ id, message }) => id === 'PRW-CFG-011' && /no pod of a job can be created/.test(message)))
})

test('a ConfigMap that is nearly full', async () => {
  const [found] = await find({ jobs: `${RIGHT.jobs}# ${randomBytes(450_000).toString('hex')}\n` })
  assert.equal(found?.id, 'PRW-CFG-012')
  assert.match(found?.message ?? '', /holds 8\d\d of 1024 KiB/)
})

test('what is gzipped is read as Prow reads it, and counts as it is stored', () => {
  const packed = gzipSync('log_level: info').toString('base64')
  const map = {
    kind: 'ConfigMap',
    metadata: { name: 'config' },
    data: { VERSION: '1' },
    binaryData: { 'config.yaml': packed, bad: 'H4s=' },
  }
  const texts = configMapTexts(map as unknown as KubeObject)
  assert.equal(texts.get('config.yaml'), 'log_level: info')
  assert.equal(texts.get('VERSION'), '1')
  assert.equal(texts.has('bad'), false)
  assert.equal(configMapSize(map as unknown as KubeObject), 'VERSION1config.yamlbadH4s='.length + packed.length)
})
