// A local GitHub for tests and the rehearsal: state in memory, and the same HTTP API.
//   npx tsx lib/rehearsal/fakes/github/server.ts [--port 0] [--port-file FILE] [--seed FILE] [--base-path /api/v3]
//        [--tls-cert FILE --tls-key FILE] [--html-base URL]
// /_test/state, /_test/seed, /_test/requests, /_test/reset and /_test/settle are for the test that started it.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { accountRoutes, callerOf, tokenHeaders } from './accounts.ts'
import { hookRoutes } from './hooks.ts'
import { type Call, type Caller, etag, Refusal, type Reply, type Route, router } from './http.ts'
import { issueRoutes } from './issues.ts'
import { pullRoutes } from './pulls.ts'
import { repositoryRoutes } from './repositories.ts'
import { emptyState, type Fault, type Seed, type State, seed } from './state.ts'
import { setHtmlBase } from './webhooks.ts'

export interface ServerOptions {
  port?: number
  host?: string
  seed?: Seed
  /** `/api/v3` for GitHub Enterprise. */
  basePath?: string
  tls?: { cert: string; key: string }
  /** The base URL of pages and git. */
  htmlBase?: string
  /** Routes before the regular ones: GraphQL, git. */
  routes?: Route[]
  /** Gets every request first and returns whether it has answered it, such as git over HTTP. */
  first?: (state: State, request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>
}

export interface Running {
  state: State
  url: string
  port: number
  server: Server
  /** Waits for all deliveries. */
  settle: () => Promise<void>
  stop: () => Promise<void>
}

/** Starts a GitHub on loopback. */
export async function start(options: ServerOptions = {}): Promise<Running> {
  const state = emptyState()
  if (options.htmlBase) setHtmlBase(options.htmlBase)
  const find = router([
    ...(options.routes ?? []),
    ...accountRoutes,
    ...hookRoutes,
    ...issueRoutes,
    ...pullRoutes,
    ...repositoryRoutes,
  ])
  const pending = new Set<Promise<void>>()
  const settle = async () => {
    while (pending.size > 0) await Promise.all(pending)
  }
  const basePath = options.basePath ?? ''

  const later = (work: () => Promise<void>) => {
    const done: Promise<void> = new Promise<void>((resolve) => setTimeout(resolve, 1))
      .then(work)
      .catch((error) => console.error(error))
      .finally(() => pending.delete(done))
    pending.add(done)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (await options.first?.(state, request, response)) return
    const raw = await bodyOf(request)
    const url = new URL(request.url ?? '/', state.base)
    if (url.pathname.startsWith('/_test/'))
      return send(request, response, await control(url.pathname, request.method ?? 'GET', raw))
    const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) || '/' : url.pathname
    const asked = {
      method: request.method ?? 'GET',
      path: path + url.search,
      login: '',
      status: 0,
      at: new Date().toISOString(),
    }
    state.asked.push(asked)
    const fault = faultFor(asked.method, asked.path)
    if (fault?.delay) await new Promise((resolve) => setTimeout(resolve, fault.delay))
    if (fault?.hangup) return void request.socket.destroy()
    let who: Caller = {}
    let reply: Reply
    try {
      if (fault?.status) {
        reply = {
          status: fault.status,
          headers: fault.headers,
          body: fault.body ?? { message: `fault ${fault.status}`, status: String(fault.status) },
        }
      } else {
        who = callerOf(state, request.headers.authorization)
        asked.login = who.user?.login ?? who.app?.slug ?? who.token?.login ?? ''
        const found = find(asked.method, path)
        if (!found) throw new Refusal(404, 'Not Found')
        const call: Call = {
          state,
          method: asked.method,
          path,
          query: url.searchParams,
          part: found[1],
          body: parsed(raw),
          raw,
          headers: request.headers,
          who,
          base: state.base + basePath,
          later,
        }
        reply = await found[0](call)
      }
    } catch (error) {
      if (!(error instanceof Refusal)) {
        console.error(error)
        reply = { status: 500, body: { message: String(error) } }
      } else reply = error.reply
    }
    asked.status = reply.status
    send(request, response, { ...reply, headers: { ...limits(), ...tokenHeaders(who), ...reply.headers } })
  }

