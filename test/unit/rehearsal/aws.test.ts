import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ensureEmulator } from '../../../lib/rehearsal/aws.ts'
import { folder } from '../world.ts'

const dir = folder({ 'tls.pem': 'certificate' })
const calls: string[] = []
// An emulator that runs, as far as it is asked here.
const server = createServer((request, response) => {
  if (request.method === 'POST') calls.push(request.url!)
  response.end(JSON.stringify({ ready: true, dir }))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
after(() => server.close())

test('the account of a run that was killed before it was seeded is seeded by the next run, once', async () => {
  const { port } = server.address() as AddressInfo
  const options = {
    dir,
    ports: { http: port, tls: 1 },
    kubeconfig: join(folder({ kubeconfig: 'server: https://127.0.0.1:6443\n' }), 'kubeconfig'),
    kubectl: 'true',
    region: 'us-west-2',
    cluster: 'rehearsal',
    zone: 'rehearsal.example',
    host: 'prow.rehearsal.example',
  }
  const [emulator, first] = await ensureEmulator(options, () => {})
  assert.equal(first.outcome, 'created')
  assert.equal(emulator.env.AWS_ENDPOINT_URL, `http://127.0.0.1:${port}`)
  assert.deepEqual(calls, ['/runbook/reset', '/runbook/cluster'])
  assert.ok(existsSync(join(dir, 'env.sh')))
  assert.match(readFileSync(join(dir, 'env.sh'), 'utf8'), /^export AWS_ENDPOINT_URL=http:\/\/127\.0\.0\.1:\d+$/m)
  assert.equal((await ensureEmulator(options, () => {}))[1].outcome, 'unchanged')
  assert.equal(calls.length, 2)
})
