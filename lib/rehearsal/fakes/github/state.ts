import { createHash, randomBytes, randomUUID } from 'node:crypto'

/** Permissions of a user in a repository, from the least to the most. */
export const LEVELS = ['none', 'read', 'triage', 'write', 'maintain', 'admin'] as const
export type Level = (typeof LEVELS)[number]

export interface User {
  id: number
  login: string
  type: 'User' | 'Bot'
  name?: string
  email?: string
}

/** A credential. Classic and OAuth tokens have scopes; fine-grained and installation tokens have permissions. */
export interface Token {
  kind: 'classic' | 'oauth' | 'fine-grained' | 'installation'
  login: string
  scopes?: string[]
  permissions?: Record<string, string>
  /** ISO time. After it the answer is 401. */
  expires_at?: string
  /** The full names of the repositories that it is limited to; absent: all that its owner sees. */
  repositories?: string[]
  /** The resource owner of a fine-grained one; absent: every account has given it access. */
  resource_owner?: string
  installation?: number
  /** The organization requires single sign-on and this token is not authorized for it: 403 with X-GitHub-SSO. */
  sso?: boolean
}

export interface HookConfig {
  url: string
  content_type?: string
  secret?: string
  insecure_ssl?: string
}

export interface Delivery {
  id: number
  guid: string
  event: string
  action: string | null
  delivered_at: string
  redelivery: boolean
  duration: number
  status: string
  status_code: number
  request: { headers: Record<string, string>; payload: unknown }
  response: { headers: Record<string, string>; payload: string }
}

export interface Hook {
  id: number
  name: string
  active: boolean
  events: string[]
  config: HookConfig
  last_response: { code: number | null; status: string; message: string | null }
  created_at: string
  updated_at: string
  deliveries: Delivery[]
}

export interface Label {
  id: number
  name: string
  color: string
  description: string | null
}

export interface Comment {
  id: number
  user: string
  body: string
  created_at: string
  updated_at: string
}

export interface PullFile {
  filename: string
  status: string
  additions: number
  deletions: number
  changes: number
  previous_filename?: string
  patch?: string
}

export interface Review {
  id: number
  user: string
  body: string
  state: string
  submitted_at: string
  commit_id: string
}

export interface Pull {
  base: { ref: string; sha: string }
  head: { ref: string; sha: string; owner?: string }
  draft: boolean
  merged: boolean
  mergeable: boolean | null
  merge_commit_sha: string | null
  files: PullFile[]
  reviews: Review[]
  review_comments: Comment[]
  requested_reviewers: string[]
}

export interface Issue {
  id: number
  number: number
  title: string
  body: string
  user: string
  state: 'open' | 'closed'
  labels: string[]
  assignees: string[]
  milestone?: string
  comments: Comment[]
  events: { event: string; label?: string; actor: string; created_at: string }[]
  created_at: string
  updated_at: string
  pull?: Pull
}

export interface Status {
  id: number
  state: string
  context: string
  description: string | null
  target_url: string | null
  creator: string
  created_at: string
  updated_at: string
}

export interface Repo {
  id: number
  owner: string
  name: string
  private: boolean
  /** Absent: follows from `private`. An internal one is private too. */
  visibility?: 'internal'
  archived: boolean
  default_branch: string
  allow_merge_commit: boolean
  allow_squash_merge: boolean
  allow_rebase_merge: boolean
  /** Permissions of users who have more than the organization gives them. */
  collaborators: Record<string, Level>
  labels: Label[]
  /** `heads/main` → sha. */
  refs: Record<string, string>
  /** Path → text, at every commit. The real files come from git when that is added. */
  files: Record<string, string>
  /** `heads/main` → the response of the protection endpoint. */
  protection: Record<string, unknown>
  /** Those that are active; `branches` are the names that they are for, absent all. */
  rulesets: { id: number; branches?: string[]; current_user_can_bypass?: string; rules: { type: string }[] }[]
  statuses: Record<string, Status[]>
  check_runs: Record<string, Record<string, unknown>[]>
  issues: Issue[]
  hooks: Hook[]
}

