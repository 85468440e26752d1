import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readBranchRules, reportedContexts } from '../../../lib/github/branch-rules.ts'
import type { Repo } from '../../../lib/rehearsal/fakes/github/state.ts'
import { startGitHub } from './fakes.ts'

const world = await startGitHub({ repos: [{ owner: 'my-org', name: 'web' }] })
const repo = world.server.state.repos[0]!

async function rules(given: Partial<Repo>, isAdmin = false) {
  Object.assign(repo, { protection: {}, rulesets: [], ...given })
  const { branch: _, ...found } = await readBranchRules(world.github, world.settings, 'my-org/web', 'main', isAdmin)
  // What is not required is left out here.
  return Object.fromEntries(
    Object.entries(found).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : Boolean(value))),
  )
}
const protect = (one: object, isAdmin = false) => rules({ protection: { 'heads/main': one } }, isAdmin)

test('a branch without protection or rulesets requires nothing', async () => {
  assert.deepEqual(await rules({}), {})
})

test('the protection of a branch', async () => {
  const found = await protect({
    required_status_checks: {
      strict: true,
      contexts: ['unit', 'lint'],
      checks: [
        { context: 'unit', app_id: 15368 },
        { context: 'lint', app_id: -1 },
      ],
    },
    required_pull_request_reviews: { required_approving_review_count: 2, require_code_owner_reviews: true },
    required_linear_history: { enabled: true },
    required_signatures: { enabled: true },
    lock_branch: { enabled: true },
    restrictions: { users: [{ login: 'boss' }], apps: [{ slug: 'prow' }], teams: [] },
  })
  assert.deepEqual(found, {
    contexts: [{ name: 'unit', app: 15368 }, { name: 'lint' }],
    strict: true,
    reviews: 2,
    codeOwners: true,
    linear: true,
    signed: true,
    locked: true,
    pushers: ['boss', 'prow'],
  })
})

test('contexts without their checks, and a team that may have the bot among its members', async () => {
  const restrictions = { users: [], apps: [], teams: [{ slug: 'bots' }] }
  assert.deepEqual(await protect({ required_status_checks: { contexts: ['ci/circleci'] }, restrictions }), {
    contexts: [{ name: 'ci/circleci' }],
  })
})

test('a protection that is not enforced for administrators does not hold for a bot that is one', async () => {
  const one = { required_status_checks: { contexts: ['x'] }, enforce_admins: { enabled: false } }
  assert.deepEqual(await protect(one, true), {})
  assert.deepEqual(await protect(one, false), { contexts: [{ name: 'x' }] })
  assert.deepEqual(await protect({ ...one, enforce_admins: { enabled: true } }, true), { contexts: [{ name: 'x' }] })
})

test('who may not read the protection sees its status checks', async () => {
  const path = '/branches/main/protection$'
  world.server.state.faults.push({ path, status: 404, body: { message: 'Not Found' }, times: 1 })
  const one = { required_status_checks: { contexts: ['x'] }, required_signatures: { enabled: true } }
  assert.deepEqual(await protect(one), { contexts: [{ name: 'x' }] })
})

test('rulesets count together with the protection, unless the bot may bypass them', async () => {
  const ruleset = {
    id: 5,
    rules: [
      {
        type: 'required_status_checks',
        parameters: {
          strict_required_status_checks_policy: true,
          required_status_checks: [{ context: 'e2e', integration_id: 7 }, { context: 'unit' }],
        },
      },
      {
        type: 'pull_request',
        parameters: { required_approving_review_count: 1, allowed_merge_methods: ['merge', 'squash'] },
      },
      { type: 'pull_request', parameters: { allowed_merge_methods: ['squash'] } },
      { type: 'merge_queue' },
      { type: 'required_linear_history' },
      { type: 'required_signatures' },
    ],
  }
  const protection = { 'heads/main': { required_status_checks: { contexts: ['unit'] } } }
  assert.deepEqual(await rules({ protection, rulesets: [ruleset] }), {
    contexts: [{ name: 'unit' }, { name: 'e2e', app: 7 }],
    strict: true,
    reviews: 1,
    linear: true,
    signed: true,
    mergeQueue: true,
    methods: ['squash'],
  })
  const bypassed = { ...ruleset, current_user_can_bypass: 'always' }
  assert.deepEqual(await rules({ protection, rulesets: [bypassed] }), { contexts: [{ name: 'unit' }] })
  assert.deepEqual(await rules({ rulesets: [{ ...ruleset, branches: ['other'] }] }), {})
})

test('what was reported on the head of the branch', async () => {
  repo.statuses[repo.refs['heads/main']!] = [{ context: 'ci/circleci', state: 'success' } as never]
  repo.check_runs[repo.refs['heads/main']!] = [{ name: 'build' }]
  const found = await reportedContexts(world.github, world.settings, 'my-org/web', 'main')
  assert.deepEqual([...found].sort(), ['build', 'ci/circleci'])
})
