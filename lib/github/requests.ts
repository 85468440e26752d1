import { Problem } from '../base/problem.ts'
import { forget, markWritten } from '../run/context.ts'
import type { Settings } from '../settings/table.ts'
import { denialOf } from './denials.ts'
import { settingsPages } from './pages.ts'

/** What a request is for, so that its denial can name the right that is missing. */
export interface Operation {
  /** Continues "GitHub denied permission to …". */
  description: string
  /** The scope of a classic token that allows it. */
  scope: string
  /** The permission of a fine-grained token or an App that allows it. */
  permission: string
}

/** What octokit throws, as far as it is read. */
interface RequestError {
  status?: number
  message?: string
  response?: {
    headers?: Record<string, string | number | undefined>
    data?: { message?: string; errors?: { message?: string; code?: string }[] }
  }
}

/** The HTTP status of what octokit threw; undefined when GitHub did not answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as RequestError)?.response ? (error as RequestError).status : undefined
}

/** The message of what octokit threw: GitHub's own where it answered. */
export function messageOf(error: unknown): string {
  const { response, message } = error as RequestError
  const details = response?.data?.errors?.map((one) => one.message ?? one.code).filter(Boolean) ?? []
  return [response?.data?.message ?? message ?? String(error), ...details].join(': ')
}

/** A header of the answer that octokit threw; empty when there is none. */
export function headerOf(error: unknown, name: string): string {
  return String((error as RequestError).response?.headers?.[name] ?? '')
}

/** The Problem of a request that failed, with the page on which the missing right is granted. */
export function explainGitHub(
  error: unknown,
  settings: Settings,
  { description, scope, permission }: Operation,
): Problem {
  if (error instanceof Problem) return error
  const pages = settingsPages(settings)
  const app = settings.GITHUB_AUTH === 'app'
  const status = statusOf(error)
  if (status === undefined) {
    return new Problem(
      `GitHub at ${settings.GITHUB_API} does not answer: ${(error as Error).message}`,
      'Check that this machine reaches it (GITHUB_API), or set GITHUB_CHECKS=off to send it no requests.',
      { cause: error, code: 'unreachable' },
    )
  }
  const message = messageOf(error)
  const sso = headerOf(error, 'x-github-sso')
  if (sso) {
    return new Problem(
      `GitHub denied permission to ${description}: the organization requires single sign-on for this token`,
      `Authorize the token for ${settings.GITHUB_ORG}: ${/url=(\S+)/.exec(sso)?.[1] ?? pages.tokens}`,
      { cause: error, code: 'denied', id: 'PRW-GH-021' },
    )
  }
  if (isRateLimit(error)) {
    return new Problem(`the rate limit of GitHub is used up ${limitedUntil(error)}`, 'Run the step again then.', {
      cause: error,
      id: 'PRW-GH-032',
    })
  }
  const denial = status === 401 || status === 403 ? denialOf(message) : undefined
  if (denial) {
    const { cause, remedy } = denial.explain(message, settings)
    return new Problem(`GitHub denied permission to ${description}: ${cause}\nGitHub answered: ${message}`, remedy, {
      cause: error,
      code: 'denied',
      id: denial.id,
    })
  }
  if (status === 401) {
    return new Problem(
      `GitHub does not accept ${app ? "the App's key" : 'the token'} (${message})`,
      app
        ? `Check that GITHUB_APP_ID=${settings.GITHUB_APP_ID} and secrets/github-app-key belong together (${pages.apps}, Private keys), and that the clock of this machine is right.`
        : `It has expired or was revoked. Create another at ${pages.tokens} and put it into secrets/oauth-token.`,
      { cause: error, code: 'denied', id: 'PRW-GH-020' },
    )
  }
  // GitHub answers 404 for what the caller has no right to see.
  if (status === 403 || status === 404) {
    return new Problem(
      `GitHub denied permission to ${description} (${status === 404 ? 'Not Found, which it also answers where a right is missing' : message})`,
      app
        ? `Give the App the permission "${permission}" at ${pages.apps}, and accept the change at ${pages.installations}.`
        : `Give the token the scope ${scope} at ${pages.tokens} (a fine-grained one the permission "${permission}" at ${pages.fineGrained}), and its account the right to do it.`,
      { cause: error, code: 'denied', id: 'PRW-GH-034' },
    )
  }
  if (status === 422) {
    return new Problem(`GitHub rejected the request to ${description}: ${message}`, 'Correct the value it names.', {
      cause: error,
    })
  }
  if (status >= 500) {
    return new Problem(
      `GitHub failed with ${status} on the request to ${description}`,
      'Check https://www.githubstatus.com, and run the step again.',
      { cause: error },
    )
  }
  return new Problem(
    `GitHub answered ${status} to the request to ${description}: ${message}`,
    'Run the step again with --verbose.',
    { cause: error },
  )
}

function isRateLimit(error: unknown): boolean {
  const status = statusOf(error)
  if (status !== 403 && status !== 429) return false
  return headerOf(error, 'x-ratelimit-remaining') === '0' || /rate limit/i.test(messageOf(error))
}

function limitedUntil(error: unknown): string {
  const seconds = headerOf(error, 'retry-after')
  if (seconds) return `for ${seconds} s`
  const reset = Number(headerOf(error, 'x-ratelimit-reset'))
  return reset ? `until ${new Date(reset * 1000).toISOString().slice(11, 16)} UTC` : 'for a while'
}

/** Reads from GitHub. Throws a Problem that explains its refusal. */
export async function callGitHub<T>(settings: Settings, operation: Operation, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explainGitHub(error, settings, operation)
  }
}

/** Writes to GitHub, and drops what was read about `about`. Throws a Problem that explains its refusal. */
export async function writeGitHub<T>(
  settings: Settings,
  operation: Operation,
  about: string,
  work: () => Promise<T>,
): Promise<T> {
  markWritten()
  try {
    return await callGitHub(settings, operation, work)
  } finally {
    forget(about)
  }
}
