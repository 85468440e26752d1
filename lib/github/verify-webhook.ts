import { type Finding, failures, passed } from '../base/problem.ts'
import { withSpinner } from '../base/terminal.ts'
import { currentRun } from '../run/context.ts'
import { change, skipped, task } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { secretDifference } from './app-webhook.ts'
import type { GitHub } from './client.ts'
import { deliveryFindings, noDelivery, pingUntilDelivered, sendTestEvent, testEventFinding } from './delivery.ts'
import { correctSecret, hookUrl, type Webhook } from './webhook.ts'

/** A webhook with the secret that its events are to be signed with. */
export interface SignedWebhook {
  webhook: Webhook
  secret: string
}

/**
 * Has GitHub ping each webhook, and sends hook a test event from this machine, which shows whether a failure is hook's
 * or lies on the way. A secret that hook rejects is sent to GitHub again. Does nothing under --plan.
 */
export async function verifyWebhooks(
  github: GitHub,
  settings: Settings,
  webhooks: SignedWebhook[],
): Promise<Finding[]> {
  const [first] = webhooks
  if (!first || currentRun().plan) return []
  const url = hookUrl(settings)
  const response = await withSpinner(`a signed test event to ${url}`, () => sendTestEvent(url, first.secret))
  const pings: Finding[] = []
  // One after the other: each may have to correct its secret, and prints a line then.
  for (const one of webhooks) pings.push(...(await verifyPing(github, settings, one)))
  if (response.status === 0 && failures(pings).length === 0) {
    skipped('test event', `this machine cannot reach ${url} (${response.body}); GitHub can`)
    return pings
  }
  return [testEventFinding(settings, response), ...pings]
}

async function verifyPing(github: GitHub, settings: Settings, { webhook, secret }: SignedWebhook): Promise<Finding[]> {
  const { name } = webhook.target
  const seconds = Math.min(settings.WAIT_SECONDS, 60)
  let delivery = await pingUntilDelivered(github, settings, webhook, seconds)
  if (delivery?.status_code === 403) {
    // GitHub never returns a secret: only a rejected delivery shows that it differs.
    await task(`secret of the ${name}`, async () => {
      await correctSecret(github, settings, webhook, secret)
      return change(true, [secretDifference(name)], 'hook rejected a delivery that was signed with the old one')
    })
    delivery = await pingUntilDelivered(github, settings, webhook, seconds)
  }
  if (!delivery) return [noDelivery(webhook, seconds)]
  const found = await deliveryFindings(github, settings, webhook, delivery)
  return found.length > 0 ? found : [passed(`hook accepted GitHub's ping of the ${name}`)]
}
