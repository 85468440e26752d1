import { createPublicKey, verify } from 'node:crypto'
import { type Call, type Caller, fullName, notFound, paged, Refusal, type Reply, type Route } from './http.ts'
import { findOrg, findRepo, scoped, userFor } from './rights.ts'
import { type App, eq, type Installation, randomToken, type State, type User } from './state.ts'
import { repositoryPayload } from './webhooks.ts'

/** Who sent a request, by its Authorization header. Throws GitHub's 401 for what is invalid or expired. */
export function callerOf(state: State, header: string | undefined): Caller {
  if (!header) return {}
  let value = header.replace(/^(bearer|token)\s+/i, '').trim()
  const basic = /^basic\s+(\S+)$/i.exec(header)?.[1]
  if (basic) {
    const [name = '', password = ''] = Buffer.from(basic, 'base64').toString().split(':')
    value = state.tokens[password] ? password : name
  }
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)) return { app: appOf(state, value) }
  const token = state.tokens[value]
  if (!token || (token.expires_at && new Date(token.expires_at) < new Date())) throw new Refusal(401, 'Bad credentials')
  if (token.kind === 'installation') {
    const installation = state.apps.flatMap((app) => app.installations).find((one) => one.id === token.installation)
    if (!installation || installation.suspended_at) throw new Refusal(403, 'This installation has been suspended')
    return { token, installation }
  }
  return { token, user: state.users.find((user) => eq(user.login, token.login)) }
}

/** The App that signed a JWT. */
function appOf(state: State, jwt: string): App {
  const [head = '', body = '', signature = ''] = jwt.split('.')
  let claims: { iss?: string | number; exp?: number; iat?: number }
  try {
    claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  } catch {
    throw new Refusal(401, 'A JSON web token could not be decoded')
  }
  const app = state.apps.find((one) => String(one.id) === String(claims.iss) || one.client_id === claims.iss)
  if (!app) throw new Refusal(401, 'Integration not found')
  const key = createPublicKey(app.public_key)
  if (!verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))) {
    throw new Refusal(401, 'A JSON web token could not be decoded')
  }
  const at = Date.now() / 1000
  if (!claims.exp || claims.exp < at)
    throw new Refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    )
  if (claims.exp > at + 610) throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
  if (claims.iat && claims.iat > at + 30)
    throw new Refusal(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    )
  return app
}

/** The headers of every response to a token. */
export function tokenHeaders(who: Caller): Record<string, string> {
  const headers: Record<string, string> = {}
  if (who.token?.kind === 'classic' || who.token?.kind === 'oauth')
    headers['X-OAuth-Scopes'] = (who.token.scopes ?? []).join(', ')
  if (who.token?.expires_at && who.token.kind !== 'installation') {
    headers['GitHub-Authentication-Token-Expiration'] = who.token.expires_at
      .replace('T', ' ')
      .replace(/(\.\d+)?Z$/, ' UTC')
  }
  return headers
}

function shownUser(user: User): Record<string, unknown> {
  return {
    id: user.id,
    login: user.login,
    type: user.type,
    name: user.name ?? null,
    email: user.email ?? null,
    site_admin: false,
  }
}

function shownApp(app: App): Record<string, unknown> {
  return {
    id: app.id,
    client_id: app.client_id,
    slug: app.slug,
    name: app.name,
    owner: { login: app.owner },
    permissions: app.permissions,
    events: app.events,
    installations_count: app.installations.length,
    html_url: `https://github.com/apps/${app.slug}`,
  }
}

function shownInstallation(app: App, one: Installation): Record<string, unknown> {
  return {
    id: one.id,
    app_id: app.id,
    app_slug: app.slug,
    account: { login: one.account },
    target_type: 'Organization',
    repository_selection: one.repository_selection,
    permissions: one.permissions,
    events: one.events,
    suspended_at: one.suspended_at,
    html_url: `https://github.com/organizations/${one.account}/settings/installations/${one.id}`,
  }
}

