import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProwConfig } from '../../../lib/prow/config.ts'
import { mergeMethods, namedRepositories } from '../../../lib/prow/config-repositories.ts'

const source = (text: string, displayName = '') => ({ displayName, text })

function prow(config: string, jobs = ''): ProwConfig {
  return {
    from: '',
    config: source(config, 'config.yaml'),
    plugins: source(''),
    labels: source(''),
    jobs: new Map([['a.yaml', source(jobs, 'jobs/a.yaml')]]),
  }
}

test('Tide merges by the most particular method, and only what a query names', async () => {
  const methodOf = await mergeMethods(
    prow(`
tide:
  queries:
    - {orgs: [org], excludedRepos: [org/out]}
    - {repos: [other/one]}
  merge_method: {org: {by-branch: {main: squash}, '*': rebase}, org/own: squash, other: squash}
`),
    'org',
  )
  assert.deepEqual(['own', 'any', 'by-branch', 'out'].map(methodOf), ['squash', 'rebase', undefined, undefined])
  const others = await mergeMethods(prow('tide: {queries: [{repos: [other/one]}]}'), 'other')
  assert.deepEqual(['one', 'two'].map(others), ['merge', undefined])
})

test('the repositories of the organization that have jobs or a query are named, with whether they can be cloned', async () => {
  const config = 'tide: {queries: [{repos: [org/merged, org/jobs, other/x]}]}\n'
  const jobs = 'presubmits:\n  org/jobs:\n    - {name: a}\n  other/y:\n    - {name: b}\n  org/none: []\n'
  const named = await namedRepositories(prow(config, jobs), 'org')
  assert.deepEqual(
    [...named.values()],
    [
      { repo: 'jobs', jobs: 'jobs/a.yaml:3', clones: false },
      { repo: 'merged', clones: true },
    ],
  )
  const token = `${config}plank: {default_decoration_config_entries: [{config: {oauth_token_secret: {name: a}}}]}\n`
  assert.equal((await namedRepositories(prow(token, jobs), 'org')).get('jobs')?.clones, true)
  // A comment is no credential.
  const comment = `${config}# oauth_token_secret\n`
  assert.equal((await namedRepositories(prow(comment, jobs), 'org')).get('jobs')?.clones, false)
})
