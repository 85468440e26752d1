import type { Octokit } from '@octokit/core'
import type { PaginateInterface } from '@octokit/plugin-paginate-rest'
import { type Fault, Problem } from '../base/problem.ts'
import { world } from '../kubernetes/kubectl.ts'
import type { Named } from '../prow/config.ts'
import { look } from '../prow/secrets.ts'
import type { Settings } from '../settings/settings.ts'

// Loaded only by steps that talk to GitHub: octokit costs a tenth of a second to read in.

export type GitHub = Octokit & { paginate: PaginateInterface }

/** What a call was for, so that a refusal can name what is missing. */
export interface Wish {
  /** As in: GitHub does not let us … */
  doing: string
  /** Of a classic token. */
  scope: string
  /** Of a fine-grained token or an App. */
  permission: string
}

/** The pages where rights are given. */
export function pages(settings: Settings) {
  const { GITHUB_ORG: org } = settings
  const host = `https://${settings.GITHUB_HOST}`
  return {
    tokens: `${host}/settings/tokens`,
    fineGrained: `${host}/settings/personal-access-tokens`,
    tokenRequests: `${host}/organizations/${org}/settings/personal-access-token-requests`,
    apps: `${host}/organizations/${org}/settings/apps`,
    installations: `${host}/organizations/${org}/settings/installations`,
    install: (slug: string) => `${host}/apps/${slug}/installations/new`,
    hooks: (repo?: string) =>
      repo ? `${host}/${org}/${repo}/settings/hooks` : `${host}/organizations/${org}/settings/hooks`,
    access: (repo: string) => `${host}/${org}/${repo}/settings/access`,
    invitation: `${host}/orgs/${org}/invitation`,
    invitations: (repo: string) => `${host}/${org}/${repo}/invitations`,
    people: `${host}/orgs/${org}/people`,
  }
}

async function client(settings: Settings, auth: object): Promise<GitHub> {
  const [{ Octokit: Core }, { paginateRest }, { retry }, { throttling }] = await Promise.all([
    import('@octokit/core'),
    import('@octokit/plugin-paginate-rest'),
    import('@octokit/plugin-retry'),
    import('@octokit/plugin-throttling'),
  ])
  // A limit of a minute is waited for once; of a longer one the reader hears.
  const wait = (seconds: number, _options: object, _octokit: Octokit, tries: number) => tries < 1 && seconds <= 60
  const Client = Core.plugin(paginateRest, retry, throttling)
  return new Client({
    ...auth,
    baseUrl: settings.GITHUB_API,
    userAgent: 'prow-runbook',
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    retry: { retries: 2 },
    throttle: { onRateLimit: wait, onSecondaryRateLimit: wait, fallbackSecondaryRateRetryAfter: 5 },
    request: {
      fetch: async (url: string, init: RequestInit) => {
        try {
          return await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) })
        } catch (error) {
          // Node says "fetch failed" and keeps what happened to itself.
          const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } }
          throw new Error(
            name === 'TimeoutError' ? 'no answer within 30 seconds' : (cause?.code ?? cause?.message ?? message),
            {
              cause: error,
            },
          )
        }
      },
    },
  }) as unknown as GitHub
}

/** GitHub as the bot whose token it is. */
export function asBot(settings: Settings, token: string): Promise<GitHub> {
  return client(settings, { auth: token })
}

/** GitHub as the App itself: who it is, where it is installed, its webhook. */
export async function asApp(settings: Settings, privateKey: string): Promise<GitHub> {
  const { createAppAuth } = await import('@octokit/auth-app')
  return client(settings, { authStrategy: createAppAuth, auth: { appId: settings.GITHUB_APP_ID, privateKey } })
}

/** GitHub as the App's installation in the organisation. */
export async function asInstallation(settings: Settings, privateKey: string, installationId: number): Promise<GitHub> {
  const { createAppAuth } = await import('@octokit/auth-app')
  return client(settings, {
    authStrategy: createAppAuth,
    auth: { appId: settings.GITHUB_APP_ID, privateKey, installationId },
  })
}

interface Refused {
  status?: number
  message?: string
  response?: {
    headers?: Record<string, string | number | undefined>
    data?: { message?: string; errors?: { message?: string; code?: string }[] }
  }
}