  function faultFor(method: string, path: string): Fault | undefined {
    const found = state.faults.find((one) => (!one.method || one.method === method) && new RegExp(one.path).test(path))
    if (found?.times !== undefined) {
      found.times -= 1
      if (found.times <= 0) state.faults.splice(state.faults.indexOf(found), 1)
    }
    return found
  }

  async function control(path: string, method: string, raw: Buffer): Promise<Reply> {
    if (path === '/_test/state') return { status: 200, body: state }
    if (path === '/_test/settle') {
      await settle()
      return { status: 200, body: {} }
    }
    if (path === '/_test/requests') {
      // A token is no change, nor is a ping or the delivery of an event once more.
      const writes = state.asked.filter(
        ({ method, path }) => !['GET', 'HEAD'].includes(method) && !/(access_tokens|pings|attempts)$/.test(path),
      )
      return { status: 200, body: { writes: writes.length, requests: state.asked } }
    }
    if (path === '/_test/seed' && method === 'POST') {
      seed(state, parsed(raw) as Seed)
      return { status: 200, body: {} }
    }
    if (path === '/_test/reset' && method === 'POST') {
      await settle()
      Object.assign(state, emptyState(), { base: state.base })
      seed(state, options.seed ?? {})
      return { status: 200, body: {} }
    }
    return { status: 404, body: { message: `no ${path}` } }
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error) => {
      console.error(error)
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  }
  const server = options.tls ? (createTlsServer(options.tls, listener) as unknown as Server) : createServer(listener)
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, host, resolve))
  const { port } = server.address() as AddressInfo
  state.base = `${options.tls ? 'https' : 'http'}://${host}:${port}`
  seed(state, options.seed ?? {})
  return {
    state,
    url: state.base + basePath,
    port,
    server,
    settle,
    stop: async () => {
      await settle()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function limits(): Record<string, string> {
  return {
    'x-ratelimit-limit': '5000',
    'x-ratelimit-remaining': '4999',
    'x-ratelimit-used': '1',
    'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 3600),
    'x-ratelimit-resource': 'core',
    'x-github-media-type': 'github.v3; format=json',
  }
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const headers: Record<string, string> = { ...reply.headers }
  if (reply.body === undefined) {
    response.writeHead(reply.status, headers)
    response.end()
    return
  }
  const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body)
  headers['content-type'] ??= 'application/json; charset=utf-8'
  if (request.method === 'GET' && reply.status === 200) {
    headers.etag = etag(text)
    if (request.headers['if-none-match'] === headers.etag) {
      // Without a length: ghproxy would take 0 as the length of the response that it has cached.
      delete headers['content-type']
      response.writeHead(304, headers)
      response.end()
      return
    }
  }
  response.writeHead(reply.status, { ...headers, 'content-length': String(Buffer.byteLength(text)) })
  response.end(request.method === 'HEAD' ? undefined : text)
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function parsed(raw: Buffer): Record<string, unknown> {
  if (raw.length === 0) return {}
  try {
    const value = JSON.parse(raw.toString())
    // `["label"]` is a valid body too.
    return Array.isArray(value) ? { list: value } : value
  } catch {
    throw new Refusal(400, 'Problems parsing JSON')
  }
}

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'port-file': { type: 'string' },
      seed: { type: 'string' },
      'base-path': { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'html-base': { type: 'string' },
    },
  })
  const running = await start({
    port: Number(values.port),
    basePath: values['base-path'],
    htmlBase: values['html-base'],
    seed: values.seed ? JSON.parse(readFileSync(values.seed, 'utf8')) : undefined,
    tls: values['tls-cert']
      ? { cert: readFileSync(values['tls-cert'], 'utf8'), key: readFileSync(values['tls-key'] ?? '', 'utf8') }
      : undefined,
  })
  if (values['port-file']) {
    // Renamed, so that nobody reads half of the file.
    writeFileSync(`${values['port-file']}.new`, `${running.port}\n`)
    renameSync(`${values['port-file']}.new`, values['port-file'])
  }
  console.log(running.url)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
}
