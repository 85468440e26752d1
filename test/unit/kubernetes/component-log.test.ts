import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure, logLinesWith, parseLine } from '../../../lib/kubernetes/component-log.ts'
import { fakeLogs } from '../doctor/evidence.ts'
import { beginRun } from '../github/fakes.ts'
import { LOCAL, settings } from '../world.ts'

beginRun(settings(LOCAL))

test('a line of logrus and of zap; anything else is none', () => {
  const logrus = parseLine(
    '{"severity":"error","msg":"Error starting.","error":"no config","time":"2026-11-25T10:00:00Z"}',
  )
  assert.deepEqual(
    [logrus?.text, logrus?.time, isFailure(logrus!)],
    ['Error starting.: no config', '2026-11-25T10:00:00Z', true],
  )
  const zap = parseLine('{"level":"info","ts":1764064800,"msg":"fine"}')
  assert.deepEqual([zap?.text, isFailure(zap!)], ['fine', false])
  assert.equal(parseLine('panic: boom'), undefined)
})

test('the lines with a text, in their order', async () => {
  fakeLogs(
    { time: '2', msg: 'b x' },
    'x in plain text',
    { time: '1', msg: 'a', guid: 'x' },
    { time: '0', msg: 'other' },
  )
  assert.deepEqual(
    (await logLinesWith('hook', 'prow', 'x')).map(({ text }) => text),
    ['a', 'b x'],
  )
})