/** The HTTP status of what octokit threw, if it is an answer of GitHub. */
export function statusOf(error: unknown): number | undefined {
  return (error as Refused)?.response ? (error as Refused).status : undefined
}

/** The words in which GitHub refused. */
export function wordsOf(error: unknown): string {
  const { response, message } = error as Refused
  const more = response?.data?.errors?.map((one) => one.message ?? one.code).filter(Boolean) ?? []
  return [response?.data?.message ?? message ?? String(error), ...more].join(': ')
}

/** What a refusal of GitHub means to the reader, with the page where it is mended. */
export function explained(error: unknown, settings: Settings, wish: Wish): Problem {
  if (error instanceof Problem) return error
  const status = statusOf(error)
  const headers = (error as Refused).response?.headers ?? {}
  const page = pages(settings)
  const app = settings.GITHUB_AUTH === 'app'
  const give = app
    ? `Give the App the permission "${wish.permission}" at ${page.apps}, and accept the change at ${page.installations}.`
    : `Give the token the scope ${wish.scope} at ${page.tokens} (a fine-grained one the permission "${wish.permission}" at ${page.fineGrained}), and its account the right to do it.`
  const because = (wrong: string, remedy: string) => new Problem(wrong, remedy, { cause: error })
  if (status === undefined) {
    return because(
      `GitHub at ${settings.GITHUB_API} does not answer: ${(error as Error).message}`,
      'See that this machine reaches it (GITHUB_API), or set GITHUB_CHECKS=off to leave GitHub out.',
    )
  }
  const words = wordsOf(error)
  const sso = String(headers['x-github-sso'] ?? '')
  if (sso) {
    const url = /url=(\S+)/.exec(sso)?.[1]
    return because(
      `GitHub does not let us ${wish.doing}: the organisation wants single sign-on for this token`,
      `Authorise the token for ${settings.GITHUB_ORG}: ${url ?? page.tokens}`,
    )
  }
  if ((status === 403 || status === 429) && (headers['x-ratelimit-remaining'] === '0' || /rate limit/i.test(words))) {
    const reset = Number(headers['x-ratelimit-reset'])
    const until = headers['retry-after']
      ? `for ${headers['retry-after']} s`
      : reset
        ? `until ${new Date(reset * 1000).toISOString().slice(11, 16)} UTC`
        : 'for a while'
    return because(`GitHub's limit of requests is used up ${until}`, 'Run the step again then.')
  }
  if (status === 401) {
    return because(
      `GitHub does not accept ${app ? "the App's key" : 'the token'} (${words})`,
      app
        ? `See that GITHUB_APP_ID=${settings.GITHUB_APP_ID} and secrets/github-app-key belong together: ${page.apps}, Private keys. A clock that is wrong by minutes does it too.`
        : `It is expired or revoked. Make another at ${page.tokens} and put it into secrets/oauth-token.`,
    )
  }
  if (status === 403) return because(`GitHub does not let us ${wish.doing} (${words})`, give)
  // GitHub hides what one has no right to see.
  if (status === 404)
    return because(`GitHub does not let us ${wish.doing}: it says Not Found, also where a right is missing`, give)
  if (status === 422) return because(`GitHub refuses to ${wish.doing}: ${words}`, 'Correct what it says.')
  if (status >= 500)
    return because(
      `GitHub failed with ${status} when asked to ${wish.doing}`,
      'Look at https://www.githubstatus.com, and run the step again.',
    )
  return because(
    `GitHub answered ${status} when asked to ${wish.doing}: ${words}`,
    'Run the step again with --verbose.',
  )
}

/** Asks GitHub, and explains what it refuses. */
export async function ask<T>(settings: Settings, wish: Wish, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explained(error, settings, wish)
  }
}

// ---- Tokens ------------------------------------------------------------------------------------------------------

export type TokenKind = 'classic' | 'fine-grained' | 'installation' | 'oauth'

/** What a token is by its looks. */
export function kindOf(token: string): TokenKind {
  if (token.startsWith('github_pat_')) return 'fine-grained'
  if (token.startsWith('ghs_')) return 'installation'
  return /^gh[ou]_/.test(token) ? 'oauth' : 'classic'
}

