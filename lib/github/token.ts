import { type Finding, failed, warning, withId } from '../base/problem.ts'
import type { GitHub } from './client.ts'

/** The bot whose token is checked. */
export interface Bot {
  github: GitHub
  login: string
  kind: TokenKind
  /** Where its token is, for messages: `secrets/oauth-token`. */
  file: string
}

export type TokenKind = 'classic' | 'fine-grained' | 'installation' | 'oauth'

/** The kind of a token, by its prefix. GitHub Enterprise has prefixes of its own: what is unknown counts as classic. */
export function tokenKind(token: string): TokenKind {
  if (token.startsWith('github_pat_')) return 'fine-grained'
  if (token.startsWith('ghs_')) return 'installation'
  return /^gh[ou]_/.test(token) ? 'oauth' : 'classic'
}

const IMPLIED: Record<string, string[]> = {
  repo: ['repo:status', 'public_repo', 'repo_deployment', 'repo:invite'],
  'admin:org': ['write:org', 'read:org'],
  'write:org': ['read:org'],
}

/** Whether scopes include one, by themselves or by a wider one. */
export function hasScope(scopes: string[], wanted: string): boolean {
  return scopes.some((scope) => scope === wanted || IMPLIED[scope]?.includes(wanted))
}

/** The scopes in the header `x-oauth-scopes`. */
export function parseScopes(header: unknown): string[] {
  return String(header ?? '')
    .split(',')
    .map((scope) => scope.trim())
    .filter(Boolean)
}

/** The header `github-authentication-token-expiration`: `2026-12-01 10:00:00 UTC`, or with a numeric offset. */
export function parseExpiry(header: unknown): Date | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ?(UTC|[+-]\d{4})$/.exec(String(header ?? '').trim())
  const [, day, time, zone] = match ?? []
  if (!day || !zone) return undefined
  return new Date(`${day}T${time}${zone === 'UTC' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3)}`}`)
}

const DAY = 24 * 3600 * 1000

/** A warning when the token in `file` expires within two weeks. `effect` continues "…, and ". */
export function expiryFindings(
  expiry: Date | undefined,
  file: string,
  page: string,
  effect: string,
  now = new Date(),
): Finding[] {
  const days = expiry ? Math.floor((expiry.getTime() - now.getTime()) / DAY) : Number.POSITIVE_INFINITY
  if (!expiry || days >= 14) return []
  return [
    withId(
      'PRW-GH-012',
      warning(
        `${file} expires on ${expiry.toISOString().slice(0, 10)}, in ${Math.max(days, 0)} days, and ${effect} then stops`,
        `Create another at ${page} before, and run 03-secrets.`,
      ),
    ),
  ]
}

/** What a classic token lacks of the scopes that Prow needs. */
export function scopeFindings(scopes: string[], file: string, page: string): Finding[] {
  const publicOnly = hasScope(scopes, 'public_repo') && hasScope(scopes, 'repo:status')
  const missing = [
    ...(hasScope(scopes, 'repo') || publicOnly ? [] : ['repo']),
    ...(hasScope(scopes, 'read:org') ? [] : ['read:org']),
  ]
  if (missing.length > 0) {
    return [
      withId(
        'PRW-GH-034',
        failed(
          `${file} lacks the scopes ${missing.join(' and ')} (it has ${scopes.join(', ') || 'none'})`,
          `Select them at ${page}: repo to read, comment, set statuses and merge; read:org to read who is a member.`,
        ),
      ),
    ]
  }
  if (hasScope(scopes, 'repo')) return []
  return [
    withId(
      'PRW-GH-017',
      warning(`${file} reaches public repositories only`, `For private ones select repo at ${page}.`),
    ),
  ]
}
