import { buildSchema, graphql } from 'graphql'
import { type Call, fullName, type Route } from './http.ts'
import { search } from './search.ts'
import type { Issue, Repo, Status } from './state.ts'
import { htmlBase } from './webhooks.ts'

// The fields that Tide, its status controller and Deck's page of pull requests select. Prow's client rejects a response
// with any other field, so the query decides what is in it.
const schema = buildSchema(`
  type Query {
    rateLimit: RateLimit!
    viewer: Actor
    search(type: SearchType!, first: Int, last: Int, after: String, query: String!): Found!
  }
  enum SearchType { ISSUE REPOSITORY USER }
  type RateLimit { cost: Int!, limit: Int!, remaining: Int!, resetAt: String! }
  type PageInfo { hasNextPage: Boolean!, endCursor: String }
  union Item = PullRequest | Issue
  type Found { issueCount: Int!, pageInfo: PageInfo!, nodes: [Item!]! }
  interface Actor { login: String! }
  type User implements Actor { login: String! }
  type Bot implements Actor { login: String! }
  type Ref { name: String!, prefix: String! }
  type Repository { name: String!, nameWithOwner: String!, isArchived: Boolean!, owner: Actor! }
  type Label { name: String! }
  type Labels { nodes: [Label!]! }
  type Milestone { title: String! }
  type Context { context: String!, description: String, state: String! }
  type Status { contexts: [Context!]! }
  type CheckRun { name: String!, conclusion: String, status: String! }
  type StatusContext { context: String! }
  union RollupContext = CheckRun | StatusContext
  type RollupContexts { nodes: [RollupContext!]! }
  type Rollup { contexts(first: Int, last: Int, after: String): RollupContexts! }
  type Commit { oid: String!, status: Status, statusCheckRollup: Rollup }
  type PullRequestCommit { commit: Commit! }
  type Commits { nodes: [PullRequestCommit!]! }
  type PullRequest {
    number: Int!, title: String!, body: String!, url: String!, state: String!, merged: Boolean!, isDraft: Boolean!
    author: Actor, baseRef: Ref, baseRefName: String!, headRefName: String!, headRefOid: String!
    mergeable: String!, mergeStateStatus: String!, canBeRebased: Boolean!, reviewDecision: String
    repository: Repository!, labels(first: Int): Labels!, milestone: Milestone
    commits(first: Int, last: Int): Commits!, updatedAt: String!
  }
  type Issue { number: Int!, title: String!, body: String!, url: String!, state: String!, repository: Repository!, labels(first: Int): Labels!, updatedAt: String! }
`)

const actor = (login: string) => ({ __typename: login.endsWith('[bot]') ? 'Bot' : 'User', login })

function repository(repo: Repo) {
  return {
    name: repo.name,
    nameWithOwner: fullName(repo),
    isArchived: repo.archived,
    owner: actor(repo.owner),
  }
}

function commit(repo: Repo, sha: string) {
  const latest = new Map<string, Status>()
  for (const one of repo.statuses[sha] ?? []) latest.set(one.context, one)
  const runs = repo.check_runs[sha] ?? []
  const upper = (value: unknown) => (value ? String(value).toUpperCase() : null)
  return {
    oid: sha,
    // GitHub returns null when no status was ever set.
    status: latest.size ? { contexts: [...latest.values()].map((one) => ({ ...one, state: upper(one.state) })) } : null,
    statusCheckRollup: runs.length
      ? {
          contexts: {
            nodes: runs.map((one) => ({
              __typename: 'CheckRun',
              name: one.name,
              conclusion: upper(one.conclusion),
              status: upper(one.status) ?? 'QUEUED',
            })),
          },
        }
      : null,
  }
}

function node(repo: Repo, issue: Issue) {
  const common = {
    number: issue.number,
    title: issue.title,
    body: issue.body,
    url: `${htmlBase()}/${fullName(repo)}/${issue.pull ? 'pull' : 'issues'}/${issue.number}`,
    state: issue.pull?.merged ? 'MERGED' : issue.state.toUpperCase(),
    repository: repository(repo),
    labels: { nodes: issue.labels.map((name) => ({ name })) },
    updatedAt: issue.updated_at,
  }
  const { pull } = issue
  if (!pull) return { __typename: 'Issue', ...common }
  return {
    __typename: 'PullRequest',
    ...common,
    merged: pull.merged,
    isDraft: pull.draft,
    author: actor(issue.user),
    baseRef: { name: pull.base.ref, prefix: 'refs/heads/' },
    baseRefName: pull.base.ref,
    headRefName: pull.head.ref,
    headRefOid: pull.head.sha,
    mergeable: pull.mergeable === false ? 'CONFLICTING' : pull.mergeable === null ? 'UNKNOWN' : 'MERGEABLE',
    mergeStateStatus: pull.mergeable === false ? 'DIRTY' : 'CLEAN',
    canBeRebased: pull.mergeable !== false,
    reviewDecision: pull.reviews.some((one) => one.state === 'APPROVED') ? 'APPROVED' : null,
    milestone: issue.milestone ? { title: issue.milestone } : null,
    commits: { nodes: [{ commit: commit(repo, pull.head.sha) }] },
  }
}

interface SearchArguments {
  query: string
  first?: number
  after?: string
}

async function answer(call: Call) {
  const { query, variables } = call.body as { query: string; variables?: Record<string, unknown> }
  const body = await graphql({
    schema,
    source: query,
    variableValues: variables,
    rootValue: {
      rateLimit: { cost: 1, limit: 5000, remaining: 4999, resetAt: new Date(Date.now() + 3600_000).toISOString() },
      viewer: call.who.user ? actor(call.who.user.login) : null,
      search: (args: SearchArguments) => {
        const found = search(call, args.query)
        const from = args.after ? Number(args.after) : 0
        const to = from + (args.first ?? 100)
        return {
          issueCount: found.length,
          pageInfo: { hasNextPage: to < found.length, endCursor: found.length ? String(to) : null },
          nodes: found.slice(from, to).map(({ repo, issue }) => node(repo, issue)),
        }
      },
    },
  })
  return { status: 200, body }
}

export const graphqlRoutes: Route[] = [
  ['POST', '/graphql', answer],
  // GitHub Enterprise serves it beside the REST base.
  ['POST', '/api/graphql', answer],
]
