import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import {
  bucket,
  comment,
  comments,
  event,
  eventually,
  job,
  jobPath,
  kubectl,
  ORG,
  prow,
  pullRequest,
  status,
  webhook,
} from './world.ts'

before(webhook)

test('the periodic hello job has run and its log is in the bucket', async () => {
  const one = await job('hello-periodic', undefined, ['success'])
  assert.match((await bucket(`${jobPath(one)}/build-log.txt`))!, /Hello from Prow/)
  assert.match((await bucket(`${jobPath(one)}/artifacts/hello.txt`))!, /Hello from Prow/)
})

test('a pull request is tested: pod, clone, log in the bucket, status on GitHub, page in Deck', async () => {
  const number = await pullRequest('bob', 'Say more', { 'README.md': '# A website\n\nMore.\n' })
  const one = await job('website-test', number, ['success'])
  const log = await bucket(`${jobPath(one)}/build-log.txt`)
  assert.match(log!, /Testing website at [0-9a-f]{40}/)
  assert.equal(JSON.parse((await bucket(`${jobPath(one)}/started.json`))!).pull, String(number))
  const finished = await eventually('finished.json', 30, () => bucket(`${jobPath(one)}/finished.json`))
  assert.equal(JSON.parse(finished).result, 'SUCCESS')
  const green = await status(number, 'website-test', ['success'])
  assert.match(green.description, /Job succeeded/)

  const page = new URL(green.target_url)
  assert.equal(page.host, 'prow.rehearsal.example')
  const response = await prow(page.pathname)
  assert.equal(response.status, 200)
  assert.match(response.text, /website-test/)
  await comment('alice', number, '/test website-test')
  const again = await eventually('a second run', 60, async () => {
    const next = await job('website-test', number, ['success'])
    return next.metadata.name !== one.metadata.name && next
  })
  assert.notEqual(again.status.build_id, one.status.build_id)
})

test('a failing job sets the status to failure and comments on the pull request', async () => {
  const number = await pullRequest('bob', 'Break it', { 'README.md': 'BROKEN\n' })
  await status(number, 'website-test', ['failure'])
  const posted = await eventually('a comment', 30, async () =>
    (await comments(number)).find(({ body }) => /tests? \*\*failed\*\*/.test(body)),
  )
  assert.match(posted.body, /website-test/)
})

test('an aborted job reports failure', async () => {
  const number = await pullRequest('bob', 'Wait long', { 'wait.md': 'long\n' })
  await comment('bob', number, '/test website-slow')
  const one = await job('website-slow', number, ['pending'])
  await kubectl(
    'patch',
    '-n',
    'prow',
    'prowjob',
    one.metadata.name,
    '--type=merge',
    '-p',
    '{"status":{"state":"aborted"}}',
  )
  await status(number, 'website-slow', ['failure'])
  await eventually(
    'its completion',
    60,
    async () => (await job('website-slow', number, ['aborted'])).status.completionTime,
  )
})

test('a log of more than 6 MB is uploaded completely', async () => {
  const number = await pullRequest('bob', 'Talk long', { 'talk.md': 'long\n' })
  await comment('bob', number, '/test website-long')
  const one = await job('website-long', number, ['success'])
  const log = await eventually('the log', 30, () => bucket(`${jobPath(one)}/build-log.txt`))
  assert.ok(log.length > 6_500_000, `${log.length} characters`)
  assert.match(log, /\nthe end\n?$/)
})

test('an invalid signature gets 403, a valid one 200', async () => {
  const ping = { zen: 'x', repository: { full_name: `${ORG}/website`, name: 'website', owner: { login: ORG } } }
  assert.equal((await event('ping', ping, 'wrong')).status, 403)
  assert.equal((await event('ping', ping)).status, 200)
})
