import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countReady, isHealthy } from '../../../lib/rehearsal/api-server.ts'

test('only nodes whose condition Ready is True are ready', () => {
  const node = (...conditions: [type: string, status: string][]) => ({
    status: { conditions: conditions.map(([type, status]) => ({ type, status })) },
  })
  const items = [
    node(['MemoryPressure', 'False'], ['Ready', 'True']),
    node(['Ready', 'Unknown']),
    node(['DiskPressure', 'True']),
    { status: {} },
  ]
  assert.equal(countReady(JSON.stringify({ items })), 1)
  assert.equal(countReady('{"items":[]}'), 0)
})

test('a folder without a cluster is not healthy', async () => {
  assert.equal(await isHealthy('/no/such/rehearsal'), false)
})
