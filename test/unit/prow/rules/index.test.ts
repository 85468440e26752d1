import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../../../lib/base/paths.ts'
import { parseYaml } from '../../../../lib/base/yaml-tree.ts'
import { CONFIG_RULES } from '../../../../lib/prow/rules/config.ts'
import { asRegExp, cronError, isDuration, regexpError } from '../../../../lib/prow/rules/go-syntax.ts'
import { checkConfiguration } from '../../../../lib/prow/rules/index.ts'
import { JOB_RULES, TOGETHER_RULES } from '../../../../lib/prow/rules/jobs.ts'
import { PLUGIN_RULES } from '../../../../lib/prow/rules/plugins.ts'
import type { Settings } from '../../../../lib/settings/table.ts'
import { CASES } from '../../../prow/cases.ts'
import { findingsOf } from '../../../prow/compare.ts'

test('every rule is broken by a case, so that none is there in vain', () => {
  const broken = new Set(CASES.flatMap((one) => findingsOf(one).map((finding) => finding.rule)))
  const idle = [CONFIG_RULES, PLUGIN_RULES, JOB_RULES, TOGETHER_RULES]
    .flatMap((rules) => rules.map((rule) => rule.name))
    .filter((name) => !broken.has(name))
  assert.deepEqual(idle, [])
})

test('what is said has file, line, and what to do', () => {
  for (const one of CASES) {
    for (const finding of findingsOf(one)) {
      assert.match(finding.file, /\.yaml$/)
      assert.ok(finding.line > 0, JSON.stringify(finding))
      assert.ok(finding.remedy.length > 5, JSON.stringify(finding))
      assert.doesNotMatch(finding.message, /undefined|\[object/)
    }
  }
})

const SETTINGS = { PROW_HOST: 'p', GITHUB_ORG: 'org', LOG_BUCKET: 'logs', PRIVATE_CLONES: 'off' } as Settings

const look = (config: string, plugins = '', jobs: Record<string, string> = {}) =>
  checkConfiguration(
    {
      config: { displayName: 'config.yaml', text: config },
      plugins: { displayName: 'plugins.yaml', text: plugins },
      jobs: new Map(Object.entries(jobs).map(([told, text]) => [told, { displayName: told, text }])),
    },
    SETTINGS,
  ).map(({ file, line, message, remedy }) => `${file}:${line} ${message} → ${remedy}`)

test('the line is that of the slip, and the nearest known name is offered', () => {
  const told = look(
    'prowjob_namespace: prow\npod_namespace: test-pods\n\n# a comment\ntide:\n  queries:\n    - orgs: [org]\n      lables: [lgtm]\n',
  )
  assert.ok(
    told.includes('config.yaml:8 tide.queries[0].lables is no field that Prow knows → Did you mean labels?'),
    told.join('\n'),
  )
})

test("the guide's own faults are named", () => {
  const told = look(
    'prowjob_namespace: prow\npod_namespace: test-pods\ndeck:\n  view_auth_configs: {}\nplank:\n  job_url_prefix_config:\n    "*": http://p/view/\n  report_templates:\n    "*": "[log](http://p/x)"\n',
    'plugins: {org: {plugins: [weainformer, repo-permission-alert, trigger]}}\nfile_size_limit: {}\nyaml-validator: {}\nconfig_updater: {maps: {a: {name: b, clusters: {default: [kube-deploy]}}}}\ntriggers: [{repos: [org], elide_skipped_contexts: true}]\n',
  ).join('\n')
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
    assert.ok(told.includes(name), `${name} is not named in\n${told}`)
})

test("what is shipped is what Prow's rules want", () => {
  for (const name of ['config.yaml', 'plugins.yaml', 'labels.yaml']) {
    const { errors: faults } = parseYaml(
      readFileSync(join(ROOT, 'manifests/config', name), 'utf8').replace(/ # when .*$/gm, ''),
    )
    assert.deepEqual(faults, [], name)
  }
})

test('durations, cron lines and expressions as Go takes them', () => {
  for (const good of ['1h', '1h30m', '90s', '1.5h', '0', '-1m', '10ms', '.5s']) assert.ok(isDuration(good), good)
  for (const bad of ['1d', '60', '1 h', '', 'h', '1h30', '10min']) assert.ok(!isDuration(bad), bad)
  for (const good of [
    '0 3 * * *',
    '*/15 2-4 * * 1-5',
    '@daily',
    '@every 90m',
    '0 0 3 * * *',
    '0 3 * jan MON',
    'TZ=UTC 0 3 * * *',
    '1,2,3 * * * *',
    '5/10 * * * *',
  ])
    assert.equal(cronError(good), undefined, good)
  for (const bad of [
    '0 3 * *',
    '60 * * * *',
    '0 24 * * *',
    '0 3 0 * *',
    '0 3 * 13 *',
    '0 3 * * 7',
    '5-3 * * * *',
    '@sometimes',
    '@every day',
    'a * * * *',
    '1-2-3 * * * *',
    '*/x * * * *',
  ])
    assert.ok(cronError(bad), bad)
  for (const good of [
    '^main$',
    'a(b|c)*',
    '(?i)readme',
    '(?P<n>x)',
    '[^]]',
    '[[:alpha:]]',
    '\\.go$',
    'x{2,}',
    '\\Qa(b\\E',
  ])
    assert.equal(regexpError(good), undefined, good)
  for (const bad of ['(', 'a)', '[a', '*a', 'a(?!b)', '(?<=a)b', '(a)\\1']) assert.ok(regexpError(bad), bad)
  assert.ok(asRegExp('(?m)^/test one$')?.test('x\n/test one'))
})

test('YAML as Prow reads it: keys that stand twice, tabs, a second document, aliases', () => {
  const told = (text: string) => parseYaml(text).errors.map(({ line, message }) => `${line} ${message}`)
  assert.deepEqual(told('a: 1\nb: 2\n'), [])
  assert.match(told('a: 1\nb: 2\na: 3\n')[0] ?? '', /^3 has a twice/)
  assert.match(told('a:\n\t- b\n')[0] ?? '', /^2 .*tab/)
  assert.match(told('a: 1\n---\nb: 2\n')[0] ?? '', /second document/)
  assert.match(told('a: *b\n')[0] ?? '', /nowhere/)
  assert.deepEqual(told('a: &x {k: 1}\nb: {<<: *x, k: 2}\n'), [])
})
