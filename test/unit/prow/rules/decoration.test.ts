import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from '../../../../lib/base/yaml-parse.ts'
import { decorator, jobsOf, mergeDecorations } from '../../../../lib/prow/rules/decoration.ts'

test('images, resources, storage and censoring are merged field by field, everything else is replaced', () => {
  assert.deepEqual(
    mergeDecorations(
      {
        timeout: '1h',
        utility_images: { sidecar: 'a', clonerefs: 'b' },
        resources: { sidecar: { requests: { cpu: '1' } }, clonerefs: { requests: { cpu: '1' } } },
        gcs_configuration: { bucket: 's3://logs', path_strategy: 'explicit', media_types: { log: 'text/plain' } },
        oauth_token_secret: { name: 'a', key: 'b' },
        ssh_key_secrets: ['one'],
      },
      {
        timeout: '2h',
        utility_images: { sidecar: 'c' },
        resources: { sidecar: { limits: { cpu: '2' } } },
        gcs_configuration: { path_prefix: 'pre', bucket: '', media_types: { log: 'text/html', x: 'y' } },
        oauth_token_secret: { name: 'c' },
        ssh_key_secrets: [],
        skip_cloning: false,
      },
    ),
    {
      timeout: '2h',
      utility_images: { sidecar: 'c', clonerefs: 'b' },
      resources: { sidecar: { limits: { cpu: '2' } }, clonerefs: { requests: { cpu: '1' } } },
      gcs_configuration: {
        bucket: 's3://logs',
        path_strategy: 'explicit',
        path_prefix: 'pre',
        media_types: { log: 'text/plain', x: 'y' },
      },
      oauth_token_secret: { name: 'c' },
      ssh_key_secrets: ['one'],
      skip_cloning: false,
    },
  )
})

const ENTRIES = `
plank:
  default_decoration_config_entries:
    - config: {timeout: 1h, gcs_configuration: {bucket: s3://logs}}
    - {repo: org, config: {timeout: 2h}}
    - {repo: org/repo, config: {timeout: 3h}}
    - {cluster: other, config: {timeout: 4h}}
`

test('the entries for a repository, its organization and its cluster apply in their order', () => {
  const decorate = decorator(parseYaml(ENTRIES).tree)
  const timeout = (repo: string, job = '{}') => decorate(repo, parseYaml(job).tree).timeout
  assert.equal(timeout('a/b'), '1h')
  assert.equal(timeout('org/b'), '2h')
  assert.equal(timeout('org/repo'), '3h')
  assert.equal(timeout('org/repo', 'cluster: other'), '4h')
  assert.equal(timeout('org/repo', 'decoration_config: {timeout: 5h}'), '5h')
})

test('the older map applies from the general to the particular', () => {
  const text = 'plank: {default_decoration_configs: {org/repo: {timeout: 3h}, "*": {timeout: 1h}, org: {timeout: 2h}}}'
  const decorate = decorator(parseYaml(text).tree)
  assert.deepEqual(
    ['org/repo', 'org/b', 'a/b'].map((repo) => decorate(repo).timeout),
    ['3h', '2h', '1h'],
  )
})

test('a job is decorated by its own field, else by decorate_all_jobs; a periodic by its first extra ref', () => {
  const jobs = `
presubmits:
  org/repo:
    - {name: a}
    - {name: b, decorate: false, decoration_config: {timeout: 9h}}
periodics:
  - {name: c, extra_refs: [{org: org, repo: repo}]}
`
  const found = jobsOf(parseYaml(jobs).tree, 'a.yaml', true, decorator(parseYaml(ENTRIES).tree))
  assert.deepEqual(
    found.map(({ name, repo, decorated, decoration }) => [name, repo, decorated, decoration?.timeout]),
    [
      ['a', 'org/repo', true, '3h'],
      ['b', 'org/repo', false, '9h'],
      ['c', 'org/repo', true, '3h'],
    ],
  )
})
