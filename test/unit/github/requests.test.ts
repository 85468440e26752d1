import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../../../lib/base/problem.ts'
import { callGitHub, explainGitHub, writeGitHub } from '../../../lib/github/requests.ts'
import { currentRun, readOnce } from '../../../lib/run/context.ts'
import { LOCAL, settings } from '../world.ts'
import { beginRun } from './fakes.ts'

const world = settings(LOCAL)
const app = settings({ ...LOCAL, GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' })
const OPERATION = { description: 'read X', scope: 'repo', permission: 'Metadata: read' }

const refused = (status: number, message = 'words', headers: Record<string, string> = {}) =>
  Object.assign(new Error(message), { status, response: { headers, data: { message } } })

const CASES: [name: string, error: Error, message: RegExp, remedy: RegExp, code?: string][] = [
  ['no answer', new Error('ECONNREFUSED'), /does not answer: ECONNREFUSED/, /GITHUB_CHECKS=off/, 'unreachable'],
  ['401', refused(401), /does not accept the token \(words\)/, /secrets\/oauth-token/, 'denied'],
  ['403', refused(403), /denied permission to read X \(words\)/, /scope repo at .*"Metadata: read"/, 'denied'],
  ['404', refused(404), /denied permission to read X \(Not Found/, /scope repo/, 'denied'],
  [
    'single sign-on',
    refused(403, 'SAML', { 'x-github-sso': 'required; url=https://sso' }),
    /requires single sign-on/,
    /Authorize the token for my-org: https:\/\/sso/,
    'denied',
  ],
  [
    'rate limit',
    refused(403, 'no', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1900000000' }),
    /until \d\d:\d\d UTC/,
    /then/,
  ],
  ['secondary rate limit', refused(429, 'rate limit', { 'retry-after': '90' }), /used up for 90 s/, /then/],
  ['422', refused(422), /rejected the request to read X: words/, /Correct/],
  ['502', refused(502), /failed with 502/, /githubstatus/],
  ['418', refused(418), /answered 418/, /--verbose/],
]

for (const [name, error, message, remedy, code] of CASES) {
  test(`${name} is explained`, () => {
    const problem = explainGitHub(error, world, OPERATION)
    assert.match(problem.message, message)
    assert.match(problem.findings[0]!.remedy, remedy)
    assert.equal(problem.code, code)
    assert.equal(problem.cause, error)
  })
}

test('an App is given permissions, not scopes', () => {
  assert.match(explainGitHub(refused(401), app, OPERATION).message, /App's key/)
  assert.match(explainGitHub(refused(403), app, OPERATION).findings[0]!.remedy, /^Give the App the permission/)
})

test('a Problem passes as it is', async () => {
  const problem = new Problem('a', 'b')
  await assert.rejects(
    callGitHub(world, OPERATION, () => Promise.reject(problem)),
    (error) => error === problem,
  )
})

test('a write marks the step, and drops what was read about it, also when it fails', async () => {
  beginRun(world)
  let reads = 0
  const read = () => readOnce('github webhooks of /orgs/my-org', async () => ++reads)
  await read()
  await assert.rejects(writeGitHub(world, OPERATION, 'webhooks of /orgs/my-org', () => Promise.reject(refused(502))))
  assert.equal(await read(), 2)
  assert.equal(currentRun().steps[0]!.wrote, true)
})