/** What was found out about a credential: a line for the reader, what is wrong, what is worth a word. */
export interface Found {
  says: string
  faults: Fault[]
  warnings: Fault[]
}

const IMPLIED: Record<string, string[]> = {
  repo: ['repo:status', 'public_repo', 'repo_deployment', 'repo:invite'],
  'admin:org': ['write:org', 'read:org'],
  'write:org': ['read:org'],
}

/** Whether a list of scopes gives one. */
export function hasScope(scopes: string[], wanted: string): boolean {
  return scopes.some((scope) => scope === wanted || IMPLIED[scope]?.includes(wanted))
}

const DAY = 24 * 3600 * 1000

/** Asks GitHub about the bot's token: whose it is, what it may do, when it ends, what the bot may do where Prow works. */
export async function lookAtToken(settings: Settings, token: string, file: string): Promise<Found> {
  const page = pages(settings)
  const faults: Fault[] = []
  const warnings: Fault[] = []
  const kind = kindOf(token)
  if (kind === 'installation') {
    const wrong = `${file} is a token of an App's installation, which ends within the hour`
    return {
      says: kind,
      faults: [{ wrong, remedy: `Use a bot account's token (${page.tokens}), or GITHUB_AUTH=app with the App's key.` }],
      warnings,
    }
  }
  const github = await asBot(settings, token)
  const wish: Wish = { doing: "read the bot's account", scope: 'read:user', permission: 'Metadata: read' }
  const { data: user, headers } = await ask(settings, wish, () => github.request('GET /user'))
  const scopes = String(headers['x-oauth-scopes'] ?? '')
    .split(',')
    .map((scope) => scope.trim())
    .filter(Boolean)

  if (kind !== 'fine-grained') {
    const lacks = [
      ...(hasScope(scopes, 'repo') || (hasScope(scopes, 'public_repo') && hasScope(scopes, 'repo:status'))
        ? []
        : ['repo']),
      ...(hasScope(scopes, 'read:org') ? [] : ['read:org']),
    ]
    if (lacks.length > 0) {
      faults.push({
        wrong: `${file} lacks the scopes ${lacks.join(' and ')} (it has ${scopes.join(', ') || 'none'})`,
        remedy: `Tick them at ${page.tokens}: repo to read, comment, set statuses and merge; read:org to know who is a member.`,
      })
    } else if (!hasScope(scopes, 'repo')) {
      warnings.push({
        wrong: `${file} reaches public repositories only`,
        remedy: `For private ones tick repo at ${page.tokens}.`,
      })
    }
  }

  const told = expiry(String(headers['github-authentication-token-expiration'] ?? ''))
  warnings.push(...endsSoon(told, file, kind === 'fine-grained' ? page.fineGrained : page.tokens, 'Prow'))
  const look: Look = { settings, github, login: user.login, kind, faults, warnings }
  const places = await lookAtPlaces(look)
  const mayAskMembers = kind === 'fine-grained' || hasScope(scopes, 'read:org')
  if (mayAskMembers) await lookAtMembership(look)
  const may =
    kind === 'fine-grained' ? await lookAtPermissions(look, file, places) : `scopes ${scopes.join(', ') || 'none'}`
  const ends = told ? `, ends ${told.toISOString().slice(0, 10)}` : ''
  return { says: `the bot is ${user.login}: ${kind} token, ${may}${ends}`, faults, warnings }
}

/** A word about a token that ends within two weeks. */
function endsSoon(end: Date | undefined, file: string, page: string, who: string): Fault[] {
  const days = end ? Math.floor((end.getTime() - Date.now()) / DAY) : Number.POSITIVE_INFINITY
  if (!end || days >= 14) return []
  return [
    {
      wrong: `${file} ends on ${end.toISOString().slice(0, 10)}, in ${Math.max(days, 0)} days; ${who} then stops`,
      remedy: `Make another at ${page} before, and run 03-secrets.`,
    },
  ]
}

