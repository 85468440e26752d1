import { createHmac } from 'node:crypto'
import { fullName } from './http.ts'
import { type Delivery, eq, guid, type Hook, type Issue, id, type Repo, type State } from './state.ts'

// GitHub's side of webhooks: the payload of an event, its signature, its delivery and the record of that.

/** Delivers one event to one webhook and records the result. */
export async function deliver(
  state: State,
  hook: Hook,
  event: string,
  payload: Record<string, unknown>,
  more: { guid?: string; redelivery?: boolean; app?: number } = {},
): Promise<Delivery> {
  const json = (hook.config.content_type ?? 'form') === 'json'
  const text = JSON.stringify(payload)
  const body = json ? text : new URLSearchParams({ payload: text }).toString()
  const headers: Record<string, string> = {
    'content-type': json ? 'application/json' : 'application/x-www-form-urlencoded',
    'user-agent': 'GitHub-Hookshot/local',
    accept: '*/*',
    'x-github-event': event,
    'x-github-delivery': more.guid ?? guid(),
    'x-github-hook-id': String(hook.id),
    'x-github-hook-installation-target-type': more.app ? 'integration' : 'repository',
  }
  if (hook.config.secret) {
    for (const [name, kind] of [
      ['x-hub-signature', 'sha1'],
      ['x-hub-signature-256', 'sha256'],
    ] as const) {
      headers[name] = `${kind}=${createHmac(kind, hook.config.secret).update(body).digest('hex')}`
    }
  }
  const delivery: Delivery = {
    id: id(state),
    guid: headers['x-github-delivery']!,
    event,
    action: typeof payload.action === 'string' ? payload.action : null,
    delivered_at: new Date().toISOString(),
    redelivery: more.redelivery ?? false,
    duration: 0,
    status: 'OK',
    status_code: 0,
    request: { headers, payload },
    response: { headers: {}, payload: '' },
  }
  const began = Date.now()
  try {
    const answer = await fetch(reached(state, hook.config.url), {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    })
    delivery.status_code = answer.status
    delivery.status = answer.ok ? 'OK' : await statusText(answer.status)
    delivery.response = { headers: Object.fromEntries(answer.headers), payload: await answer.text() }
  } catch {
    delivery.status_code = 502
    delivery.status = 'failed to connect to host'
  }
  delivery.duration = (Date.now() - began) / 1000
  hook.deliveries.push(delivery)
  hook.last_response = {
    code: delivery.status_code,
    status: delivery.status_code === 200 ? 'active' : 'misconfigured',
    message: delivery.status,
  }
  return delivery
}

async function statusText(code: number): Promise<string> {
  const { STATUS_CODES } = await import('node:http')
  return `Invalid HTTP Response: ${code} ${STATUS_CODES[code] ?? ''}`.trim()
}

function reached(state: State, url: string): string {
  const match = Object.keys(state.reach)
    .filter((from) => url.startsWith(from))
    .sort((a, b) => b.length - a.length)[0]
  return match === undefined ? url : state.reach[match] + url.slice(match.length)
}

/** Delivers an event of a repository to every webhook that subscribes to it: the repository's, its organization's, the Apps'. */
export async function emit(
  state: State,
  repo: Repo,
  event: string,
  payload: Record<string, unknown>,
  sender = 'ghost',
): Promise<void> {
  const org = state.orgs.find((one) => eq(one.login, repo.owner))
  const full = {
    ...payload,
    repository: repositoryPayload(state, repo),
    ...(org ? { organization: { id: org.id, login: org.login } } : {}),
    sender: { login: sender },
  }
  const wants = (hook: Hook) =>
    hook.active && hook.config.url && (hook.events.includes('*') || hook.events.includes(event))
  const work: Promise<unknown>[] = []
  for (const hook of [...repo.hooks, ...(org?.hooks ?? [])]) {
    if (wants(hook)) work.push(deliver(state, hook, event, full))
  }
  for (const app of state.apps) {
    const installation = app.installations.find((one) => eq(one.account, repo.owner) && !one.suspended_at)
    const hook = { ...app.hook, events: app.events }
    if (!installation || !wants(hook)) continue
    work.push(deliver(state, app.hook, event, { ...full, installation: { id: installation.id } }, { app: app.id }))
  }
  await Promise.all(work)
}

