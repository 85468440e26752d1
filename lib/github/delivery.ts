import { createHmac, randomUUID } from 'node:crypto'
import { type Finding, failed, passed, warning } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { withSpinner } from '../base/terminal.ts'
import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'
import { explainDelivery } from './explain-delivery.ts'
import { callGitHub } from './requests.ts'
import { hookUrl, type Webhook } from './webhook.ts'

/** A delivery as GitHub lists it: `status_code` is what the receiver answered, 0 while GitHub waits for it. */
export interface Delivery {
  id: number
  /** Of the event, which hook gives to all ProwJobs that it creates for it; a redelivery has the same. */
  guid: string
  event: string
  action: string | null
  status: string
  status_code: number
  delivered_at: string
  redelivery: boolean
}

/** What GitHub sent, and what came back for it. */
export interface DeliveryDetail extends Delivery {
  request?: { payload?: unknown }
  response?: { payload?: unknown }
}

/** The newest deliveries of a webhook, at most 100, the newest first. */
export async function listDeliveries(
  github: GitHub,
  settings: Settings,
  { target, path }: Webhook,
  count = 100,
): Promise<Delivery[]> {
  const { data } = await callGitHub(settings, target.operation, () =>
    github.request(`GET ${path}/deliveries`, { per_page: count }),
  )
  return data as Delivery[]
}

/** A delivery with what was sent and what came back. */
export async function readDelivery(
  github: GitHub,
  settings: Settings,
  { target, path }: Webhook,
  { id }: Delivery,
): Promise<DeliveryDetail> {
  const { data } = await callGitHub(settings, target.operation, () => github.request(`GET ${path}/deliveries/${id}`))
  return data as DeliveryDetail
}

/** What came back for a delivery, for `explainDelivery`. */
export function answerOf({ response, status }: DeliveryDetail): string {
  return String(response?.payload ?? '').trim() || status
}

/** The newest delivery of a webhook, or the newest of one event. */
export async function lastDelivery(
  github: GitHub,
  settings: Settings,
  webhook: Webhook,
  event?: string,
): Promise<Delivery | undefined> {
  return (await listDeliveries(github, settings, webhook)).find((one) => !event || one.event === event)
}

/** What failed about a delivery, by what came back for it; nothing when hook accepted it. */
export async function deliveryFindings(
  github: GitHub,
  settings: Settings,
  webhook: Webhook,
  delivery: Delivery,
): Promise<Finding[]> {
  const detail = await readDelivery(github, settings, webhook, delivery)
  const problem = explainDelivery(delivery.status_code, answerOf(detail), settings)
  if (!problem) return []
  const list = `GitHub lists its deliveries at ${webhook.target.page}, Recent Deliveries.`
  return [{ ...problem, remedy: `${problem.remedy}\n${list}` }]
}

/** What a load balancer answers while nobody behind it does. */
const NOBODY = [502, 503, 504]

/**
 * Has GitHub ping a webhook, and waits for the delivery as GitHub lists it. While a load balancer answers that nobody is
 * behind it, which is so for a while after it was created, GitHub pings again. At the limit the last delivery; undefined
 * when GitHub listed none.
 */
export async function pingUntilDelivered(
  github: GitHub,
  settings: Settings,
  webhook: Webhook,
  seconds: number,
): Promise<Delivery | undefined> {
  const end = Date.now() + seconds * 1000
  return withSpinner(`waiting for GitHub's ping of the ${webhook.target.name}`, async (progress) => {
    for (;;) {
      const delivery = await ping(github, settings, webhook, end)
      if (!delivery || !NOBODY.includes(delivery.status_code) || Date.now() > end) return delivery
      progress(`waiting for GitHub's ping of the ${webhook.target.name} (hook answers ${delivery.status_code} so far)`)
      await sleep(3000)
    }
  })
}

async function ping(github: GitHub, settings: Settings, webhook: Webhook, end: number): Promise<Delivery | undefined> {
  const { target, path } = webhook
  const before = await lastDelivery(github, settings, webhook, 'ping')
  await callGitHub(settings, target.operation, () => github.request(`POST ${path}/pings`))
  for (;;) {
    const delivery = await lastDelivery(github, settings, webhook, 'ping')
    const listed = delivery !== undefined && delivery.id !== before?.id
    if (listed && delivery.status_code !== 0) return delivery
    if (Date.now() > end) return listed ? delivery : undefined
    await sleep(1000)
  }
}

/** What came back for an event that this machine sent: `status` is 0 when nothing did, and `body` then says why. */
export interface Response {
  status: number
  body: string
}

/** Sends hook a ping of our own, signed as GitHub signs its events. */
export async function sendTestEvent(url: string, secret: string): Promise<Response> {
  const body = JSON.stringify({ zen: 'prow-runbook', hook_id: 0 })
  const signature = (algorithm: string) => `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(15_000),
      headers: {
        // hook rejects a charset behind it.
        'content-type': 'application/json',
        'x-github-event': 'ping',
        'x-github-delivery': randomUUID(),
        'x-hub-signature': signature('sha1'),
        'x-hub-signature-256': signature('sha256'),
      },
      body,
    })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string; message?: string } }
    return { status: 0, body: cause?.code ?? cause?.message ?? message }
  }
}

/** Sends a test event, and reports how hook answered it. This machine need not reach hook, so a failure only warns. */
export async function checkTestEvent(settings: Settings, secret: string): Promise<Finding[]> {
  const url = hookUrl(settings)
  const response = await withSpinner(`a signed test event to ${url}`, () => sendTestEvent(url, secret))
  return [testEventFinding(settings, response)]
}

/** What the answer to a test event shows. */
export function testEventFinding(settings: Settings, { status, body }: Response): Finding {
  const problem = explainDelivery(status, body, settings)
  return problem
    ? warning(`from this machine, ${problem.message}`, problem.remedy)
    : passed('hook accepted a signed test event from this machine')
}

/** What failed when GitHub listed no ping in time. */
export function noDelivery({ target }: Webhook, seconds: number): Finding {
  return failed(
    `GitHub listed no delivery of its ping of the ${target.name} within ${seconds} s`,
    `Check ${target.page}, Recent Deliveries, and run 12-webhook again.`,
    'timeout',
  )
}
