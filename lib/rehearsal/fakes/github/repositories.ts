import { type Call, fullName, notFound, paged, Refusal, type Route } from './http.ts'
import { levelOf, repoFor } from './rights.ts'
import { eq, id, type Label, makeLabel, now, type Repo, type Status, sha } from './state.ts'
import { emit, repositoryPayload, userPayload } from './webhooks.ts'

function shownRepo(call: Call, repo: Repo): Record<string, unknown> {
  const { user, installation } = call.who
  const level = user ? levelOf(call.state, repo, user.login) : installation ? 'write' : 'read'
  return {
    ...repositoryPayload(call.state, repo),
    // Prow treats a missing one as disallowed.
    allow_merge_commit: repo.allow_merge_commit,
    allow_squash_merge: repo.allow_squash_merge,
    allow_rebase_merge: repo.allow_rebase_merge,
    permissions: permissionsOf(level),
  }
}

function permissionsOf(level: string): Record<string, boolean> {
  const order = ['read', 'triage', 'write', 'maintain', 'admin']
  const at = order.indexOf(level)
  return { pull: at >= 0, triage: at >= 1, push: at >= 2, maintain: at >= 3, admin: at >= 4 }
}

/** Everybody with a permission, of their own or through the organization. */
export function collaborators(call: Call, repo: Repo): string[] {
  const org = call.state.orgs.find((one) => eq(one.login, repo.owner))
  return [...new Set([...Object.keys(repo.collaborators), ...Object.keys(org?.members ?? {})])]
}

function statusesOf(repo: Repo, ref: string): Status[] {
  return repo.statuses[shaOf(repo, ref)] ?? []
}

/** The commit of a sha, branch or HEAD. */
export function shaOf(repo: Repo, ref: string): string {
  if (ref === 'HEAD') return repo.refs[`heads/${repo.default_branch}`] ?? ref
  return repo.refs[ref] ?? repo.refs[`heads/${ref}`] ?? ref
}

function labelOf(repo: Repo, name: string): Label | undefined {
  return repo.labels.find((label) => eq(label.name, name))
}

function shownLabel(repo: Repo, label: Label): Record<string, unknown> {
  return {
    ...label,
    default: false,
    url: `https://api.github.com/repos/${fullName(repo)}/labels/${encodeURIComponent(label.name)}`,
  }
}

function checkedLabel(body: Record<string, unknown>, needsName: boolean): void {
  const refuse = (field: string, code: string) =>
    new Refusal(422, 'Validation Failed', { errors: [{ resource: 'Label', code, field }] })
  if (needsName && !body.name) throw refuse('name', 'missing_field')
  if (body.color !== undefined && !/^[0-9a-fA-F]{6}$/.test(String(body.color))) throw refuse('color', 'invalid')
  if (String(body.description ?? '').length > 100) throw refuse('description', 'invalid')
}

