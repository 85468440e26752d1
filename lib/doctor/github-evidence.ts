import type { Finding, Problem } from '../base/problem.ts'
import { checkApp } from '../github/app.ts'
import { appWebhook } from '../github/app-webhook.ts'
import { checkBot } from '../github/bot.ts'
import { type BranchRules, readBranchRules } from '../github/branch-rules.ts'
import type { GitHub } from '../github/client.ts'
import { answerOf, type Delivery, listDeliveries, readDelivery } from '../github/delivery.ts'
import { type Repository, readRepository } from '../github/repositories.ts'
import { callGitHub } from '../github/requests.ts'
import { findWebhook, type Hook, hookUrl, isSameUrl, listWebhooks, type Webhook } from '../github/webhook.ts'
import {
  organizationTarget,
  repositoryTarget,
  usesOrganizationWebhook,
  type WebhookTarget,
  webhookTargets,
} from '../github/webhook-targets.ts'
import type { ClusterConfig } from '../prow/cluster-config.ts'
import { mergeMethods, namedRepositories } from '../prow/config-repositories.ts'
import { readMountedValue, signIn, signInAsApp } from '../prow/sign-in.ts'
import { settle } from '../run/findings.ts'
import type { Settings } from '../settings/table.ts'

/** A webhook on GitHub, and what it delivered last. */
export interface WebhookEvidence {
  target: WebhookTarget
  /** Absent where GitHub has none that delivers to hook. */
  webhook?: Webhook
  hook?: Hook
  /** Others of the same owner that deliver to hook. */
  duplicates: Hook[]
  /** Names of owners of whom another webhook delivers the same events to hook. */
  twins: string[]
  /** The URLs of webhooks of the same owner that deliver to a hook elsewhere. */
  elsewhere: string[]
  /** The newest first, at most DELIVERIES. */
  deliveries: Delivery[]
  /** What came back for the newest one that has ended. */
  answer?: string
}

/** A repository that Prow serves. */
export interface RepositoryEvidence {
  repo: string
  /** Absent where GitHub shows none to the bot. */
  repository?: Repository
  /** The method by which Tide merges there; undefined where it merges nothing. */
  method?: string
  /** What GitHub requires of the branches into which Tide merges. */
  rules: BranchRules[]
}

export interface GitHubEvidence {
  /** As the bot, or as the App's installation; absent when the credential is not accepted. */
  github?: GitHub
  /** What there is to remark about the token or the App. */
  credential: Finding[]
  /** The login of the bot, or the slug of the App. */
  login: string
  /** How many requests are left, and when the count starts again. */
  rate?: { limit: number; remaining: number; reset: Date }
  webhooks: WebhookEvidence[]
  repositories: RepositoryEvidence[]
}

/** Reads something; what cannot be read is noted, with the name of the source. */
type Tolerant = <T>(source: string, read: () => Promise<T>) => Promise<T | undefined>

/** How many deliveries are counted, and how many repositories looked into: each costs a few requests. */
const DELIVERIES = 30
const REPOSITORIES = 20

/** What GitHub has about this Prow, read with the credential that its components have. Undefined while there is none. */
export async function readGitHub(
  settings: Settings,
  config: ClusterConfig | undefined,
  tolerant: Tolerant,
): Promise<GitHubEvidence | undefined> {
  const app = settings.GITHUB_AUTH === 'app'
  const value = await readMountedValue(settings, app ? 'github-app-key' : 'oauth-token')
  if (value === undefined) return undefined
  const credential = await (app ? checkApp(settings, value) : checkBot(settings, value, 'Secret prow/oauth-token'))
  const github = await tolerant('GitHub', () => signIn(settings, readMountedValue))
  if (!github) return { credential, login: '', webhooks: [], repositories: [] }
  const [login = '', rate, webhooks, repositories] = await Promise.all([
    tolerant('the name of the bot', () => readLogin(github, settings)),
    tolerant('the rate limit', () => readRate(github, settings)),
    Promise.all(
      webhookTargets(settings).map((target) =>
        tolerant(target.name, () => (app ? readAppWebhook(settings) : readWebhook(github, settings, target))),
      ),
    ),
    readRepositories(github, settings, config, tolerant),
  ])
  return { github, credential, login, rate, webhooks: webhooks.filter((one) => one !== undefined), repositories }
}

async function readLogin(github: GitHub, settings: Settings): Promise<string> {
  const operation = { description: "read the bot's account", scope: 'read:user', permission: 'Metadata: read' }
  if (settings.GITHUB_AUTH === 'pat')
    return (await callGitHub(settings, operation, () => github.request('GET /user'))).data.login
  const app = await signInAsApp(settings, readMountedValue)
  const { data } = (await app?.request('GET /app')) ?? {}
  return data?.slug ?? ''
}

