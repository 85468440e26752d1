import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { App, Installation, Repo, State, Token, User } from './state.ts'

/** Who sends a request. */
export interface Caller {
  user?: User
  token?: Token
  /** With a JWT of the App. */
  app?: App
  installation?: Installation
}

/** A request, as a route gets it. */
export interface Call {
  state: State
  method: string
  /** The path as it was sent, without the query. */
  path: string
  query: URLSearchParams
  /** The named parameters of the path, decoded. */
  part: Record<string, string>
  body: Record<string, unknown>
  raw: Buffer
  headers: IncomingMessage['headers']
  who: Caller
  /** The base of the URLs in responses. */
  base: string
  /** Does something after the response was sent, such as a delivery. */
  later: (work: () => Promise<void>) => void
}

export interface Reply {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

/** A response that a route throws instead of returning it. */
export class Refusal extends Error {
  readonly reply: Reply
  constructor(status: number, message: string, more: Record<string, unknown> = {}, headers = {}) {
    super(message)
    this.reply = {
      status,
      headers,
      body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status), ...more },
    }
  }
}

export const notFound = () => new Refusal(404, 'Not Found')

export type Handler = (call: Call) => Reply | Promise<Reply>
export type Route = [method: string, path: string, handler: Handler]

interface Compiled {
  method: string
  pattern: RegExp
  handler: Handler
}

/** Finds the first route that matches. `:name` is one segment of the path, `:name*` the rest of it. */
export function router(
  routes: Route[],
): (method: string, path: string) => [Handler, Record<string, string>] | undefined {
  const compiled: Compiled[] = routes.map(([method, path, handler]) => ({
    method,
    handler,
    pattern: new RegExp(
      `^${path.replace(/:(\w+)(\*?)/g, (_, name, rest) => `(?<${name}>${rest ? '.+' : '[^/]+'})`)}/?$`,
    ),
  }))
  return (method, path) => {
    for (const one of compiled) {
      if (one.method !== method && !(method === 'HEAD' && one.method === 'GET')) continue
      const match = one.pattern.exec(path)
      if (!match) continue
      const part: Record<string, string> = {}
      for (const [name, value] of Object.entries(match.groups ?? {})) part[name] = decodeURIComponent(value)
      return [one.handler, part]
    }
    return undefined
  }
}

/** One page of a list, with the Link header to the others. */
export function paged(call: Call, list: unknown[], wrap: (page: unknown[]) => unknown = (page) => page): Reply {
  const size = Math.min(100, Math.max(1, Number(call.query.get('per_page') ?? 30)))
  const number = Math.max(1, Number(call.query.get('page') ?? 1))
  const last = Math.max(1, Math.ceil(list.length / size))
  const to = (page: number, rel: string) => {
    const query = new URLSearchParams(call.query)
    query.set('page', String(page))
    return `<${call.base}${call.path}?${query}>; rel="${rel}"`
  }
  const links = [
    ...(number > 1 ? [to(number - 1, 'prev')] : []),
    ...(number < last ? [to(number + 1, 'next'), to(last, 'last')] : []),
    ...(number > 1 ? [to(1, 'first')] : []),
  ]
  return {
    status: 200,
    body: wrap(list.slice((number - 1) * size, number * size)),
    headers: links.length > 0 ? { Link: links.join(', ') } : {},
  }
}

/** One page of a list that is read by cursor, as deliveries are; the newest first. */
export function byCursor<T extends { id: number }>(call: Call, list: T[], show: (one: T) => unknown): Reply {
  const size = Math.min(100, Math.max(1, Number(call.query.get('per_page') ?? 30)))
  const newest = [...list].sort((a, b) => b.id - a.id)
  const cursor = /^v1_(\d+)$/.exec(call.query.get('cursor') ?? '')?.[1]
  const rest = cursor ? newest.filter((one) => one.id <= Number(cursor)) : newest
  const next = rest[size]
  const query = new URLSearchParams(call.query)
  if (next) query.set('cursor', `v1_${next.id}`)
  return {
    status: 200,
    body: rest.slice(0, size).map(show),
    headers: next ? { Link: `<${call.base}${call.path}?${query}>; rel="next"` } : {},
  }
}

export function etag(body: string): string {
  return `W/"${createHash('sha256').update(body).digest('hex')}"`
}

export function fullName(repo: Repo): string {
  return `${repo.owner}/${repo.name}`
}
