import { type Finding, failed, failures, passed, warning, withId } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import { asApp } from './client.ts'
import { settingsPages } from './pages.ts'
import { callGitHub, explainGitHub, type Operation, statusOf } from './requests.ts'

/** What Prow's components and common plugins need of an App, named as in the API. */
const PERMISSIONS: { name: string; access: 'read' | 'write'; required: boolean; purpose: string }[] = [
  { name: 'metadata', access: 'read', required: true, purpose: 'everything' },
  { name: 'contents', access: 'write', required: true, purpose: 'Tide merges; clones' },
  { name: 'issues', access: 'write', required: true, purpose: 'comments and labels' },
  { name: 'pull_requests', access: 'write', required: true, purpose: 'comments, labels and merges' },
  { name: 'statuses', access: 'write', required: true, purpose: 'results of jobs' },
  { name: 'members', access: 'read', required: true, purpose: 'who is trusted' },
  { name: 'checks', access: 'read', required: true, purpose: 'Tide reads checks' },
  { name: 'actions', access: 'read', required: false, purpose: 'Tide reads workflows' },
  { name: 'workflows', access: 'write', required: false, purpose: 'Tide merges changes of workflows' },
  { name: 'administration', access: 'read', required: false, purpose: 'branch protection, collaborators' },
]

const EVENTS = [
  'issues',
  'issue_comment',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
  'status',
]

/** An App as GitHub returns it to itself. */
interface App {
  name: string
  slug?: string
  permissions?: object
}

interface Installation {
  permissions?: object
  events?: string[]
  suspended_at?: string | null
  repository_selection?: string
}

/**
 * Asks GitHub about the App: whether key and ID belong together, where it is installed, and what it may do. One finding
 * that passed names the App. Changes nothing on GitHub.
 */
export async function checkApp(settings: Settings, key: string): Promise<Finding[]> {
  const { GITHUB_ORG: org } = settings
  const github = await asApp(settings, key)
  const operation: Operation = { description: 'read the App', scope: '', permission: 'Metadata: read' }
  const { data } = await callGitHub(settings, operation, () => github.request('GET /app'))
  const app: App = { ...data, name: data?.name ?? settings.GITHUB_APP_ID }
  let installation: Installation
  try {
    installation = (await github.request('GET /orgs/{org}/installation', { org })).data
  } catch (error) {
    if (statusOf(error) !== 404) throw explainGitHub(error, settings, operation)
    const page = settingsPages(settings).install(app.slug ?? '')
    return [
      withId(
        'PRW-GH-036',
        failed(`the App ${app.name} is not installed in ${org}`, `Install it: ${page}`, 'not-found'),
      ),
    ]
  }
  const found = installationFindings(settings, app, installation)
  if (failures(found).length > 0) return found
  const selection = installation.repository_selection ?? 'all'
  return [passed(`the App is ${app.name}, installed in ${org} (${selection} repositories)`), ...found]
}

/** What an installation lacks of what Prow needs. */
export function installationFindings(settings: Settings, app: App, installation: Installation): Finding[] {
  const pages = settingsPages(settings)
  const granted = (installation.permissions ?? {}) as Record<string, string>
  const requested = (app.permissions ?? {}) as Record<string, string>
  const missing = EVENTS.filter((event) => !installation.events?.includes(event))
  return [
    ...(installation.suspended_at
      ? [
          withId(
            'PRW-GH-023',
            failed(
              `the installation of the App ${app.name} in ${settings.GITHUB_ORG} is suspended`,
              `Resume it at ${pages.installations}.`,
            ),
          ),
        ]
      : []),
    ...PERMISSIONS.flatMap(({ name, access, required, purpose }) => {
      if (allows(granted[name], access)) return []
      const message = `the App ${app.name} lacks the permission ${name}: ${access} (${purpose})`
      const remedy = allows(requested[name], access)
        ? `The App requests it already: accept the request at ${pages.installations}.`
        : `Add it at ${pages.apps}, Permissions & events, then accept it at ${pages.installations}.`
      return withId('PRW-GH-034', required ? failed(message, remedy, 'denied') : warning(message, remedy))
    }),
    ...(missing.length > 0
      ? [
          withId(
            'PRW-GH-018',
            failed(
              `the App ${app.name} is not subscribed to ${missing.join(', ')}`,
              `Select them at ${pages.apps}, Permissions & events.`,
            ),
          ),
        ]
      : []),
  ]
}

/** Whether a granted access includes the wanted one. */
function allows(granted: string | undefined, wanted: 'read' | 'write'): boolean {
  return granted === 'admin' || granted === 'write' || granted === wanted
}
