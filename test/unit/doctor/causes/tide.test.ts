import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tideRows } from '../../../../lib/doctor/causes/tide.ts'
import type { RepositoryEvidence } from '../../../../lib/doctor/github-evidence.ts'
import type { BranchRules } from '../../../../lib/github/branch-rules.ts'
import { beginRun, startGitHub } from '../../github/fakes.ts'
import { LOCAL, settings } from '../../world.ts'
import { evidence, findings, type Given } from '../evidence.ts'

const HEAD = 'a'.repeat(40)
const PULL = { state: 'closed', pull: { head: { ref: 'x', sha: HEAD }, base: { ref: 'main', sha: '' } } }
const { github, server } = await startGitHub({ repos: [{ owner: 'my-org', name: 'web', issues: [PULL as never] }] })
beginRun(settings({ ...LOCAL, GITHUB_API: server.url }))

const FREE: BranchRules = {
  branch: 'main',
  contexts: [],
  strict: false,
  reviews: 0,
  codeOwners: false,
  linear: false,
  signed: false,
  mergeQueue: false,
  locked: false,
}
const pool = (rules: Partial<BranchRules>, more: Partial<RepositoryEvidence> = {}): RepositoryEvidence => ({
  repo: 'web',
  method: 'squash',
  repository: { name: 'web', private: false, default_branch: 'main', allow_squash_merge: true },
  ...more,
  rules: [{ ...FREE, ...rules }],
})
const find = (repository: RepositoryEvidence, given: Given = {}) =>
  findings(tideRows, evidence({ ...given, github: { github, repositories: [repository] } }))

test('rules that Tide can satisfy are no finding', async () => {
  assert.deepEqual(await find(pool({ contexts: [{ name: 'unit' }, { name: 'tide' }], linear: true, signed: true })), [])
  assert.deepEqual(await find(pool({ pushers: ['prow-bot'], methods: ['squash', 'rebase'] })), [])
  assert.deepEqual(await find(pool({ reviews: 2, locked: true }, { method: undefined })), [])
})

const CASES: [id: string, rules: Partial<BranchRules>, message: RegExp, more?: Partial<RepositoryEvidence>][] = [
  [
    'PRW-TID-001',
    { contexts: [{ name: 'unit' }, { name: 'ci/circleci' }] },
    /requires the status ci\/circleci .* nobody reports it/,
  ],
  ['PRW-TID-002', { methods: ['merge'] }, /allows only merge merges into main/],
  [
    'PRW-TID-002',
    {},
    /does not allow squash merges/,
    { repository: { name: 'web', private: false, default_branch: 'main', allow_squash_merge: false } },
  ],
  ['PRW-TID-003', { contexts: [{ name: 'unit', app: 15368 }] }, /from the App 15368 alone/],
  ['PRW-TID-004', { strict: true }, /up to date with main/],
  ['PRW-TID-005', { reviews: 2, codeOwners: true }, /2 approving reviews and a review of a code owner/],
  ['PRW-TID-006', { linear: true }, /linear history/, { method: 'merge' }],
  ['PRW-TID-007', { signed: true }, /signed commits/, { method: 'rebase' }],
  ['PRW-TID-008', { mergeQueue: true }, /merge queue/],
  ['PRW-TID-009', { locked: true }, /locked/],
  [
    'PRW-TID-011',
    { pushers: ['boss'] },
    /only boss may push to main of my-org\/web, and the bot prow-bot is not among them/,
  ],
]

for (const [id, rules, message, more] of CASES) {
  test(`${id}: ${message.source.slice(0, 40)}`, async () => {
    const [found, ...others] = await find(pool(rules, more))
    assert.deepEqual(others, [])
    assert.equal(found?.id, id)
    assert.match(found?.message ?? '', message)
    assert.doesNotMatch(found?.remedy ?? '', /PAGE/)
  })
}

test('a status that others report on a pull request is no finding', async () => {
  server.state.repos[0]!.statuses[HEAD] = [{ context: 'ci/circleci', state: 'success' } as never]
  assert.deepEqual(await find(pool({ contexts: [{ name: 'ci/circleci' }] })), [])
})

test('the App of Prow itself may be the only one that sets a status', async () => {
  const values = { GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' }
  assert.deepEqual(await find(pool({ contexts: [{ name: 'unit', app: 7 }] }), { values }), [])
})

test('a query that asks for reviews satisfies a rule that requires them', async () => {
  const config = `
prowjob_namespace: prow
tide: {queries: [{orgs: [my-org], reviewApprovedRequired: true}], merge_method: {my-org: squash}}
`
  assert.deepEqual(await find(pool({ reviews: 2 }), { config }), [])
})

test('Tide without a query', async () => {
  assert.equal(
    (await find(pool({}, { method: undefined }), { config: 'tide: {sync_period: 1m}' }))[0]?.id,
    'PRW-TID-012',
  )
  assert.deepEqual(await find(pool({}, { method: undefined }), { config: 'log_level: info' }), [])
})
