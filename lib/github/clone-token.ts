import { type Finding, failed, warning } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import { asBot, type GitHub } from './client.ts'
import { settingsPages } from './pages.ts'
import { explainGitHub, messageOf, statusOf } from './requests.ts'
import { expiryFindings, hasScope, parseExpiry, parseScopes, tokenKind } from './token.ts'

/** Asks GitHub about the token that jobs clone with. Any job can mount it, so it should only read. */
export async function checkCloneToken(settings: Settings, token: string, file: string): Promise<Finding[]> {
  const pages = settingsPages(settings)
  const create = `Create a fine-grained one of ${settings.GITHUB_ORG} at ${pages.fineGrained}, with Contents: Read-only.`
  if (tokenKind(token) === 'installation') {
    return [failed(`${file} is an installation token of an App, which expires within the hour`, create)]
  }
  const github = await asBot(settings, token)
  let headers: Record<string, unknown>
  try {
    headers = (await github.request('GET /user')).headers
  } catch (error) {
    if (statusOf(error) === 401) {
      return [
        failed(
          `GitHub does not accept ${file} (${messageOf(error)})`,
          `It has expired or was revoked. ${create}`,
          'denied',
        ),
      ]
    }
    const description = `read the account of ${file}`
    throw explainGitHub(error, settings, { description, scope: 'repo', permission: 'Metadata: read' })
  }
  const expiry = parseExpiry(headers['github-authentication-token-expiration'])
  const unreadable = await Promise.all(settings.GITHUB_REPOS.map((repo) => checkReadable(github, settings, repo, file)))
  return [
    ...expiryFindings(expiry, file, pages.fineGrained, 'cloning'),
    ...(hasScope(parseScopes(headers['x-oauth-scopes']), 'repo')
      ? [warning(`${file} may also write, and any job can mount it`, create)]
      : []),
    ...unreadable.flat(),
  ]
}

async function checkReadable(github: GitHub, settings: Settings, repo: string, file: string): Promise<Finding[]> {
  const { GITHUB_ORG: owner } = settings
  try {
    await github.request('GET /repos/{owner}/{repo}/branches', { owner, repo, per_page: 1 })
    return []
  } catch (error) {
    if (![403, 404].includes(statusOf(error) ?? 0)) {
      const description = `clone ${owner}/${repo}`
      throw explainGitHub(error, settings, { description, scope: 'repo', permission: 'Contents: read' })
    }
    return [
      failed(
        `${file} cannot read ${owner}/${repo}, so jobs could not clone it`,
        `Give it that repository and Contents: Read-only at ${settingsPages(settings).fineGrained}.`,
        'denied',
      ),
    ]
  }
}