async function readRate(github: GitHub, settings: Settings): Promise<GitHubEvidence['rate']> {
  const operation = { description: 'read its rate limit', scope: '', permission: 'Metadata: read' }
  const answer = await callGitHub(settings, operation, () =>
    github.request('GET /rate_limit').catch((error) => {
      // GitHub Enterprise Server answers this unless its administrator has turned limits on.
      if (error.status === 404) return undefined
      throw error
    }),
  )
  if (!answer) return undefined
  const { core, graphql } = answer.data.resources
  // Tide searches with GraphQL, the others use REST: the one of which less is left counts.
  const left = (one: typeof core) => one.remaining / Math.max(1, one.limit)
  const scarce = graphql && left(graphql) < left(core) ? graphql : core
  return { limit: scarce.limit, remaining: scarce.remaining, reset: new Date(scarce.reset * 1000) }
}

async function readWebhook(github: GitHub, settings: Settings, target: WebhookTarget): Promise<WebhookEvidence> {
  const [{ hook, duplicates }, all, twins] = await Promise.all([
    findWebhook(github, settings, target),
    listWebhooks(github, settings, target),
    readTwins(github, settings, target),
  ])
  const elsewhere = all.flatMap(({ config }) => (/^[^?]*\/hook\/?$/.test(config.url ?? '') ? config.url! : []))
  if (!hook) return { target, duplicates, twins, elsewhere, deliveries: [] }
  const webhook = { target, path: `${target.path}/hooks/${hook.id}` }
  return { target, webhook, hook, duplicates, twins, elsewhere, ...(await readDeliveries(github, settings, webhook)) }
}

/** The other owners whose webhook delivers the events of `target` to hook once more: its organization, or its repositories. */
async function readTwins(github: GitHub, settings: Settings, target: WebhookTarget): Promise<string[]> {
  const others = usesOrganizationWebhook(settings)
    ? settings.GITHUB_REPOS.map((repo) => repositoryTarget(settings, repo))
    : [organizationTarget(settings)]
  const found = await Promise.all(
    others.map(async (other) => {
      const hooks = await settle(
        listWebhooks(github, settings, other).then((list) => {
          const delivers = list.some(({ active, config }) => active && isSameUrl(config.url, hookUrl(settings)))
          return delivers ? [{ outcome: 'passed' as const, message: other.name, remedy: '' }] : []
        }),
      )
      // Without the right to read them nothing is known of them.
      return hooks.filter(({ outcome }) => outcome === 'passed').map(({ message }) => message)
    }),
  )
  return found.flat().filter((name) => name !== target.name)
}

/** An App's only webhook; its events are those of the App, and it is always active. */
async function readAppWebhook(settings: Settings): Promise<WebhookEvidence | undefined> {
  const app = await signInAsApp(settings, readMountedValue)
  if (!app) return undefined
  const webhook = appWebhook(settings)
  const { target } = webhook
  const { data } = await callGitHub(settings, target.operation, () => app.request('GET /app/hook/config'))
  const hook: Hook = { id: 0, active: true, events: ['*'], config: data }
  const none = { duplicates: [], twins: [], elsewhere: [] }
  if (!isSameUrl(hook.config.url, hookUrl(settings)))
    return { target, ...none, elsewhere: hook.config.url ? [hook.config.url] : [], deliveries: [] }
  return { target, webhook, hook, ...none, ...(await readDeliveries(app, settings, webhook)) }
}

async function readDeliveries(
  github: GitHub,
  settings: Settings,
  webhook: Webhook,
): Promise<Pick<WebhookEvidence, 'deliveries' | 'answer'>> {
  const deliveries = await listDeliveries(github, settings, webhook, DELIVERIES)
  const newest = deliveries.find(({ status_code: code }) => code !== 0)
  if (!newest) return { deliveries }
  return { deliveries, answer: answerOf(await readDelivery(github, settings, webhook, newest)) }
}

/** The repositories of GITHUB_REPOS and those that the configuration in the cluster names. */
async function readRepositories(
  github: GitHub,
  settings: Settings,
  config: ClusterConfig | undefined,
  tolerant: Tolerant,
): Promise<RepositoryEvidence[]> {
  const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
  const named = config ? await namedRepositories(config.prow, org) : new Map()
  const methodOf = config ? await mergeMethods(config.prow, org) : () => undefined
  const all = [...new Set([...repos, ...named.keys()])].slice(0, REPOSITORIES)
  const found = await Promise.all(
    all.map((repo) =>
      tolerant(`repository ${org}/${repo}`, async (): Promise<RepositoryEvidence> => {
        const repository = await readRepository(github, settings, `${org}/${repo}`)
        const method = methodOf(repo)
        const branch = repository?.default_branch
        if (!repository || !method || !branch) return { repo, repository, method, rules: [] }
        const isAdmin = repository.permissions?.admin === true
        return {
          repo,
          repository,
          method,
          rules: [await readBranchRules(github, settings, `${org}/${repo}`, branch, isAdmin)],
        }
      }),
    ),
  )
  return found.filter((one) => one !== undefined)
}

/** Whether a Problem is about the credential or the organization as a whole, and not about one thing that is asked. */
export function isAboutCredential({ findings }: Problem): boolean {
  const { id = '' } = findings[0]!
  return id.startsWith('PRW-GH-') && !['PRW-GH-028', 'PRW-GH-029', 'PRW-GH-030', 'PRW-GH-034'].includes(id)
}
