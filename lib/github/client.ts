import type { Octokit } from '@octokit/core'
import type { PaginateInterface } from '@octokit/plugin-paginate-rest'
import type { Settings } from '../settings/table.ts'

export type GitHub = Octokit & { paginate: PaginateInterface }

/** The limit of one request, in milliseconds. */
const LIMIT = 30_000

// Imported on demand: loading octokit takes a tenth of a second, and most steps do not talk to GitHub.
async function client(settings: Settings, auth: object): Promise<GitHub> {
  const [{ Octokit: Core }, { paginateRest }, { retry }, { throttling }] = await Promise.all([
    import('@octokit/core'),
    import('@octokit/plugin-paginate-rest'),
    import('@octokit/plugin-retry'),
    import('@octokit/plugin-throttling'),
  ])
  // A rate limit of up to a minute is waited for, once; a longer one is reported.
  const waitsFor = (seconds: number, _options: object, _octokit: Octokit, retries: number) =>
    retries < 1 && seconds <= 60
  const Client = Core.plugin(paginateRest, retry, throttling)
  return new Client({
    ...auth,
    baseUrl: settings.GITHUB_API,
    userAgent: 'prow-runbook',
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    retry: { retries: 2 },
    throttle: { onRateLimit: waitsFor, onSecondaryRateLimit: waitsFor, fallbackSecondaryRateRetryAfter: 5 },
    request: { fetch: fetchWithCause },
  }) as unknown as GitHub
}

/** fetch with a limit; its error names the cause, which Node hides behind "fetch failed". */
async function fetchWithCause(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(LIMIT) })
  } catch (error) {
    const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } }
    const reason =
      name === 'TimeoutError' ? `no answer within ${LIMIT / 1000} seconds` : (cause?.code ?? cause?.message ?? message)
    throw new Error(reason, { cause: error })
  }
}

/** GitHub as the owner of a token. */
export function asBot(settings: Settings, token: string): Promise<GitHub> {
  return client(settings, { auth: token })
}

/** GitHub as the App itself, which can read its installations and configure its own webhook. */
export async function asApp(settings: Settings, privateKey: string): Promise<GitHub> {
  const { createAppAuth } = await import('@octokit/auth-app')
  return client(settings, { authStrategy: createAppAuth, auth: { appId: settings.GITHUB_APP_ID, privateKey } })
}

/** GitHub as the App's installation in the organization. */
export async function asInstallation(settings: Settings, privateKey: string, installationId: number): Promise<GitHub> {
  const { createAppAuth } = await import('@octokit/auth-app')
  return client(settings, {
    authStrategy: createAppAuth,
    auth: { appId: settings.GITHUB_APP_ID, privateKey, installationId },
  })
}
