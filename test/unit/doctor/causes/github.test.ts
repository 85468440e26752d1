import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failed, Problem, warning, withId } from '../../../../lib/base/problem.ts'
import { githubRows } from '../../../../lib/doctor/causes/github.ts'
import { sourceRows } from '../../../../lib/doctor/causes/sources.ts'
import type { RepositoryEvidence } from '../../../../lib/doctor/github-evidence.ts'
import { beginRun } from '../../github/fakes.ts'
import { LOCAL, settings } from '../../world.ts'
import { deployment, evidence, findings, type Given, NOW } from '../evidence.ts'

beginRun(settings(LOCAL))

const find = (given: Given = {}) => findings([...githubRows, ...sourceRows], evidence(given))
const repository = (more: object = {}): RepositoryEvidence => ({
  repo: 'web',
  repository: { name: 'web', private: false, permissions: { push: true }, ...more },
  rules: [],
})

test('a bot with all that it needs is no finding', async () => {
  assert.deepEqual(await find({ github: { repositories: [repository()] } }), [])
})

test('a refusal of the credential is an error, once, and no source that could not be read', async () => {
  const given = evidence()
  const problem = new Problem(
    'GitHub denied permission to read X: my-org has an IP allow list\nGitHub answered: the words',
    'Add it',
    { code: 'denied', id: 'PRW-GH-022' },
  )
  const unread = ['GitHub', 'the rate limit'].map((source) => ({ source, problem }))
  const found = await findings([...githubRows, ...sourceRows], { ...given, github: undefined, unread })
  assert.deepEqual(
    found.map(({ id, object, evidence }) => [id, object, evidence]),
    [['PRW-GH-022', 'Secret prow/oauth-token', 'the words']],
  )
  const missing = new Problem('GitHub denied permission', 'scope', { code: 'denied', id: 'PRW-GH-034' })
  const [source] = await findings([...githubRows, ...sourceRows], {
    ...given,
    unread: [{ source: 'webhook of my-org', problem: missing }],
  })
  assert.equal(source?.id, 'PRW-SRC-001')
})

test('what is wrong with the token keeps its id and outcome', async () => {
  const credential = [
    withId('PRW-GH-009', failed('the bot prow-bot may not write to my-org/web', 'Give it')),
    withId('PRW-GH-009', failed('the bot prow-bot may not write to my-org/api', 'Give it')),
    withId('PRW-GH-012', warning('Secret prow/oauth-token expires on 2026-12-01', 'Create another')),
  ]
  const found = await find({ github: { credential } })
  assert.deepEqual(
    found.map(({ id, object }) => [id, object]),
    [
      ['PRW-GH-009', 'repository my-org/web'],
      ['PRW-GH-009', 'repository my-org/api'],
      ['PRW-GH-012', 'Secret prow/oauth-token'],
    ],
  )
})

test('a rate limit that is nearly used up, with when it starts again and who goes past ghproxy', async () => {
  const reset = new Date(NOW.getTime() + 20 * 60_000)
  const rate = (remaining: number) => ({ github: { rate: { limit: 5000, remaining, reset } } })
  assert.deepEqual(await find(rate(600)), [])
  const [scarce] = await find(rate(120))
  assert.equal(scarce?.id, 'PRW-GH-011')
  assert.match(scarce?.message ?? '', /120 of 5000 requests to GitHub left until 12:20 UTC \(in 20 min\)/)
  assert.match(scarce?.remedy ?? '', /tide.sync_period \(now 2m\)/)
  const args = ['--github-endpoint=https://api.github.com', '--github-token-path=/etc/github/oauth']
  const tide = deployment('tide', { spec: { template: { spec: { containers: [{ args }] } } } })
  const [past] = await find({ ...rate(0), objects: [tide] })
  assert.match(past?.message ?? '', /no request to GitHub left/)
  assert.match(past?.remedy ?? '', /^tide does not send requests through ghproxy/)
})

test('a repository that is archived, or that the bot may only read', async () => {
  const ids = async (more: object) => (await find({ github: { repositories: [repository(more)] } })).map(({ id }) => id)
  assert.deepEqual(await ids({ archived: true }), ['PRW-GH-010'])
  assert.deepEqual(await ids({ permissions: { push: false } }), ['PRW-GH-009'])
  assert.deepEqual(await ids({ archived: true, permissions: { push: false } }), ['PRW-GH-010'])
})

const PLUGINS: [name: string, plugins: string, values: Record<string, string>, message: RegExp | undefined][] = [
  ['none for the organization', 'plugins: {other: {plugins: [trigger]}}', {}, /has no plugin for my-org: /],
  [
    'none for a repository',
    'plugins: {my-org/web: {plugins: [trigger]}}',
    { GITHUB_REPOS: 'web,api' },
    /for my-org\/api:/,
  ],
  [
    'excluded',
    'plugins: {my-org: {plugins: [trigger], excluded_repos: [api]}}',
    { GITHUB_REPOS: 'web,api' },
    /for my-org\/api:/,
  ],
  ['no trigger', 'plugins: {my-org: {plugins: [lgtm]}}', {}, /trigger is not enabled for my-org\/web/],
  [
    'trigger for the repository',
    'plugins: {my-org: {plugins: [lgtm]}, my-org/web: {plugins: [trigger]}}',
    {},
    undefined,
  ],
  ['the older form', 'plugins: {my-org: [trigger]}', { GITHUB_REPOS: 'web' }, undefined],
]

for (const [name, plugins, values, message] of PLUGINS) {
  test(`plugins: ${name}`, async () => {
    const found = await find({ plugins, values })
    assert.equal(found.length, message ? 1 : 0)
    if (!message) return
    assert.equal(found[0]?.id, 'PRW-GH-007')
    assert.match(found[0]?.message ?? '', message)
  })
}

test('a second Prow in another namespace, and nothing that is only named alike', async () => {
  const other = (image: string, namespace = 'default', replicas = 1) =>
    deployment('x', { namespace, spec: { replicas, template: { spec: { containers: [{ image }] } } } })
  const [found] = await find({ objects: [other('us-docker.pkg.dev/k8s-infra-prow/images/tide:v1')] })
  assert.equal(found?.id, 'PRW-GH-008')
  assert.match(found?.message ?? '', /second tide of Prow runs in namespace default/)
  for (const fine of [
    other('a/tide:v1', 'prow'),
    other('a/webhook:v1'),
    other('a/hook-server:v1'),
    other('a/hook:v1', 'x', 0),
  ])
    assert.deepEqual(await find({ objects: [fine] }), [])
})
