import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { type Call, fullName, notFound, paged, Refusal, type Route } from './http.ts'
import { pullRoutes, setMerge } from './pulls.ts'
import { findRepo, levelOf, repoFor } from './rights.ts'
import { eq, type Issue, type PullFile, type Repo, type State, sha as shaOfText } from './state.ts'
import { emit, pullPayload } from './webhooks.ts'

// Real repositories: bare ones in a folder, which git itself clones and pushes to.

let folder = ''

const IDENTITY = {
  GIT_AUTHOR_NAME: 'GitHub',
  GIT_AUTHOR_EMAIL: 'noreply@github.test',
  GIT_COMMITTER_NAME: 'GitHub',
  GIT_COMMITTER_EMAIL: 'noreply@github.test',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
}

function git(repo: Repo, ...args: string[]): string {
  return execFileSync('git', args, { cwd: bare(repo), encoding: 'utf8', env: { ...process.env, ...IDENTITY } }).trim()
}

const bare = (repo: Repo) => join(folder, repo.owner, `${repo.name}.git`)

/** Keeps the repositories of the state in a folder; new ones get a commit with their seeded files. */
export function openRepositories(state: State, where: string): void {
  folder = where
  setMerge(merge)
  for (const repo of state.repos) {
    if (!existsSync(bare(repo))) create(repo)
    readRefs(repo)
  }
}

function create(repo: Repo): void {
  mkdirSync(bare(repo), { recursive: true })
  git(repo, 'init', '--bare', '--quiet', `--initial-branch=${repo.default_branch}`)
  // Prow fetches single commits, and shallow history.
  git(repo, 'config', 'uploadpack.allowAnySHA1InWant', 'true')
  git(repo, 'config', 'uploadpack.allowFilter', 'true')
  git(repo, 'config', 'http.receivepack', 'true')
  const work = `${bare(repo)}.work`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  for (const [path, text] of Object.entries(repo.files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), text)
  }
  git(repo, `--work-tree=${work}`, 'add', '--all')
  git(repo, `--work-tree=${work}`, 'commit', '--quiet', '--allow-empty', '-m', 'First commit')
  rmSync(work, { recursive: true, force: true })
  rmSync(join(bare(repo), 'index'), { force: true })
}

