import { type Finding, failed, failures, passed, warning } from '../base/problem.ts'
import { onPath } from '../base/shell.ts'
import { type Checks, findingsOf, rows } from '../kubernetes/check.ts'
import { versionSkew, versions } from '../kubernetes/kubectl.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import { target } from '../run/context.ts'
import { settle } from '../run/findings.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { shownJobFiles } from './config-maps.ts'
import { inspectLogUploads } from './log-uploads.ts'
import { checkPublicDeck } from './public-deck.ts'
import { inspectFileModes, inspectSecrets } from './secrets.ts'
import { checkCredentials } from './sign-in.ts'
import { validateConfig } from './validate-config.ts'

// What the later steps need, each as findings. None of these changes anything.

/** What the settings come to, and which of them are not in the file. */
export function inspectSettings(settings: Settings): Finding[] {
  const { TARGET, GITHUB_ORG, fromEnvironment } = settings
  return [
    passed(`settings: TARGET=${TARGET}, ${prowUrl(settings)}/, organization ${GITHUB_ORG}`),
    ...(fromEnvironment.length > 0
      ? [warning(`set in the environment, not in the file: ${fromEnvironment.join(', ')}`, 'the environment wins')]
      : []),
    ...inspectLogUploads(settings),
  ]
}

/** That the programs of the guide are installed, and the cluster answers. */
export async function inspectTools(): Promise<Finding[]> {
  const openssl = onPath('openssl') ? [] : [failed('openssl is not installed, or not on PATH', 'Install openssl.')]
  const found = await settle(
    versions().then(({ client, server }) => [
      passed(`tools: kubectl ${client}, openssl`),
      passed(`cluster: ${target().server} answers, Kubernetes ${server}`),
      ...versionSkew(client, server),
    ]),
  )
  return [...openssl, ...found]
}

/** That secrets/ or the cluster has what the settings want, and that GitHub accepts it. */
export async function inspectCredentials(settings: Settings): Promise<Finding[]> {
  // A cluster that cannot be reached is reported with the tools.
  const now = await snapshot().catch(() => undefined)
  const { values, missing, findings } = inspectSecrets(settings, now)
  const names = [...values].map(([name, { from }]) => (from === 'cluster' ? `${name} (from the cluster)` : name))
  const complete = findings.every(({ outcome }) => outcome !== 'failed')
  const summary = [...names, ...missing.map((name) => `${name} (to be generated)`)].join(', ')
  return [
    ...(complete ? [passed(`secrets: ${summary}`)] : []),
    ...findings,
    ...(await settle(checkCredentials(settings, values))),
    ...inspectFileModes(settings),
  ]
}

/** That Prow's configuration is valid, and that a public Deck shows nothing private. */
export async function inspectConfiguration(settings: Settings): Promise<Finding[]> {
  return settle(
    validateConfig(settings, 'machine').then(async ({ prow, findings }) => [
      ...(failures(findings).length > 0 ? [] : [passed(`configuration: ${prow.from}, ${shownJobFiles(prow)}`)]),
      ...findings,
      ...(await settle(checkPublicDeck(settings, prow))),
    ]),
  )
}

/** What checks find that only a person can make pass. */
export async function inspectPrerequisites(...checks: Checks[]): Promise<Finding[]> {
  return settle(findingsOf(rows(...checks)).then((found) => found.flat()))
}