export interface Org {
  id: number
  login: string
  members: Record<string, 'admin' | 'member'>
  /** The permission of every member in every repository. */
  base: Level
  teams: Record<string, string[]>
  hooks: Hook[]
}

export interface Installation {
  id: number
  account: string
  repository_selection: 'all' | 'selected'
  repositories?: string[]
  permissions: Record<string, string>
  events: string[]
  suspended_at: string | null
}

export interface App {
  id: number
  client_id: string
  slug: string
  name: string
  owner: string
  /** The public half of its key, PEM. */
  public_key: string
  permissions: Record<string, string>
  events: string[]
  installations: Installation[]
  hook: Hook
}

/** A response that replaces the regular one. */
export interface Fault {
  method?: string
  /** A regular expression over the path with its query. */
  path: string
  status?: number
  headers?: Record<string, string>
  body?: unknown
  /** Waits this many milliseconds first. Without `status` the regular response follows. */
  delay?: number
  /** Closes the connection without a response. */
  hangup?: boolean
  /** How many times; absent: always. */
  times?: number
}

export interface Asked {
  method: string
  path: string
  login: string
  status: number
  at: string
}

export interface State {
  users: User[]
  tokens: Record<string, Token>
  orgs: Org[]
  repos: Repo[]
  apps: App[]
  faults: Fault[]
  /** Every request but those to /_test. */
  asked: Asked[]
  /** Where deliveries to a URL are sent instead: a URL or its prefix → another. */
  reach: Record<string, string>
  /** The CIDRs in /meta. */
  meta: Record<string, unknown>
  /** The base of the URLs in responses. */
  base: string
  nextId: number
}

export function emptyState(): State {
  return {
    users: [],
    tokens: {},
    orgs: [],
    repos: [],
    apps: [],
    faults: [],
    asked: [],
    reach: {},
    meta: { hooks: ['192.30.252.0/22', '185.199.108.0/22', '140.82.112.0/20', '2a0a:a440::/29'] },
    base: '',
    nextId: 1000,
  }
}

export function id(state: State): number {
  state.nextId += 1
  return state.nextId
}

export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}

export function guid(): string {
  return randomUUID()
}

