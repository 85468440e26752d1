import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { downloadProgram } from '../../../lib/rehearsal/download.ts'
import { findPrograms, programFile } from '../../../lib/rehearsal/programs.ts'
import { folder } from '../world.ts'

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  after(() => server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a download is a program, there in full', async () => {
  const url = await serve((_, response) => response.end('#!/bin/sh\necho it runs\n'))
  const file = join(folder(), 'downloads', 'kwokctl')
  const shown: string[] = []
  await downloadProgram(`${url}/kwokctl`, file, (text) => shown.push(text))
  assert.equal(readFileSync(file, 'utf8'), '#!/bin/sh\necho it runs\n')
  assert.equal(statSync(file).mode & 0o777, 0o755)
  assert.deepEqual(readdirSync(dirname(file)), ['kwokctl'])
  assert.deepEqual(shown, ['downloading kwokctl'])
})

test('a download that is refused or breaks off leaves nothing', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/absent') response.writeHead(404).end('Not Found')
    else response.writeHead(200, { 'content-length': '1000' }).write('half', () => response.destroy())
  })
  for (const [path, reason] of [
    ['/absent', 'HTTP 404'],
    ['/broken', ''],
  ] as const) {
    const file = join(folder(), 'kwokctl')
    await assert.rejects(
      downloadProgram(url + path, file, () => {}),
      (error: Error) => error.message.startsWith(`${url}${path} could not be downloaded: ${reason}`),
    )
    assert.deepEqual(readdirSync(dirname(file)), [])
  }
})

test('kwokctl is downloaded once, where its release can be reached, and not built', async () => {
  let requests = 0
  const url = await serve((request, response) => {
    if (request.method === 'GET') requests++
    response.end('kwokctl itself')
  })
  const { RUNBOOK_CACHE, KWOK_BINARY_PREFIX, PATH } = process.env
  after(() => Object.assign(process.env, { PATH }))
  for (const [name, value] of Object.entries({ RUNBOOK_CACHE, KWOK_BINARY_PREFIX }))
    after(() => (value === undefined ? delete process.env[name] : Object.assign(process.env, { [name]: value })))
  // No kwokctl on PATH, nor go.
  Object.assign(process.env, { RUNBOOK_CACHE: folder(), KWOK_BINARY_PREFIX: url, PATH: '' })
  const first = await findPrograms(['kwokctl'], () => {})
  const again = await findPrograms(['kwokctl'], () => assert.fail('nothing is left to do'))
  assert.deepEqual(first, again)
  assert.equal(first.kwokctl.source, 'downloaded')
  assert.ok(existsSync(programFile(first.kwokctl)))
  assert.equal(readFileSync(programFile(first.kwokctl), 'utf8'), 'kwokctl itself')
  assert.equal(requests, 1)
})