/** A date as GitHub tells it: `2026-12-01 10:00:00 UTC`, or with a numeric offset. */
function expiry(text: string): Date | undefined {
  const [, day, time, zone] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ?(UTC|[+-]\d{4})$/.exec(text.trim()) ?? []
  if (!day || !zone) return undefined
  return new Date(`${day}T${time}${zone === 'UTC' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3)}`}`)
}

interface Look {
  settings: Settings
  github: GitHub
  login: string
  kind: TokenKind
  faults: Fault[]
  warnings: Fault[]
}

/** A repository that the bot may write to. */
interface Place {
  repo: string
  branch: string
  isPrivate: boolean
}

/** Looks at each of GITHUB_REPOS, and gives back those where the bot has the role that it needs. */
async function lookAtPlaces({ settings, github, login, faults }: Look): Promise<Place[]> {
  const org = settings.GITHUB_ORG
  const page = pages(settings)
  const places: Place[] = []
  for (const repo of settings.GITHUB_REPOS) {
    try {
      const { data } = await github.request('GET /repos/{owner}/{repo}', { owner: org, repo })
      if (data.permissions?.push) places.push({ repo, branch: data.default_branch, isPrivate: data.private })
      else
        faults.push({
          wrong: `the bot ${login} may not write to ${org}/${repo}`,
          remedy: `Give it the role Write at ${page.access(repo)}; as the bot, accept at ${page.invitations(repo)}.`,
        })
    } catch (error) {
      const wish: Wish = { doing: `look at ${org}/${repo}`, scope: 'repo', permission: 'Metadata: read' }
      if (statusOf(error) !== 404) throw explained(error, settings, wish)
      faults.push({
        wrong: `GitHub shows the bot ${login} no repository ${org}/${repo}`,
        remedy: `See its spelling in GITHUB_REPOS; invite the bot at ${page.access(repo)} and accept as the bot at ${page.invitations(repo)}.`,
      })
    }
  }
  return places
}

/** Whether the bot is a member: others are not told which members are private, and trigger then distrusts those. */
async function lookAtMembership({ settings, github, login, kind, faults, warnings }: Look): Promise<void> {
  const org = settings.GITHUB_ORG
  const page = pages(settings)
  const everywhere = settings.GITHUB_REPOS.length === 0
  try {
    const { data } =
      kind === 'fine-grained'
        ? await github.request('GET /orgs/{org}/memberships/{username}', { org, username: login })
        : await github.request('GET /user/memberships/orgs/{org}', { org })
    if (data.state !== 'pending') return
    ;(everywhere ? faults : warnings).push({
      wrong: `the bot ${login} has not accepted the invitation to ${org}`,
      remedy: `As the bot, open ${page.invitation}.`,
    })
  } catch (error) {
    const status = statusOf(error)
    const sso = (error as Refused).response?.headers?.['x-github-sso']
    const wish: Wish = { doing: `look at the organisation ${org}`, scope: 'read:org', permission: 'Members: read' }
    if (sso || (status !== 404 && status !== 403)) throw explained(error, settings, wish)
    if (lacksPermission(error)) {
      faults.push({
        wrong: `GitHub does not tell this token who is in ${org}: it lacks the permission Members`,
        remedy: `Give it Organization permissions, Members: Read-only at ${page.fineGrained}; its resource owner must be ${org}. Without it trigger trusts no private member.`,
      })
      return
    }
    warnings.push({
      wrong: `the bot ${login} is no member of ${org}: it does not see private members, whom trigger then does not trust`,
      remedy: everywhere
        ? `Invite it at ${page.people}: it has to see who is a member, and to write to the repositories.`
        : `Invite it at ${page.people}, or let people be collaborators of the repositories.`,
    })
  }
}

/** Whether GitHub refused for want of a permission, as it does to fine-grained tokens. */
function lacksPermission(error: unknown): boolean {
  return statusOf(error) === 403 && /not accessible by personal access token/i.test(wordsOf(error))
}

/**
 * What Prow wants of a fine-grained token, as GitHub's page calls it, with a question that changes nothing and that GitHub
 * answers for a private repository only to those who have it. It never tells which permissions a token has, nor whether
 * it may write.
 */
const FINE_GRAINED: {
  title: string
  access: 'Read-only' | 'Read and write'
  forWhat: string
  asks: string
  /** Whether Prow is of no use without it. */
  needed: boolean
  when?: (settings: Settings) => boolean
}[] = [
  { title: 'Contents', access: 'Read and write', forWhat: 'clones; Tide merges', asks: '/branches', needed: true },
  { title: 'Issues', access: 'Read and write', forWhat: 'comments and labels', asks: '/issues', needed: true },
  { title: 'Pull requests', access: 'Read and write', forWhat: 'reviews and merges', asks: '/pulls', needed: true },
  {
    title: 'Commit statuses',
    access: 'Read and write',
    forWhat: 'results of jobs',
    asks: '/commits/{branch}/status',
    needed: true,
  },
  {
    title: 'Administration',
    access: 'Read-only',
    forWhat: 'the plugin override looks at branch protection',
    asks: '/branches/{branch}/protection',
    needed: false,
  },
  {
    title: 'Webhooks',
    access: 'Read and write',
    forWhat: '12-webhook',
    asks: '/hooks',
    needed: false,
    when: (settings) => settings.WEBHOOK !== 'none' && !hooksOfOrganisation(settings),
  },
]

function hooksOfOrganisation({ WEBHOOK, GITHUB_REPOS }: Settings): boolean {
  return WEBHOOK === 'organisation' || (WEBHOOK === 'auto' && GITHUB_REPOS.length === 0)
}

/** Asks for each permission of a fine-grained token, in one private repository: they are the same in all that it reaches. */
async function lookAtPermissions(
  { settings, github, login, faults, warnings }: Look,
  file: string,
  places: Place[],
): Promise<string> {
  const org = settings.GITHUB_ORG
  const page = pages(settings)
  const all = settings.GITHUB_REPOS.length > 0 ? places : await writable(settings, github)
  /** Whether GitHub lets us ask; any other refusal says nothing about the permission. */
  const may = async (path: string): Promise<boolean> => {
    try {
      await github.request(`GET ${path}`, { per_page: 1 })
      return true
    } catch (error) {
      const wish: Wish = { doing: `look at ${org}`, scope: 'repo', permission: 'Metadata: read' }
      if ((statusOf(error) ?? 500) >= 500) throw explained(error, settings, wish)
      return !lacksPermission(error)
    }
  }
  const unreached: string[] = []
  for (const { repo } of settings.GITHUB_REPOS.length > 0 ? all : all.slice(0, 1))
    if (!(await may(`/repos/${org}/${repo}/collaborators`))) unreached.push(`${org}/${repo}`)
  if (unreached.length > 0) {
    faults.push({
      wrong: `${file} does not reach ${unreached.join(', ')}, though the bot ${login} may write there`,
      remedy: `At ${page.fineGrained} its resource owner must be ${org}, and these must be among its repositories; an owner of ${org} may have to approve it at ${page.tokenRequests}.`,
    })
  }
  const place = all.find(({ repo, isPrivate }) => isPrivate && !unreached.includes(`${org}/${repo}`))
  if (hooksOfOrganisation(settings) && !(await may(`/orgs/${org}/hooks`))) {
    warnings.push({
      wrong: `${file} lacks the permission Webhooks of the organisation (12-webhook)`,
      remedy: `Give it Organization permissions, Webhooks: Read and write at ${page.fineGrained}; or make the webhook by hand and set WEBHOOK=none.`,
    })
  }
  if (!place) return 'no private repository to see its permissions by'

  const base = `/repos/${org}/${place.repo}`
  for (const { title, access, forWhat, asks, needed, when } of FINE_GRAINED) {
    if (when?.(settings) === false) continue
    if (await may(base + asks.replace('{branch}', encodeURIComponent(place.branch)))) continue
    ;(needed ? faults : warnings).push({
      wrong: `${file} lacks the permission ${title} in ${org}/${place.repo} (${forWhat})`,
      remedy: `Give it Repository permissions, ${title}: ${access} at ${page.fineGrained}.`,
    })
  }
  if (!(await may(`${base}/commits/${encodeURIComponent(place.branch)}/check-runs`))) {
    warnings.push({
      wrong: `${file} cannot read check runs of ${org}/${place.repo}: Tide fails on each pull request that has one, as GitHub Actions make them`,
      remedy: `GitHub offers fine-grained tokens no such permission: use a classic one (${page.tokens}) or an App (GITHUB_AUTH=app).`,
    })
  }
  return `reads what Prow reads in ${org}/${place.repo}; whether it may write GitHub tells nobody`
}

/** Repositories of the organisation that the bot may write to, a private one first. */
async function writable(settings: Settings, github: GitHub): Promise<Place[]> {
  const { GITHUB_ORG: org } = settings
  const wish: Wish = { doing: `list the repositories of ${org}`, scope: 'repo', permission: 'Metadata: read' }
  const { data } = await ask(settings, wish, () =>
    github.request('GET /orgs/{org}/repos', { org, per_page: 100, type: 'all' }),
  )
  return data
    .filter((repo) => !repo.archived && repo.permissions?.push !== false)
    .map((repo) => ({ repo: repo.name, branch: repo.default_branch ?? 'main', isPrivate: repo.private }))
    .sort((one, other) => Number(other.isPrivate) - Number(one.isPrivate))
}

// ---- Apps --------------------------------------------------------------------------------------------------------

/** What Prow's components and common plugins want of an App. A missing one of `needed` keeps something from working. */
const APP_PERMISSIONS: [name: string, access: 'read' | 'write', needed: boolean, forWhat: string][] = [
  ['metadata', 'read', true, 'everything'],
  ['contents', 'write', true, 'Tide merges; clones'],
  ['issues', 'write', true, 'comments and labels'],
  ['pull_requests', 'write', true, 'comments, labels and merges'],
  ['statuses', 'write', true, 'results of jobs'],
  ['members', 'read', true, 'who is trusted'],
  ['checks', 'read', true, 'Tide looks at checks'],
  ['actions', 'read', false, 'Tide looks at workflows'],
  ['workflows', 'write', false, 'Tide merges changes of workflows'],
  ['administration', 'read', false, 'branch protection, collaborators'],
]
const APP_EVENTS = [
  'issues',
  'issue_comment',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
  'status',
]

/** Asks GitHub about the App: whether key and id fit, where it is installed, what it may do. */
export async function lookAtApp(settings: Settings, key: string): Promise<Found> {
  const page = pages(settings)
  const faults: Fault[] = []
  const warnings: Fault[] = []
  const github = await asApp(settings, key)
  const wish: Wish = { doing: 'look at the App', scope: '', permission: 'Metadata: read' }
  const { data: app } = await ask(settings, wish, () => github.request('GET /app'))
  const name = app?.name ?? settings.GITHUB_APP_ID
  let installed: {
    id: number
    permissions?: object
    events?: string[]
    suspended_at?: string | null
    repository_selection?: string
  }
  try {
    ;({ data: installed } = await github.request('GET /orgs/{org}/installation', { org: settings.GITHUB_ORG }))
  } catch (error) {
    if (statusOf(error) !== 404) throw explained(error, settings, wish)
    faults.push({
      wrong: `the App ${name} is not installed in ${settings.GITHUB_ORG}`,
      remedy: `Install it: ${page.install(app?.slug ?? '')}`,
    })
    return { says: `the App is ${name}`, faults, warnings }
  }
  if (installed.suspended_at) {
    faults.push({
      wrong: `the installation of the App ${name} in ${settings.GITHUB_ORG} is suspended`,
      remedy: `Resume it at ${page.installations}.`,
    })
  }
  const has = (installed.permissions ?? {}) as Record<string, string>
  const asked = (app?.permissions ?? {}) as Record<string, string>
  const lacks = (of: Record<string, string>, [permission, access]: (typeof APP_PERMISSIONS)[number]) =>
    of[permission] !== 'admin' && of[permission] !== 'write' && of[permission] !== access
  for (const row of APP_PERMISSIONS) {
    if (!lacks(has, row)) continue
    const [permission, access, needed, forWhat] = row
    const accept = !lacks(asked, row)
    ;(needed ? faults : warnings).push({
      wrong: `the App ${name} lacks the permission ${permission}: ${access} (${forWhat})`,
      remedy: accept
        ? `It asks for it already: accept the request at ${page.installations}.`
        : `Add it at ${page.apps}, Permissions & events, then accept it at ${page.installations}.`,
    })
  }
  const deaf = APP_EVENTS.filter((event) => !(installed.events ?? []).includes(event))
  if (deaf.length > 0) {
    faults.push({
      wrong: `the App ${name} is not subscribed to ${deaf.join(', ')}`,
      remedy: `Tick them at ${page.apps}, Permissions & events.`,
    })
  }
  return {
    says: `the App is ${name}, installed in ${settings.GITHUB_ORG} (${installed.repository_selection ?? 'all'} repositories)`,
    faults,
    warnings,
  }
}

/** Asks GitHub about the token that jobs clone with. Any job can mount it, so it should only read. */
async function lookAtCloneToken(settings: Settings, token: string, file: string): Promise<Found> {
  const page = pages(settings)
  const found: Found = { says: '', faults: [], warnings: [] }
  const only = `Make a fine-grained one of ${settings.GITHUB_ORG} at ${page.fineGrained}, with Contents: Read-only.`
  const kind = kindOf(token)
  if (kind === 'installation') {
    found.faults.push({
      wrong: `${file} is a token of an App's installation, which ends within the hour`,
      remedy: only,
    })
    return found
  }
  const github = await asBot(settings, token)
  try {
    const { headers } = await github.request('GET /user')
    const told = expiry(String(headers['github-authentication-token-expiration'] ?? ''))
    found.warnings.push(...endsSoon(told, file, page.fineGrained, 'cloning'))
    if (/\brepo\b(?!:)/.test(String(headers['x-oauth-scopes'] ?? '')))
      found.warnings.push({ wrong: `${file} may also write, and any job can mount it`, remedy: only })
  } catch (error) {
    if (statusOf(error) !== 401)
      throw explained(error, settings, { doing: `look at ${file}`, scope: 'repo', permission: 'Metadata: read' })
    found.faults.push({
      wrong: `GitHub does not accept ${file} (${wordsOf(error)})`,
      remedy: `It is expired or revoked. ${only}`,
    })
    return found
  }
  for (const repo of settings.GITHUB_REPOS) {
    try {
      await github.request('GET /repos/{owner}/{repo}/branches', { owner: settings.GITHUB_ORG, repo, per_page: 1 })
    } catch (error) {
      const wish: Wish = { doing: `clone ${settings.GITHUB_ORG}/${repo}`, scope: 'repo', permission: 'Contents: read' }
      if (![403, 404].includes(statusOf(error) ?? 0)) throw explained(error, settings, wish)
      found.faults.push({
        wrong: `${file} cannot read ${settings.GITHUB_ORG}/${repo}: jobs would not clone it`,
        remedy: `Give it that repository and Contents: Read-only at ${page.fineGrained}.`,
      })
    }
  }
  return found
}

