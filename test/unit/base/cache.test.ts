import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cacheFolder } from '../../../lib/base/cache.ts'

test('the cache is outside the repository, and where the reader sets it', () => {
  assert.equal(cacheFolder({ RUNBOOK_CACHE: '/c' }), '/c')
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), '/x/prow-runbook')
  assert.match(cacheFolder({}), /\/\.cache\/prow-runbook$/)
})
