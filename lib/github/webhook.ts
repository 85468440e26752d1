import { createHmac, randomUUID } from 'node:crypto'
import { Problem } from '../base/problem.ts'
import { nodeAt, parseYaml, textsOf } from '../base/yaml-tree.ts'
import { kubectl } from '../kubernetes/kubectl.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import type { Difference, Outcome } from '../run/result.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { callGitHub, explainGitHub, type GitHub, messageOf, type Operation, settingsPages, statusOf } from './client.ts'

/** What hook handles itself; more is for external plugins. */
const EVENTS = [
  'issue_comment',
  'issues',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
  'status',
]

/** Whose webhook it is: an organisation's, a repository's, or the App's own. */
export interface HookTarget {
  name: string
  /** Of the API: `/orgs/O`, `/repos/O/R`, or `/app`. */
  path: string
  page: string
  wish: Operation
}

interface Hook {
  id: number
  active: boolean
  events: string[]
  config: { url?: string; content_type?: string; insecure_ssl?: string | number }
}

interface Delivery {
  id: number
  event: string
  status: string
  status_code: number
  delivered_at: string
}

export function organizationTarget(settings: Settings): HookTarget {
  const { GITHUB_ORG: org } = settings
  return {
    name: `webhook of ${org}`,
    path: `/orgs/${org}`,
    page: settingsPages(settings).hooks(),
    wish: {
      description: `see and change the webhooks of ${org}`,
      scope: 'admin:org_hook',
      permission: 'Organization webhooks: write',
    },
  }
}

export function repositoryTarget(settings: Settings, repo: string): HookTarget {
  const name = `${settings.GITHUB_ORG}/${repo}`
  return {
    name: `webhook of ${name}`,
    path: `/repos/${name}`,
    page: settingsPages(settings).hooks(repo),
    wish: {
      description: `see and change the webhooks of ${name}`,
      scope: 'admin:repo_hook',
      permission: 'Webhooks: write',
    },
  }
}

/** The App's one webhook. */
export function appTarget(settings: Settings): HookTarget {
  return {
    name: "the App's webhook",
    path: '/app',
    page: settingsPages(settings).apps,
    wish: { description: "see and change the App's webhook", scope: '', permission: 'Webhooks: write' },
  }
}

/** The address that GitHub delivers to. */
export function hookUrl(settings: Settings): string {
  return `${prowUrl(settings)}/hook`
}

/** The events that hook and the external plugins of plugins.yaml want. */
export function wantedEvents(plugins: string): string[] {
  const events = new Set(EVENTS)
  for (const list of nodeAt(parseYaml(plugins).tree, 'external_plugins')?.map?.values() ?? []) {
    for (const one of list.list ?? []) {
      const own = textsOf(nodeAt(one, 'events'))
      // Without a list it gets everything.
      if (own.length === 0) return ['*']
      for (const event of own) events.add(event)
    }
  }
  return [...events].sort()
}

