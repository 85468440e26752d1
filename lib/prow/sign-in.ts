import { lstatSync } from 'node:fs'
import { displayPath } from '../base/paths.ts'
import { type Finding, failed, failures, Problem } from '../base/problem.ts'
import { checkApp } from '../github/app.ts'
import { checkBot } from '../github/bot.ts'
import { asApp, asBot, asInstallation, type GitHub } from '../github/client.ts'
import { checkCloneToken } from '../github/clone-token.ts'
import { callGitHub } from '../github/requests.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import { currentRun } from '../run/context.ts'
import { settle } from '../run/findings.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/table.ts'
import { type FileName, secretFiles } from './secret-files.ts'
import { inspectSecrets, secretFile } from './secrets.ts'

/** Asks GitHub about the credentials in `values` that the settings want; nothing with GITHUB_CHECKS=off. */
export async function checkCredentials(
  settings: Settings,
  values: Map<FileName, { text: string }>,
): Promise<Finding[]> {
  if (settings.GITHUB_CHECKS === 'off') return []
  const check = (name: FileName, ask: (text: string, file: string) => Promise<Finding[]>) => {
    const text = values.get(name)?.text
    return text ? settle(ask(text, `secrets/${name}`)) : []
  }
  const found = await Promise.all([
    settings.GITHUB_AUTH === 'app'
      ? check('github-app-key', (text) => checkApp(settings, text))
      : check('oauth-token', (text, file) => checkBot(settings, text, file)),
    check('clone-token', (text, file) => checkCloneToken(settings, text, file)),
  ])
  return found.flat()
}

/**
 * The value of a secret from secrets/, else from the cluster. Undefined only under --plan, while neither has it: then it
 * is 03-secrets that provides it. Throws a Problem with every finding of secrets/ when its file cannot be used.
 */
export async function readSecretValue(settings: Settings, name: FileName): Promise<string | undefined> {
  const now = await snapshot()
  const { values, missing, findings } = inspectSecrets(settings, now)
  const value = values.get(name)
  if (value) return value.text
  const file = secretFile(settings, name)
  const { secret, namespace } = secretFiles[name]
  // A link to nothing is a file that cannot be used.
  const isAbsent = !lstatSync(file, { throwIfNoEntry: false }) && !now.has('Secret', secret, namespace)
  if (isAbsent && currentRun().plan) return undefined
  const absent = failed(
    `neither ${displayPath(file)} nor Secret ${namespace}/${secret} exists`,
    `Run ${rerunLine('03-secrets')} first.`,
    'not-found',
  )
  throw Problem.all([...failures(findings), ...(missing.includes(name) ? [absent] : [])])
}

/** The value of a secret as the components mount it, which a newer file in secrets/ does not change; else as `readSecretValue`. */
export async function readMountedValue(settings: Settings, name: FileName): Promise<string | undefined> {
  const { secret, namespace, key } = secretFiles[name]
  const data = (await snapshot()).get('Secret', secret, namespace)?.data as Record<string, string> | undefined
  const value = data?.[key]
  return value ? Buffer.from(value, 'base64').toString().trim() : readSecretValue(settings, name)
}

/**
 * GitHub as Prow signs in to it: as the bot, or as the App's installation in the organization. Undefined, and throws, as
 * `read` does for the credential.
 */
export async function signIn(settings: Settings, read = readSecretValue): Promise<GitHub | undefined> {
  if (settings.GITHUB_AUTH === 'pat') {
    const token = await read(settings, 'oauth-token')
    return token === undefined ? undefined : asBot(settings, token)
  }
  const key = await read(settings, 'github-app-key')
  if (key === undefined) return undefined
  const app = await asApp(settings, key)
  const { GITHUB_ORG: org } = settings
  const operation = {
    description: `read the App's installation in ${org}`,
    scope: '',
    permission: 'Metadata: read',
  }
  const { data } = await callGitHub(settings, operation, () => app.request('GET /orgs/{org}/installation', { org }))
  return asInstallation(settings, key, data.id)
}

/** GitHub as the App itself, which alone may configure its webhook. Undefined, and throws, as `read` does. */
export async function signInAsApp(settings: Settings, read = readSecretValue): Promise<GitHub | undefined> {
  const key = await read(settings, 'github-app-key')
  return key === undefined ? undefined : asApp(settings, key)
}
