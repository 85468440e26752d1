import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DENIALS } from '../../../lib/github/denials.ts'
import { explainGitHub } from '../../../lib/github/requests.ts'
import { LOCAL, settings } from '../world.ts'

const world = settings(LOCAL)
const OPERATION = { description: 'read X', scope: 'repo', permission: 'Metadata: read' }

/** What GitHub answers, with the cause and remedy that must be shown for it. */
const CASES: [id: string, words: string, cause: RegExp, remedy: RegExp, status?: number][] = [
  [
    'PRW-GH-022',
    'Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.',
    /acme has an IP allow list/,
    /NAT gateways.*organizations\/my-org\/settings\/security/,
  ],
  ['PRW-GH-023', 'This installation has been suspended', /App in my-org is suspended/, /Resume it at/],
  [
    'PRW-GH-024',
    'Although you appear to have the correct authorization credentials, the `acme` organization has enabled OAuth App access restrictions, meaning that data access to third-parties is limited.',
    /acme restricts OAuth Apps/,
    /Approve it at .*oauth_application_policy/,
  ],
  [
    'PRW-GH-025',
    '`acme` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token with fine-grained permissions.',
    /acme accepts no classic personal access token/,
    /fine-grained one .*GITHUB_AUTH=app/,
  ],
  [
    'PRW-GH-025',
    '`acme` forbids access via a fine-grained personal access token. Please use a GitHub App or a personal access token (OAuth).',
    /acme accepts no fine-grained/,
    /classic one/,
  ],
  [
    'PRW-GH-026',
    "The 'Acme Open Source' enterprise forbids access via a personal access tokens (classic) if the token's lifetime is greater than 90 days. Please adjust your token's lifetime at the following URL: https://github.com/settings/tokens/99",
    /Acme Open Source accepts no token that is valid for more than 90 days/,
    /https:\/\/github.com\/settings\/tokens\/99,/,
  ],
  [
    'PRW-GH-021',
    'Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.',
    /my-org requires single sign-on/,
    /Configure SSO/,
  ],
  ['PRW-GH-027', 'Sorry. Your account was suspended.', /bot's account is suspended/, /another account/],
  ['PRW-GH-028', 'Repository was archived so is read-only.', /archived/, /Unarchive/],
  ['PRW-GH-029', 'Repository access blocked', /blocked/, /shows the reason/],
  [
    'PRW-GH-030',
    'Upgrade to GitHub Pro or make this repository public to enable this feature.',
    /plan of my-org/,
    /Upgrade the plan/,
  ],
  ['PRW-GH-031', 'As an Enterprise Managed User, you cannot access this content', /managed user/, /member of my-org/],
  ['PRW-GH-033', 'my-org requires all members to use two-factor authentication', /two-factor/, /turn it on/],
  [
    'PRW-GH-035',
    "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    /clock of this machine/,
    /NTP/,
    401,
  ],
]

for (const [id, words, cause, remedy, status = 403] of CASES) {
  test(`${id}: ${words.slice(0, 60)}`, () => {
    const error = Object.assign(new Error(words), { status, response: { headers: {}, data: { message: words } } })
    const problem = explainGitHub(error, world, OPERATION)
    const [found] = problem.findings
    assert.equal(found?.id, id)
    assert.match(problem.message, cause)
    assert.ok(problem.message.includes(words), "GitHub's own words are shown")
    assert.match(found?.remedy ?? '', remedy)
    assert.doesNotMatch(found?.remedy ?? '', /scope repo/)
    assert.equal(problem.code, 'denied')
  })
}

test('every row has a case, and a missing right stays a missing right', () => {
  assert.deepEqual([...new Set(CASES.map(([id]) => id))].sort(), DENIALS.map(({ id }) => id).sort())
  for (const words of [
    'Resource not accessible by integration',
    'Resource not accessible by personal access token',
    'Must have admin rights to Repository.',
    'Not Found',
  ]) {
    const error = Object.assign(new Error(words), { status: 403, response: { headers: {}, data: { message: words } } })
    assert.match(explainGitHub(error, world, OPERATION).findings[0]!.remedy, /scope repo/)
  }
})
