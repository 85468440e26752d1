import { type Finding, Problem, warning } from '../base/problem.ts'
import { parseYaml } from '../base/yaml-parse.ts'
import { nodeAt, textsOf } from '../base/yaml-tree.ts'
import { currentRun, forget, readOnce } from '../run/context.ts'
import { findings } from '../run/findings.ts'
import type { Difference } from '../run/result.ts'
import { change, task } from '../run/task.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import type { GitHub } from './client.ts'
import { callGitHub, messageOf, statusOf, writeGitHub } from './requests.ts'
import { dropIntent, dropRecord, hasIntent, isPending, recordIntent, recordWebhook } from './webhook-record.ts'
import { targetByPath, type WebhookTarget } from './webhook-targets.ts'

/** A webhook that exists on GitHub. */
export interface Webhook {
  target: WebhookTarget
  /** In the API: `/orgs/O/hooks/1`, or `/app/hook`. */
  path: string
}

/** A webhook as GitHub returns it; it never returns the secret. */
export interface Hook {
  id: number
  active: boolean
  events: string[]
  config: { url?: string; content_type?: string; insecure_ssl?: string | number }
}

/** The events that hook handles itself; external plugins may want more. */
const EVENTS = [
  'issue_comment',
  'issues',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
  'status',
]

/** The URL that GitHub delivers to. */
export function hookUrl(settings: Settings): string {
  return `${prowUrl(settings)}/hook`
}

/** The events that hook and the external plugins in plugins.yaml want. */
export function wantedEvents(plugins: string): string[] {
  const events = new Set(EVENTS)
  for (const list of nodeAt(parseYaml(plugins).tree, 'external_plugins')?.map?.values() ?? []) {
    for (const plugin of list.list ?? []) {
      const own = textsOf(nodeAt(plugin, 'events'))
      // A plugin without a list gets every event.
      if (own.length === 0) return ['*']
      for (const event of own) events.add(event)
    }
  }
  return [...events].sort()
}

