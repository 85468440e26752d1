import { type Finding, passed } from '../base/problem.ts'
import { currentRun } from '../run/context.ts'
import type { Difference } from '../run/result.ts'
import { change, skipped, task } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'
import { checkTestEvent, deliveryFindings, lastDelivery } from './delivery.ts'
import { callGitHub, writeGitHub } from './requests.ts'
import { type Hook, hookUrl, type Webhook, webhookDifferences } from './webhook.ts'
import { webhookTargets } from './webhook-targets.ts'

// An App has one webhook from the start. Its events are set on the App's page, and GitHub cannot ping it.

/** The App's webhook. */
export function appWebhook(settings: Settings): Webhook {
  const [target] = webhookTargets(settings)
  return { target: target!, path: '/app/hook' }
}

/** How the App's webhook differs from the wanted one. */
export async function appWebhookDifferences(app: GitHub, settings: Settings): Promise<Difference[]> {
  const { target } = appWebhook(settings)
  const { data } = await callGitHub(settings, target.operation, () => app.request('GET /app/hook/config'))
  const hook: Hook = { id: 0, active: true, events: ['*'], config: data }
  return webhookDifferences(hook, hookUrl(settings), [], target.name)
}

/** Corrects the App's webhook, and prints a line. Its secret counts as different when hook rejected the last delivery. */
export async function ensureAppWebhook(app: GitHub, settings: Settings, secret: string): Promise<void> {
  const webhook = appWebhook(settings)
  const { name, operation } = webhook.target
  const url = hookUrl(settings)
  await task(name, async () => {
    const differences = await appWebhookDifferences(app, settings)
    if ((await lastDelivery(app, settings, webhook))?.status_code === 403) differences.push(secretDifference(name))
    if (differences.length > 0 && !currentRun().plan) {
      await writeGitHub(settings, operation, 'webhooks of /app', () =>
        // As data: octokit takes a parameter named url for the URL of the request.
        app.request('PATCH /app/hook/config', { data: { url, content_type: 'json', insecure_ssl: '0', secret } }),
      )
    }
    return change(true, differences, url)
  })
}

/** A secret that differs: hook has rejected a signature. */
export function secretDifference(object: string): Difference {
  return { object, path: 'config.secret', before: '(rejected by hook)', after: '(that of hmac-token)' }
}

/** Checks that hook answers a signed event from this machine, and that it accepted GitHub's last delivery. */
export async function verifyAppWebhook(app: GitHub, settings: Settings, secret: string): Promise<Finding[]> {
  if (currentRun().plan) return []
  const webhook = appWebhook(settings)
  const delivery = await lastDelivery(app, settings, webhook)
  if (!delivery || delivery.status_code === 403) {
    const { page } = webhook.target
    skipped('webhook delivery', `GitHub cannot ping an App's webhook; the next event is listed at ${page}, Advanced`)
    return checkTestEvent(settings, secret)
  }
  const found = await deliveryFindings(app, settings, webhook, delivery)
  const accepted = passed(`hook accepted GitHub's last delivery (${delivery.event})`)
  return [...(await checkTestEvent(settings, secret)), ...(found.length > 0 ? found : [accepted])]
}
