import { type Call, fullName, notFound, paged, Refusal, type Route } from './http.ts'
import { actor, createIssue, deliverEvent, edit, issueOf, touched } from './issues.ts'
import { repoFor } from './rights.ts'
import { type Issue, id, now, type Repo, type State, sha } from './state.ts'
import { emit, htmlBase, pullPayload, userPayload } from './webhooks.ts'

function pullOf(call: Call, repo: Repo): Issue {
  const issue = issueOf(call, repo)
  if (!issue.pull) throw notFound()
  return issue
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

export const pullRoutes: Route[] = [
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
      return { status: 201, body: pullPayload(call.state, repo, createIssue(call, repo, true)) }
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
