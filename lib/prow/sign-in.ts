import { Problem } from '../base/problem.ts'
import { asApp, asBot, asInstallation, callGitHub, type GitHub, type Operation } from '../github/client.ts'
import { type CredentialReport, checkApp, checkCloneToken, checkToken } from '../github/credentials.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import type { Settings } from '../settings/table.ts'
import { inspectSecrets } from './secrets.ts'

/** What GitHub says of the credentials that the settings want and that are at hand; nothing with GITHUB_CHECKS=off. */
export async function checkCredentials(
  settings: Settings,
  values: Map<string, { text: string }>,
): Promise<CredentialReport | undefined> {
  if (settings.GITHUB_CHECKS === 'off') return undefined
  const looks: [name: string, look: (text: string, file: string) => Promise<CredentialReport>][] = [
    settings.GITHUB_AUTH === 'app'
      ? ['github-app-key', (text) => checkApp(settings, text)]
      : ['oauth-token', (text, file) => checkToken(settings, text, file)],
    ['clone-token', (text, file) => checkCloneToken(settings, text, file)],
  ]
  const all: CredentialReport[] = []
  for (const [name, look] of looks) {
    const text = values.get(name)?.text
    if (!text) continue
    try {
      all.push(await look(text, `secrets/${name}`))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      // A GitHub that does not answer is one fault.
      const known = all.flatMap(({ faults }) => faults.map(({ message }) => message))
      const faults = error.findings.filter(({ message }) => !known.includes(message))
      all.push({ summary: '', faults, warnings: [] })
    }
  }
  if (all.length === 0) return undefined
  return {
    summary: all.map(({ summary: says }) => says).find(Boolean) ?? '',
    faults: all.flatMap(({ faults }) => faults),
    warnings: all.flatMap(({ warnings }) => warnings),
  }
}

/** The value of a secret file, from secrets/ or the cluster; nothing where 03-secrets has yet to make it. */
async function credential(settings: Settings, name: 'oauth-token' | 'github-app-key'): Promise<string | undefined> {
  return inspectSecrets(settings, await snapshot()).values.get(name)?.text
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
  const wish: Operation = {
    description: `find the App's installation in ${settings.GITHUB_ORG}`,
    scope: '',
    permission: 'Metadata: read',
  }
  const { data } = await callGitHub(settings, wish, () =>
    app.request('GET /orgs/{org}/installation', { org: settings.GITHUB_ORG }),
  )
  return asInstallation(settings, text, data.id)
}

/** GitHub as the App itself, or nothing where its key is not at hand. */
export async function signInAsApp(settings: Settings): Promise<GitHub | undefined> {
  const key = await credential(settings, 'github-app-key')
  return key ? asApp(settings, key) : undefined
}
