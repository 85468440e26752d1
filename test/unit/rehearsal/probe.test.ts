import assert from 'node:assert/strict'
import { test } from 'node:test'
import { probe } from '../../../lib/rehearsal/probe.ts'

test('a program that is missing or hangs has failed, with the reason', async () => {
  assert.deepEqual(await probe('no-such-program', []), {
    stdout: '',
    stderr: 'no-such-program is not installed, or not on PATH',
    exitCode: 127,
  })
  const hanging = await probe('sleep', ['30'], { timeout: 0.2 })
  assert.equal(hanging.exitCode, 127)
  assert.match(hanging.stderr, /did not end within 0\.2 seconds/)
  assert.equal((await probe('echo', ['hello'])).stdout, 'hello\n')
})
