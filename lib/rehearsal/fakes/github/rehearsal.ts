// The GitHub of a rehearsal with a real node: server.ts with GraphQL, git and login pages.
//   npx tsx lib/rehearsal/fakes/github/rehearsal.ts --folder FOLDER --address ADDRESS --name github.rehearsal.example
// FOLDER contains seed.json, github.crt and github.key; repositories are created in it.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gitRoutes, openRepositories, page, serveGit } from './git.ts'
import { graphqlRoutes } from './graphql.ts'
import { start } from './server.ts'
import { randomToken, type State } from './state.ts'

const { values } = parseArgs({
  options: { folder: { type: 'string' }, address: { type: 'string' }, name: { type: 'string' } },
})
const folder = values.folder!
const codes = new Map<string, string>()
const running = await start({
  host: values.address!,
  port: 80,
  htmlBase: `https://${values.name}`,
  seed: JSON.parse(readFileSync(join(folder, 'seed.json'), 'utf8')),
  routes: [...graphqlRoutes, ...gitRoutes],
  first: async (state, request, response) => {
    if (serveGit(state, request, response)) return true
    const url = new URL(request.url ?? '/', `https://${values.name}`)
    if (url.pathname === '/login/oauth/authorize') {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(chooser(state, url))
      return true
    }
    if (url.pathname === '/login/oauth/access_token') {
      const body = new URLSearchParams(await text(request))
      const login = codes.get(body.get('code') ?? '')
      codes.delete(body.get('code') ?? '')
      response.setHeader('content-type', 'application/json')
      if (!login) {
        response.end(JSON.stringify({ error: 'bad_verification_code' }))
        return true
      }
      const token = randomToken('gho_')
      state.tokens[token] = { kind: 'oauth', login, scopes: ['repo'] }
      response.end(JSON.stringify({ access_token: token, token_type: 'bearer', scope: 'repo' }))
      return true
    }
    const html = request.method === 'GET' ? page(state, url.pathname) : undefined
    if (html === undefined) return false
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(html)
    return true
  },
})
// Prow reuses its connections: one that is closed at the moment of its reuse is an error in Prow's log.
running.server.keepAliveTimeout = 120_000
openRepositories(running.state, join(folder, 'repositories'))

// git and browsers use HTTPS; both ports serve the same state.
const secure = createServer({
  cert: readFileSync(join(folder, 'github.crt')),
  key: readFileSync(join(folder, 'github.key')),
})
secure.on('request', (request, response) => running.server.emit('request', request, response))
secure.listen(443, values.address)

// The page on which a user is chosen; the real GitHub would ask for a password.
function chooser(state: State, url: URL): string {
  const links = state.users.map(({ login }) => {
    const code = randomToken('code')
    codes.set(code, login)
    const to = new URL(url.searchParams.get('redirect_uri') ?? 'about:blank')
    to.searchParams.set('code', code)
    to.searchParams.set('state', url.searchParams.get('state') ?? '')
    return `<p><a id="${login}" href="${to.href.replaceAll('&', '&amp;')}">Log in as ${login}</a></p>`
  })
  return `<!doctype html><title>GitHub</title>${links.join('')}`
}

async function text(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
