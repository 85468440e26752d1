import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import {
  currentRun,
  forget,
  forgetExcept,
  newRun,
  readOnce,
  remember,
  setRun,
  target,
} from '../../../lib/run/context.ts'
import { rerunLine } from '../../../lib/run/rerun.ts'
import { LOCAL, settings } from '../world.ts'

const here = settings(LOCAL)
beforeEach(() => setRun(newRun(here)))

describe('what was read', () => {
  test('is read once, and again when it is forgotten', async () => {
    let reads = 0
    const read = () => readOnce('aws iam get-role --role-name a', async () => ++reads)
    assert.deepEqual([await read(), await read()], [1, 1])
    forget('role-name b')
    assert.equal(await read(), 1)
    forget('role-name a')
    assert.equal(await read(), 2)
    forget()
    assert.equal(await read(), 3)
  })

  test('is dropped except what is kept, and what is known without reading it is not read', async () => {
    let reads = 0
    const read = (question: string) => readOnce(question, async () => ++reads)
    await read('aws a')
    await read('kubectl b')
    forgetExcept(/^aws /)
    assert.deepEqual([await read('aws a'), await read('kubectl b')], [1, 3])
    remember('aws a', 'written')
    assert.equal(await read('aws a'), 'written')
  })

  test('is not kept when it failed', async () => {
    let reads = 0
    const read = () =>
      readOnce('q', async () => {
        if (++reads === 1) throw new Error('once')
        return reads
      })
    await assert.rejects(read())
    assert.equal(await read(), 2)
  })

  test('that fails late does not drop the newer answer', async () => {
    let fail: (error: Error) => void = () => {}
    const old = readOnce('q', () => new Promise((_, reject) => (fail = reject)))
    forget()
    const fresh = readOnce('q', async () => 'fresh')
    fail(new Error('late'))
    await assert.rejects(old)
    await fresh
    assert.equal(await readOnce('q', async () => 'third'), 'fresh')
  })
})

test('without a run or a target, a helper that needs one throws', () => {
  assert.throws(() => target(), /not locked/)
  setRun()
  assert.throws(() => currentRun(), /no run/)
})

test('lines for typing are as the run was started', () => {
  assert.equal(rerunLine('03-secrets', true), 'npx tsx scripts/03-secrets.ts')
  setRun(newRun(here, { all: true, env: "/a b/it's", plan: true }))
  assert.equal(rerunLine('03-secrets', true), `npm run install:all -- --from 03 --env '/a b/it'\\''s' --plan`)
  assert.equal(rerunLine('02-namespaces'), `npx tsx scripts/02-namespaces.ts --env '/a b/it'\\''s'`)
})
