import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkRepositories,
  type Repository,
  readRepository,
  repositoryFindings,
  servedRepositories,
} from '../../../lib/github/repositories.ts'
import { LOCAL, settings } from '../world.ts'
import { startGitHub } from './fakes.ts'

const world = settings(LOCAL)
const found = (more: Partial<Repository>, method?: string, named = {}) =>
  repositoryFindings(world, { name: 'web', private: false, ...more }, 'web', method, named)

test('a merge method that the repository does not allow fails; what GitHub does not show counts as allowed', () => {
  assert.deepEqual(found({ allow_squash_merge: true }, 'squash'), [])
  assert.deepEqual(found({}, 'squash'), [])
  assert.deepEqual(found({ allow_squash_merge: false }, 'merge'), [])
  assert.deepEqual(found({ allow_squash_merge: false }), [])
  const [refused] = found({ allow_squash_merge: false }, 'squash')
  assert.equal(refused?.outcome, 'failed')
  assert.match(refused?.message ?? '', /^my-org\/web does not allow squash merges/)
  assert.match(refused?.remedy ?? '', /https:\/\/github\.com\/my-org\/web\/settings, Pull Requests/)
})

test('jobs of a private repository that clone it without a token are a warning', () => {
  const jobs = 'config/jobs/web.yaml:3'
  assert.deepEqual(found({ private: true }, undefined, { jobs, clones: true }), [])
  assert.deepEqual(found({ private: true }, undefined, { clones: false }), [])
  assert.deepEqual(found({ private: false }, undefined, { jobs, clones: false }), [])
  const [warned] = found({ private: true }, undefined, { jobs, clones: false })
  assert.equal(warned?.outcome, 'warning')
  assert.equal(warned?.message, `my-org/web is private, and its jobs (${jobs}) clone it without a token`)
})

test('those of GITHUB_REPOS must exist; one that only the configuration names need not', async () => {
  const { github, settings } = await startGitHub(
    { repos: [{ owner: 'my-org', name: 'web', allow_rebase_merge: false }] },
    { GITHUB_REPOS: 'web,nowhere' },
  )
  const named = new Map([['elsewhere', { repo: 'elsewhere', jobs: 'a.yaml:1', clones: true }]])
  const messages = (await checkRepositories(settings, github, named, () => 'rebase')).map(({ message }) => message)
  assert.equal(messages.length, 2)
  assert.match(messages[0]!, /^my-org\/web does not allow rebase merges/)
  assert.equal(messages[1], 'GitHub shows no repository my-org/nowhere')
})

test('without GITHUB_REPOS all of the organization are served, page by page, but archived ones; each is read once', async () => {
  const many = Array.from({ length: 130 }, (_, index) => ({ owner: 'my-org', name: `r${index}` }))
  const { github, server, settings } = await startGitHub({
    repos: [...many, { owner: 'my-org', name: 'old', archived: true }, { owner: 'other', name: 'web' }],
  })
  const served = await servedRepositories(settings, github)
  assert.equal(served.length, 130)
  await servedRepositories(settings, github)
  assert.equal(server.state.asked.length, 2)
  assert.equal((await readRepository(github, settings, 'other/web'))?.name, 'web')
  assert.equal(await readRepository(github, settings, 'other/nowhere'), undefined)
  assert.deepEqual(await servedRepositories({ ...settings, GITHUB_REPOS: ['a'] }, github), ['a'])
})
