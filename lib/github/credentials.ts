import type { Finding } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import {
  asApp,
  asBot,
  callGitHub,
  explainGitHub,
  type GitHub,
  messageOf,
  type Operation,
  type Refused,
  settingsPages,
  statusOf,
} from './client.ts'

// ---- Tokens ------------------------------------------------------------------------------------------------------

export type TokenKind = 'classic' | 'fine-grained' | 'installation' | 'oauth'

/** What a token is by its looks. */
export function tokenKind(token: string): TokenKind {
  if (token.startsWith('github_pat_')) return 'fine-grained'
  if (token.startsWith('ghs_')) return 'installation'
  return /^gh[ou]_/.test(token) ? 'oauth' : 'classic'
}

/** What was found out about a credential: a line for the reader, what is message, what is worth a word. */
export interface CredentialReport {
  summary: string
  faults: Finding[]
  warnings: Finding[]
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
export async function checkToken(settings: Settings, token: string, file: string): Promise<CredentialReport> {
  const page = settingsPages(settings)
  const faults: Finding[] = []
  const warnings: Finding[] = []
  const kind = tokenKind(token)
  if (kind === 'installation') {
    const message = `${file} is a token of an App's installation, which ends within the hour`
    return {
      summary: kind,
      faults: [
        {
          message: message,
          remedy: `Use a bot account's token (${page.tokens}), or GITHUB_AUTH=app with the App's key.`,
        },
      ],
      warnings,
    }
  }
  const github = await asBot(settings, token)
  const wish: Operation = { description: "read the bot's account", scope: 'read:user', permission: 'Metadata: read' }
  const { data: user, headers } = await callGitHub(settings, wish, () => github.request('GET /user'))
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
        message: `${file} lacks the scopes ${lacks.join(' and ')} (it has ${scopes.join(', ') || 'none'})`,
        remedy: `Tick them at ${page.tokens}: repo to read, comment, set statuses and merge; read:org to know who is a member.`,
      })
    } else if (!hasScope(scopes, 'repo')) {
      warnings.push({
        message: `${file} reaches public repositories only`,
        remedy: `For private ones tick repo at ${page.tokens}.`,
      })
    }
  }

  const told = expiry(String(headers['github-authentication-token-expiration'] ?? ''))
  warnings.push(...endsSoon(told, file, kind === 'fine-grained' ? page.fineGrained : page.tokens, 'Prow'))
  const look: TokenCheck = { settings, github, login: user.login, kind, faults, warnings }
  const places = await checkRepositoriesOf(look)
  const mayAskMembers = kind === 'fine-grained' || hasScope(scopes, 'read:org')
  if (mayAskMembers) await checkMembership(look)
  const may =
    kind === 'fine-grained' ? await checkPermissions(look, file, places) : `scopes ${scopes.join(', ') || 'none'}`
  const ends = told ? `, ends ${told.toISOString().slice(0, 10)}` : ''
  return { summary: `the bot is ${user.login}: ${kind} token, ${may}${ends}`, faults, warnings }
}

