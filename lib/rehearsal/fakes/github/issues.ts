import { type Call, fullName, notFound, paged, Refusal, type Route } from './http.ts'
import { repoFor } from './rights.ts'
import { search } from './search.ts'
import { type Comment, eq, type Issue, id, makeComment, makeIssue, makeLabel, now, type Repo, sha } from './state.ts'
import { emit, htmlBase, issuePayload, pullPayload, userPayload } from './webhooks.ts'

export function issueOf(call: Call, repo: Repo): Issue {
  const issue = repo.issues.find((one) => String(one.number) === call.part.number)
  if (!issue) throw notFound()
  return issue
}

export function actor(call: Call): string {
  return call.who.user?.login ?? call.who.token?.login ?? 'ghost'
}

function shownComment(repo: Repo, issue: Issue, comment: Comment): Record<string, unknown> {
  return {
    ...comment,
    user: userPayload(comment.user),
    html_url: `${htmlBase()}/${fullName(repo)}/${issue.pull ? 'pull' : 'issues'}/${issue.number}#issuecomment-${comment.id}`,
  }
}

function labelled(repo: Repo, issue: Issue): unknown[] {
  return issue.labels.map((name) => repo.labels.find((label) => eq(label.name, name)) ?? { name })
}

export function touched(issue: Issue): void {
  issue.updated_at = now()
}

/** Delivers an event of an issue or pull request to the webhooks. */
export function deliverEvent(
  call: Call,
  repo: Repo,
  issue: Issue,
  action: string,
  more: Record<string, unknown> = {},
): void {
  const payload = issue.pull
    ? { action, number: issue.number, pull_request: pullPayload(call.state, repo, issue), ...more }
    : { action, issue: issuePayload(call.state, repo, issue), ...more }
  call.later(() => emit(call.state, repo, issue.pull ? 'pull_request' : 'issues', payload, actor(call)))
}

function addLabels(call: Call, repo: Repo, issue: Issue, names: string[]): void {
  for (const name of names) {
    // GitHub creates a label that does not exist yet.
    if (!repo.labels.some((label) => eq(label.name, name))) repo.labels.push(makeLabel(call.state, name))
    if (issue.labels.some((one) => eq(one, name))) continue
    issue.labels.push(name)
    issue.events.push({ event: 'labeled', label: name, actor: actor(call), created_at: now() })
    touched(issue)
    deliverEvent(call, repo, issue, 'labeled', { label: { name } })
  }
}

export function createIssue(call: Call, repo: Repo, pull: boolean): Issue {
  const { title, body, head, base, draft } = call.body as Record<string, string>
  if (!title)
    throw new Refusal(422, 'Validation Failed', {
      errors: [{ resource: 'Issue', code: 'missing_field', field: 'title' }],
    })
  const number = Math.max(0, ...repo.issues.map((one) => one.number)) + 1
  const issue = makeIssue(
    call.state,
    {
      title,
      body: body ?? '',
      user: actor(call),
      ...(pull
        ? {
            pull: {
              draft: Boolean(draft),
              base: { ref: base ?? repo.default_branch, sha: repo.refs[`heads/${base ?? repo.default_branch}`] ?? '' },
              head: {
                ref: (head ?? '').replace(/^.*:/, ''),
                sha: repo.refs[`heads/${(head ?? '').replace(/^.*:/, '')}`] ?? sha(title),
              },
            } as Issue['pull'],
          }
        : {}),
    },
    number,
  )
  repo.issues.push(issue)
  deliverEvent(call, repo, issue, 'opened')
  return issue
}

