import { type Call, fullName } from './http.ts'
import { sees } from './rights.ts'
import { eq, type Issue, type Repo, type State } from './state.ts'

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