/** A word about a token that ends within two weeks. */
function endsSoon(end: Date | undefined, file: string, page: string, who: string): Finding[] {
  const days = end ? Math.floor((end.getTime() - Date.now()) / DAY) : Number.POSITIVE_INFINITY
  if (!end || days >= 14) return []
  return [
    {
      message: `${file} ends on ${end.toISOString().slice(0, 10)}, in ${Math.max(days, 0)} days; ${who} then stops`,
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

interface TokenCheck {
  settings: Settings
  github: GitHub
  login: string
  kind: TokenKind
  faults: Finding[]
  warnings: Finding[]
}

/** A repository that the bot may write to. */
interface Repository {
  repo: string
  branch: string
  isPrivate: boolean
}

/** Looks at each of GITHUB_REPOS, and gives back those where the bot has the role that it needs. */
async function checkRepositoriesOf({ settings, github, login, faults }: TokenCheck): Promise<Repository[]> {
  const org = settings.GITHUB_ORG
  const page = settingsPages(settings)
  const places: Repository[] = []
  for (const repo of settings.GITHUB_REPOS) {
    try {
      const { data } = await github.request('GET /repos/{owner}/{repo}', { owner: org, repo })
      if (data.permissions?.push) places.push({ repo, branch: data.default_branch, isPrivate: data.private })
      else
        faults.push({
          message: `the bot ${login} may not write to ${org}/${repo}`,
          remedy: `Give it the role Write at ${page.access(repo)}; as the bot, accept at ${page.invitations(repo)}.`,
        })
    } catch (error) {
      const wish: Operation = { description: `look at ${org}/${repo}`, scope: 'repo', permission: 'Metadata: read' }
      if (statusOf(error) !== 404) throw explainGitHub(error, settings, wish)
      faults.push({
        message: `GitHub shows the bot ${login} no repository ${org}/${repo}`,
        remedy: `See its spelling in GITHUB_REPOS; invite the bot at ${page.access(repo)} and accept as the bot at ${page.invitations(repo)}.`,
      })
    }
  }
  return places
}

/** Whether the bot is a member: others are not told which members are private, and trigger then distrusts those. */
async function checkMembership({ settings, github, login, kind, faults, warnings }: TokenCheck): Promise<void> {
  const org = settings.GITHUB_ORG
  const page = settingsPages(settings)
  const everywhere = settings.GITHUB_REPOS.length === 0
  try {
    const { data } =
      kind === 'fine-grained'
        ? await github.request('GET /orgs/{org}/memberships/{username}', { org, username: login })
        : await github.request('GET /user/memberships/orgs/{org}', { org })
    if (data.state !== 'pending') return
    ;(everywhere ? faults : warnings).push({
      message: `the bot ${login} has not accepted the invitation to ${org}`,
      remedy: `As the bot, open ${page.invitation}.`,
    })
  } catch (error) {
    const status = statusOf(error)
    const sso = (error as Refused).response?.headers?.['x-github-sso']
    const wish: Operation = {
      description: `look at the organisation ${org}`,
      scope: 'read:org',
      permission: 'Members: read',
    }
    if (sso || (status !== 404 && status !== 403)) throw explainGitHub(error, settings, wish)
    if (lacksPermission(error)) {
      faults.push({
        message: `GitHub does not tell this token who is in ${org}: it lacks the permission Members`,
        remedy: `Give it Organization permissions, Members: Read-only at ${page.fineGrained}; its resource owner must be ${org}. Without it trigger trusts no private member.`,
      })
      return
    }
    warnings.push({
      message: `the bot ${login} is no member of ${org}: it does not see private members, whom trigger then does not trust`,
      remedy: everywhere
        ? `Invite it at ${page.people}: it has to see who is a member, and to write to the repositories.`
        : `Invite it at ${page.people}, or let people be collaborators of the repositories.`,
    })
  }
}

/** Whether GitHub refused for want of a permission, as it does to fine-grained tokens. */
function lacksPermission(error: unknown): boolean {
  return statusOf(error) === 403 && /not accessible by personal access token/i.test(messageOf(error))
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
async function checkPermissions(
  { settings, github, login, faults, warnings }: TokenCheck,
  file: string,
  places: Repository[],
): Promise<string> {
  const org = settings.GITHUB_ORG
  const page = settingsPages(settings)
  const all = settings.GITHUB_REPOS.length > 0 ? places : await writable(settings, github)
  /** Whether GitHub lets us ask; any other refusal says nothing about the permission. */
  const may = async (path: string): Promise<boolean> => {
    try {
      await github.request(`GET ${path}`, { per_page: 1 })
      return true
    } catch (error) {
      const wish: Operation = { description: `look at ${org}`, scope: 'repo', permission: 'Metadata: read' }
      if ((statusOf(error) ?? 500) >= 500) throw explainGitHub(error, settings, wish)
      return !lacksPermission(error)
    }
  }
  const unreached: string[] = []
  for (const { repo } of settings.GITHUB_REPOS.length > 0 ? all : all.slice(0, 1))
    if (!(await may(`/repos/${org}/${repo}/collaborators`))) unreached.push(`${org}/${repo}`)
  if (unreached.length > 0) {
    faults.push({
      message: `${file} does not reach ${unreached.join(', ')}, though the bot ${login} may write there`,
      remedy: `At ${page.fineGrained} its resource owner must be ${org}, and these must be among its repositories; an owner of ${org} may have to approve it at ${page.tokenRequests}.`,
    })
  }
  const place = all.find(({ repo, isPrivate }) => isPrivate && !unreached.includes(`${org}/${repo}`))
  if (hooksOfOrganisation(settings) && !(await may(`/orgs/${org}/hooks`))) {
    warnings.push({
      message: `${file} lacks the permission Webhooks of the organisation (12-webhook)`,
      remedy: `Give it Organization permissions, Webhooks: Read and write at ${page.fineGrained}; or make the webhook by hand and set WEBHOOK=none.`,
    })
  }
  if (!place) return 'no private repository to see its permissions by'

  const base = `/repos/${org}/${place.repo}`
  for (const { title, access, forWhat, asks, needed, when } of FINE_GRAINED) {
    if (when?.(settings) === false) continue
    if (await may(base + asks.replace('{branch}', encodeURIComponent(place.branch)))) continue
    ;(needed ? faults : warnings).push({
      message: `${file} lacks the permission ${title} in ${org}/${place.repo} (${forWhat})`,
      remedy: `Give it Repository permissions, ${title}: ${access} at ${page.fineGrained}.`,
    })
  }
  if (!(await may(`${base}/commits/${encodeURIComponent(place.branch)}/check-runs`))) {
    warnings.push({
      message: `${file} cannot read check runs of ${org}/${place.repo}: Tide fails on each pull request that has one, as GitHub Actions make them`,
      remedy: `GitHub offers fine-grained tokens no such permission: use a classic one (${page.tokens}) or an App (GITHUB_AUTH=app).`,
    })
  }
  return `reads what Prow reads in ${org}/${place.repo}; whether it may write GitHub tells nobody`
}

/** Repositories of the organisation that the bot may write to, a private one first. */
async function writable(settings: Settings, github: GitHub): Promise<Repository[]> {
  const { GITHUB_ORG: org } = settings
  const wish: Operation = {
    description: `list the repositories of ${org}`,
    scope: 'repo',
    permission: 'Metadata: read',
  }
  const { data } = await callGitHub(settings, wish, () =>
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
export async function checkApp(settings: Settings, key: string): Promise<CredentialReport> {
  const page = settingsPages(settings)
  const faults: Finding[] = []
  const warnings: Finding[] = []
  const github = await asApp(settings, key)
  const wish: Operation = { description: 'look at the App', scope: '', permission: 'Metadata: read' }
  const { data: app } = await callGitHub(settings, wish, () => github.request('GET /app'))
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
    if (statusOf(error) !== 404) throw explainGitHub(error, settings, wish)
    faults.push({
      message: `the App ${name} is not installed in ${settings.GITHUB_ORG}`,
      remedy: `Install it: ${page.install(app?.slug ?? '')}`,
    })
    return { summary: `the App is ${name}`, faults, warnings }
  }
  if (installed.suspended_at) {
    faults.push({
      message: `the installation of the App ${name} in ${settings.GITHUB_ORG} is suspended`,
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
      message: `the App ${name} lacks the permission ${permission}: ${access} (${forWhat})`,
      remedy: accept
        ? `It asks for it already: accept the request at ${page.installations}.`
        : `Add it at ${page.apps}, Permissions & events, then accept it at ${page.installations}.`,
    })
  }
  const deaf = APP_EVENTS.filter((event) => !(installed.events ?? []).includes(event))
  if (deaf.length > 0) {
    faults.push({
      message: `the App ${name} is not subscribed to ${deaf.join(', ')}`,
      remedy: `Tick them at ${page.apps}, Permissions & events.`,
    })
  }
  return {
    summary: `the App is ${name}, installed in ${settings.GITHUB_ORG} (${installed.repository_selection ?? 'all'} repositories)`,
    faults,
    warnings,
  }
}

/** Asks GitHub about the token that jobs clone with. Any job can mount it, so it should only read. */
export async function checkCloneToken(settings: Settings, token: string, file: string): Promise<CredentialReport> {
  const page = settingsPages(settings)
  const found: CredentialReport = { summary: '', faults: [], warnings: [] }
  const only = `Make a fine-grained one of ${settings.GITHUB_ORG} at ${page.fineGrained}, with Contents: Read-only.`
  const kind = tokenKind(token)
  if (kind === 'installation') {
    found.faults.push({
      message: `${file} is a token of an App's installation, which ends within the hour`,
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
      found.warnings.push({ message: `${file} may also write, and any job can mount it`, remedy: only })
  } catch (error) {
    if (statusOf(error) !== 401)
      throw explainGitHub(error, settings, {
        description: `look at ${file}`,
        scope: 'repo',
        permission: 'Metadata: read',
      })
    found.faults.push({
      message: `GitHub does not accept ${file} (${messageOf(error)})`,
      remedy: `It is expired or revoked. ${only}`,
    })
    return found
  }
  for (const repo of settings.GITHUB_REPOS) {
    try {
      await github.request('GET /repos/{owner}/{repo}/branches', { owner: settings.GITHUB_ORG, repo, per_page: 1 })
    } catch (error) {
      const wish: Operation = {
        description: `clone ${settings.GITHUB_ORG}/${repo}`,
        scope: 'repo',
        permission: 'Contents: read',
      }
      if (![403, 404].includes(statusOf(error) ?? 0)) throw explainGitHub(error, settings, wish)
      found.faults.push({
        message: `${file} cannot read ${settings.GITHUB_ORG}/${repo}: jobs would not clone it`,
        remedy: `Give it that repository and Contents: Read-only at ${page.fineGrained}.`,
      })
    }
  }
  return found
}