/** Whether two URLs differ at most in scheme, case and slashes at the end, as those typed by hand do. */
export function isSameUrl(url: string | undefined, wanted: string): boolean {
  const normalized = (text: string) =>
    text
      .replace(/^https?:\/\//, '')
      .replace(/\/+$/, '')
      .toLowerCase()
  return url !== undefined && normalized(url) === normalized(wanted)
}

/** How a webhook differs from the wanted one. Further events do not count. The secret cannot be compared. */
export function webhookDifferences(hook: Hook, url: string, events: string[], object: string): Difference[] {
  const differing = (path: string, before: unknown, after: unknown): Difference[] =>
    String(before) === String(after) ? [] : [{ object, path, before: String(before), after: String(after) }]
  const hasEvents = hook.events.includes('*') || events.every((event) => hook.events.includes(event))
  return [
    ...differing('config.url', hook.config.url, url),
    ...differing('config.content_type', hook.config.content_type, 'json'),
    ...differing('config.insecure_ssl', hook.config.insecure_ssl ?? '0', '0'),
    ...differing('active', hook.active, true),
    ...(hasEvents ? [] : differing('events', hook.events.join(', '), events.join(', '))),
  ]
}

/** All webhooks of an owner, read once a run. */
export function listWebhooks(github: GitHub, settings: Settings, { path, operation }: WebhookTarget): Promise<Hook[]> {
  return readOnce(`github webhooks of ${path}`, () =>
    callGitHub(settings, operation, async () => {
      const all = await github.paginate(`GET ${path}/hooks`, { per_page: 100 })
      return all as Hook[]
    }),
  )
}

/** The webhook of an owner that delivers to hook, and others that do so too. */
export async function findWebhook(
  github: GitHub,
  settings: Settings,
  target: WebhookTarget,
): Promise<{ hook?: Hook; duplicates: Hook[] }> {
  const url = hookUrl(settings)
  const found = (await listWebhooks(github, settings, target)).filter(({ config }) => isSameUrl(config.url, url))
  const hook = found.find(({ config }) => config.url === url) ?? found[0]
  return { hook, duplicates: found.filter((one) => one !== hook) }
}

/**
 * Creates the webhook of an owner, or corrects the one that delivers to hook's URL; prints a line, and a warning where
 * others deliver there too. A secret is sent with every write; whether the existing one is right only a delivery shows.
 * Undefined under --plan while there is none.
 */
export async function ensureWebhook(
  github: GitHub,
  settings: Settings,
  target: WebhookTarget,
  wanted: { secret: string; events: string[] },
): Promise<Webhook | undefined> {
  // Preflight may have read them long before.
  forget(`webhooks of ${target.path}`)
  const { hook, duplicates } = await findWebhook(github, settings, target)
  const { plan } = currentRun()
  const url = hookUrl(settings)
  let id = hook?.id
  await task(target.name, async () => {
    if (!hook) {
      if (!plan) id = await createWebhook(github, settings, target, wanted)
      return change(false, [], url)
    }
    const differences = webhookDifferences(hook, url, wanted.events, target.name)
    if (!plan && differences.length > 0) await correctWebhook(github, settings, target, hook, wanted)
    if (!plan && (await hasIntent(target.path))) await recordWebhook(target.path, hook.id)
    return change(true, differences, url)
  })
  await findings(duplicateFindings(target, url, duplicates))
  return id === undefined ? undefined : { target, path: `${target.path}/hooks/${id}` }
}

function duplicateFindings({ name, page }: WebhookTarget, url: string, duplicates: Hook[]): Finding[] {
  if (duplicates.length === 0) return []
  return [warning(`a second ${name} delivers to ${url}: each event would be handled twice`, `Remove one at ${page}.`)]
}

const bodyOf = (settings: Settings, secret: string) => ({
  active: true,
  config: { url: hookUrl(settings), content_type: 'json', insecure_ssl: '0', secret },
})

async function createWebhook(
  github: GitHub,
  settings: Settings,
  target: WebhookTarget,
  { secret, events }: { secret: string; events: string[] },
): Promise<number> {
  const { name, path, page, operation } = target
  await recordIntent(path)
  const { data } = await writeGitHub(settings, operation, `webhooks of ${path}`, () =>
    github.request(`POST ${path}/hooks`, { name: 'web', events, ...bodyOf(settings, secret) }),
  ).catch(async (problem: Problem) => {
    if (isRefused(problem.cause)) await dropIntent(path)
    if (statusOf(problem.cause) !== 422 || !/20 hooks/.test(messageOf(problem.cause))) throw problem
    throw new Problem(`${name}: GitHub allows 20 webhooks and no more`, `Remove one at ${page}.`, { cause: problem })
  })
  await recordWebhook(path, data.id)
  return data.id
}

/** Whether GitHub has certainly not created a webhook: after another failure it may have, and the answer was lost. */
function isRefused(error: unknown): boolean {
  const status = statusOf(error) ?? 500
  return status < 500 && !/already exists/.test(messageOf(error))
}

async function correctWebhook(
  github: GitHub,
  settings: Settings,
  { path, operation }: WebhookTarget,
  hook: Hook,
  { secret, events }: { secret: string; events: string[] },
): Promise<void> {
  // Events that others have subscribed it to stay.
  const all = hook.events.includes('*') ? ['*'] : [...new Set([...hook.events, ...events])].sort()
  await writeGitHub(settings, operation, `webhooks of ${path}`, () =>
    github.request(`PATCH ${path}/hooks/${hook.id}`, { events: all, ...bodyOf(settings, secret) }),
  )
}

/** Sends the secret again, after a delivery that hook rejected. */
export async function correctSecret(
  github: GitHub,
  settings: Settings,
  { target, path }: Webhook,
  secret: string,
): Promise<void> {
  await writeGitHub(settings, target.operation, `webhooks of ${target.path}`, () =>
    github.request(`PATCH ${path}/config`, { secret }),
  )
}

/** Removes a recorded webhook from GitHub, where it may be removed already, and its record. */
export async function removeWebhook(github: GitHub, settings: Settings, id: string, path: string): Promise<void> {
  const target = targetByPath(settings, path)
  for (const one of isPending(id) ? await pendingHooks(github, settings, target) : [id]) {
    await writeGitHub(settings, target.operation, `webhooks of ${path}`, async () => {
      try {
        await github.request(`DELETE ${path}/hooks/${one}`)
      } catch (error) {
        if (statusOf(error) !== 404) throw error
        // GitHub also answers 404 to those who may not read webhooks: then this fails as well.
        await github.request(`GET ${path}/hooks`, { per_page: 1 })
      }
    })
  }
  await dropRecord(id)
}

/** The webhooks that a killed run has created: when it recorded its intent, none delivered to hook's URL. */
async function pendingHooks(github: GitHub, settings: Settings, target: WebhookTarget): Promise<number[]> {
  const { hook, duplicates } = await findWebhook(github, settings, target)
  return [...(hook ? [hook] : []), ...duplicates].map(({ id }) => id)
}
