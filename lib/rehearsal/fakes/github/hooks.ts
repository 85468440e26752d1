import { byCursor, type Call, fullName, notFound, paged, Refusal, type Reply, type Route } from './http.ts'
import { orgForHooks, repoFor } from './rights.ts'
import { type App, type Delivery, type Hook, type HookConfig, makeHook, now, type Org, type Repo } from './state.ts'
import { deliver, ping } from './webhooks.ts'

/** What a webhook belongs to: a repository or an organization. */
interface Place {
  hooks: Hook[]
  kind: 'Repository' | 'Organization'
  url: string
  repo?: Repo
  org?: Org
}

function placeOf(call: Call, access: 'read' | 'write'): Place {
  if (call.part.org !== undefined) {
    const org = orgForHooks(call, access)
    return { hooks: org.hooks, kind: 'Organization', url: `/orgs/${org.login}`, org }
  }
  const repo = repoFor(call, access === 'read' ? 'hooksRead' : 'hooks')
  return { hooks: repo.hooks, kind: 'Repository', url: `/repos/${fullName(repo)}`, repo }
}

function shownConfig({ secret, ...config }: HookConfig): HookConfig {
  return { ...config, ...(secret ? { secret: '********' } : {}) }
}

function shown(call: Call, place: Place, hook: Hook): Record<string, unknown> {
  const { deliveries: _, ...rest } = hook
  const url = `${call.base}${place.url}/hooks/${hook.id}`
  return {
    type: place.kind,
    ...rest,
    config: shownConfig(hook.config),
    url,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
  }
}

function hookOf(call: Call, place: Place): Hook {
  const hook = place.hooks.find((one) => String(one.id) === call.part.id)
  if (!hook) throw notFound()
  return hook
}

