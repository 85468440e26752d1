import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { down, up } from '../../../lib/rehearsal/rehearsal.ts'
import { folder } from '../world.ts'

const root = folder()
process.env.RUNBOOK_CACHE = join(root, 'cache')
const dir = join(root, 'one')
beforeEach(() => rmSync(dir, { recursive: true, force: true }))

test('a folder that holds something else is neither used nor removed', async () => {
  mkdirSync(dir)
  writeFileSync(join(dir, 'thesis.txt'), 'years of work')
  await assert.rejects(up({ dir }), /is not empty and not a rehearsal/)
  await assert.rejects(down({ dir }), /is not empty and not a rehearsal/)
  writeFileSync(join(dir, 'rehearsal.json'), '{"rehearsal": "of a play"}')
  await assert.rejects(down({ dir }), /is not empty and not a rehearsal/)
  assert.equal(readFileSync(join(dir, 'thesis.txt'), 'utf8'), 'years of work')
})

test('a rehearsal of another kind is refused', async () => {
  mkdirSync(dir)
  writeFileSync(join(dir, 'rehearsal.json'), '{"rehearsal": 1, "kind": "kind"}')
  await assert.rejects(up({ dir }), /holds a rehearsal of another kind \(kind\)/)
})

test('a cluster with the AWS emulator is refused without it, and the other way round', async () => {
  mkdirSync(join(dir, 'cluster', 'clusters', 'rehearsal'), { recursive: true })
  writeFileSync(join(dir, 'rehearsal.json'), '{"rehearsal": 1, "kind": "kwok"}')
  await assert.rejects(up({ dir, eks: true }), /holds a rehearsal without the AWS emulator/)
  mkdirSync(join(dir, 'aws'))
  writeFileSync(join(dir, 'aws', 'ports.json'), '{}')
  await assert.rejects(up({ dir }), /holds a rehearsal with the AWS emulator/)
})

test('a rehearsal whose creation was cut off is removed', async () => {
  mkdirSync(join(dir, 'cluster', 'clusters'), { recursive: true })
  writeFileSync(join(dir, 'rehearsal.json'), '{"rehearsal": 1, "kind": "kwok"}')
  assert.equal(await down({ dir }), true)
  assert.equal(existsSync(dir), false)
})

test('a folder that does not exist is nothing to remove', async () => {
  assert.equal(await down({ dir }), false)
})