function readRefs(repo: Repo): Record<string, string> {
  const listed = git(repo, 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads', 'refs/tags')
  repo.refs = Object.fromEntries(
    listed
      .split('\n')
      .filter(Boolean)
      .map((text) => text.replace('refs/', '').split(' ') as [string, string]),
  )
  return repo.refs
}

async function merge(_state: State, repo: Repo, issue: Issue, method: string): Promise<string> {
  const pull = issue.pull!
  const ref = `refs/heads/${pull.base.ref}`
  const base = git(repo, 'rev-parse', ref)
  let tree: string
  try {
    tree = git(repo, 'merge-tree', '--write-tree', base, pull.head.sha)
  } catch {
    throw new Refusal(405, 'Pull Request is not mergeable')
  }
  const parents = ['-p', base, ...(method === 'merge' ? ['-p', pull.head.sha] : [])]
  const sha = git(repo, 'commit-tree', tree, ...parents, '-m', `${issue.title} (#${issue.number})`)
  git(repo, 'update-ref', ref, sha, base)
  return sha
}

function filesOf(repo: Repo, issue: Issue): PullFile[] {
  const pull = issue.pull!
  // Against the merge base: a diff against a branch that moved would show the changes of others.
  const range = `${pull.base.sha}...${pull.head.sha}`
  const counts = git(repo, 'diff', '--numstat', '--no-renames', range).split('\n').filter(Boolean)
  const kinds = new Map(
    git(repo, 'diff', '--name-status', '--no-renames', range)
      .split('\n')
      .filter(Boolean)
      .map((text) => text.split('\t').reverse() as [string, string]),
  )
  const words: Record<string, string> = { A: 'added', D: 'removed', M: 'modified' }
  return counts.map((text) => {
    const [added, deleted, filename] = text.split('\t')
    const [additions, deletions] = [Number(added) || 0, Number(deleted) || 0]
    const status = words[kinds.get(filename!) ?? 'M'] ?? 'modified'
    const patch = git(repo, 'diff', range, '--', filename!)
    return { filename: filename!, status, additions, deletions, changes: additions + deletions, patch }
  })
}

function pullOf(call: Call): [Repo, Issue] {
  const repo = repoFor(call)
  const issue = repo.issues.find((one) => String(one.number) === call.part.number && one.pull)
  if (!issue) throw notFound()
  return [repo, issue]
}

/** Routes that answer from git; they come before the others. */
export const gitRoutes: Route[] = [
  [
    'POST',
    '/repos/:owner/:repo/pulls',
    async (call) => {
      const repo = repoFor(call, 'issues')
      const head = String(call.body.head ?? '').replace(/^.*:/, '')
      if (!repo.refs[`heads/${head}`]) {
        throw new Refusal(422, 'Validation Failed', {
          errors: [{ resource: 'PullRequest', field: 'head', code: 'invalid' }],
        })
      }
      const [, , createPull] = pullRoutes.find(([method, path]) => method === 'POST' && path.endsWith('/pulls'))!
      const reply = await createPull(call)
      // Before the event is delivered: its receivers fetch this ref.
      const { number } = reply.body as { number: number }
      git(repo, 'update-ref', `refs/pull/${number}/head`, repo.refs[`heads/${head}`]!)
      return reply
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/pulls/:number/files',
    (call) => {
      const [repo, issue] = pullOf(call)
      return paged(call, filesOf(repo, issue))
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/contents/:path*',
    (call) => {
      const repo = repoFor(call)
      let text: string
      try {
        text = git(repo, 'show', `${call.query.get('ref') || repo.default_branch}:${call.part.path}`)
      } catch {
        // Prow's size plugin reads these two for every pull request, and retries a 404 for six seconds.
        if (!/^\.(generated_files|gitattributes)$/.test(call.part.path!)) throw notFound()
        text = ''
      }
      const content = Buffer.from(text).toString('base64')
      return {
        status: 200,
        body: { type: 'file', encoding: 'base64', path: call.part.path, sha: shaOfText(text), content },
      }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/commits/:sha',
    (call) => {
      const repo = repoFor(call)
      try {
        const [sha, tree, ...message] = git(repo, 'show', '-s', '--format=%H%n%T%n%B', call.part.sha!).split('\n')
        return { status: 200, body: { sha, commit: { message: message.join('\n'), tree: { sha: tree } }, parents: [] } }
      } catch {
        throw new Refusal(422, `No commit found for SHA: ${call.part.sha}`)
      }
    },
  ],
]

/** Serves git's own requests; returns whether this was one. */
export function serveGit(state: State, request: IncomingMessage, response: ServerResponse): boolean {
  const url = new URL(request.url ?? '/', 'https://github.test')
  const [, owner, name, rest] =
    /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname) ?? []
  if (!owner || !name) return false
  const repo = findRepo(state, owner, name)
  const login = loginOf(state, request.headers.authorization)
  const writes = rest === 'git-receive-pack' || url.searchParams.get('service') === 'git-receive-pack'
  const may = repo && levelOf(state, repo, login)
  // git waits for this response before it sends what it has.
  if (!login && (writes || !repo || repo.private)) {
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="GitHub"' }).end('Authentication required')
    return true
  }
  if (!repo || may === 'none' || (writes && !['write', 'maintain', 'admin'].includes(may!))) {
    response.writeHead(repo ? 403 : 404).end('Repository not found.')
    return true
  }
  const before = { ...repo.refs }
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      ...IDENTITY,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: `/${repo.owner}/${repo.name}.git/${rest}`,
      REQUEST_METHOD: request.method,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      // Protocol version 2 serves any commit by its ID.
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: login,
      REMOTE_ADDR: '127.0.0.1',
    },
  })
  request.pipe(backend.stdin)
  backend.stdin.on('error', () => {})
  let head = Buffer.alloc(0)
  let headersParsed = false
  backend.stdout.on('data', (chunk: Buffer) => {
    if (headersParsed) return void response.write(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    headersParsed = true
    const headers = head.subarray(0, end).toString().split('\r\n')
    const status = headers.find((one) => /^status:/i.test(one))
    for (const one of headers) {
      if (one === status) continue
      const at = one.indexOf(':')
      response.setHeader(one.slice(0, at), one.slice(at + 1).trim())
    }
    response.writeHead(status ? Number(/\d+/.exec(status)![0]) : 200)
    response.write(head.subarray(end + 4))
  })
  backend.once('close', () => {
    response.end()
    if (rest === 'git-receive-pack') void pushed(state, repo, before, login)
  })
  return true
}

function loginOf(state: State, authorization = ''): string {
  const [, basic] = /^basic (.+)$/i.exec(authorization) ?? []
  if (!basic) return ''
  const [user = '', password = ''] = Buffer.from(basic, 'base64').toString().split(':')
  return (state.tokens[password] ?? state.tokens[user])?.login ?? ''
}

// The events of a push: an open pull request has a new head, a branch has new commits.
async function pushed(state: State, repo: Repo, before: Record<string, string>, login: string): Promise<void> {
  const after = readRefs(repo)
  for (const [ref, sha] of Object.entries(after)) {
    if (before[ref] === sha) continue
    for (const issue of repo.issues) {
      if (!issue.pull || issue.state !== 'open' || `heads/${issue.pull.head.ref}` !== ref) continue
      git(repo, 'update-ref', `refs/pull/${issue.number}/head`, sha)
      const was = issue.pull.head.sha
      issue.pull.head.sha = sha
      issue.updated_at = new Date().toISOString()
      const payload = { action: 'synchronize', number: issue.number, before: was, after: sha }
      await emit(state, repo, 'pull_request', { ...payload, pull_request: pullPayload(state, repo, issue) }, login)
    }
    const old = before[ref] ?? '0'.repeat(40)
    const changed = /^0+$/.test(old) ? [] : git(repo, 'diff', '--name-only', old, sha).split('\n').filter(Boolean)
    const commit = {
      id: sha,
      message: git(repo, 'show', '-s', '--format=%s', sha),
      added: [],
      removed: [],
      modified: changed,
    }
    const payload = { ref: `refs/${ref}`, before: old, after: sha, deleted: false, compare: '', commits: [commit] }
    await emit(state, repo, 'push', payload, login)
  }
}

/** The page of a path, if there is one: a line or two, for somebody who follows a link. */
export function page(state: State, path: string): string | undefined {
  const [, owner, name, number] = /^\/([\w.-]+)\/([\w.-]+)(?:\/pull\/(\d+))?\/?$/.exec(path) ?? []
  const repo = state.repos.find((one) => owner && name && eq(one.owner, owner) && eq(one.name, name))
  if (!repo) return undefined
  const issue = repo.issues.find((one) => String(one.number) === number)
  const html = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const lines = issue
    ? [
        `${issue.title} (#${issue.number}, ${issue.pull?.merged ? 'merged' : issue.state}, by ${issue.user})`,
        `labels: ${issue.labels.join(', ')}`,
        ...(repo.statuses[issue.pull?.head.sha ?? ''] ?? []).map((one) => `${one.context}: ${one.state}`),
        ...issue.comments.map((one) => `${one.user}: ${one.body}`),
      ]
    : repo.issues.map((one) => `#${one.number} ${one.title}`)
  return `<!doctype html><title>${html(fullName(repo))}</title><pre>${html([fullName(repo), ...lines].join('\n\n'))}</pre>`
}
