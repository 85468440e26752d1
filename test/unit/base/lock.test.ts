import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, withLock } from '../../../lib/base/lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'lock-'))
after(() => rmSync(folder, { recursive: true }))
const neverWaits = () => assert.fail('nothing to wait for')

test('the lock is removed after the work, also when that fails', async () => {
  const file = join(folder, 'plain')
  assert.equal(await withLock(file, neverWaits, async () => readFileSync(file, 'utf8').split(' ')[0]), `${process.pid}`)
  await assert.rejects(
    withLock(file, neverWaits, async () => {
      throw new Error('work failed')
    }),
    /work failed/,
  )
  assert.deepEqual(readdirSync(folder), [])
})

test('the second waits for the first, and gets its process number', async () => {
  const file = join(folder, 'shared')
  const order: string[] = []
  const waitedFor: number[] = []
  const first = withLock(file, neverWaits, async () => {
    order.push('first begins')
    await sleep(700)
    order.push('first ends')
  })
  await sleep(50)
  await withLock(
    file,
    (pid) => waitedFor.push(pid),
    async () => order.push('second'),
  )
  await first
  assert.deepEqual(order, ['first begins', 'first ends', 'second'])
  assert.deepEqual([...new Set(waitedFor)], [process.pid])
})

test('the lock of a process that has ended is taken over', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const file = join(folder, 'dead')
  writeFileSync(file, `${child.pid} 12345`)
  assert.equal(await withLock(file, neverWaits, async () => 'done'), 'done')
  assert.equal(existsSync(file), false)
})

test('a lock whose process number was reused is taken over', async () => {
  const file = join(folder, 'reused')
  writeFileSync(file, `${process.pid} 1`)
  assert.equal(await withLock(file, neverWaits, async () => 'done'), 'done')
})

test('an invalid lock is taken over', async () => {
  const file = join(folder, 'invalid')
  writeFileSync(file, '')
  assert.equal(await withLock(file, neverWaits, async () => 'done'), 'done')
})

test('a process is alive only with the same start time', () => {
  assert.equal(isAlive({ pid: process.pid, startTime: 'another time' }), false)
  assert.equal(isAlive({ pid: 2 ** 22 + 1, startTime: '' }), false)
})
