import type { Settings } from '../settings/table.ts'
import { settingsPages } from './pages.ts'
import type { Operation } from './requests.ts'

/** The owner of a webhook: the organization, a repository, or the App. */
export interface WebhookTarget {
  /** For people: `webhook of my-org`. */
  name: string
  /** In the API: `/orgs/O`, `/repos/O/R`, or `/app`. */
  path: string
  /** The page on GitHub that lists its webhooks. */
  page: string
  operation: Operation
}

/** Whether one webhook of the organization serves all, rather than one of each repository. */
export function usesOrganizationWebhook({ WEBHOOK, GITHUB_REPOS }: Settings): boolean {
  return WEBHOOK === 'organisation' || (WEBHOOK === 'auto' && GITHUB_REPOS.length === 0)
}

/** The owners of the webhooks that the settings ask for: the App, the organization, or each of GITHUB_REPOS. */
export function webhookTargets(settings: Settings): WebhookTarget[] {
  if (settings.WEBHOOK === 'none') return []
  if (settings.GITHUB_AUTH === 'app') return [appTarget(settings)]
  if (usesOrganizationWebhook(settings)) return [organizationTarget(settings)]
  return settings.GITHUB_REPOS.map((repo) => repositoryTarget(settings, repo))
}

/** The owner of a webhook by its path in the API. */
export function targetByPath(settings: Settings, path: string): WebhookTarget {
  if (path === '/app') return appTarget(settings)
  const [, kind, owner = '', repo = ''] = path.split('/')
  // What was created under other settings may belong to another organization.
  const then = { ...settings, GITHUB_ORG: owner }
  return kind === 'orgs' ? organizationTarget(then) : repositoryTarget(then, repo)
}

export function organizationTarget(settings: Settings): WebhookTarget {
  const { GITHUB_ORG: org } = settings
  return {
    name: `webhook of ${org}`,
    path: `/orgs/${org}`,
    page: settingsPages(settings).hooks(),
    operation: {
      description: `read and change the webhooks of ${org}`,
      scope: 'admin:org_hook',
      permission: 'Organization webhooks: write',
    },
  }
}

export function repositoryTarget(settings: Settings, repo: string): WebhookTarget {
  const name = `${settings.GITHUB_ORG}/${repo}`
  return {
    name: `webhook of ${name}`,
    path: `/repos/${name}`,
    page: settingsPages(settings).hooks(repo),
    operation: {
      description: `read and change the webhooks of ${name}`,
      scope: 'admin:repo_hook',
      permission: 'Webhooks: write',
    },
  }
}

function appTarget(settings: Settings): WebhookTarget {
  return {
    name: 'webhook of the App',
    path: '/app',
    page: settingsPages(settings).apps,
    operation: { description: 'read and change the webhook of the App', scope: '', permission: 'Webhooks: write' },
  }
}