export const repositoryRoutes: Route[] = [
  ['GET', '/repos/:owner/:repo', (call) => ({ status: 200, body: shownRepo(call, repoFor(call)) })],
  [
    'GET',
    '/repos/:owner/:repo/git/refs/:ref*',
    (call) => {
      const repo = repoFor(call)
      const found = repo.refs[call.part.ref!]
      if (!found) throw notFound()
      return { status: 200, body: { ref: `refs/${call.part.ref}`, object: { type: 'commit', sha: found } } }
    },
  ],
  [
    'DELETE',
    '/repos/:owner/:repo/git/refs/:ref*',
    (call) => {
      const repo = repoFor(call, 'contents')
      if (!repo.refs[call.part.ref!]) throw new Refusal(422, 'Reference does not exist')
      delete repo.refs[call.part.ref!]
      return { status: 204 }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/branches',
    (call) => {
      const repo = repoFor(call, 'contentsRead')
      const names = Object.keys(repo.refs).filter((ref) => ref.startsWith('heads/'))
      return paged(
        call,
        names.map((ref) => ({
          name: ref.slice(6),
          protected: Boolean(repo.protection[ref]),
          commit: { sha: repo.refs[ref] },
        })),
      )
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/branches/:branch',
    (call) => {
      const repo = repoFor(call, 'contentsRead')
      const ref = `heads/${call.part.branch}`
      if (!repo.refs[ref]) throw new Refusal(404, 'Branch not found')
      const protection = repo.protection[ref] as { required_status_checks?: object } | undefined
      return {
        status: 200,
        body: {
          name: call.part.branch,
          commit: { sha: repo.refs[ref] },
          protected: Boolean(protection),
          // Who does not administer the repository sees no more of it.
          protection: {
            enabled: Boolean(protection),
            required_status_checks: protection?.required_status_checks ?? { contexts: [], checks: [] },
          },
        },
      }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/rules/branches/:branch',
    (call) => {
      const { rulesets } = repoFor(call)
      const active = rulesets.filter(({ branches }) => !branches || branches.includes(call.part.branch!))
      return paged(
        call,
        active.flatMap(({ id, rules }) => rules.map((rule) => ({ ...rule, ruleset_id: id }))),
      )
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/rulesets/:id',
    (call) => {
      const found = repoFor(call).rulesets.find(({ id }) => String(id) === call.part.id)
      if (!found) throw notFound()
      return { status: 200, body: { current_user_can_bypass: 'never', ...found } }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/branches/:branch/protection',
    (call) => {
      const repo = repoFor(call, 'protection')
      const found = repo.protection[`heads/${call.part.branch}`]
      // Prow's override plugin comments a failure on any other message.
      if (!found) throw new Refusal(404, 'Branch not protected')
      return { status: 200, body: found }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/commits/:sha/status',
    (call) => {
      const repo = repoFor(call, 'statusesRead')
      const latest = new Map<string, Status>()
      for (const one of statusesOf(repo, call.part.sha!)) latest.set(one.context, one)
      const all = [...latest.values()]
      const state = all.some((one) => one.state === 'failure' || one.state === 'error')
        ? 'failure'
        : all.length > 0 && all.every((one) => one.state === 'success')
          ? 'success'
          : 'pending'
      return paged(call, all, (page) => ({
        sha: shaOf(repo, call.part.sha!),
        state,
        total_count: all.length,
        statuses: page,
      }))
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/statuses/:sha',
    (call) => paged(call, [...statusesOf(repoFor(call, 'statusesRead'), call.part.sha!)].reverse()),
  ],
  [
    'GET',
    '/repos/:owner/:repo/commits/:sha/check-runs',
    (call) => {
      const repo = repoFor(call, 'checksRead')
      const runs = repo.check_runs[shaOf(repo, call.part.sha!)] ?? []
      return paged(call, runs, (page) => ({ total_count: runs.length, check_runs: page }))
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/actions/runs',
    (call) => {
      repoFor(call, 'actionsRead')
      return paged(call, [], (page) => ({ total_count: 0, workflow_runs: page }))
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/check-runs',
    (call) => {
      const repo = repoFor(call, 'checks')
      const run = { id: id(call.state), ...call.body }
      const head = String(call.body.head_sha)
      repo.check_runs[head] = [...(repo.check_runs[head] ?? []), run]
      return { status: 201, body: run }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/commits/:sha',
    (call) => {
      const repo = repoFor(call)
      const commit = shaOf(repo, call.part.sha!)
      if (!/^[0-9a-f]{40}$/.test(commit)) throw new Refusal(422, `No commit found for SHA: ${commit}`)
      return {
        status: 200,
        body: { sha: commit, commit: { message: '', tree: { sha: sha(commit) } }, author: null, parents: [] },
      }
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/statuses/:sha',
    (call) => {
      const repo = repoFor(call, 'statuses')
      const commit = call.part.sha!
      const { state, context = 'default', description = null, target_url = null } = call.body as Record<string, string>
      if (!['error', 'failure', 'pending', 'success'].includes(state ?? '')) throw new Refusal(422, 'Validation Failed')
      // 140 characters, not bytes: Prow pads with U+2001.
      if ([...(description ?? '')].length > 140)
        throw new Refusal(422, 'Validation Failed', { errors: [{ field: 'description', code: 'custom' }] })
      const at = now()
      const status: Status = {
        id: id(call.state),
        state: state!,
        context,
        description,
        target_url,
        creator: call.who.user?.login ?? call.who.token?.login ?? '',
        created_at: at,
        updated_at: at,
      }
      repo.statuses[commit] = [...(repo.statuses[commit] ?? []), status]
      for (const issue of repo.issues) if (issue.pull?.head.sha === commit) issue.updated_at = at
      call.later(() => emit(call.state, repo, 'status', { sha: commit, ...status }, status.creator))
      return { status: 201, body: { ...status, creator: userPayload(status.creator) } }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/contents',
    (call) => {
      const names = new Set(Object.keys(repoFor(call, 'contentsRead').files).map((path) => path.split('/')[0]!))
      if (names.size === 0) throw new Refusal(404, 'This repository is empty.')
      return { status: 200, body: [...names].map((name) => ({ name, path: name })) }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/contents/:path*',
    (call) => {
      const repo = repoFor(call, 'contentsRead')
      const text = repo.files[call.part.path!]
      if (text === undefined) throw notFound()
      return {
        status: 200,
        body: {
          type: 'file',
          encoding: 'base64',
          path: call.part.path,
          name: call.part.path!.split('/').at(-1),
          size: text.length,
          sha: sha(text),
          content: Buffer.from(text).toString('base64'),
        },
      }
    },
  ],

  [
    'GET',
    '/repos/:owner/:repo/collaborators',
    (call) => {
      const repo = repoFor(call, 'collaborators')
      return paged(
        call,
        collaborators(call, repo).map((login) => ({
          ...userPayload(login),
          permissions: permissionsOf(levelOf(call.state, repo, login)),
        })),
      )
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/collaborators/:login',
    (call) => {
      const repo = repoFor(call)
      if (!collaborators(call, repo).some((login) => eq(login, call.part.login!))) throw notFound()
      return { status: 204 }
    },
  ],
  [
    'GET',
    '/repos/:owner/:repo/collaborators/:login/permission',
    (call) => {
      const repo = repoFor(call)
      const level = levelOf(call.state, repo, call.part.login!)
      return {
        status: 200,
        body: {
          permission: level === 'maintain' ? 'write' : level === 'triage' ? 'read' : level,
          role_name: level,
          user: userPayload(call.part.login!),
        },
      }
    },
  ],

  [
    'GET',
    '/repos/:owner/:repo/labels',
    (call) => {
      const repo = repoFor(call)
      return paged(
        call,
        repo.labels.map((label) => shownLabel(repo, label)),
      )
    },
  ],
  [
    'POST',
    '/repos/:owner/:repo/labels',
    (call) => {
      const repo = repoFor(call, 'labels')
      checkedLabel(call.body, true)
      const { name, color, description } = call.body as Record<string, string>
      if (labelOf(repo, name!))
        throw new Refusal(422, 'Validation Failed', {
          errors: [{ resource: 'Label', code: 'already_exists', field: 'name' }],
        })
      const label = makeLabel(call.state, { name, color: color ?? 'ededed', description: description ?? null })
      repo.labels.push(label)
      return { status: 201, body: shownLabel(repo, label) }
    },
  ],
  // The name may contain slashes, escaped or not.
  [
    'GET',
    '/repos/:owner/:repo/labels/:name*',
    (call) => {
      const repo = repoFor(call)
      const label = labelOf(repo, call.part.name!)
      if (!label) throw notFound()
      return { status: 200, body: shownLabel(repo, label) }
    },
  ],
  [
    'PATCH',
    '/repos/:owner/:repo/labels/:name*',
    (call) => {
      const repo = repoFor(call, 'labels')
      const label = labelOf(repo, call.part.name!)
      if (!label) throw notFound()
      checkedLabel(call.body, false)
      // Prow sends `name`, where GitHub documents `new_name`.
      const name = (call.body.new_name ?? call.body.name ?? label.name) as string
      const twin = labelOf(repo, name)
      if (twin && twin !== label)
        throw new Refusal(422, 'Validation Failed', {
          errors: [{ resource: 'Label', code: 'already_exists', field: 'name' }],
        })
      for (const issue of repo.issues) issue.labels = issue.labels.map((one) => (eq(one, label.name) ? name : one))
      label.name = name
      if (call.body.color !== undefined) label.color = String(call.body.color)
      if (call.body.description !== undefined) label.description = call.body.description as string
      return { status: 200, body: shownLabel(repo, label) }
    },
  ],
  [
    'DELETE',
    '/repos/:owner/:repo/labels/:name*',
    (call) => {
      const repo = repoFor(call, 'labels')
      const label = labelOf(repo, call.part.name!)
      if (!label) throw notFound()
      repo.labels.splice(repo.labels.indexOf(label), 1)
      for (const issue of repo.issues) issue.labels = issue.labels.filter((one) => !eq(one, label.name))
      return { status: 204 }
    },
  ],
]
