import { type Finding, failed, passed, warning } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'
import { settingsPages } from './pages.ts'
import { listRepositories, type Repository, readRepository } from './repositories.ts'
import { explainGitHub, messageOf, statusOf } from './requests.ts'
import type { Bot } from './token.ts'
import { usesOrganizationWebhook } from './webhook-targets.ts'

/**
 * The permissions that Prow needs of a fine-grained token, named as on GitHub's page. `path` is a read that GitHub
 * answers for a private repository only with the permission: it reports neither which permissions a token has nor
 * whether it may write.
 */
const PERMISSIONS: {
  title: string
  access: 'Read-only' | 'Read and write'
  purpose: string
  path: string
  /** Whether Prow is of no use without it. */
  required: boolean
  when?: (settings: Settings) => boolean
}[] = [
  { title: 'Contents', access: 'Read and write', purpose: 'clones; Tide merges', path: '/branches', required: true },
  { title: 'Issues', access: 'Read and write', purpose: 'comments and labels', path: '/issues', required: true },
  { title: 'Pull requests', access: 'Read and write', purpose: 'reviews and merges', path: '/pulls', required: true },
  {
    title: 'Commit statuses',
    access: 'Read and write',
    purpose: 'results of jobs',
    path: '/commits/{branch}/status',
    required: true,
  },
  {
    title: 'Administration',
    access: 'Read-only',
    purpose: 'the plugin override reads branch protection',
    path: '/branches/{branch}/protection',
    required: false,
  },
  {
    title: 'Webhooks',
    access: 'Read and write',
    purpose: '12-webhook',
    path: '/hooks',
    required: false,
    when: (settings) => settings.WEBHOOK !== 'none' && !usesOrganizationWebhook(settings),
  },
]

/** Whether GitHub denied a request because a fine-grained token lacks a permission. */
export function isPermissionMissing(error: unknown): boolean {
  return statusOf(error) === 403 && /not accessible by personal access token/i.test(messageOf(error))
}

/** Whether a read is not denied for want of a permission; any other refusal means nothing for the permission. */
async function isPermitted(github: GitHub, settings: Settings, path: string): Promise<boolean> {
  try {
    await github.request(`GET ${path}`, { per_page: 1 })
    return true
  } catch (error) {
    if ((statusOf(error) ?? 500) < 500) return !isPermissionMissing(error)
    const description = `read ${settings.GITHUB_ORG}`
    throw explainGitHub(error, settings, { description, scope: 'repo', permission: 'Metadata: read' })
  }
}

/** Checks the permissions of a fine-grained token in one private repository: they are the same in all that it reaches. */
export async function checkPermissions(settings: Settings, bot: Bot): Promise<Finding[]> {
  const repositories = await writableRepositories(settings, bot.github)
  // Of all repositories of the organization, one stands for the others.
  const sample = settings.GITHUB_REPOS.length > 0 ? repositories : repositories.slice(0, 1)
  const unreached = await unreachedRepositories(settings, bot, sample)
  const place = repositories.find((one) => one.private && !unreached.includes(one.name))
  const [reach, webhook, permissions] = await Promise.all([
    reachFindings(settings, bot, unreached),
    organizationWebhookFindings(settings, bot),
    place ? permissionFindings(settings, bot, place) : [],
  ])
  const where = place
    ? passed(
        `the bot's token can read ${settings.GITHUB_ORG}/${place.name}`,
        'GitHub does not report whether it can write',
      )
    : passed("the permissions of the bot's token are not checked", 'it can write to no private repository')
  return [...reach, ...webhook, ...permissions, where]
}

/** The repositories that Prow serves and the bot may write to, private ones first. */
async function writableRepositories(settings: Settings, github: GitHub): Promise<Repository[]> {
  const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
  if (repos.length > 0) {
    const all = await Promise.all(repos.map((repo) => readRepository(github, settings, `${org}/${repo}`)))
    return all.filter((one) => one?.permissions?.push).map((one) => one as Repository)
  }
  const all = await listRepositories(github, settings)
  return all
    .filter(({ permissions }) => permissions?.push !== false)
    .sort((one, other) => Number(other.private) - Number(one.private))
}

/** The names of those repositories that the token was not given. */
async function unreachedRepositories(settings: Settings, bot: Bot, repositories: Repository[]): Promise<string[]> {
  const permitted = await Promise.all(
    repositories.map(({ name }) =>
      isPermitted(bot.github, settings, `/repos/${settings.GITHUB_ORG}/${name}/collaborators`),
    ),
  )
  return repositories.filter((_, index) => !permitted[index]).map(({ name }) => name)
}

function reachFindings(settings: Settings, { login, file }: Bot, unreached: string[]): Finding[] {
  if (unreached.length === 0) return []
  const { GITHUB_ORG: org } = settings
  const pages = settingsPages(settings)
  return [
    failed(
      `${file} does not reach ${unreached.map((repo) => `${org}/${repo}`).join(', ')}, though the bot ${login} may write there`,
      `At ${pages.fineGrained} its resource owner must be ${org}, and these must be among its repositories; an owner of ${org} may have to approve it at ${pages.tokenRequests}.`,
      'denied',
    ),
  ]
}

async function organizationWebhookFindings(settings: Settings, { github, file }: Bot): Promise<Finding[]> {
  const { GITHUB_ORG: org } = settings
  if (!usesOrganizationWebhook(settings) || (await isPermitted(github, settings, `/orgs/${org}/hooks`))) return []
  return [
    warning(
      `${file} lacks the permission Webhooks of the organization (12-webhook)`,
      `Give it Organization permissions, Webhooks: Read and write at ${settingsPages(settings).fineGrained}; or create the webhook by hand and set WEBHOOK=none.`,
    ),
  ]
}

async function permissionFindings(settings: Settings, { github, file }: Bot, place: Repository): Promise<Finding[]> {
  const pages = settingsPages(settings)
  const fullName = `${settings.GITHUB_ORG}/${place.name}`
  const branch = encodeURIComponent(place.default_branch ?? 'main')
  const isReadable = (path: string) =>
    isPermitted(github, settings, `/repos/${fullName}${path.replace('{branch}', branch)}`)
  const wanted = PERMISSIONS.filter(({ when }) => when?.(settings) !== false)
  const [readable, checks] = await Promise.all([
    Promise.all(wanted.map(({ path }) => isReadable(path))),
    isReadable('/commits/{branch}/check-runs'),
  ])
  return [
    ...wanted.flatMap(({ title, access, purpose, required }, index) => {
      if (readable[index]) return []
      const message = `${file} lacks the permission ${title} in ${fullName} (${purpose})`
      const remedy = `Give it Repository permissions, ${title}: ${access} at ${pages.fineGrained}.`
      return required ? failed(message, remedy, 'denied') : warning(message, remedy)
    }),
    ...(checks
      ? []
      : [
          warning(
            `${file} cannot read check runs of ${fullName}: Tide fails on each pull request that has one, as GitHub Actions create them`,
            `GitHub has no such permission for fine-grained tokens: use a classic one (${pages.tokens}) or an App (GITHUB_AUTH=app).`,
          ),
        ]),
  ]
}
