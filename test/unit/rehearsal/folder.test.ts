import assert from 'node:assert/strict'
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { claimFolder, defaultDir, readMetadata, writeMetadata } from '../../../lib/rehearsal/folder.ts'
import { folder } from '../world.ts'

test('each kind has a default folder of its own', () => {
  const all = [defaultDir('kwok'), defaultDir('real'), defaultDir('kind'), defaultDir('kwok', true)]
  assert.equal(new Set(all).size, 4)
})

test('a claimed folder is private, has its marker, and is claimed again', () => {
  const dir = join(folder(), 'r')
  assert.equal(claimFolder(dir, 'kwok'), realpathSync(dir))
  assert.equal(statSync(dir).mode & 0o777, 0o700)
  assert.deepEqual(readMetadata(dir), { rehearsal: 1, kind: 'kwok' })
  claimFolder(dir, 'kwok')
})

test('metadata is written without a trace of its draft', () => {
  const dir = folder()
  writeMetadata(dir, { rehearsal: 1, kind: 'real', manifestHash: 'abc' })
  assert.deepEqual(readdirSync(dir), ['rehearsal.json'])
  assert.equal(readMetadata(dir)?.manifestHash, 'abc')
  assert.equal(readMetadata(join(dir, 'none')), undefined)
})