function sameUrl(url: string | undefined, wanted: string): boolean {
  const bare = (text: string) =>
    text
      .replace(/^https?:\/\//, '')
      .replace(/\/+$/, '')
      .toLowerCase()
  return url !== undefined && bare(url) === bare(wanted)
}

/** What differs between a webhook and the one that is wanted. The secret is never told by GitHub. */
export function webhookDifferences(hook: Hook, url: string, events: string[], name: string): Difference[] {
  const told = (path: string, was: unknown, is: unknown): Difference[] =>
    String(was) === String(is) ? [] : [{ object: name, path, before: String(was), after: String(is) }]
  const enough = hook.events.includes('*') || events.every((event) => hook.events.includes(event))
  return [
    ...told('config.url', hook.config.url, url),
    ...told('config.content_type', hook.config.content_type, 'json'),
    ...told('config.insecure_ssl', hook.config.insecure_ssl ?? '0', '0'),
    ...told('active', hook.active, true),
    ...(enough ? [] : told('events', hook.events.join(', '), events.join(', '))),
  ]
}

export interface EnsuredWebhook {
  outcome: Outcome
  note?: string
  differences: Difference[]
  id?: number
  /** Other webhooks that deliver to the same address. */
  duplicates: number[]
}

/**
 * Makes the webhook of a place be as it is wanted: looked for by its address, created when absent, corrected when it
 * differs. A secret is sent whenever something is; whether the one that is there is right only a delivery tells.
 */
export async function ensureWebhook(
  github: GitHub,
  settings: Settings,
  place: HookTarget,
  wanted: { secret: string; events: string[] },
  plan: boolean,
): Promise<EnsuredWebhook> {
  const url = hookUrl(settings)
  const list = () =>
    callGitHub(settings, place.wish, () => github.paginate(`GET ${place.path}/hooks`, { per_page: 100 })) as Promise<
      Hook[]
    >
  const found = (await list()).filter((hook) => sameUrl(hook.config.url, url))
  const hook = found.find((one) => one.config.url === url) ?? found[0]
  const body = {
    active: true,
    events: wanted.events,
    config: { url, content_type: 'json', insecure_ssl: '0', secret: wanted.secret },
  }
  if (!hook) {
    const is = `${url}, ${wanted.events.join(', ')}`
    const differences: Difference[] = [{ object: place.name, path: 'webhook', after: is }]
    if (plan) return { outcome: 'would create', differences, duplicates: [] }
    try {
      const { data } = await github.request(`POST ${place.path}/hooks`, { name: 'web', ...body })
      return { outcome: 'created', differences, id: data.id, duplicates: [] }
    } catch (error) {
      if (statusOf(error) === 422 && /20 hooks/.test(messageOf(error))) {
        throw new Problem(`${place.name}: GitHub takes no more than 20 webhooks`, `Remove one at ${place.page}.`, {
          cause: error,
        })
      }
      throw explainGitHub(error, settings, place.wish)
    }
  }
  const differences = webhookDifferences(hook, url, wanted.events, place.name)
  const twins = found.filter((one) => one !== hook).map((one) => one.id)
  if (differences.length === 0) return { outcome: 'unchanged', differences, id: hook.id, duplicates: twins }
  if (plan) return { outcome: 'would change', differences, id: hook.id, duplicates: twins }
  // Events of others that it has besides stay.
  const events = hook.events.includes('*') ? ['*'] : [...new Set([...hook.events, ...wanted.events])].sort()
  await callGitHub(settings, place.wish, () =>
    github.request(`PATCH ${place.path}/hooks/${hook.id}`, { ...body, events }),
  )
  return { outcome: 'changed', differences, id: hook.id, duplicates: twins }
}

const MADE = 'prow-runbook/webhook-'

/** Notes on the namespace prow that a webhook is of our making: GitHub has no place for such a mark. */
export async function recordWebhook(place: HookTarget, id: number): Promise<void> {
  await kubectl(['annotate', '--overwrite', 'namespace', 'prow', `${MADE}${id}=${place.path}`])
}

/** The webhooks of our making, as `remember` has noted them. */
export function recordedWebhooks(prow: KubeObject | undefined): { id: string; path: string }[] {
  return Object.entries(prow?.metadata.annotations ?? {})
    .filter(([name]) => name.startsWith(MADE))
    .map(([name, path]) => ({ id: name.slice(MADE.length), path }))
}

/** Removes one of them from GitHub and its note; one that is gone already is no fault. */
export async function removeWebhook(github: GitHub, settings: Settings, id: string, path: string): Promise<void> {
  const wish = path.startsWith('/orgs/')
    ? organizationTarget(settings).wish
    : repositoryTarget(settings, path.split('/').at(-1)!).wish
  await callGitHub(settings, wish, async () => {
    try {
      await github.request(`DELETE ${path}/hooks/${id}`)
    } catch (error) {
      if (statusOf(error) !== 404) throw error
      // GitHub also says 404 to who may not see it.
      await github.request(`GET ${path}/hooks`, { per_page: 1 })
    }
  })
  await kubectl(['annotate', 'namespace', 'prow', `${MADE}${id}-`])
}

/** Makes the App's own webhook be as it is wanted. Its events are on the App's page. */
export async function ensureAppWebhook(
  app: GitHub,
  settings: Settings,
  place: HookTarget,
  secret: string,
  plan: boolean,
  refused: boolean,
): Promise<EnsuredWebhook> {
  const url = hookUrl(settings)
  const { data } = await callGitHub(settings, place.wish, () => app.request('GET /app/hook/config'))
  const config = data as Hook['config']
  const differences = webhookDifferences({ id: 0, active: true, events: ['*'], config }, url, [], place.name)
  if (refused)
    differences.push({
      object: place.name,
      path: 'config.secret',
      before: '(refused by hook)',
      after: '(that of hmac-token)',
    })
  if (differences.length === 0) return { outcome: 'unchanged', differences, duplicates: [] }
  if (plan) return { outcome: 'would change', differences, duplicates: [] }
  await callGitHub(settings, place.wish, () =>
    // As data: octokit would take a field named url for the address of the request.
    app.request('PATCH /app/hook/config', { data: { url, content_type: 'json', insecure_ssl: '0', secret } }),
  )
  return { outcome: 'changed', differences, duplicates: [] }
}

/** Sends the secret once more: what is there answered 403. */
export async function correctSecret(
  github: GitHub,
  settings: Settings,
  place: HookTarget,
  id: number,
  secret: string,
): Promise<void> {
  await callGitHub(settings, place.wish, () => github.request(`PATCH ${place.path}/hooks/${id}/config`, { secret }))
}

/** The newest delivery of a webhook, of one event when given. */
export async function lastDelivery(
  github: GitHub,
  settings: Settings,
  place: HookTarget,
  id?: number,
  event?: string,
): Promise<Delivery | undefined> {
  const path = id === undefined ? `${place.path}/hook/deliveries` : `${place.path}/hooks/${id}/deliveries`
  const { data } = await callGitHub(settings, place.wish, () => github.request(`GET ${path}`, { per_page: 30 }))
  return (data as Delivery[]).find((one) => !event || one.event === event)
}

/** Has GitHub ping a webhook, and gives back the delivery as GitHub's own list has it; nothing when none appears in time. */
export async function waitForPing(
  github: GitHub,
  settings: Settings,
  place: HookTarget,
  id: number,
  seconds: number,
): Promise<Delivery | undefined> {
  const before = (await lastDelivery(github, settings, place, id, 'ping'))?.id
  await callGitHub(settings, place.wish, () => github.request(`POST ${place.path}/hooks/${id}/pings`))
  const until = Date.now() + seconds * 1000
  for (;;) {
    const delivery = await lastDelivery(github, settings, place, id, 'ping')
    if (delivery && delivery.id !== before && delivery.status_code !== 0) return delivery
    if (Date.now() > until) return delivery?.id === before ? undefined : delivery
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/**
 * The same, and once more while nobody answers there, for as long: a way in that was made a moment ago is ready before
 * it leads anywhere.
 */
export async function pingUntilDelivered(
  github: GitHub,
  settings: Settings,
  place: HookTarget,
  id: number,
  seconds: number,
  say: (text: string) => void,
): Promise<Delivery | undefined> {
  const until = Date.now() + seconds * 1000
  for (;;) {
    const delivery = await waitForPing(github, settings, place, id, seconds)
    if (!delivery || ![502, 503, 504].includes(delivery.status_code) || Date.now() > until) return delivery
    say('GitHub pings it: nobody answers there yet')
    await new Promise((resolve) => setTimeout(resolve, 3000))
  }
}

/** What came back for a delivery, in hook's own words. */
export async function deliveryResponse(
  github: GitHub,
  place: HookTarget,
  id: number | undefined,
  delivery: Delivery,
): Promise<string> {
  const path = id === undefined ? `${place.path}/hook/deliveries` : `${place.path}/hooks/${id}/deliveries`
  const { data } = await github.request(`GET ${path}/${delivery.id}`)
  return String((data as { response?: { payload?: string } }).response?.payload ?? '').trim()
}

/** What an answer to a delivery means, and what to do about it. 200 in hook's own words is the only good one. */
export function explainDelivery(
  status: number,
  answer: string,
  settings: Settings,
): { message: string; remedy: string } | undefined {
  const url = hookUrl(settings)
  const words = answer.split('\n')[0]?.slice(0, 160) ?? ''
  const told = (message: string, remedy: string) => ({ message: `${url} ${message}`, remedy })
  if (status === 200) {
    if (/Event received/.test(answer)) return undefined
    return told(
      'answers 200, but not in the words of hook',
      'Something else answers there, such as Deck: see that /hook leads to the Service hook (11-ingress).',
    )
  }
  if (status === 0)
    return told(
      `was not reached (${words})`,
      'See the address, its DNS record and its certificate (11-ingress), and who is let in (HOOK_CIDRS).',
    )
  if (status === 403 && /Missing X-Hub-Signature/.test(answer))
    return told(`answers 403: the event is not signed (${words})`, 'The webhook has no secret. Run 12-webhook again.')
  if (status === 403 && /appropriate hmac secret/.test(answer))
    return told(
      'answers 403: hook has no secret for this organisation',
      `Give secrets/hmac-token an entry for ${settings.GITHUB_ORG} or "*", and run 03-secrets.`,
    )
  if (status === 403 && /Invalid X-Hub-Signature|403 Forbidden/.test(answer)) {
    return told(
      `answers 403: the signature does not fit (${words})`,
      "hook's hmac-token and the webhook's secret differ. A changed Secret reaches hook within a minute or two; if it stays so, run 03-secrets and then 12-webhook.",
    )
  }
  if (status === 403)
    return told(
      'answers 403, and not in the words of hook',
      'A firewall or the load balancer refuses it: see HOOK_CIDRS and what stands before Prow.',
    )
  if (status === 400 && /content type|application\/json|hook only accepts/i.test(answer))
    return told(
      'answers 400: the content type is not exactly application/json',
      'Set it to application/json; a proxy in between must not add a charset.',
    )
  if (status === 400)
    return told(
      `answers 400 (${words})`,
      'A header of GitHub did not arrive: a proxy in between drops X-GitHub-Event or X-GitHub-Delivery.',
    )
  if (status === 405)
    return told('answers 405: it did not arrive as a POST', 'Something on the way redirects and makes a GET of it.')
  if (status >= 300 && status < 400)
    return told(
      `answers ${status}, a redirect, which GitHub does not follow`,
      'Let https lead to hook without a redirect.',
    )
  if (status === 404) return told('answers 404', 'No rule leads /hook to the Service hook: run 11-ingress.')
  if (status === 502 && /failed to connect/.test(answer))
    return told(
      'is not reached by GitHub',
      'See its DNS record, its certificate and HOOK_CIDRS. An internal load balancer is never reached by github.com.',
    )
  if (status === 502 || status === 503 || status === 504)
    return told(
      `answers ${status}: nobody stands behind the load balancer`,
      'See the pods of hook: kubectl -n prow get pods -l app=hook.',
    )
  return told(`answers ${status} (${words})`, 'See the log of hook.')
}

/** Sends an event of our own, signed both ways as GitHub does, and gives back what came back. */
export async function sendTestEvent(url: string, secret: string): Promise<{ status: number; answer: string }> {
  const body = JSON.stringify({ zen: 'prow-runbook', hook_id: 0 })
  const signed = (kind: string) => `${kind}=${createHmac(kind, secret).update(body).digest('hex')}`
  try {
    const answer = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(15_000),
      headers: {
        // Exactly so: hook refuses a charset.
        'content-type': 'application/json',
        'x-github-event': 'ping',
        'x-github-delivery': randomUUID(),
        'x-hub-signature': signed('sha1'),
        'x-hub-signature-256': signed('sha256'),
      },
      body,
    })
    return { status: answer.status, answer: await answer.text() }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string; message?: string } }
    return { status: 0, answer: cause?.code ?? cause?.message ?? message }
  }
}