/** What GitHub says of the credentials that the settings want and that are at hand; nothing with GITHUB_CHECKS=off. */
export async function lookAtGitHub(
  settings: Settings,
  values: Map<string, { text: string }>,
): Promise<Found | undefined> {
  if (settings.GITHUB_CHECKS === 'off') return undefined
  const looks: [name: string, look: (text: string, file: string) => Promise<Found>][] = [
    settings.GITHUB_AUTH === 'app'
      ? ['github-app-key', (text) => lookAtApp(settings, text)]
      : ['oauth-token', (text, file) => lookAtToken(settings, text, file)],
    ['clone-token', (text, file) => lookAtCloneToken(settings, text, file)],
  ]
  const all: Found[] = []
  for (const [name, look] of looks) {
    const text = values.get(name)?.text
    if (!text) continue
    try {
      all.push(await look(text, `secrets/${name}`))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      // A GitHub that does not answer is one fault.
      const known = all.flatMap(({ faults }) => faults.map(({ wrong }) => wrong))
      const faults = error.faults.filter(({ wrong }) => !known.includes(wrong))
      all.push({ says: '', faults, warnings: [] })
    }
  }
  if (all.length === 0) return undefined
  return {
    says: all.map(({ says }) => says).find(Boolean) ?? '',
    faults: all.flatMap(({ faults }) => faults),
    warnings: all.flatMap(({ warnings }) => warnings),
  }
}