/** The ping that GitHub sends when a webhook is created, and on request. */
export function ping(state: State, hook: Hook, repo?: Repo, org?: string): Promise<Delivery> {
  return deliver(state, hook, 'ping', {
    zen: 'Keep it logically awesome.',
    hook_id: hook.id,
    hook: {
      type: repo ? 'Repository' : 'Organization',
      id: hook.id,
      active: hook.active,
      events: hook.events,
      config: { ...hook.config, secret: '********' },
    },
    ...(repo ? { repository: repositoryPayload(state, repo) } : {}),
    ...(org ? { organization: { login: org } } : {}),
    sender: { login: repo?.owner ?? org ?? 'ghost' },
  })
}

export function userPayload(login: string): Record<string, unknown> {
  return { login, type: login.endsWith('[bot]') ? 'Bot' : 'User', html_url: `https://github.com/${login}` }
}

export function repositoryPayload(state: State, repo: Repo): Record<string, unknown> {
  const html = `${htmlBase(state)}/${fullName(repo)}`
  return {
    id: repo.id,
    name: repo.name,
    full_name: fullName(repo),
    private: repo.private,
    visibility: repo.visibility ?? (repo.private ? 'private' : 'public'),
    archived: repo.archived,
    // Prow reads owner.name in push events, owner.login in all others.
    owner: { login: repo.owner, name: repo.owner, type: 'Organization' },
    html_url: html,
    clone_url: `${html}.git`,
    default_branch: repo.default_branch,
  }
}

let html = 'https://github.com'
/** The base URL of pages and git; the rehearsal sets its own. */
export function setHtmlBase(base: string): void {
  html = base
}
export function htmlBase(_state?: State): string {
  return html
}

export function pullPayload(state: State, repo: Repo, issue: Issue): Record<string, unknown> {
  const pull = issue.pull!
  const url = `${htmlBase(state)}/${fullName(repo)}/pull/${issue.number}`
  const side = (one: { ref: string; sha: string; owner?: string }) => ({
    ref: one.ref,
    sha: one.sha,
    label: `${one.owner ?? repo.owner}:${one.ref}`,
    user: userPayload(one.owner ?? repo.owner),
    repo: { ...repositoryPayload(state, repo), ...(one.owner ? { owner: { login: one.owner, name: one.owner } } : {}) },
  })
  return {
    id: issue.id,
    number: issue.number,
    state: issue.state,
    title: issue.title,
    body: issue.body,
    user: userPayload(issue.user),
    html_url: url,
    labels: issue.labels.map((name) => ({ name })),
    assignees: issue.assignees.map(userPayload),
    requested_reviewers: pull.requested_reviewers.map(userPayload),
    draft: pull.draft,
    merged: pull.merged,
    mergeable: pull.mergeable,
    mergeable_state: pull.mergeable === false ? 'dirty' : 'clean',
    merge_commit_sha: pull.merge_commit_sha,
    created_at: issue.created_at,
    updated_at: issue.updated_at,
    changed_files: pull.files.length,
    commits: 1,
    base: side(pull.base),
    head: side(pull.head),
  }
}

export function issuePayload(state: State, repo: Repo, issue: Issue): Record<string, unknown> {
  return {
    id: issue.id,
    number: issue.number,
    title: issue.title,
    body: issue.body,
    state: issue.state,
    user: userPayload(issue.user),
    html_url: `${htmlBase(state)}/${fullName(repo)}/${issue.pull ? 'pull' : 'issues'}/${issue.number}`,
    labels: issue.labels.map((name) => repo.labels.find((label) => eq(label.name, name)) ?? { name }),
    assignees: issue.assignees.map(userPayload),
    milestone: issue.milestone ? { title: issue.milestone } : null,
    created_at: issue.created_at,
    updated_at: issue.updated_at,
    // Its presence marks a pull request.
    ...(issue.pull ? { pull_request: { url: `${state.base}/repos/${fullName(repo)}/pulls/${issue.number}` } } : {}),
  }
}