/** A made-up commit ID: the same for the same text. */
export function sha(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

export function randomToken(prefix: string): string {
  return `${prefix}${randomBytes(18).toString('hex')}`
}

type Given<T> = { [K in keyof T]?: T[K] extends (infer U)[] ? Given<U>[] : T[K] extends object ? unknown : T[K] }

/** What a test or the rehearsal provides: as much of the state as it needs. Names are enough for most. */
export interface Seed {
  users?: (string | Given<User>)[]
  tokens?: Record<string, Token>
  orgs?: (Given<Org> & { login: string })[]
  repos?: (Given<Repo> & { owner: string; name: string })[]
  apps?: (Given<App> & { id: number; public_key: string })[]
  faults?: Fault[]
  reach?: Record<string, string>
  meta?: Record<string, unknown>
}

/** Adds to the state; replaces what has the same name. */
export function seed(state: State, given: Seed): void {
  const put = <T>(list: T[], same: (one: T) => boolean, one: T) => {
    const at = list.findIndex(same)
    if (at < 0) list.push(one)
    else list[at] = one
  }
  for (const one of given.users ?? []) ensureUser(state, typeof one === 'string' ? { login: one } : (one as User))
  for (const [token, one] of Object.entries(given.tokens ?? {})) {
    state.tokens[token] = one
    ensureUser(state, { login: one.login, ...(one.kind === 'installation' ? { type: 'Bot' } : {}) } as User)
  }
  for (const one of given.orgs ?? []) {
    const members = (one.members ?? {}) as Org['members']
    put(state.orgs, (org) => eq(org.login, one.login), {
      id: id(state),
      base: 'read',
      teams: {},
      ...one,
      members,
      hooks: ((one.hooks ?? []) as Partial<Hook>[]).map((hook) => makeHook(state, hook)),
    } as Org)
    for (const login of Object.keys(members)) ensureUser(state, { login } as User)
  }
  for (const one of given.repos ?? []) {
    const full = `${one.owner}/${one.name}`
    const repo: Repo = {
      id: id(state),
      private: false,
      archived: false,
      default_branch: 'main',
      allow_merge_commit: true,
      allow_squash_merge: true,
      allow_rebase_merge: true,
      collaborators: {},
      files: {},
      protection: {},
      rulesets: [] as Repo['rulesets'],
      statuses: {},
      check_runs: {},
      refs: { [`heads/${one.default_branch ?? 'main'}`]: sha(full) },
      ...(one as object),
      labels: ((one.labels ?? []) as (Partial<Label> | string)[]).map((label) => makeLabel(state, label)),
      issues: ((one.issues ?? []) as Partial<Issue>[]).map((issue, at) => makeIssue(state, issue, at + 1)),
      hooks: ((one.hooks ?? []) as Partial<Hook>[]).map((hook) => makeHook(state, hook)),
    } as Repo
    put(state.repos, (repo) => eq(repo.owner, one.owner) && eq(repo.name, one.name), repo)
    for (const login of Object.keys(repo.collaborators)) ensureUser(state, { login } as User)
  }
  for (const one of given.apps ?? []) {
    put(state.apps, (app) => app.id === one.id, {
      client_id: `Iv23${one.id}`,
      slug: 'prow',
      name: 'Prow',
      owner: '',
      permissions: {},
      events: [],
      ...one,
      hook: makeHook(state, (one.hook ?? {}) as Partial<Hook>),
      installations: ((one.installations ?? []) as Partial<Installation>[]).map((installation) => ({
        id: id(state),
        account: '',
        repository_selection: 'all',
        permissions: (one.permissions ?? {}) as Record<string, string>,
        events: (one.events ?? []) as string[],
        suspended_at: null,
        ...installation,
      })),
    } as App)
  }
  state.faults.push(...(given.faults ?? []))
  Object.assign(state.reach, given.reach)
  Object.assign(state.meta, given.meta)
}

export function ensureUser(state: State, one: Partial<User> & { login: string }): User {
  const found = state.users.find((user) => eq(user.login, one.login))
  if (found) return Object.assign(found, one)
  const user: User = { id: id(state), type: 'User', ...one }
  state.users.push(user)
  return user
}

export function makeLabel(state: State, given: Partial<Label> | string): Label {
  const one = typeof given === 'string' ? { name: given } : given
  return { id: id(state), name: '', color: 'ededed', description: null, ...one }
}

export function makeHook(state: State, given: Partial<Hook>): Hook {
  const at = now()
  return {
    id: id(state),
    name: 'web',
    active: true,
    events: ['push'],
    last_response: { code: null, status: 'unused', message: null },
    created_at: at,
    updated_at: at,
    deliveries: [],
    ...given,
    config: { content_type: 'form', insecure_ssl: '0', ...(given.config ?? { url: '' }) },
  }
}

export function makeComment(state: State, given: Partial<Comment>): Comment {
  const at = now()
  return { id: id(state), user: '', body: '', created_at: at, updated_at: at, ...given }
}

export function makeIssue(state: State, given: Partial<Issue>, number: number): Issue {
  const at = now()
  return {
    id: id(state),
    number,
    title: '',
    body: '',
    user: 'ghost',
    state: 'open',
    labels: [],
    assignees: [],
    events: [],
    created_at: at,
    updated_at: at,
    ...given,
    comments: (given.comments ?? []).map((comment) => makeComment(state, comment)),
    ...(given.pull ? { pull: makePull(given.pull) } : {}),
  }
}

export function makePull(given: Partial<Pull>): Pull {
  return {
    draft: false,
    merged: false,
    mergeable: true,
    merge_commit_sha: null,
    reviews: [],
    review_comments: [],
    requested_reviewers: [],
    base: { ref: 'main', sha: '' },
    head: { ref: 'change', sha: '' },
    ...given,
    files: (given.files ?? []).map((file) => ({
      ...{ status: 'modified', additions: 1, deletions: 0, changes: 1 },
      ...(typeof file === 'string' ? { filename: file } : file),
    })) as PullFile[],
  }
}

/** GitHub compares names regardless of case. */
export function eq(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
