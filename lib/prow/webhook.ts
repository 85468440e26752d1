import { type Finding, warning } from '../base/problem.ts'
import { appWebhook, appWebhookDifferences } from '../github/app-webhook.ts'
import type { GitHub } from '../github/client.ts'
import { deliveryFindings, lastDelivery } from '../github/delivery.ts'
import {
  findWebhook,
  hookUrl,
  listWebhooks,
  type Webhook,
  wantedEvents,
  webhookDifferences,
} from '../github/webhook.ts'
import { type WebhookTarget, webhookTargets } from '../github/webhook-targets.ts'
import type { Check } from '../kubernetes/check.ts'
import { waitUntilReady } from '../kubernetes/resources.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Difference } from '../run/result.ts'
import type { Settings } from '../settings/table.ts'
import { readProwConfig } from './config.ts'
import { webhookSecret } from './secret-content.ts'
import { signIn, signInAsApp } from './sign-in.ts'

/** The secret that the webhook of an owner is signed with, out of hmac-token. */
export function secretFor(hmac: string, settings: Settings, { path }: WebhookTarget): string {
  return webhookSecret(hmac, settings.GITHUB_ORG, path.startsWith('/repos/') ? path.split('/').at(-1) : '')
}

/** The events that plugins.yaml wants. */
export function configuredEvents(settings: Settings): string[] {
  return wantedEvents(readProwConfig(settings).plugins.text)
}

/** Waits for hook and what routes to it, which may have been created a moment ago. */
export async function waitForHook(settings: Settings): Promise<void> {
  const now = await snapshot()
  if (now.has('Deployment', 'hook', 'prow')) await waitUntilReady('Deployment', ['hook'], 'prow')
  if (settings.INGRESS === 'nginx' && now.has('Namespace', 'ingress-nginx'))
    await waitUntilReady('Deployment', ['ingress-nginx-controller'], 'ingress-nginx')
}

/** Whether the runbook configures webhooks: not those of WEBHOOK=none, and not without asking GitHub. */
const isConfigured = ({ WEBHOOK, GITHUB_CHECKS }: Settings) => WEBHOOK !== 'none' && GITHUB_CHECKS === 'on'

/** What only a person can provide: repositories where each is to have a webhook, and the right to configure it. */
export function webhookPrerequisites(settings: Settings): Check[] {
  if (!isConfigured(settings)) return []
  const targets = webhookTargets(settings)
  if (targets.length === 0) {
    return [
      {
        fact: 'GITHUB_REPOS names the repositories that get a webhook',
        remedy: 'Name them in GITHUB_REPOS, or set WEBHOOK=organisation.',
        inspect: () => 'WEBHOOK=repositories needs GITHUB_REPOS',
      },
    ]
  }
  // An App's own webhook needs no further right.
  if (settings.GITHUB_AUTH === 'app') return []
  return targets.map(
    (target): Check => ({
      fact: `GitHub lets the bot configure the ${target.name}`,
      inspect: async (): Promise<true> => {
        const github = await signIn(settings)
        if (github) await listWebhooks(github, settings, target)
        return true
      },
    }),
  )
}

/** What 12-webhook brings about. */
export function webhookChecks(settings: Settings): Check[] {
  if (!isConfigured(settings)) return []
  return webhookTargets(settings).flatMap((target): Check[] => [
    {
      fact: `${target.name} delivers to ${hookUrl(settings)}`,
      step: '12-webhook',
      inspect: async () => {
        const { differences } = await inspectWebhook(settings, target)
        if (!differences) return `no ${target.name} delivers to ${hookUrl(settings)}`
        const fields = differences.map(({ path }) => path)
        return fields.length === 0 || `${target.name} differs in ${fields.join(', ')}`
      },
    },
    {
      fact: `hook accepted the last delivery of the ${target.name}`,
      step: '12-webhook',
      inspect: async () => {
        const { github, webhook } = await inspectWebhook(settings, target)
        return github && webhook ? inspectDelivery(github, settings, webhook) : []
      },
    },
  ])
}

/** The webhook of an owner and how it differs from the wanted one; both are absent where there is none. */
async function inspectWebhook(
  settings: Settings,
  target: WebhookTarget,
): Promise<{ github?: GitHub; webhook?: Webhook; differences?: Difference[] }> {
  const app = settings.GITHUB_AUTH === 'app'
  const github = await (app ? signInAsApp(settings) : signIn(settings))
  if (!github) return {}
  if (app) return { github, webhook: appWebhook(settings), differences: await appWebhookDifferences(github, settings) }
  const { hook } = await findWebhook(github, settings, target)
  if (!hook) return { github }
  const differences = webhookDifferences(hook, hookUrl(settings), configuredEvents(settings), target.name)
  return { github, webhook: { target, path: `${target.path}/hooks/${hook.id}` }, differences }
}

async function inspectDelivery(github: GitHub, settings: Settings, webhook: Webhook): Promise<true | Finding[]> {
  const delivery = await lastDelivery(github, settings, webhook)
  if (delivery) {
    const found = await deliveryFindings(github, settings, webhook, delivery)
    return found.length === 0 || found
  }
  return [
    warning(
      `GitHub lists no recent delivery of the ${webhook.target.name}`,
      `Run ${rerunLine('12-webhook')} to have GitHub ping it.`,
    ),
  ]
}
