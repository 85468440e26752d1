import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from '../../../../lib/base/paths.ts'
import { parseYaml } from '../../../../lib/base/yaml-parse.ts'
import { checkConfiguration, RULES } from '../../../../lib/prow/rules/index.ts'
import type { Violation } from '../../../../lib/prow/rules/rule.ts'
import type { Settings } from '../../../../lib/settings/table.ts'
import { CASES } from '../../../prow/cases.ts'
import { violationsOf } from '../../../prow/compare.ts'

test('every rule is broken by a case', () => {
  // A cluster that was asked is no part of a case: their own tests have these.
  const ofCluster = ['config-updater-namespaces', 'missing-object']
  const broken = new Set([...ofCluster, ...CASES.flatMap((one) => violationsOf(one).map(({ rule }) => rule))])
  const all = Object.values(RULES).flatMap((rules) => rules.map(({ name }) => name))
  assert.equal(new Set(all).size, all.length)
  assert.deepEqual(
    all.filter((name) => !broken.has(name)),
    [],
  )
})

test('a violation has file, line, message and remedy', () => {
  for (const one of CASES) {
    for (const finding of violationsOf(one)) {
      assert.match(finding.file, /\.yaml$/)
      assert.ok(finding.line > 0, JSON.stringify(finding))
      assert.ok(finding.remedy.length > 5, JSON.stringify(finding))
      assert.doesNotMatch(finding.message, /undefined|\[object/)
    }
  }
})

const SETTINGS = {
  PROW_HOST: 'p',
  GITHUB_ORG: 'org',
  LOG_BUCKET: 'logs',
  PROW_IMAGE_TAG: 'v20260729-7f8580d8d',
  PRIVATE_CLONES: 'off',
} as Settings
const BASE = 'prowjob_namespace: prow\npod_namespace: test-pods\n'

function check(config: string, plugins = '', jobs: Record<string, string> = {}): Violation[] {
  return checkConfiguration(
    {
      config: { displayName: 'config.yaml', text: config },
      plugins: { displayName: 'plugins.yaml', text: plugins },
      jobs: new Map(Object.entries(jobs).map(([name, text]) => [name, { displayName: name, text }])),
    },
    SETTINGS,
  )
}

const shown = ({ file, line, message, remedy }: Violation) => `${file}:${line} ${message} → ${remedy}`

test('an unknown field has its own line and the most similar name that is known', () => {
  const found = check(`${BASE}\n# a comment\ntide:\n  queries:\n    - orgs: [org]\n      lables: [lgtm]\n`).map(shown)
  const expected = 'config.yaml:8 tide.queries[0].lables is not a field that Prow knows → Did you mean labels?'
  assert.ok(found.includes(expected), found.join('\n'))
})

test('an unknown field that holds an anchor is moved, not removed', () => {
  const found = check(`${BASE}branch_spec: &spec {a: b}\n`).map(shown)
  const expected =
    'config.yaml:3 branch_spec is not a field that Prow knows → Keep it, since *spec refers to it: move it below prow_ignored, a field for that.'
  assert.ok(found.includes(expected), found.join('\n'))
})

test("the problems of the guide's own configuration are reported", () => {
  const found = check(
    `${BASE}deck:\n  view_auth_configs: {}\nplank:\n  job_url_prefix_config:\n    "*": http://p/view/\n  report_templates:\n    "*": "[log](http://p/x)"\n`,
    'plugins: {org: {plugins: [weainformer, repo-permission-alert, trigger, config-updater]}}\nfile_size_limit: {}\nyaml-validator: {}\nconfig_updater: {maps: {a: {name: b, clusters: {default: [kube-deploy]}}}}\ntriggers: [{repos: [org], elide_skipped_contexts: true}]\n',
  )
    .map(shown)
    .join('\n')
  for (const name of [
    'deck.view_auth_configs',
    'job_url_prefix_config',
    'report_templates',
    'weainformer',
    'repo-permission-alert',
    'file_size_limit',
    'yaml-validator',
    'kube-deploy',
    'elide_skipped_contexts',
  ])
    assert.ok(found.includes(name), `${name} is not reported in\n${found}`)
})

describe('a bucket other than LOG_BUCKET is refused: neither Prow nor its jobs have access to it', () => {
  const found = (config: string, jobs: Record<string, string> = {}) =>
    check(BASE + config, 'plugins: {org: {plugins: [trigger]}}', jobs)
      .filter(({ message }) => message.includes('LOG_BUCKET'))
      .map(({ severity, file, line, message }) => `${severity} ${file}:${line} ${message}`)
  const defaults = (bucket: string) =>
    `plank:\n  default_decoration_config_entries:\n    - config:\n        gcs_configuration: {bucket: ${bucket}}\n`
  const job = (...lines: string[]) => ({
    'a.yaml': `presubmits:\n  org/repo:\n    - name: a\n      ${lines.join('\n      ')}\n`,
  })

  test('in config.yaml', () => {
    assert.deepEqual(found(defaults('s3://other/path')), [
      'here config.yaml:6 has bucket other, and LOG_BUCKET is logs',
    ])
    for (const bucket of ['s3://logs', 's3://logs/path']) assert.deepEqual(found(defaults(bucket)), [], bucket)
  })

  test('in a job, unless it has credentials of its own', () => {
    const bucket = 'gcs_configuration: {bucket: s3://other}'
    assert.deepEqual(found('', job(`decoration_config: {${bucket}}`)), [
      'here a.yaml:4 presubmit a has bucket other, and its pod has access to LOG_BUCKET (logs) only',
    ])
    for (const lines of [
      [`decoration_config: {${bucket}, s3_credentials_secret: mine}`],
      [`decoration_config: {${bucket}, default_service_account_name: mine}`],
      [`decoration_config: {${bucket}}`, 'spec: {serviceAccountName: mine}'],
    ])
      assert.deepEqual(found('', job(...lines)), [], lines.join())
  })
})

const places = (config: string, plugins: string, jobs: Record<string, string>) =>
  check(config, plugins, jobs).map(({ rule, severity, file, line }) => `${rule} ${severity} ${file}:${line}`)

test('a duplicate key is refused as strictly as what only --strict refuses: Prow drops one without an error', () => {
  assert.deepEqual(places(`${BASE}log_level: info\nlog_level: debug\n`, '', {}), [
    'yaml strict config.yaml:4',
    'no-organization hint plugins.yaml:1',
  ])
})

describe('a file that cannot be parsed hides only what depends on it', () => {
  const PLUGINS = 'plugins: {org: {plugins: [unheard-of]}}'
  const JOB = 'presubmits:\n  org/repo:\n    - {name: a b, decorate: true, spec: {containers: [{image: i}]}}\n'

  test('config.yaml: the defaults of decoration, and not the name of a job', () => {
    const jobs = { 'a.yaml': JOB }
    const rest = [
      'unknown-plugin invalid plugins.yaml:1',
      'job-name invalid a.yaml:3',
      'missing-trigger strict a.yaml:3',
    ]
    assert.deepEqual(places(BASE, PLUGINS, jobs), [
      'default-decoration-complete invalid config.yaml:1',
      ...rest.slice(0, 2),
      'command invalid a.yaml:3',
      ...rest.slice(2),
    ])
    assert.deepEqual(places('a: [', PLUGINS, jobs), ['yaml invalid config.yaml:1', ...rest])
  })

  test('plugins.yaml: where plugins are enabled, and not the jobs', () => {
    const jobs = { 'a.yaml': JOB }
    assert.deepEqual(places(BASE, 'a: [', jobs), [
      'yaml invalid plugins.yaml:1',
      'default-decoration-complete invalid config.yaml:1',
      'job-name invalid a.yaml:3',
      'command invalid a.yaml:3',
    ])
  })

  test('a job file: its own jobs', () => {
    const jobs = { 'a.yaml': `${JOB}\tx: []\n`, 'b.yaml': 'decorate_all_jobs: 1\n' }
    assert.deepEqual(places(BASE, PLUGINS, jobs), [
      'yaml invalid a.yaml:4',
      'type invalid b.yaml:1',
      'unknown-plugin invalid plugins.yaml:1',
    ])
  })

  test('of all that the parser reports only the first is shown', () => {
    assert.deepEqual(places(BASE, 'plugins: {org: {plugins: [trigger]}}', { 'a.yaml': 'a: [\nb: }\nc: ]\n' }).length, 1)
  })
})

test('what the default decoration lacks is reported there, and not at each of its jobs', () => {
  const job = (name: string, more = '') =>
    `    - {name: ${name}, decorate: true, ${more}spec: {containers: [{image: i, command: [c]}]}}\n`
  const own = job('own', 'decoration_config: {gcs_configuration: {path_strategy: explicit}}, ')
  const found = check(
    `${BASE}plank:\n  default_decoration_config_entries:\n    - config:\n        gcs_configuration: {bucket: s3://logs}\n`,
    'plugins: {org: {plugins: [trigger]}}',
    { 'a.yaml': `presubmits:\n  org/repo:\n${job('one')}${job('two')}${own}` },
  )
  const images = 'no utility_images for clonerefs, initupload, entrypoint, sidecar'
  assert.deepEqual(
    found.map(({ file, line, message }) => `${file}:${line} ${message}`),
    [
      `config.yaml:6 plank: the default decoration has ${images}; it is that of 2 jobs, the first in a.yaml:3`,
      `a.yaml:5 presubmit own: its decoration has ${images}`,
    ],
  )
})

test('the cause of a violation is what jobs have in common', () => {
  const job = (name: string) =>
    `    - {name: ${name}, cluster: build, unknown: 1, spec: {containers: [{image: 1, command: [c]}]}}\n`
  const found = check(`${BASE}decorate_all_jobs: false\n`, 'plugins: {org: {plugins: [trigger]}}', {
    'a.yaml': `presubmits:\n  org/repo:\n${job('one')}${job('two')}`,
  })
  const causes = new Map<string, Set<string>>()
  for (const { rule, cause } of found) causes.set(rule, (causes.get(rule) ?? new Set()).add(cause))
  assert.deepEqual(
    [...causes].map(([rule, some]) => [rule, [...some]]),
    [
      ['unknown-field', ['unknown is not a field that Prow knows']],
      ['type', ['image: 1 must be a string']],
      ['build-cluster', [' has cluster: build']],
      ['undecorated', [' is not decorated']],
    ],
  )
})

test('how a value is read depends on the file: plugins.yaml converts it to a string, and unknown fields of jobs are hints', () => {
  const found = check(
    `${BASE}status_error_link: 1\nunknown: 1\n`,
    'plugins: {org: {plugins: [trigger], unknown: 1}}\nwelcome: [{repos: [org], message_template: 1.10}]\nunknown: 1\n',
    { 'a.yaml': 'unknown: 1\npresets: [{env: [{name: A, value: 1.10}]}]\nperiodics: [{name: 1}]\n' },
  )
    .filter(({ rule }) => ['type', 'unknown-field', 'conversion'].includes(rule))
    .map(({ rule, severity, file, line }) => `${file}:${line} ${rule} ${severity}`)
  assert.deepEqual(found, [
    'config.yaml:3 type invalid',
    'config.yaml:4 unknown-field strict',
    'a.yaml:1 unknown-field hint',
    'a.yaml:2 conversion hint',
    'a.yaml:3 type invalid',
    'plugins.yaml:2 conversion hint',
    'plugins.yaml:3 unknown-field strict',
    'plugins.yaml:1 unknown-field hint',
  ])
})

test('types of the installed version: quantities, durations, integers, keys in another case, what a newer version has', () => {
  const job = (more: string) =>
    `periodics: [{name: a, interval: 1h, decorate: true, ${more}, spec: {containers: [{image: i, command: [c]}]}}]\n`
  const messages = (config: string, plugins: string, jobs: string) =>
    check(config, plugins, { 'a.yaml': jobs })
      .filter(
        ({ rule, severity }) => ['type', 'unknown-field', 'conversion', 'unknown-plugin'].includes(rule) && severity,
      )
      .map(({ message, severity }) => `${severity}: ${message.replace(/^.*\]\./, '')}`)
  const EMPTY = 'plugins: {org: {plugins: [trigger]}}\n'
  assert.deepEqual(
    messages(`${BASE}sinker: {resync_period: 60, max_pod_age: 1d}\n`, EMPTY, job('max_concurrency: 1.5')),
    [
      'invalid: sinker.resync_period: 60 is not a valid duration',
      'invalid: sinker.max_pod_age: 1d is not a valid duration',
      'invalid: max_concurrency: 1.5 must be a whole number that fits',
    ],
  )
  const decoration = 'decoration_config: {timeout: 7200, grace_period: 1.5, default_memory_request: 2GB}'
  assert.deepEqual(messages(BASE, EMPTY, job(decoration)), [
    'hint: decoration_config.timeout: 7200 is a number of nanoseconds',
    'invalid: decoration_config.grace_period: 1.5 is not a valid duration',
    'invalid: decoration_config.default_memory_request: 2GB is not a valid quantity',
  ])
  assert.deepEqual(messages(BASE, EMPTY, job('Cluster: default, max_concurrency: 1e3')), [])
  assert.deepEqual(messages(BASE, 'plugins: {org: {plugins: [rifle]}}\nrifle: {}\n', job('hidden: false')), [
    'strict: rifle: Prow has rifle since v20260821-a61940897, and PROW_IMAGE_TAG is v20260729-7f8580d8d',
    'invalid: enables rifle for org: Prow has the plugin rifle since v20260821-a61940897, and PROW_IMAGE_TAG is v20260729-7f8580d8d',
  ])
  const newer =
    'tide: {context_options: {optional-regex-contexts: [a]}}\nbranch-protection: {require_signed_commits: true}\n'
  assert.deepEqual(messages(`${BASE}${newer}`, EMPTY, job('hidden: false')), [])
  // Rules find a key in another case under its name.
  assert.deepEqual(
    check(BASE, EMPTY, {
      'a.yaml': 'periodics: [{Name: a, Interval: 1h, Spec: {Containers: [{image: i, command: [c]}]}}]\n',
    }).filter(({ severity }) => severity === 'invalid'),
    [],
  )
})

test('the templates are valid YAML', () => {
  for (const name of ['config.yaml', 'plugins.yaml', 'labels.yaml']) {
    const text = readFileSync(join(ROOT, 'manifests/config', name), 'utf8').replace(/ # when .*$/gm, '')
    assert.deepEqual(parseYaml(text).errors, [], name)
  }
})