function asApp(call: Call): App {
  if (!call.who.app) throw new Refusal(401, 'A JSON web token could not be decoded')
  return call.who.app
}

function installationAt(call: Call, account: string, repository?: string): Reply {
  const app = asApp(call)
  const one = app.installations.find((each) => eq(each.account, account))
  if (!one) throw notFound()
  if (repository && one.repository_selection === 'selected' && !one.repositories?.some((name) => eq(name, repository)))
    throw notFound()
  return { status: 200, body: shownInstallation(app, one) }
}

/** Whether the caller may see the members of an organization, private ones included. */
function insider(call: Call, org: string): boolean {
  if (call.who.installation)
    return eq(call.who.installation.account, org) && Boolean(call.who.token?.permissions?.members)
  const role = call.who.user && findOrg(call.state, org)?.members[call.who.user.login]
  if (!role) return false
  return call.who.token?.kind === 'fine-grained'
    ? Boolean(call.who.token.permissions?.members) && eq(call.who.token.resource_owner ?? org, org)
    : scoped(call.who.token, 'read:org', 'write:org', 'admin:org')
}

export const accountRoutes: Route[] = [
  ['GET', '/meta', (call) => ({ status: 200, body: call.state.meta })],
  [
    'GET',
    '/rate_limit',
    () => {
      const one = { limit: 5000, remaining: 4999, used: 1, reset: Math.floor(Date.now() / 1000) + 3600 }
      return { status: 200, body: { resources: { core: one, graphql: one }, rate: one } }
    },
  ],
  ['GET', '/user', (call) => ({ status: 200, body: shownUser(userFor(call)) })],
  [
    'GET',
    '/user/memberships/orgs/:org',
    (call) => {
      const { login } = userFor(call)
      const org = findOrg(call.state, call.part.org!)
      const role = org?.members[login]
      if (!org || !role) throw notFound()
      return { status: 200, body: { state: 'active', role, organization: { login: org.login }, user: { login } } }
    },
  ],
  [
    'GET',
    '/user/repository_invitations',
    (call) => {
      userFor(call)
      return paged(call, [])
    },
  ],
  [
    'GET',
    '/user/repos',
    (call) => {
      const { login } = userFor(call)
      return paged(
        call,
        call.state.repos
          .filter(
            (repo) =>
              eq(repo.owner, login) || repo.collaborators[login] || findOrg(call.state, repo.owner)?.members[login],
          )
          .map((repo) => repositoryPayload(call.state, repo)),
      )
    },
  ],

  [
    'GET',
    '/orgs/:org',
    (call) => {
      const org = findOrg(call.state, call.part.org!)
      if (!org) throw notFound()
      return { status: 200, body: { id: org.id, login: org.login, type: 'Organization', name: org.login } }
    },
  ],
  ['GET', '/orgs/:org/installation', (call) => installationAt(call, call.part.org!)],
  [
    'GET',
    '/orgs/:org/members',
    (call) => {
      const org = findOrg(call.state, call.part.org!)
      if (!org) throw notFound()
      const role = call.query.get('role')
      return paged(
        call,
        Object.entries(org.members)
          .filter(([, has]) => !role || role === 'all' || has === role)
          .map(([login]) => ({ login })),
      )
    },
  ],
  [
    'GET',
    '/orgs/:org/members/:login',
    (call) => {
      const org = findOrg(call.state, call.part.org!)
      if (!org) throw notFound()
      if (!insider(call, org.login))
        return {
          status: 302,
          headers: { Location: `${call.base}/orgs/${org.login}/public_members/${call.part.login}` },
        }
      if (!Object.keys(org.members).some((name) => eq(name, call.part.login!))) throw notFound()
      return { status: 204 }
    },
  ],
  // All members are private.
  [
    'GET',
    '/orgs/:org/public_members/:login',
    () => {
      throw notFound()
    },
  ],
  [
    'GET',
    '/orgs/:org/memberships/:login',
    (call) => {
      const role = findOrg(call.state, call.part.org!)?.members[call.part.login!]
      const { token } = call.who
      const reached = eq(token?.resource_owner ?? call.part.org!, call.part.org!)
      if (token?.kind === 'fine-grained' && !(reached && token.permissions?.members))
        throw new Refusal(
          403,
          'Resource not accessible by personal access token',
          {},
          { 'X-Accepted-GitHub-Permissions': 'members=read' },
        )
      if (!role || !insider(call, call.part.org!)) throw notFound()
      return { status: 200, body: { state: 'active', role } }
    },
  ],
  [
    'GET',
    '/orgs/:org/repos',
    (call) => {
      const org = findOrg(call.state, call.part.org!)
      if (!org) throw notFound()
      const seen = call.state.repos.filter(
        (repo) =>
          eq(repo.owner, org.login) && (!repo.private || insider(call, org.login) || scoped(call.who.token, 'repo')),
      )
      return paged(
        call,
        seen.map((repo) => repositoryPayload(call.state, repo)),
      )
    },
  ],
  [
    'GET',
    '/orgs/:org/teams/:team/memberships/:login',
    (call) => {
      const team = findOrg(call.state, call.part.org!)?.teams[call.part.team!]
      if (!team?.some((login) => eq(login, call.part.login!))) throw notFound()
      return { status: 200, body: { state: 'active', role: 'member' } }
    },
  ],
  [
    'GET',
    '/orgs/:org/teams/:team/members',
    (call) => {
      const team = findOrg(call.state, call.part.org!)?.teams[call.part.team!]
      if (!team) throw notFound()
      return paged(
        call,
        team.map((login) => ({ login })),
      )
    },
  ],

  ['GET', '/app', (call) => ({ status: 200, body: shownApp(asApp(call)) })],
  [
    'GET',
    '/app/installations',
    (call) => {
      const app = asApp(call)
      return paged(
        call,
        app.installations.map((one) => shownInstallation(app, one)),
      )
    },
  ],
  [
    'GET',
    '/app/installations/:id',
    (call) => {
      const app = asApp(call)
      const one = app.installations.find((each) => String(each.id) === call.part.id)
      if (!one) throw notFound()
      return { status: 200, body: shownInstallation(app, one) }
    },
  ],
  [
    'POST',
    '/app/installations/:id/access_tokens',
    (call) => {
      const app = asApp(call)
      const one = app.installations.find((each) => String(each.id) === call.part.id)
      if (!one) throw notFound()
      if (one.suspended_at) throw new Refusal(403, 'This installation has been suspended')
      const token = randomToken('ghs_')
      const expires_at = new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+Z$/, 'Z')
      const permissions = (call.body.permissions as Record<string, string>) ?? one.permissions
      const repositories = one.repository_selection === 'selected' ? one.repositories : undefined
      call.state.tokens[token] = {
        kind: 'installation',
        login: `${app.slug}[bot]`,
        permissions,
        expires_at,
        repositories,
        installation: one.id,
      }
      return { status: 201, body: { token, expires_at, permissions, repository_selection: one.repository_selection } }
    },
  ],
  [
    'GET',
    '/installation/repositories',
    (call) => {
      const { installation } = call.who
      if (!installation)
        throw new Refusal(
          403,
          'You must authenticate with an installation access token in order to list repositories for an installation.',
        )
      const list = call.state.repos.filter(
        (repo) =>
          eq(repo.owner, installation.account) &&
          (installation.repository_selection === 'all' || installation.repositories?.includes(fullName(repo))),
      )
      return paged(
        call,
        list.map((repo) => repositoryPayload(call.state, repo)),
        (page) => ({ total_count: list.length, repositories: page }),
      )
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/installation',
    (call) => {
      const repo = findRepo(call.state, call.part.owner!, call.part.repo!)
      if (!repo) throw notFound()
      return installationAt(call, repo.owner, fullName(repo))
    },
  ],
]
