import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseSubnet, subnetOf } from '../../../lib/rehearsal/node-link.ts'

const DIRS = Array.from({ length: 200 }, (_, number) => `/r/${number}`)

test('every subnet is eight addresses in 198.18.0.0/16, on a boundary of eight', () => {
  for (const dir of DIRS) {
    const { prefix, host, node, github } = subnetOf(dir)
    const [, third, fourth] = /^198\.18\.(\d+)\.(\d+)\/29$/.exec(prefix)!
    assert.ok(Number(third) < 256 && Number(fourth) % 8 === 0, prefix)
    const last = (address: string) => Number(address.split('.')[3]) - Number(fourth)
    assert.deepEqual([host, node, github].map(last), [1, 2, 3])
  }
})

test('a folder has the same subnet each time, and another one where that is routed already', () => {
  const { prefix, ...first } = subnetOf('/r/one')
  assert.deepEqual(chooseSubnet('/r/one', ''), first)
  const other = chooseSubnet('/r/one', `default via 10.0.0.1\n${prefix.replace('/29', '')}/29 dev prw0\n`)
  assert.notDeepEqual(other, first)
  assert.equal(other.node, subnetOf('/r/one', 1).node)
})
