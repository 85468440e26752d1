import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findingsOf, rows } from '../../../lib/kubernetes/check.ts'
import { labelChecks, labelsFile, usesLabelSync } from '../../../lib/prow/labels.ts'
import { beginRun, fakeKubectl, startGitHub, TOKEN } from '../github/fakes.ts'
import { folder, LOCAL, settings } from '../world.ts'

const object = (kind: string, name: string, more = {}) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'prow' },
  ...more,
})

const TOKEN_SECRET = object('Secret', 'oauth-token', { data: { oauth: Buffer.from(TOKEN).toString('base64') } })

const FILES = {
  'config/config.yaml': '',
  'config/plugins.yaml': '',
  'config/labels.yaml': 'default: {labels: [{name: lgtm, color: "15dd18"}]}',
}

const found = async () =>
  (await findingsOf(rows(labelChecks))).flat().map(({ outcome, message }) => `${outcome}: ${message}`)

test('label_sync needs a token, which an App does not have', () => {
  const uses = (values: Record<string, string>) => usesLabelSync(settings({ ...LOCAL, ...values }))
  assert.equal(uses({ LABEL_SYNC: 'on' }), true)
  assert.equal(uses({ LABEL_SYNC: 'off' }), false)
  assert.equal(uses({ LABEL_SYNC: 'on', GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' }), false)
})

test('the ConfigMap, the CronJob and the labels on GitHub are checked', async () => {
  const { server, settings: world } = await startGitHub(
    { repos: [{ owner: 'my-org', name: 'web' }] },
    { LABEL_SYNC: 'on' },
  )
  const path = folder(FILES)
  const own = { ...world, file: `${path}/.env` }
  beginRun(own)
  fakeKubectl(TOKEN_SECRET)
  assert.deepEqual(await found(), [
    'failed: ConfigMap prow/label-config with the key labels.yaml is missing',
    'failed: labels of my-org/web differ from labels.yaml: lgtm',
    'failed: CronJob prow/label-sync is missing',
  ])
  server.state.repos[0]!.labels = [{ id: 1, name: 'lgtm', color: '15dd18', description: '' }]
  fakeKubectl(
    TOKEN_SECRET,
    object('ConfigMap', 'label-config', { data: { 'labels.yaml': '' } }),
    object('CronJob', 'label-sync'),
  )
  beginRun(own)
  assert.ok((await found()).every((one) => one.startsWith('passed: ')))
})

test('LABELS=off, GITHUB_CHECKS=off and LABEL_SYNC=off leave only the ConfigMap to check', () => {
  for (const name of ['LABELS', 'GITHUB_CHECKS']) {
    assert.equal(labelChecks(settings({ ...LOCAL, LABEL_SYNC: 'off', [name]: 'off' })).length, 1)
  }
})

test('a labels.yaml that is not valid is a problem of preflight', async () => {
  beginRun(settings(LOCAL, folder({ ...FILES, 'config/labels.yaml': 'default: {labels: [{name: a, color: red}]}' })))
  fakeKubectl()
  const [finding] = (await findingsOf(rows(labelsFile))).flat()
  assert.equal(finding?.outcome, 'failed')
  assert.match(finding?.message ?? '', /labels\.yaml:1 has a with the color red$/)
})

test('without labels.yaml the labels on GitHub stay as they are, and only label_sync needs one', async () => {
  const { 'config/labels.yaml': _, ...files } = FILES
  const inspect = async (values: Record<string, string>) => {
    const own = settings({ ...LOCAL, ...values }, folder(files))
    beginRun(own)
    fakeKubectl()
    assert.equal(labelChecks(own).length, usesLabelSync(own) ? 2 : 0)
    return (await findingsOf([labelsFile]))
      .flat()
      .map(({ outcome, message }) => `${outcome}: ${message.replace(/\S+\/config/, 'config')}`)
  }
  assert.deepEqual(await inspect({}), [
    'warning: config/labels.yaml does not exist: 10-labels leaves the labels on GitHub as they are',
  ])
  assert.deepEqual(await inspect({ LABELS: 'off' }), [])
  assert.deepEqual(await inspect({ LABEL_SYNC: 'on' }), [
    'failed: config/labels.yaml is missing, and label_sync reads it',
  ])
})
