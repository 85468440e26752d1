import { type Call, fullName, notFound, paged, Refusal, type Route } from './http.ts'
import { repoFor, sees } from './rights.ts'
import {
  type Comment,
  eq,
  type Issue,
  id,
  makeComment,
  makeIssue,
  makeLabel,
  now,
  type Repo,
  type State,
  sha,
} from './state.ts'
import { emit, htmlBase, issuePayload, pullPayload, userPayload } from './webhooks.ts'

function issueOf(call: Call, repo: Repo): Issue {
  const issue = repo.issues.find((one) => String(one.number) === call.part.number)
  if (!issue) throw notFound()
  return issue
}

function pullOf(call: Call, repo: Repo): Issue {
  const issue = issueOf(call, repo)
  if (!issue.pull) throw notFound()
  return issue
}

function actor(call: Call): string {
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

function touched(issue: Issue): void {
  issue.updated_at = now()
}

/** Delivers an event of an issue or pull request to the webhooks. */
function deliverEvent(call: Call, repo: Repo, issue: Issue, action: string, more: Record<string, unknown> = {}): void {
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

function makeNew(call: Call, repo: Repo, pull: boolean): Issue {
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

/** Whether an issue matches a search, as far as Prow's queries go. */
export function matches(repo: Repo, issue: Issue, query: string): boolean {
  const words = query.match(/-?\w+:(?:"[^"]*"(?:,"[^"]*")*|\S+)|"[^"]*"|\S+/g) ?? []
  return words.every((word) => {
    const negative = word.startsWith('-')
    const [, key = '', rest = ''] = /^-?(\w+):(.*)$/.exec(word) ?? []
    const values = rest.split(/,(?=")/).map((one) => one.replace(/^"|"$/g, ''))
    const value = values[0] ?? ''
    const holds = (): boolean => {
      if (key === 'is' || key === 'type') {
        if (value === 'pr') return Boolean(issue.pull)
        if (value === 'issue') return !issue.pull
        if (value === 'merged') return Boolean(issue.pull?.merged)
        if (value === 'open' || value === 'closed') return issue.state === value
        return true
      }
      if (key === 'state') return issue.state === value
      if (key === 'archived') return String(repo.archived) === value
      if (key === 'repo') return values.some((one) => eq(one, fullName(repo)))
      if (key === 'org' || key === 'user') return values.some((one) => eq(one, repo.owner))
      if (key === 'author') return eq(issue.user, value)
      if (key === 'label') return values.some((one) => issue.labels.some((label) => eq(label, one)))
      if (key === 'base') return issue.pull?.base.ref === value
      if (key === 'head') return issue.pull?.head.ref === value
      if (key === 'milestone') return issue.milestone === value
      if (key === 'review')
        return value !== 'approved' || Boolean(issue.pull?.reviews.some((one) => one.state === 'APPROVED'))
      if (key === 'updated') {
        const [from, to] = value.split('..')
        const at = Date.parse(issue.updated_at)
        return (!from || from === '*' || at >= Date.parse(from)) && (!to || to === '*' || at <= Date.parse(to) + 999)
      }
      return true
    }
    return key ? holds() !== negative : true
  })
}

/** The issues that match a search, with their repositories. */
export function search(call: { state: State; who: Call['who'] }, query: string): { repo: Repo; issue: Issue }[] {
  const found = call.state.repos
    .filter((repo) => sees(call.state, repo, call.who))
    .flatMap((repo) => repo.issues.filter((issue) => matches(repo, issue, query)).map((issue) => ({ repo, issue })))
  const by = /sort:updated-(asc|desc)/.exec(query)?.[1]
  if (by) found.sort((a, b) => (by === 'asc' ? 1 : -1) * a.issue.updated_at.localeCompare(b.issue.updated_at))
  return found
}

/** Merges a pull request. Tide decides by the messages of GitHub's refusals. git.ts replaces it by one that merges in git. */
export let mergeWith: (state: State, repo: Repo, issue: Issue, method: string) => Promise<string> = async (
  _state,
  repo,
  issue,
) => sha(`${fullName(repo)}#${issue.number} ${issue.pull?.head.sha}`)
export function setMerge(merge: typeof mergeWith): void {
  mergeWith = merge
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
      return { status: 201, body: issuePayload(call.state, repo, makeNew(call, repo, false)) }
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

  [
    'GET',
    '/repos/:owner/:repo/pulls',
    (call) => {
      const repo = repoFor(call, 'pullsRead')
      const wanted = call.query.get('state') ?? 'open'
      return paged(
        call,
        repo.issues
          .filter((one) => one.pull && (wanted === 'all' || one.state === wanted))
          .map((one) => pullPayload(call.state, repo, one)),
      )
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/pulls',
    (call) => {
      const repo = repoFor(call, 'issues')
      return { status: 201, body: pullPayload(call.state, repo, makeNew(call, repo, true)) }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/pulls/:number',
    (call) => {
      const repo = repoFor(call)
      return { status: 200, body: pullPayload(call.state, repo, pullOf(call, repo)) }
    },
  ],
  ['PATCH', '/repos/:owner/:repo/pulls/:number', (call) => edit(call)],
  ['GET', '/repos/:owner/:repo/pulls/:number/files', (call) => paged(call, pullOf(call, repoFor(call)).pull!.files)],
  [
    'GET',
    '/repos/:owner/:repo/pulls/:number/commits',
    (call) => {
      const { pull } = pullOf(call, repoFor(call))
      return paged(call, [{ sha: pull!.head.sha, commit: { message: '', tree: { sha: sha(pull!.head.sha) } } }])
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/pulls/:number/comments',
    (call) =>
      paged(
        call,
        pullOf(call, repoFor(call)).pull!.review_comments.map((one) => ({ ...one, user: userPayload(one.user) })),
      ),
  ],
  [
    'GET',
    '/repos/:owner/:repo/pulls/:number/reviews',
    (call) => {
      const repo = repoFor(call)
      const issue = pullOf(call, repo)
      return paged(
        call,
        issue.pull!.reviews.map((one) => ({
          ...one,
          user: userPayload(one.user),
          html_url: `${htmlBase()}/${fullName(repo)}/pull/${issue.number}#pullrequestreview-${one.id}`,
        })),
      )
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/pulls/:number/reviews',
    (call) => {
      const repo = repoFor(call, 'issues')
      const issue = pullOf(call, repo)
      const states: Record<string, string> = {
        APPROVE: 'APPROVED',
        REQUEST_CHANGES: 'CHANGES_REQUESTED',
        COMMENT: 'COMMENTED',
      }
      const review = {
        id: id(call.state),
        user: actor(call),
        body: String(call.body.body ?? ''),
        state: states[String(call.body.event)] ?? 'PENDING',
        submitted_at: now(),
        commit_id: issue.pull!.head.sha,
      }
      issue.pull!.reviews.push(review)
      touched(issue)
      const shown = {
        ...review,
        user: userPayload(review.user),
        html_url: `${htmlBase()}/${fullName(repo)}/pull/${issue.number}#pullrequestreview-${review.id}`,
      }
      // In events the state is in lower case.
      call.later(() =>
        emit(
          call.state,
          repo,
          'pull_request_review',
          {
            action: 'submitted',
            pull_request: pullPayload(call.state, repo, issue),
            review: { ...shown, state: review.state.toLowerCase() },
          },
          review.user,
        ),
      )
      return { status: 200, body: shown }
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/pulls/:number/requested_reviewers',
    (call) => {
      const repo = repoFor(call, 'triage')
      const issue = pullOf(call, repo)
      issue.pull!.requested_reviewers = [
        ...new Set([...issue.pull!.requested_reviewers, ...((call.body.reviewers ?? []) as string[])]),
      ]
      return { status: 201, body: pullPayload(call.state, repo, issue) }
    },
  ],
  [
    'DELETE',
    '/repos/:owner/:repo/pulls/:number/requested_reviewers',
    (call) => {
      const repo = repoFor(call, 'triage')
      const issue = pullOf(call, repo)
      const removed = (call.body.reviewers ?? []) as string[]
      issue.pull!.requested_reviewers = issue.pull!.requested_reviewers.filter((one) => !removed.includes(one))
      return { status: 200, body: pullPayload(call.state, repo, issue) }
    },
  ],
  [
    'PUT',
    '/repos/:owner/:repo/pulls/:number/merge',
    async (call) => {
      const repo = repoFor(call, 'contents')
      const issue = pullOf(call, repo)
      const pull = issue.pull!
      const method = String(call.body.merge_method ?? 'merge')
      const allowed: Record<string, boolean> = {
        merge: repo.allow_merge_commit,
        squash: repo.allow_squash_merge,
        rebase: repo.allow_rebase_merge,
      }
      const words: Record<string, string> = {
        merge: 'Merge commits are',
        squash: 'Squash merges are',
        rebase: 'Rebase merges are',
      }
      if (!allowed[method]) throw new Refusal(405, `${words[method]} not allowed on this repository.`)
      if (issue.state === 'closed' || pull.draft || pull.mergeable === false)
        throw new Refusal(405, 'Pull Request is not mergeable')
      if (call.body.sha && call.body.sha !== pull.head.sha)
        throw new Refusal(409, 'Head branch was modified. Review and try the merge again.')
      const ref = `heads/${pull.base.ref}`
      const before = repo.refs[ref] ?? ''
      const merged = await mergeWith(call.state, repo, issue, method)
      repo.refs[ref] = merged
      Object.assign(pull, { merged: true, merge_commit_sha: merged })
      issue.state = 'closed'
      touched(issue)
      deliverEvent(call, repo, issue, 'closed')
      const commit = {
        id: merged,
        message: issue.title,
        added: [],
        removed: [],
        modified: pull.files.map((file) => file.filename),
      }
      call.later(() =>
        emit(
          call.state,
          repo,
          'push',
          { ref: `refs/${ref}`, before, after: merged, deleted: false, compare: '', commits: [commit] },
          actor(call),
        ),
      )
      return { status: 200, body: { sha: merged, merged: true, message: 'Pull Request successfully merged' } }
    },
  ],
]

function edit(call: Call) {
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
