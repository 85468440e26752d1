import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfiguration } from '../../../../lib/prow/rules/index.ts'
import { asExpression } from '../../../../lib/prow/rules/jobs.ts'
import type { Settings } from '../../../../lib/settings/table.ts'

const CONFIG = 'prowjob_namespace: prow\npod_namespace: test-pods\n'
const SETTINGS = {
  TARGET: 'local',
  PROW_HOST: 'prow.example.com',
  GITHUB_ORG: 'acme',
  LOG_BUCKET: 'logs',
  JOB_POD_SECURITY: 'baseline',
  PROW_IMAGE_REGISTRY: 'registry.example.com/prow',
  PROW_IMAGE_TAG: 'v20260729-7f8580d8d',
} as Settings

/** What some rules find, each with its place and remedy. */
function found(rules: string[], config: string, plugins = '', jobs: Record<string, string> = {}) {
  return checkConfiguration(
    {
      config: { displayName: 'config.yaml', text: CONFIG + config },
      plugins: { displayName: 'plugins.yaml', text: plugins },
      jobs: new Map(Object.entries(jobs).map(([name, text]) => [name, { displayName: name, text }])),
    },
    SETTINGS,
  ).filter(({ rule }) => rules.includes(rule))
}

const shown = (all: ReturnType<typeof found>) =>
  all.map(({ severity, file, line, message, remedy }) => `${severity} ${file}:${line} ${message} -> ${remedy}`)

test('links to the pages of another Prow, with the link as it must be', () => {
  const config = `plank:
  job_url_prefix_config:
    "*": https://prow.other.org/view/
  report_templates:
    "*": |
      See [the guide](https://other.org/pr-guide).
      [history](http://prow.other.org/pr-history?org={{.Spec.Refs.Org}}) [bot](https://prow.k8s.io/command-help)
tide:
  target_urls: {"*": https://prow.other.org/tide, acme: https://docs.acme.org/merging}
  pr_status_base_urls: {"*": "https://prow.example.com/pr"}
`
  const other = 'points to prow.other.org, another Prow than this one (prow.example.com)'
  assert.deepEqual(shown(found(['links'], config)), [
    `here config.yaml:5 plank.job_url_prefix_config of * ${other} -> Replace https://prow.other.org with https://prow.example.com.`,
    `here config.yaml:9 plank.report_templates of * ${other} -> Replace http://prow.other.org with https://prow.example.com.`,
    `here config.yaml:11 tide.target_urls of * ${other} -> Replace https://prow.other.org with https://prow.example.com.`,
  ])
  const own = config.replaceAll('prow.other.org', 'PROW.example.com:443').replace('http:', 'https:')
  assert.deepEqual(shown(found(['links'], own)), [])
})

test('what is inside of a text after | or > is reported on its own line', () => {
  const config = `plank:
  report_templates:
    "*": >-
      [history](https://prow.example.com/pr-history)

      and [the
      dashboard](http://prow.example.com/pr)
    acme: |
      One
      {{if .Spec.Refs}}
      two
slack_reporter_configs:
  "*":
    channel: c
    report_template: |-
      {{.Spec.Job}}
      ended: {{.Result}}
`
  assert.deepEqual(
    found(['http-addresses', 'template', 'slack'], config).map(({ line, message }) => `${line} ${message}`),
    [
      '9 plank.report_templates.* points to http://prow.example.com',
      '12 plank.report_templates of acme has {{if}} without {{end}}',
      '19 slack_reporter_configs of *: report_template has .Result, which a ProwJob does not have',
    ],
  )
})

test("queries, merge methods and rerun rights of another organization's configuration", () => {
  const rules = ['tide-organization', 'tide-other-organization', 'rerun-organization', 'rerun-users']
  const messages = (config: string) => found(rules, config).map(({ severity, message }) => `${severity} ${message}`)
  const rights =
    'deck: {default_rerun_auth_configs: [{rerun_auth_configs: {github_orgs: [other], github_users: [ann]}}]}\n'
  assert.deepEqual(
    messages(`tide: {queries: [{orgs: [other]}, {repos: [third/a]}], merge_method: {other/a: squash}}\n${rights}`),
    [
      'here tide.queries has only other, third, and GITHUB_ORG is acme',
      'here tide.merge_method has only other, and GITHUB_ORG is acme',
      'here the rerun rights of Deck include other, and GITHUB_ORG is acme',
      'hint the rerun rights of Deck include the users ann',
    ],
  )
  assert.deepEqual(messages('tide: {queries: [{repos: [ACME/a, other/b]}], merge_method: {acme: squash}}\n'), [
    'hint tide.queries also has other, beside GITHUB_ORG (acme)',
  ])
  assert.deepEqual(messages('deck: {rerun_auth_configs: {"*": {github_orgs: [acme], github_users: [ann]}}}\n'), [])
})

