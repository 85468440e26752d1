import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elapsed } from '../../../lib/base/elapsed.ts'

test('a span is shown in the largest unit of which it has two', () => {
  const spans: [seconds: number, shown: string][] = [
    [-5, '0 s'],
    [119, '119 s'],
    [120, '2 min'],
    [90 * 60, '90 min'],
    [5 * 3600, '5 h'],
    [47 * 3600, '47 h'],
    [3 * 86400, '3 d'],
  ]
  for (const [seconds, shown] of spans) assert.equal(elapsed(seconds * 1000), shown)
})