/** The value of a secret file, from secrets/ or the cluster; nothing where 03-secrets has yet to make it. */
async function credential(settings: Settings, name: 'oauth-token' | 'github-app-key'): Promise<string | undefined> {
  return look(settings, await world()).values.get(name)?.text
}

/**
 * GitHub as Prow will be there: as the bot, or as the App's installation in the organisation. Nothing where no
 * credential is at hand, which only a plan meets.
 */
export async function signIn(settings: Settings): Promise<GitHub | undefined> {
  const name = settings.GITHUB_AUTH === 'app' ? 'github-app-key' : 'oauth-token'
  const text = await credential(settings, name)
  if (!text) return undefined
  if (name === 'oauth-token') return asBot(settings, text)
  const app = await asApp(settings, text)
  const wish: Wish = {
    doing: `find the App's installation in ${settings.GITHUB_ORG}`,
    scope: '',
    permission: 'Metadata: read',
  }
  const { data } = await ask(settings, wish, () =>
    app.request('GET /orgs/{org}/installation', { org: settings.GITHUB_ORG }),
  )
  return asInstallation(settings, text, data.id)
}

/** GitHub as the App itself, or nothing where its key is not at hand. */
export async function signInAsApp(settings: Settings): Promise<GitHub | undefined> {
  const key = await credential(settings, 'github-app-key')
  return key ? asApp(settings, key) : undefined
}