test('two writers of one ConfigMap: config-updater beside 06-config', () => {
  const messages = (plugins: string) => found(['config-writers'], '', plugins).map(({ message }) => message)
  const enabled = 'plugins: {acme/ci: {plugins: [config-updater]}}\n'
  const writes = 'the plugin config-updater (acme/ci) writes the'
  assert.deepEqual(messages(enabled), [`${writes} ConfigMaps config, plugins, which 06-config writes as well`])
  const maps = (text: string) => `${enabled}config_updater: {maps: ${text}}\n`
  assert.deepEqual(messages(maps('{"jobs/*.yaml": {name: job-config, clusters: {default: [prow]}}}')), [
    `${writes} ConfigMap job-config, which 06-config writes as well`,
  ])
  assert.deepEqual(messages(maps('{a.yaml: {name: dashboards}}')), [])
  assert.deepEqual(messages('config_updater: {maps: {a.yaml: {name: config}}}\n'), [])
})

test('the exact text is in the remedy: images, buckets, external plugins, file patterns', () => {
  const bucket = (name: string) =>
    found(
      ['bucket-scheme'],
      `plank: {default_decoration_config_entries: [{config: {gcs_configuration: {bucket: ${name}}}}]}\n`,
    )
  for (const name of ['logs', 'gs://logs'])
    assert.match(bucket(name)[0]!.remedy, /^Write bucket: s3:\/\/logs\. Without/)
  assert.deepEqual(shown(found(['unknown-plugin'], '', 'plugins: {acme: {plugins: [needs-rebase]}}\n')), [
    'invalid plugins.yaml:1 enables needs-rebase for acme, a plugin that Prow does not have -> Remove it: needs-rebase is an external plugin, a program of its own, which is not installed here.',
  ])
  const images =
    'plank: {default_decoration_config_entries: [{config: {utility_images: {sidecar: "gcr.io/k8s-prow/sidecar:v1"}}}]}\n'
  assert.match(
    found(['old-images'], images)[0]!.remedy,
    /^Write sidecar: registry\.example\.com\/prow\/sidecar:v20260729-7f8580d8d\./,
  )
  const query = 'tide:\n  queries:\n  - orgs: [acme]\n    missingLabels:\n    - needs-rebase\n'
  assert.deepEqual(shown(found(['tide-and-plugins'], query, 'plugins: {acme: {plugins: [trigger]}}\n')), [
    'strict config.yaml:7 a query of Tide forbids needs-rebase in acme, where the plugin needs-rebase is not enabled -> Remove needs-rebase from missingLabels: needs-rebase is an external plugin, which is not installed here, and Tide merges no pull request that conflicts.',
  ])
  const job = 'presubmits:\n  acme/a:\n  - name: a\n    run_if_changed: "*.go"\n    spec: {containers: []}\n'
  assert.match(found(['expressions'], '', '', { 'a.yaml': job })[0]!.remedy, /^Write \\\.go\$: it is/)
  for (const [pattern, expression] of [
    ['*.go', '\\.go$'],
    ['docs/**', '^docs/'],
    ['docs/*', '^docs/'],
    ['**/*.md', '(^|/)[^/]*\\.md$'],
    ['charts/*/values.yaml', '^charts/[^/]*/values\\.yaml$'],
    ['src/**/test.py', '^src/.*test\\.py$'],
  ] as const)
    assert.equal(asExpression(pattern), expression)
  // These are expressions already, or no patterns.
  for (const text of ['^docs/', 'docs/.*', '\\.go$', '(a|b)*', 'docs', '.*', '*'])
    assert.equal(asExpression(text), undefined, text)
})

test('a preset that adds what the job has is reported at the job, with both places', () => {
  const jobs = {
    'a.yaml': `presets:
- labels: {preset-a: "true"}
  env: [{name: A, value: "1"}]
presubmits:
  acme/a:
  - name: a
    labels: {preset-a: "true"}
    spec:
      containers:
      - image: i
        env:
        - {name: A, value: "2"}
`,
  }
  assert.deepEqual(
    found(['preset-clash'], '', '', jobs).map(({ file, line, message }) => `${file}:${line} ${message}`),
    [
      'a.yaml:12 presubmit a gets the variable A twice: from the preset preset-a: "true" (a.yaml:3) and from the job itself',
    ],
  )
})
