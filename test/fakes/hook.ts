// Answers as hook does, by its table: for tests of what is delivered to it.
//   npx tsx test/fakes/hook.ts --port-file FILE --hmac-file FILE [--answer 503]
import { createHmac } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

/** Starts one on loopback. `hmac` is asked at each event, as hook reads its file anew. */
export async function startHook(hmac: () => string, answer?: number): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const end = (status: number, text: string) => {
      response.writeHead(status)
      response.end(text)
    }
    if (answer) return end(answer, '')
    if (request.url !== '/hook') return end(404, '404 page not found')
    if (request.method !== 'POST') return end(405, '405 Method not allowed')
    const { headers } = request
    if (!headers['x-github-event']) return end(400, '400 Bad Request: Missing X-GitHub-Event Header')
    if (!headers['x-github-delivery']) return end(400, '400 Bad Request: Missing X-GitHub-Delivery Header')
    const signature = headers['x-hub-signature-256']
    if (!signature) return end(403, '403 Forbidden: Missing X-Hub-Signature-256')
    if (headers['content-type'] !== 'application/json') {
      return end(
        400,
        '400 Bad Request: Hook only accepts content-type: application/json - please reconfigure this hook on GitHub',
      )
    }
    const right = `sha256=${createHmac('sha256', hmac().trim()).update(body).digest('hex')}`
    if (signature !== right) return end(403, '403 Forbidden: Invalid X-Hub-Signature-256 - invalid signature')
    end(200, 'Event received. Have a nice day.')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

if (process.argv[1]?.endsWith('/hook.ts')) {
  const { values } = parseArgs({
    options: { 'port-file': { type: 'string' }, 'hmac-file': { type: 'string' }, answer: { type: 'string' } },
  })
  const { url } = await startHook(
    () => readFileSync(values['hmac-file'] ?? '', 'utf8'),
    Number(values.answer) || undefined,
  )
  if (values['port-file']) {
    writeFileSync(`${values['port-file']}.new`, `${new URL(url).port}\n`)
    renameSync(`${values['port-file']}.new`, values['port-file'])
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
}
