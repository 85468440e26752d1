// GitHub needs to know where to deliver its events, and the secret to sign them with. The guide leaves this to GitHub's
// settings page, and whether a delivery arrives to the first pull request.
import { ensureAppWebhook, verifyAppWebhook } from '../lib/github/app-webhook.ts'
import { type SignedWebhook, verifyWebhooks } from '../lib/github/verify-webhook.ts'
import { ensureWebhook, hookUrl } from '../lib/github/webhook.ts'
import { webhookTargets } from '../lib/github/webhook-targets.ts'
import { type Checks, need } from '../lib/kubernetes/check.ts'
import { namespaces } from '../lib/prow/checks.ts'
import { secretChecks } from '../lib/prow/mounted-secrets.ts'
import { readSecretValue, signIn, signInAsApp } from '../lib/prow/sign-in.ts'
import { configuredEvents, secretFor, waitForHook, webhookChecks, webhookPrerequisites } from '../lib/prow/webhook.ts'
import { findings } from '../lib/run/findings.ts'
import { after, skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

export const checks: Checks = webhookChecks
export const prerequisites: Checks = webhookPrerequisites

export default await step(
  import.meta,
  {
    title: 'Configure the GitHub webhook',
    reads: 'secrets/hmac-token, plugins.yaml, the webhooks on GitHub',
    creates: 'the webhook of the organization, of each of GITHUB_REPOS, or of the App (WEBHOOK)',
    needs: '03-secrets, 11-ingress',
  },
  async (settings) => {
    if (settings.WEBHOOK === 'none') return skipped('webhook', 'WEBHOOK=none')
    if (settings.GITHUB_CHECKS === 'off') {
      const byHand = `URL ${hookUrl(settings)}, content type application/json, the secret in secrets/hmac-token`
      return skipped('webhook', `GITHUB_CHECKS=off; create it by hand: ${byHand}`)
    }
    await need(namespaces, secretChecks, webhookPrerequisites)
    const hmac = await readSecretValue(settings, 'hmac-token')
    const github = await (settings.GITHUB_AUTH === 'app' ? signInAsApp(settings) : signIn(settings))
    if (!hmac || !github) return after('03-secrets', ['the HMAC token and the credential for GitHub'])
    const targets = webhookTargets(settings)

    if (settings.GITHUB_AUTH === 'app') {
      const secret = secretFor(hmac, settings, targets[0]!)
      await ensureAppWebhook(github, settings, secret)
      await waitForHook(settings)
      return findings(verifyAppWebhook(github, settings, secret))
    }

    const events = configuredEvents(settings)
    const webhooks: SignedWebhook[] = []
    for (const target of targets) {
      const secret = secretFor(hmac, settings, target)
      const webhook = await ensureWebhook(github, settings, target, { secret, events })
      if (webhook) webhooks.push({ webhook, secret })
    }
    await waitForHook(settings)
    await findings(verifyWebhooks(github, settings, webhooks))
  },
)
