import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  expiryFindings,
  hasScope,
  parseExpiry,
  parseScopes,
  scopeFindings,
  tokenKind,
} from '../../../lib/github/token.ts'

test('the kind of a token is in its prefix; what is unknown counts as classic', () => {
  assert.deepEqual(['github_pat_1', 'ghs_1', 'gho_1', 'ghu_1', 'ghp_1', '0123abcd'].map(tokenKind), [
    'fine-grained',
    'installation',
    'oauth',
    'oauth',
    'classic',
    'classic',
  ])
})

test('a scope is included by itself or by a wider one', () => {
  assert.deepEqual(parseScopes(' repo, read:org ,'), ['repo', 'read:org'])
  assert.deepEqual(parseScopes(undefined), [])
  assert.ok(hasScope(['admin:org'], 'read:org'))
  assert.ok(hasScope(['write:org'], 'read:org'))
  assert.ok(hasScope(['repo'], 'repo:status'))
  assert.ok(!hasScope(['repo:status'], 'repo'))
  assert.ok(!hasScope(['read:org'], 'admin:org'))
})

test('scopes that are missing fail, by name; public_repo alone only warns', () => {
  const found = (...scopes: string[]) => scopeFindings(scopes, 'secrets/oauth-token', 'PAGE')
  assert.deepEqual(found('repo', 'read:org'), [])
  const [missing] = found('public_repo')
  assert.equal(missing?.outcome, 'failed')
  assert.equal(missing?.message, 'secrets/oauth-token lacks the scopes repo and read:org (it has public_repo)')
  assert.match(missing?.remedy ?? '', /Select them at PAGE/)
  assert.equal(found()[0]?.message, 'secrets/oauth-token lacks the scopes repo and read:org (it has none)')
  const [narrow, ...more] = found('public_repo', 'repo:status', 'read:org')
  assert.deepEqual(more, [])
  assert.equal(narrow?.outcome, 'warning')
  assert.equal(narrow?.message, 'secrets/oauth-token reaches public repositories only')
})

test('an expiry is read as GitHub writes it', () => {
  assert.equal(parseExpiry('2026-12-01 10:00:00 UTC')?.toISOString(), '2026-12-01T10:00:00.000Z')
  assert.equal(parseExpiry('2026-12-01 10:00:00 +0200')?.toISOString(), '2026-12-01T08:00:00.000Z')
  assert.equal(parseExpiry(undefined), undefined)
  assert.equal(parseExpiry('soon'), undefined)
})

test('a token that expires within two weeks is a warning', () => {
  const now = new Date('2026-11-01T00:00:00Z')
  const found = (expiry?: string) => expiryFindings(expiry ? new Date(expiry) : undefined, 'F', 'PAGE', 'Prow', now)
  assert.deepEqual(found(), [])
  assert.deepEqual(found('2026-11-15T00:00:00Z'), [])
  const [soon] = found('2026-11-14T00:00:00Z')
  assert.equal(soon?.outcome, 'warning')
  assert.equal(soon?.message, 'F expires on 2026-11-14, in 13 days, and Prow then stops')
  assert.equal(soon?.remedy, 'Create another at PAGE before, and run 03-secrets.')
  assert.match(found('2026-10-31T00:00:00Z')[0]?.message ?? '', /in 0 days/)
})
