import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { bucket, comment, eventually, job, jobPath, pull, pullRequest, status, webhook } from './world.ts'

before(webhook)

test('/lgtm and /approve make Tide merge, and the merge starts the postsubmit', async () => {
  const number = await pullRequest('bob', 'Good work', { 'good.md': 'good\n' })
  await status(number, 'website-test', ['success'])
  await comment('alice', number, '/lgtm')
  await comment('alice', number, '/approve')
  const merged = await eventually('the merge', 240, async () => {
    const now = await pull(number)
    return now.merged && now
  })
  assert.equal(merged.state, 'closed')
  const after = await job('website-publish', undefined, ['success'])
  assert.equal(after.spec.refs.base_sha, merged.merge_commit_sha)
  assert.match((await bucket(`${jobPath(after)}/build-log.txt`))!, /Testing website/)
})
