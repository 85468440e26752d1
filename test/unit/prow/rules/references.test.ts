import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfiguration } from '../../../../lib/prow/rules/index.ts'
import type { TestPods } from '../../../../lib/prow/rules/rule.ts'
import type { Settings } from '../../../../lib/settings/table.ts'

const CONFIG = 'prowjob_namespace: prow\npod_namespace: test-pods\n'
const TEST_PODS: TestPods = {
  names: {
    ServiceAccount: new Set(['default', 'prow-jobs', 'builder']),
    Secret: new Set(['s3-credentials', 'registry']),
    ConfigMap: new Set(['scripts']),
    PersistentVolumeClaim: new Set(['cache']),
  },
  hookMayWrite: false,
}

interface Given {
  spec?: string
  more?: string
  config?: string
  plugins?: string
  privateClones?: string
  testPods?: TestPods | undefined
}

/** What is found about the cluster. */
function found(given: Given): string[] {
  const { spec = '{containers: []}', more = '', config = '', plugins = '', privateClones = 'off' } = given
  const job = `presubmits:\n  org/repo:\n  - name: a\n    ${more}\n    spec: ${spec}\n`
  return checkConfiguration(
    {
      config: { displayName: 'config.yaml', text: CONFIG + config },
      plugins: { displayName: 'plugins.yaml', text: plugins },
      jobs: new Map([['a.yaml', { displayName: 'a.yaml', text: job }]]),
    },
    {
      PROW_HOST: 'p',
      GITHUB_ORG: 'org',
      LOG_BUCKET: 'logs',
      JOB_POD_SECURITY: 'baseline',
      PRIVATE_CLONES: privateClones,
    } as Settings,
    'testPods' in given ? given.testPods : TEST_PODS,
  )
    .filter(({ rule }) => /object$|updater-(namespaces|permissions)/.test(rule))
    .map(({ severity, message }) => `${severity} ${message}`)
}

test('what a job pod names must be in test-pods, unless it is optional', () => {
  for (const [spec, expected] of [
    ['{serviceAccountName: robot, containers: []}', 'ServiceAccount robot'],
    ['{serviceAccount: robot, containers: []}', 'ServiceAccount robot'],
    ['{volumes: [{name: v, secret: {secretName: gone}}], containers: []}', 'Secret gone'],
    ['{volumes: [{name: v, configMap: {name: gone}}], containers: []}', 'ConfigMap gone'],
    ['{volumes: [{name: v, persistentVolumeClaim: {claimName: gone}}], containers: []}', 'PersistentVolumeClaim gone'],
    ['{volumes: [{name: v, projected: {sources: [{secret: {name: gone}}]}}], containers: []}', 'Secret gone'],
    ['{containers: [{env: [{name: A, valueFrom: {secretKeyRef: {name: gone, key: k}}}]}]}', 'Secret gone'],
    ['{containers: [{envFrom: [{configMapRef: {name: gone}}]}]}', 'ConfigMap gone'],
    ['{initContainers: [{envFrom: [{secretRef: {name: gone}}]}], containers: []}', 'Secret gone'],
  ] as const)
    assert.deepEqual(found({ spec }), [`here presubmit a names the ${expected}, which is not in test-pods`], spec)
  for (const spec of [
    '{serviceAccountName: builder, containers: []}',
    '{serviceAccountName: default, containers: []}',
    '{volumes: [{name: v, secret: {secretName: registry}}, {name: w, configMap: {name: scripts}}], containers: []}',
    '{volumes: [{name: v, secret: {secretName: gone, optional: true}}], containers: []}',
    '{containers: [{env: [{name: A, valueFrom: {secretKeyRef: {name: gone, key: k, optional: true}}}]}]}',
    '{volumes: [{name: v, persistentVolumeClaim: {claimName: cache}}], containers: []}',
  ])
    assert.deepEqual(found({ spec }), [], spec)
})

test('what decorations and presets name, each once at its own place', () => {
  const plank = (text: string) => `plank: {default_decoration_config_entries: [{config: {${text}}}]}\n`
  for (const [text, expected] of [
    ['default_service_account_name: robot', 'ServiceAccount robot'],
    ['s3_credentials_secret: gone', 'Secret gone'],
    ['ssh_key_secrets: [gone]', 'Secret gone'],
    ['oauth_token_secret: {name: oauth-token, key: oauth}', 'Secret oauth-token'],
    ['cookiefile_secret: gone/cookies', 'Secret gone'],
  ] as const)
    assert.deepEqual(found({ config: plank(text) }), [
      `here the default decoration names the ${expected}, which is not in test-pods`,
    ])
  const token = plank('oauth_token_secret: {name: clone-token, key: oauth}')
  assert.equal(found({ config: token }).length, 1)
  assert.deepEqual(found({ config: token, privateClones: 'on' }), [])
  const preset = 'presets: [{labels: {p: "1"}, volumes: [{name: v, secret: {secretName: gone}}]}]\n'
  assert.deepEqual(found({ config: preset, more: 'labels: {p: "1"}' }), [
    'here the preset p: "1" names the Secret gone, which is not in test-pods',
  ])
  assert.deepEqual(found({ config: preset }), [])
})

test('without a cluster it is a hint, and what this runbook creates is none', () => {
  const spec = '{serviceAccountName: robot, containers: []}'
  assert.deepEqual(found({ spec, testPods: undefined }), [
    'hint presubmit a names the ServiceAccount robot, which this runbook does not create in test-pods',
  ])
  assert.deepEqual(found({ spec: '{serviceAccountName: prow-jobs, containers: []}', testPods: undefined }), [])
  // No pod of it is made there.
  assert.deepEqual(found({ spec, more: 'agent: jenkins' }), [])
})

test('config-updater writes to test-pods only where hook has a role', () => {
  const plugins = (namespace: string) =>
    `plugins: {org: {plugins: [config-updater]}}\nconfig_updater: {maps: {a.yaml: {name: a, clusters: {default: [${namespace}]}}}}\n`
  const message = (namespace: string) =>
    `config_updater.maps.a.yaml writes the ConfigMap a to the namespace ${namespace}`
  assert.deepEqual(found({ plugins: plugins('test-pods') }), [
    `here ${message('test-pods')}, where hook has no permission`,
  ])
  assert.deepEqual(found({ plugins: plugins('test-pods'), testPods: { ...TEST_PODS, hookMayWrite: true } }), [])
  assert.deepEqual(found({ plugins: plugins('test-pods'), testPods: undefined }), [
    `hint ${message('test-pods')}, where this runbook gives hook no permission`,
  ])
  assert.deepEqual(found({ plugins: plugins('other') }), [
    `hint ${message('other')}, where this runbook gives hook no permission`,
  ])
  assert.deepEqual(found({ plugins: plugins('prow') }), [])
})