function configFrom(call: Call): HookConfig {
  const config = (call.body.config ?? {}) as Partial<HookConfig>
  if (!config.url) throw invalid('Hook', 'config', 'Config must contain URL for webhooks')
  if (!/^https?:\/\//.test(config.url)) throw invalid('Hook', 'url', 'url is not a valid URL')
  return {
    url: config.url,
    content_type: config.content_type ?? 'form',
    insecure_ssl: String(config.insecure_ssl ?? '0'),
    ...(config.secret ? { secret: config.secret } : {}),
  }
}

function invalid(resource: string, field: string, message: string): Refusal {
  return new Refusal(422, 'Validation Failed', { errors: [{ resource, field, code: 'custom', message }] })
}

function refuseTwin(place: Place, config: HookConfig, events: string[], self?: Hook): void {
  const same = (hook: Hook) =>
    hook !== self && hook.config.url === config.url && hook.events.some((event) => events.includes(event))
  if (place.hooks.some(same)) throw invalid('Hook', 'base', `Hook already exists on this ${place.kind.toLowerCase()}`)
}

function shortDelivery({ request: _q, response: _s, ...rest }: Delivery): Record<string, unknown> {
  return rest
}

/** The routes that a repository and an organization share. */
function below(base: string): Route[] {
  return [
    [
      'GET',
      `${base}/hooks`,
      (call) => {
        const place = placeOf(call, 'read')
        return paged(
          call,
          place.hooks.map((hook) => shown(call, place, hook)),
        )
      },
    ],
    [
      'POST',
      `${base}/hooks`,
      (call) => {
        const place = placeOf(call, 'write')
        const config = configFrom(call)
        const events = (call.body.events as string[]) ?? ['push']
        refuseTwin(place, config, events)
        if (place.hooks.length >= 20) throw invalid('Hook', 'base', `The "push" event cannot have more than 20 hooks`)
        const hook = makeHook(call.state, { config, events, active: call.body.active !== false })
        place.hooks.push(hook)
        if (hook.active) call.later(async () => void (await ping(call.state, hook, place.repo, place.org?.login)))
        return { status: 201, body: shown(call, place, hook) }
      },
    ],
    [
      'GET',
      `${base}/hooks/:id`,
      (call) => {
        const place = placeOf(call, 'read')
        return { status: 200, body: shown(call, place, hookOf(call, place)) }
      },
    ],
    [
      'PATCH',
      `${base}/hooks/:id`,
      (call) => {
        const place = placeOf(call, 'write')
        const hook = hookOf(call, place)
        // The given config replaces the old one: without a secret in it, the webhook has none.
        const config = call.body.config ? configFrom(call) : hook.config
        const events = (call.body.events as string[]) ?? hook.events
        refuseTwin(place, config, events, hook)
        Object.assign(hook, { config, events, active: (call.body.active as boolean) ?? hook.active, updated_at: now() })
        return { status: 200, body: shown(call, place, hook) }
      },
    ],
    [
      'DELETE',
      `${base}/hooks/:id`,
      (call) => {
        const place = placeOf(call, 'write')
        place.hooks.splice(place.hooks.indexOf(hookOf(call, place)), 1)
        return { status: 204 }
      },
    ],
    [
      'GET',
      `${base}/hooks/:id/config`,
      (call) => ({ status: 200, body: shownConfig(hookOf(call, placeOf(call, 'read')).config) }),
    ],
    [
      'PATCH',
      `${base}/hooks/:id/config`,
      (call) => {
        const hook = hookOf(call, placeOf(call, 'write'))
        Object.assign(hook.config, call.body)
        hook.updated_at = now()
        return { status: 200, body: shownConfig(hook.config) }
      },
    ],
    [
      'POST',
      `${base}/hooks/:id/pings`,
      (call) => {
        const place = placeOf(call, 'read')
        const hook = hookOf(call, place)
        call.later(async () => void (await ping(call.state, hook, place.repo, place.org?.login)))
        return { status: 204 }
      },
    ],
    [
      'GET',
      `${base}/hooks/:id/deliveries`,
      (call) => byCursor(call, hookOf(call, placeOf(call, 'read')).deliveries, shortDelivery),
    ],
    ['GET', `${base}/hooks/:id/deliveries/:delivery`, (call) => oneDelivery(call, hookOf(call, placeOf(call, 'read')))],
    [
      'POST',
      `${base}/hooks/:id/deliveries/:delivery/attempts`,
      (call) => again(call, hookOf(call, placeOf(call, 'write'))),
    ],
  ]
}

function oneDelivery(call: Call, hook: Hook): Reply {
  const found = hook.deliveries.find((one) => String(one.id) === call.part.delivery)
  if (!found) throw notFound()
  return { status: 200, body: found }
}

function again(call: Call, hook: Hook, app?: App): Reply {
  const found = hook.deliveries.find((one) => String(one.id) === call.part.delivery)
  if (!found) throw notFound()
  const payload = found.request.payload as Record<string, unknown>
  call.later(
    async () =>
      void (await deliver(call.state, hook, found.event, payload, {
        guid: found.guid,
        redelivery: true,
        app: app?.id,
      })),
  )
  return { status: 202, body: {} }
}

function appOf(call: Call): App {
  if (!call.who.app) throw new Refusal(401, 'A JSON web token could not be decoded')
  return call.who.app
}

export const hookRoutes: Route[] = [
  ...below('/repos/:owner/:repo'),
  ...below('/orgs/:org'),
  // An App has one webhook, which only its own JWT can access.
  ['GET', '/app/hook/config', (call) => ({ status: 200, body: shownConfig(appOf(call).hook.config) })],
  [
    'PATCH',
    '/app/hook/config',
    (call) => {
      const { hook } = appOf(call)
      Object.assign(hook.config, call.body)
      hook.updated_at = now()
      return { status: 200, body: shownConfig(hook.config) }
    },
  ],
  ['GET', '/app/hook/deliveries', (call) => byCursor(call, appOf(call).hook.deliveries, shortDelivery)],
  ['GET', '/app/hook/deliveries/:delivery', (call) => oneDelivery(call, appOf(call).hook)],
  ['POST', '/app/hook/deliveries/:delivery/attempts', (call) => again(call, appOf(call).hook, appOf(call))],
]
