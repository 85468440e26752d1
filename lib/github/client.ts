import type { Octokit } from '@octokit/core'
import type { PaginateInterface } from '@octokit/plugin-paginate-rest'
import { Problem } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'

// Loaded only by steps that talk to GitHub: octokit costs a tenth of a second to read in.

export type GitHub = Octokit & { paginate: PaginateInterface }

/** What a call was for, so that a refusal can name what is missing. */
export interface Operation {
  /** As in: GitHub does not let us … */
  description: string
  /** Of a classic token. */
  scope: string
  /** Of a fine-grained token or an App. */
  permission: string
}

/** The pages where rights are given. */
export function settingsPages(settings: Settings) {
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

export interface Refused {
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
export function messageOf(error: unknown): string {
  const { response, message } = error as Refused
  const more = response?.data?.errors?.map((one) => one.message ?? one.code).filter(Boolean) ?? []
  return [response?.data?.message ?? message ?? String(error), ...more].join(': ')
}

/** What a refusal of GitHub means to the reader, with the page where it is mended. */
export function explainGitHub(error: unknown, settings: Settings, wish: Operation): Problem {
  if (error instanceof Problem) return error
  const status = statusOf(error)
  const headers = (error as Refused).response?.headers ?? {}
  const page = settingsPages(settings)
  const app = settings.GITHUB_AUTH === 'app'
  const give = app
    ? `Give the App the permission "${wish.permission}" at ${page.apps}, and accept the change at ${page.installations}.`
    : `Give the token the scope ${wish.scope} at ${page.tokens} (a fine-grained one the permission "${wish.permission}" at ${page.fineGrained}), and its account the right to do it.`
  const because = (message: string, remedy: string) => new Problem(message, remedy, { cause: error })
  if (status === undefined) {
    return because(
      `GitHub at ${settings.GITHUB_API} does not answer: ${(error as Error).message}`,
      'See that this machine reaches it (GITHUB_API), or set GITHUB_CHECKS=off to leave GitHub out.',
    )
  }
  const words = messageOf(error)
  const sso = String(headers['x-github-sso'] ?? '')
  if (sso) {
    const url = /url=(\S+)/.exec(sso)?.[1]
    return because(
      `GitHub does not let us ${wish.description}: the organisation wants single sign-on for this token`,
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
  if (status === 403) return because(`GitHub does not let us ${wish.description} (${words})`, give)
  // GitHub hides what one has no right to see.
  if (status === 404)
    return because(`GitHub does not let us ${wish.description}: it says Not Found, also where a right is missing`, give)
  if (status === 422) return because(`GitHub refuses to ${wish.description}: ${words}`, 'Correct what it says.')
  if (status >= 500)
    return because(
      `GitHub failed with ${status} when asked to ${wish.description}`,
      'Look at https://www.githubstatus.com, and run the step again.',
    )
  return because(
    `GitHub answered ${status} when asked to ${wish.description}: ${words}`,
    'Run the step again with --verbose.',
  )
}

/** Asks GitHub, and explains what it refuses. */
export async function callGitHub<T>(settings: Settings, wish: Operation, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explainGitHub(error, settings, wish)
  }
}
