import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProwConfig } from '../../../lib/prow/config.ts'
import { checkPublicDeck, exposureFindings, exposureOf, isPublic } from '../../../lib/prow/public-deck.ts'
import { fakeKubectl, startGitHub, TOKEN } from '../github/fakes.ts'
import { LOCAL, settings } from '../world.ts'

function configuration(config: string, jobs: Record<string, string> = {}): ProwConfig {
  const source = (displayName: string, text: string) => ({ displayName, text })
  return {
    from: 'config',
    config: source('config.yaml', config),
    plugins: source('plugins.yaml', ''),
    labels: source('labels.yaml', ''),
    jobs: new Map(Object.entries(jobs).map(([name, text]) => [name, source(name, text)])),
  } as ProwConfig
}

const presubmit = (repo: string, more = '') => `presubmits:\n  ${repo}:\n    - {name: test${more}}\n`

test('Deck is public with DECK_ACCESS=public, and with CIDRs that contain every address', () => {
  const access = (DECK_ACCESS: string) => isPublic(settings({ ...LOCAL, DECK_ACCESS }))
  assert.deepEqual(['public', '0.0.0.0/0', '10.0.0.0/8,0.0.0.0/1,128.0.0.0/1'].map(access), [true, true, true])
  assert.deepEqual(['internal', '10.0.0.0/8'].map(access), [false, false])
})

test('the repositories of jobs are those they run for and those they clone besides', () => {
  const { jobs } = exposureOf(
    configuration('periodics:\n  - {name: nightly, extra_refs: [{org: my-org, repo: api}]}\n', {
      'web.yaml': presubmit('my-org/web'),
      'post.yaml': 'postsubmits:\n  my-org/web:\n    - {name: again}\n  my-org/site:\n    - {name: publish}\n',
    }),
  )
  assert.deepEqual(
    [...jobs],
    [
      ['my-org/api', 'config.yaml:2'],
      ['my-org/web', 'web.yaml:3'],
      ['my-org/site', 'post.yaml:5'],
    ],
  )
})

test('a hidden job, and one of which a single repository is hidden, is on no list', () => {
  const hidden = 'deck: {hidden_repos: [my-org/secret, other]}\n'
  const jobsOf = (text: string) => [...exposureOf(configuration(hidden, { 'a.yaml': text })).jobs.keys()]
  assert.deepEqual(jobsOf(presubmit('my-org/web', ', hidden: true')), [])
  assert.deepEqual(jobsOf(presubmit('my-org/web', ', extra_refs: [{org: my-org, repo: secret}]')), [])
  assert.deepEqual(jobsOf(presubmit('other/web')), [])
  assert.deepEqual(jobsOf(presubmit('my-org/web')), ['my-org/web'])
})

test('the most specific entry of in_repo_config decides', () => {
  const enabled = 'in_repo_config: {enabled: {"*": true, my-org: false, my-org/web: true}}'
  const { isInRepoConfigEnabled } = exposureOf(configuration(enabled))
  assert.deepEqual(['my-org/web', 'my-org/api', 'other/web'].map(isInRepoConfigEnabled), [true, false, true])
  assert.equal(exposureOf(configuration('')).isInRepoConfigEnabled('my-org/web'), false)
})

test('private and internal repositories with jobs fail; what may be so later, is hidden or unknown only warns', () => {
  const exposure = exposureOf(
    configuration('in_repo_config: {enabled: {"*": true}}\ndeck: {hidden_repos: [my-org/hush]}\n', {
      'a.yaml': presubmit('my-org/web'),
      'b.yaml': presubmit('my-org/inner'),
      'c.yaml': presubmit('my-org/open'),
      'd.yaml': presubmit('away/none'),
    }),
  )
  const known = new Map([
    ['my-org/web', 'private'],
    ['my-org/inner', 'internal'],
    ['my-org/open', 'public'],
    ['my-org/own', 'private'],
    ['my-org/later', 'private'],
    ['my-org/hush', 'private'],
    ['away/none', undefined],
  ])
  const found = exposureFindings(exposure, known, ['my-org/own'])
  assert.deepEqual(
    found.map(({ outcome, message }) => `${outcome}: ${message}`),
    [
      'warning: GitHub shows no repository away/none, which has jobs (d.yaml:3): it may be private',
      'failed: a public Deck (DECK_ACCESS) would show anyone the job logs of repositories that are not public: ' +
        'my-org/web (private; a.yaml:3), my-org/inner (internal; b.yaml:3), my-org/own (private; its own .prow.yaml)',
      'warning: my-org/later may define jobs in a .prow.yaml: a public Deck would show their logs',
      "warning: deck.hidden_repos removes my-org/hush from Deck's lists only: those who know or guess the URL of a log can read it",
    ],
  )
})

test('GitHub is asked, unless Deck is not public or GITHUB_CHECKS=off', async () => {
  const { settings: found, server } = await startGitHub(
    {
      repos: [
        { owner: 'my-org', name: 'web', private: true },
        { owner: 'my-org', name: 'own', private: true, files: { '.prow.yaml': 'presubmits: []' } },
        { owner: 'my-org', name: 'later', private: true, files: { README: 'x' } },
        { owner: 'my-org', name: 'open' },
      ],
    },
    { DECK_ACCESS: 'public' },
  )
  fakeKubectl({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'oauth-token', namespace: 'prow' },
    data: { oauth: Buffer.from(TOKEN).toString('base64') },
  })
  const prow = configuration('in_repo_config: {enabled: {my-org: true}}', { 'a.yaml': presubmit('my-org/web') })
  assert.deepEqual(await checkPublicDeck({ ...found, DECK_ACCESS: { kind: 'internal', cidrs: [] } }, prow), [])
  const [unchecked] = await checkPublicDeck({ ...found, GITHUB_CHECKS: 'off' }, prow)
  assert.equal(unchecked?.outcome, 'warning')
  assert.match(unchecked?.message ?? '', /is not checked \(GITHUB_CHECKS=off\)$/)
  assert.equal(server.state.asked.length, 0)
  const [exposed, later] = await checkPublicDeck(found, prow)
  assert.match(
    exposed?.message ?? '',
    /my-org\/web \(private; a\.yaml:3\), my-org\/own \(private; its own \.prow\.yaml\)$/,
  )
  assert.match(later?.message ?? '', /^my-org\/later may define jobs/)
})
