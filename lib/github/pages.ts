import type { Settings } from '../settings/table.ts'

/** The pages of GitHub on which a person grants rights, for remedies. */
export function settingsPages(settings: Settings) {
  const { GITHUB_ORG: org } = settings
  const host = `https://${settings.GITHUB_HOST}`
  return {
    tokens: `${host}/settings/tokens`,
    fineGrained: `${host}/settings/personal-access-tokens`,
    tokenRequests: `${host}/organizations/${org}/settings/personal-access-token-requests`,
    apps: `${host}/organizations/${org}/settings/apps`,
    installations: `${host}/organizations/${org}/settings/installations`,
    install: (slug: string) => `${host}/apps/${slug}/installations/new`,
    hooks: (repo?: string) =>
      repo ? `${host}/${org}/${repo}/settings/hooks` : `${host}/organizations/${org}/settings/hooks`,
    access: (repo: string) => `${host}/${org}/${repo}/settings/access`,
    invitation: `${host}/orgs/${org}/invitation`,
    invitations: (repo: string) => `${host}/${org}/${repo}/invitations`,
    people: `${host}/orgs/${org}/people`,
    security: `${host}/organizations/${org}/settings/security`,
    oauthPolicy: `${host}/organizations/${org}/settings/oauth_application_policy`,
    tokenPolicy: `${host}/organizations/${org}/settings/personal-access-tokens`,
    branches: (repo: string) => `${host}/${org}/${repo}/settings/branches`,
    repository: (repo: string) => `${host}/${org}/${repo}/settings`,
  }
}
