import { type Call, type Caller, fullName, notFound, Refusal } from './http.ts'
import { eq, LEVELS, type Level, type Org, type Repo, type State, type Token } from './state.ts'

export function findRepo(state: State, owner: string, name: string): Repo | undefined {
  return state.repos.find((repo) => eq(repo.owner, owner) && eq(repo.name, name))
}

export function findOrg(state: State, login: string): Org | undefined {
  return state.orgs.find((org) => eq(org.login, login))
}

/** A user's permission in a repository, apart from what their token allows. */
export function levelOf(state: State, repo: Repo, login: string): Level {
  if (eq(repo.owner, login)) return 'admin'
  const org = findOrg(state, repo.owner)
  const role = Object.entries(org?.members ?? {}).find(([name]) => eq(name, login))?.[1]
  if (role === 'admin') return 'admin'
  const own = Object.entries(repo.collaborators).find(([name]) => eq(name, login))?.[1]
  const all: Level[] = [own ?? 'none', role ? (org?.base ?? 'read') : 'none', repo.private ? 'none' : 'read']
  return all.sort((a, b) => LEVELS.indexOf(b) - LEVELS.indexOf(a))[0] ?? 'none'
}

/** What a call needs: the permission of an App, read or write, one of the scopes of a classic token, and the user's permission at least. */
interface Want {
  permission: string
  access: 'read' | 'write'
  scopes: string[]
  level: Level
}

export const WANTS = {
  read: { permission: 'metadata', access: 'read', scopes: [], level: 'read' },
  issues: { permission: 'issues', access: 'write', scopes: ['repo', 'public_repo'], level: 'read' },
  triage: { permission: 'issues', access: 'write', scopes: ['repo', 'public_repo'], level: 'triage' },
  labels: { permission: 'issues', access: 'write', scopes: ['repo', 'public_repo'], level: 'write' },
  pulls: { permission: 'pull_requests', access: 'write', scopes: ['repo', 'public_repo'], level: 'write' },
  statuses: { permission: 'statuses', access: 'write', scopes: ['repo', 'repo:status'], level: 'write' },
  contents: { permission: 'contents', access: 'write', scopes: ['repo', 'public_repo'], level: 'write' },
  checks: { permission: 'checks', access: 'write', scopes: ['repo'], level: 'write' },
  // Only tokens with permissions need one, and only where the repository is not public.
  issuesRead: { permission: 'issues', access: 'read', scopes: [], level: 'read' },
  pullsRead: { permission: 'pull_requests', access: 'read', scopes: [], level: 'read' },
  statusesRead: { permission: 'statuses', access: 'read', scopes: [], level: 'read' },
  contentsRead: { permission: 'contents', access: 'read', scopes: [], level: 'read' },
  checksRead: { permission: 'checks', access: 'read', scopes: [], level: 'read' },
  actionsRead: { permission: 'actions', access: 'read', scopes: [], level: 'read' },
  protection: { permission: 'administration', access: 'read', scopes: [], level: 'read' },
  collaborators: { permission: 'metadata', access: 'read', scopes: [], level: 'write' },
  administration: { permission: 'administration', access: 'read', scopes: ['repo', 'public_repo'], level: 'admin' },
  hooksRead: {
    permission: 'repository_hooks',
    access: 'read',
    scopes: ['repo', 'admin:repo_hook', 'write:repo_hook', 'read:repo_hook'],
    level: 'admin',
  },
  hooks: {
    permission: 'repository_hooks',
    access: 'write',
    scopes: ['repo', 'admin:repo_hook', 'write:repo_hook'],
    level: 'admin',
  },
} satisfies Record<string, Want>

export type Wanted = keyof typeof WANTS

export function scoped(token: Token | undefined, ...scopes: string[]): boolean {
  if (token?.kind !== 'classic' && token?.kind !== 'oauth') return false
  return scopes.some((scope) => token.scopes?.includes(scope))
}

function permitted(permissions: Record<string, string> | undefined, name: string, access: 'read' | 'write'): boolean {
  const has = permissions?.[name]
  return has === 'admin' || has === 'write' || has === access
}

/** What everybody may read of a public repository; tokens with permissions need them for the rest. */
const PUBLIC_READS: Wanted[] = ['issuesRead', 'pullsRead', 'statusesRead', 'contentsRead', 'checksRead', 'actionsRead']