/** The repositories that Prow serves: GITHUB_REPOS, else all of the organisation but archived ones. */
export async function eachRepository(settings: Settings, github: GitHub): Promise<string[]> {
  if (settings.GITHUB_REPOS.length > 0) return settings.GITHUB_REPOS
  const wish: Wish = {
    doing: `list the repositories of ${settings.GITHUB_ORG}`,
    scope: 'repo',
    permission: 'Metadata: read',
  }
  const all = await ask(settings, wish, () =>
    github.paginate('GET /orgs/{org}/repos', { org: settings.GITHUB_ORG, per_page: 100, type: 'all' }),
  )
  return all.filter((repo) => !repo.archived).map((repo) => repo.name)
}

/**
 * Looks at GITHUB_REPOS and the repositories that the configuration names: whether their settings allow the method that
 * Tide is to merge them with, and whether jobs can clone them.
 */
export async function lookAtRepositories(
  settings: Settings,
  github: GitHub,
  named: Map<string, Named>,
  methodOf: (repo: string) => string | undefined,
): Promise<{ faults: Fault[]; warnings: Fault[] }> {
  const found = { faults: [] as Fault[], warnings: [] as Fault[] }
  const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
  const look = async (repo: string) => {
    const wish: Wish = { doing: `look at ${org}/${repo}`, scope: 'repo', permission: 'Metadata: read' }
    try {
      return (await github.request('GET /repos/{owner}/{repo}', { owner: org, repo })).data
    } catch (error) {
      // Of one that nobody promised to be there, others tell.
      if (statusOf(error) === 404 && !repos.includes(repo)) return undefined
      throw explained(error, settings, wish)
    }
  }
  const all = [...new Set([...repos, ...named.keys()])]
  const told = await Promise.all(all.map(look))
  for (const [index, repo] of all.entries()) {
    const data = told[index]
    if (!data) continue
    const { jobs, clones = true } = named.get(repo) ?? {}
    if (data.private && jobs && !clones)
      found.warnings.push({
        wrong: `${org}/${repo} is private, and its jobs (${jobs}) clone it without a token`,
        remedy: 'Set PRIVATE_CLONES=on, and name clone-token as oauth_token_secret in the decoration.',
      })
    const method = methodOf(repo)
    if (!method) continue
    const allowed: Record<string, boolean | undefined> = {
      merge: data.allow_merge_commit,
      squash: data.allow_squash_merge,
      rebase: data.allow_rebase_merge,
    }
    // Not told to those who may not write there.
    if (allowed[method] !== false) continue
    found.faults.push({
      wrong: `${org}/${repo} does not allow ${method}, which tide.merge_method says: nothing would merge there`,
      remedy: `Allow it at https://${settings.GITHUB_HOST}/${org}/${repo}/settings, Pull Requests, or name another method in config.yaml.`,
    })
  }
  return found
}
