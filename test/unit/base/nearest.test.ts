import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from '../../../lib/base/nearest.ts'

test('the nearest name differs by a typing error; another word has none', () => {
  assert.equal(nearest('GITHUB_OGR', ['GITHUB_ORG', 'GITHUB_REPOS']), 'GITHUB_ORG')
  assert.equal(nearest('GITHUB_ORGANISATION', ['GITHUB_ORG', 'GITHUB_REPOS']), undefined)
})
