// Prow's components mount these Secrets by name. hmac-token and cookie are generated once and kept in secrets/, where
// you put the others. lib/prow/secret-files.ts has the namespace and key of each.
import { type Checks, need } from '../lib/kubernetes/check.ts'
import { apply } from '../lib/kubernetes/resources.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { namespaces } from '../lib/prow/checks.ts'
import { secretChecks } from '../lib/prow/mounted-secrets.ts'
import { restartConsumers, secretMarks } from '../lib/prow/restarts.ts'
import { readSecrets, secretResources } from '../lib/prow/secret-reader.ts'
import { inspectFileModes } from '../lib/prow/secrets.ts'
import { checkCredentials } from '../lib/prow/sign-in.ts'
import { findings } from '../lib/run/findings.ts'
import { skipped } from '../lib/run/task.ts'
import { $, step } from '../lib/step.ts'

export const checks: Checks = secretChecks

export default await step(
  import.meta,
  {
    title: 'Create the Secrets that Prow mounts',
    reads: 'secrets/, or else the Secrets in the cluster; GitHub, to check the credentials',
    creates:
      'hmac-token, cookie, github-oauth-config, oauth-token or github-token, and s3-credentials in prow; s3-credentials in test-pods',
    needs: '02-namespaces',
    options: {
      prefer: {
        type: 'string',
        description: 'which value to use where secrets/ and the cluster differ: file (default) or cluster',
      },
    },
  },
  async (settings, { prefer }) => {
    await need(namespaces)
    const secrets = await readSecrets(settings, prefer)
    const hmac = await secrets.readOrGenerate('hmac-token', () => $`openssl rand -hex 20`)
    const cookie = await secrets.readOrGenerate('cookie', () => $`openssl rand -base64 32`)
    const oauthConfig = secrets.read('github-oauth-config')
    const botToken = secrets.read('oauth-token')
    const appKey = secrets.read('github-app-key')
    const cloneToken = secrets.read('clone-token')
    const s3 = secrets.read('s3-credentials')
    if (settings.GITHUB_CHECKS === 'off') skipped('credentials on GitHub', 'GITHUB_CHECKS=off')
    await findings(secrets.findings, checkCredentials(settings, secrets.values), inspectFileModes(settings))

    // kubectl -n prow create secret generic hmac-token --from-file=hmac=hmac-token, and so on
    const wanted = secretResources(settings, hmac, cookie, oauthConfig, botToken, appKey, cloneToken, s3)
    const before = secretMarks(await snapshot())
    await apply(...wanted)
    secrets.save()
    await restartConsumers(before, wanted)
    if (settings.OAUTH === 'off') skipped('cookie, github-oauth-config', 'OAUTH=off: nobody signs in to Deck')
  },
)