/** Whether a token has access to a repository, by its resource owner and its list of repositories. */
function covers(token: Token | undefined, repo: Repo): boolean {
  if (token?.resource_owner && !eq(token.resource_owner, repo.owner)) return false
  return !token?.repositories || token.repositories.some((name) => eq(name, fullName(repo)))
}

/** What a token may do in a repository. Every fine-grained one may read metadata, and none can have checks. */
function allowed(token: Token, want: Want): boolean {
  if (want.permission === 'metadata') return true
  if (token.kind === 'fine-grained' && want.permission === 'checks') return false
  return permitted(token.permissions, want.permission, want.access)
}

/** Whether the caller sees the repository at all. */
export function sees(state: State, repo: Repo, who: Caller): boolean {
  const { token, user } = who
  if (!covers(token, repo)) return !repo.private
  if (!repo.private) return true
  if (who.installation) return eq(who.installation.account, repo.owner)
  if (!user) return false
  if (token?.kind === 'classic' || token?.kind === 'oauth') {
    if (!scoped(token, 'repo')) return false
  }
  return levelOf(state, repo, user.login) !== 'none'
}

/** The repository of a call. Throws what GitHub answers when the caller may not do that: 404 where it hides what exists. */
export function repoFor(call: Call, want: Wanted = 'read'): Repo {
  const repo = findRepo(call.state, call.part.owner ?? '', call.part.repo ?? '')
  if (!repo || !sees(call.state, repo, call.who)) throw notFound()
  const wanted: Want = WANTS[want]
  if (want === 'read') return repo
  const { user, token, installation } = call.who
  if (PUBLIC_READS.includes(want) && !repo.private) return repo
  // Whoever sees a repository by scopes and roles may read all of it.
  if (wanted.scopes.length === 0 && token?.kind !== 'fine-grained' && !installation) return repo
  if (!token) throw new Refusal(401, 'Requires authentication')
  const headers = { 'X-Accepted-GitHub-Permissions': `${wanted.permission}=${wanted.access}` }
  if (installation) {
    const inside = eq(installation.account, repo.owner)
    if (inside && allowed(token, wanted)) return repo
    throw new Refusal(403, 'Resource not accessible by integration', {}, headers)
  }
  if (token.sso) throw singleSignOn(repo.owner)
  if (token.kind === 'fine-grained') {
    if (!covers(token, repo) || !allowed(token, wanted)) {
      throw new Refusal(403, 'Resource not accessible by personal access token', {}, headers)
    }
  } else if (!wanted.scopes.some((scope: string) => token.scopes?.includes(scope))) throw notFound()
  const level = user ? levelOf(call.state, repo, user.login) : 'none'
  if (LEVELS.indexOf(level) < LEVELS.indexOf(wanted.level)) {
    if (want === 'hooks' || want === 'hooksRead') throw notFound()
    throw new Refusal(
      403,
      wanted.level === 'admin' ? 'Must have admin rights to Repository.' : 'Must have push access to repository',
    )
  }
  return repo
}

/** The organization of a call. Throws 404 when the caller may not `read` or `write` its webhooks. */
export function orgForHooks(call: Call, access: 'read' | 'write'): Org {
  const org = findOrg(call.state, call.part.org ?? '')
  const { user, token, installation } = call.who
  if (!token) throw new Refusal(401, 'Requires authentication')
  if (!org) throw notFound()
  const headers = { 'X-Accepted-GitHub-Permissions': `organization_hooks=${access}` }
  if (installation || token.kind === 'fine-grained') {
    const reached = !token.resource_owner || eq(token.resource_owner, org.login)
    if (reached && permitted(token.permissions, 'organization_hooks', access)) return org
    const kind = installation ? 'integration' : 'personal access token'
    throw new Refusal(403, `Resource not accessible by ${kind}`, {}, headers)
  }
  if (token.sso) throw singleSignOn(org.login)
  if (!scoped(token, 'admin:org_hook')) throw notFound()
  if (!user || org.members[user.login] !== 'admin') throw notFound()
  return org
}

function singleSignOn(org: string): Refusal {
  return new Refusal(
    403,
    'Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.',
    {},
    { 'X-GitHub-SSO': `required; url=https://github.com/orgs/${org}/sso?authorization_request=A` },
  )
}

/** The user who sends a call. Throws 401, or 403 for an installation, which is not a user. */
export function userFor(call: Call) {
  if (call.who.installation) throw new Refusal(403, 'Resource not accessible by integration')
  if (!call.who.user) throw new Refusal(401, 'Requires authentication')
  return call.who.user
}
