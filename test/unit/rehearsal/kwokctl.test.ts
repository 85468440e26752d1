import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastError } from '../../../lib/rehearsal/kwokctl.ts'

test("the last error in kwokctl's output is found among its messages", () => {
  const line = (level: string, msg: string, err?: string) => JSON.stringify({ level, msg, err })
  assert.equal(
    lastError([line('INFO', 'creating'), line('ERROR', 'Failed', 'no port'), line('INFO', 'clean')].join('\n')),
    'Failed: no port',
  )
  assert.equal(lastError(`${line('INFO', 'creating')}\npanic: oh`), 'panic: oh')
  assert.equal(lastError(''), '')
})
