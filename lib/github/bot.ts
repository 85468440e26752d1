import { type Finding, failed, failures, passed, warning, withId } from '../base/problem.ts'
import { settle } from '../run/findings.ts'
import type { Settings } from '../settings/table.ts'
import { asBot } from './client.ts'
import { settingsPages } from './pages.ts'
import { checkPermissions, isPermissionMissing } from './permissions.ts'
import { readRepository } from './repositories.ts'
import { callGitHub, explainGitHub, headerOf, statusOf } from './requests.ts'
import { type Bot, expiryFindings, hasScope, parseExpiry, parseScopes, scopeFindings, tokenKind } from './token.ts'

/**
 * Asks GitHub about the bot's token: whose it is, what it allows, when it expires, and what the bot may do in the
 * repositories that Prow serves. One finding that passed names the bot. Changes nothing on GitHub.
 */
export async function checkBot(settings: Settings, token: string, file: string): Promise<Finding[]> {
  const pages = settingsPages(settings)
  const kind = tokenKind(token)
  if (kind === 'installation') {
    return [
      withId(
        'PRW-GH-037',
        failed(
          `${file} is an installation token of an App, which expires within the hour`,
          `Use a token of a bot account (${pages.tokens}), or GITHUB_AUTH=app with the App's private key.`,
        ),
      ),
    ]
  }
  const github = await asBot(settings, token)
  const operation = { description: "read the bot's account", scope: 'read:user', permission: 'Metadata: read' }
  const { data, headers } = await callGitHub(settings, operation, () => github.request('GET /user'))
  const bot: Bot = { github, login: data.login, kind, file }
  const scopes = parseScopes(headers['x-oauth-scopes'])
  const expiry = parseExpiry(headers['github-authentication-token-expiration'])
  const fineGrained = kind === 'fine-grained'
  const answers = await Promise.all([
    settle(checkRoles(settings, bot)),
    // Without the scope GitHub would only repeat that it is missing.
    fineGrained || hasScope(scopes, 'read:org') ? settle(checkMembership(settings, bot)) : [],
    fineGrained ? settle(checkPermissions(settings, bot)) : [],
  ])
  const found = [
    ...(fineGrained ? [] : scopeFindings(scopes, file, pages.tokens)),
    ...expiryFindings(expiry, file, fineGrained ? pages.fineGrained : pages.tokens, 'Prow'),
    ...answers.flat(),
  ]
  if (failures(found).length > 0) return found.filter(({ outcome }) => outcome !== 'passed')
  const allows = fineGrained ? '' : `, scopes ${scopes.join(', ') || 'none'}`
  const expires = expiry ? `, expires ${expiry.toISOString().slice(0, 10)}` : ''
  return [passed(`the bot is ${bot.login}: ${kind} token${allows}${expires}`), ...found]
}

/** Whether the bot may write to each of GITHUB_REPOS. */
async function checkRoles(settings: Settings, { github, login }: Bot): Promise<Finding[]> {
  const pages = settingsPages(settings)
  const found = await Promise.all(
    settings.GITHUB_REPOS.map(async (repo): Promise<Finding[]> => {
      const fullName = `${settings.GITHUB_ORG}/${repo}`
      const repository = await readRepository(github, settings, fullName)
      if (repository?.permissions?.push) return []
      return [
        withId(
          'PRW-GH-009',
          repository
            ? failed(
                `the bot ${login} may not write to ${fullName}`,
                `Give it the role Write at ${pages.access(repo)}; as the bot, accept at ${pages.invitations(repo)}.`,
                'denied',
              )
            : failed(
                `GitHub shows the bot ${login} no repository ${fullName}`,
                `Check its spelling in GITHUB_REPOS; invite the bot at ${pages.access(repo)} and, as the bot, accept at ${pages.invitations(repo)}.`,
                'not-found',
              ),
        ),
      ]
    }),
  )
  return found.flat()
}

/** Whether the bot is a member: GitHub hides private members from others, and the plugin trigger then distrusts them. */
async function checkMembership(settings: Settings, bot: Bot): Promise<Finding[]> {
  const { GITHUB_ORG: org } = settings
  const { github, login, kind } = bot
  const pages = settingsPages(settings)
  const servesAll = settings.GITHUB_REPOS.length === 0
  try {
    const { data } =
      kind === 'fine-grained'
        ? await github.request('GET /orgs/{org}/memberships/{username}', { org, username: login })
        : await github.request('GET /user/memberships/orgs/{org}', { org })
    if (data.state !== 'pending') return []
    const pending = servesAll ? failed : warning
    return [
      withId(
        'PRW-GH-015',
        pending(`the bot ${login} has not accepted the invitation to ${org}`, `As the bot, open ${pages.invitation}.`),
      ),
    ]
  } catch (error) {
    if (headerOf(error, 'x-github-sso') || (statusOf(error) !== 404 && statusOf(error) !== 403)) {
      const operation = {
        description: `read the members of ${org}`,
        scope: 'read:org',
        permission: 'Members: read',
      }
      throw explainGitHub(error, settings, operation)
    }
    if (isPermissionMissing(error)) {
      return [
        withId(
          'PRW-GH-034',
          failed(
            `${bot.file} lacks the permission Members of ${org}`,
            `Give it Organization permissions, Members: Read-only at ${pages.fineGrained}; its resource owner must be ${org}. Without it trigger trusts no private member.`,
            'denied',
          ),
        ),
      ]
    }
    return [
      withId(
        'PRW-GH-016',
        warning(
          `the bot ${login} is not a member of ${org}: it cannot see private members, so trigger does not trust them`,
          servesAll
            ? `Invite it at ${pages.people}: it has to see who is a member, and to write to the repositories.`
            : `Invite it at ${pages.people}, or make people collaborators of the repositories.`,
        ),
      ),
    ]
  }
}
