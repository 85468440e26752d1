import assert from 'node:assert/strict'
import { test } from 'node:test'
import { githubSeed } from '../../../lib/rehearsal/github.ts'
import { MIRROR, ORG } from '../../../lib/rehearsal/inputs.ts'

test('the local GitHub starts with its users, their tokens and a repository with jobs', () => {
  const seed = githubSeed({ alice: 'ghp_a', 'prow-bot': 'ghp_b' })
  assert.deepEqual(
    Object.values(seed.tokens).map(({ login }) => login),
    ['alice', 'prow-bot'],
  )
  assert.equal(seed.orgs[0]?.members['prow-bot'], 'admin')
  const [repo] = seed.repos
  assert.equal(repo?.owner, ORG)
  const jobs = repo?.files['.prow.yaml'] ?? ''
  assert.match(jobs, new RegExp(`image: ${MIRROR}/`))
  assert.doesNotMatch(jobs, /\$\{/)
})