export const issueRoutes: Route[] = [
  [
    'GET',
    '/search/issues',
    (call) => {
      const found = search(call, call.query.get('q') ?? '')
      return paged(
        call,
        found.map(({ repo, issue }) => issuePayload(call.state, repo, issue)),
        (page) => ({ total_count: found.length, incomplete_results: false, items: page }),
      )
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/issues',
    (call) => {
      const repo = repoFor(call, 'issuesRead')
      const wanted = call.query.get('state') ?? 'open'
      return paged(
        call,
        repo.issues
          .filter((one) => wanted === 'all' || one.state === wanted)
          .map((one) => issuePayload(call.state, repo, one)),
      )
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/issues',
    (call) => {
      const repo = repoFor(call, 'issues')
      return { status: 201, body: issuePayload(call.state, repo, createIssue(call, repo, false)) }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/issues/comments/:id',
    (call) => {
      const repo = repoFor(call)
      for (const issue of repo.issues) {
        const comment = issue.comments.find((one) => String(one.id) === call.part.id)
        if (comment) return { status: 200, body: shownComment(repo, issue, comment) }
      }
      throw notFound()
    },
  ],
  [
    'PATCH',
    '/repos/:owner/:repo/issues/comments/:id',
    (call) => {
      const repo = repoFor(call, 'issues')
      for (const issue of repo.issues) {
        const comment = issue.comments.find((one) => String(one.id) === call.part.id)
        if (!comment) continue
        Object.assign(comment, { body: String(call.body.body ?? ''), updated_at: now() })
        touched(issue)
        return { status: 200, body: shownComment(repo, issue, comment) }
      }
      throw notFound()
    },
  ],
  [
    'DELETE',
    '/repos/:owner/:repo/issues/comments/:id',
    (call) => {
      const repo = repoFor(call, 'issues')
      for (const issue of repo.issues) {
        const at = issue.comments.findIndex((one) => String(one.id) === call.part.id)
        if (at < 0) continue
        issue.comments.splice(at, 1)
        return { status: 204 }
      }
      throw notFound()
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/issues/comments/:id/reactions',
    (call) => {
      repoFor(call, 'issues')
      return { status: 201, body: { id: id(call.state), content: call.body.content } }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/issues/:number',
    (call) => {
      const repo = repoFor(call)
      return { status: 200, body: issuePayload(call.state, repo, issueOf(call, repo)) }
    },
  ],
  ['PATCH', '/repos/:owner/:repo/issues/:number', (call) => edit(call)],
  [
    'GET',
    '/repos/:owner/:repo/issues/:number/comments',
    (call) => {
      const repo = repoFor(call)
      const issue = issueOf(call, repo)
      return paged(
        call,
        issue.comments.map((comment) => shownComment(repo, issue, comment)),
      )
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/issues/:number/comments',
    (call) => {
      const repo = repoFor(call, 'issues')
      const issue = issueOf(call, repo)
      // Stored before the event is delivered: approve reads commands from the list, not from the event.
      const comment = makeComment(call.state, { user: actor(call), body: String(call.body.body ?? '') })
      issue.comments.push(comment)
      touched(issue)
      const shown = shownComment(repo, issue, comment)
      call.later(() =>
        emit(
          call.state,
          repo,
          'issue_comment',
          { action: 'created', issue: issuePayload(call.state, repo, issue), comment: shown },
          comment.user,
        ),
      )
      return { status: 201, body: shown }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/issues/:number/labels',
    (call) => {
      const repo = repoFor(call)
      return paged(call, labelled(repo, issueOf(call, repo)))
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/issues/:number/labels',
    (call) => {
      const repo = repoFor(call, 'triage')
      const issue = issueOf(call, repo)
      addLabels(call, repo, issue, (call.body.list ?? call.body.labels ?? []) as string[])
      return { status: 200, body: labelled(repo, issue) }
    },
  ],
  [
    'DELETE',
    '/repos/:owner/:repo/issues/:number/labels/:name*',
    (call) => {
      const repo = repoFor(call, 'triage')
      const issue = issueOf(call, repo)
      const at = issue.labels.findIndex((one) => eq(one, call.part.name!))
      if (at < 0) throw new Refusal(404, 'Label does not exist')
      const [name] = issue.labels.splice(at, 1)
      issue.events.push({ event: 'unlabeled', label: name, actor: actor(call), created_at: now() })
      touched(issue)
      deliverEvent(call, repo, issue, 'unlabeled', { label: { name } })
      return { status: 200, body: labelled(repo, issue) }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/issues/:number/events',
    (call) => {
      const repo = repoFor(call)
      return paged(
        call,
        issueOf(call, repo).events.map((one) => ({
          event: one.event,
          actor: userPayload(one.actor),
          created_at: one.created_at,
          ...(one.label ? { label: { name: one.label } } : {}),
        })),
      )
    },
  ],
  ['POST', '/repos/:owner/:repo/issues/:number/assignees', (call) => assign(call, 201, true)],
  ['DELETE', '/repos/:owner/:repo/issues/:number/assignees', (call) => assign(call, 200, false)],
]

export function edit(call: Call) {
  const repo = repoFor(call, 'issues')
  const issue = issueOf(call, repo)
  const { title, body, state, labels } = call.body as {
    title?: string
    body?: string
    state?: 'open' | 'closed'
    labels?: string[]
  }
  const before = issue.state
  Object.assign(issue, {
    ...(title === undefined ? {} : { title }),
    ...(body === undefined ? {} : { body }),
    ...(state ? { state } : {}),
    ...(labels ? { labels } : {}),
  })
  touched(issue)
  deliverEvent(call, repo, issue, state && state !== before ? (state === 'closed' ? 'closed' : 'reopened') : 'edited', {
    changes: {},
  })
  return {
    status: 200,
    body: issue.pull ? pullPayload(call.state, repo, issue) : issuePayload(call.state, repo, issue),
  }
}

function assign(call: Call, status: number, add: boolean) {
  const repo = repoFor(call, 'triage')
  const issue = issueOf(call, repo)
  const names = (call.body.assignees ?? []) as string[]
  issue.assignees = add
    ? [...new Set([...issue.assignees, ...names])]
    : issue.assignees.filter((one) => !names.includes(one))
  touched(issue)
  return { status, body: issuePayload(call.state, repo, issue) }
}
