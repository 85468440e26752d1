// The bot and its token, the rate limit, and the repositories, as GitHub has them.

import { elapsed } from '../../base/elapsed.ts'
import type { Finding } from '../../base/problem.ts'
import { nodeAt, textOf } from '../../base/yaml-tree.ts'
import { settingsPages } from '../../github/pages.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import { isManaged } from '../../kubernetes/ownership.ts'
import { enabledPlugins } from '../../prow/rules/enabled-plugins.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import type { Evidence } from '../evidence.ts'
import { isAboutCredential } from '../github-evidence.ts'
import type { Found, Row } from '../row.ts'

/** Of the hourly requests, what is left when it becomes worth a warning. */
const SCARCE = 0.1

/** The object of findings about the bot or the App as a whole. */
const account = ({ settings }: Evidence) =>
  settings.GITHUB_AUTH === 'app' ? `App ${settings.GITHUB_APP_ID}` : objectLabel('Secret', 'oauth-token', 'prow')

/** The Secrets with Prow's credential for GitHub: what is wrong with them explains what GitHub refuses. */
export const CREDENTIAL_SECRETS = [
  objectLabel('Secret', 'oauth-token', 'prow'),
  objectLabel('Secret', 'github-token', 'prow'),
]

function credentialFound(evidence: Evidence, { message, remedy, id = 'PRW-GH-034' }: Finding): Found {
  const [first = '', ...words] = message.split('\n')
  // A repository that the bot does not see is not about the bot as a whole.
  const repository = /(?:to|repository) ([\w.-]+\/[\w.-]+)$/.exec(first)?.[1]
  return {
    id,
    object: repository && id === 'PRW-GH-009' ? `repository ${repository}` : account(evidence),
    message,
    evidence: words[0]?.replace('GitHub answered: ', '') ?? first,
    remedy,
  }
}

export const githubRows: Row[] = [
  {
    // The id is that of the refusal: PRW-GH-020 to 037.
    id: 'PRW-GH-020',
    title: 'GitHub accepts the credential of Prow',
    severity: 'error',
    find: (evidence) => {
      const { unread, github } = evidence
      const refused = unread
        .filter(({ problem }) => isAboutCredential(problem))
        .map(({ problem }) => problem.findings[0]!)
      const failed = (github?.credential ?? []).filter(({ outcome }) => outcome === 'failed')
      const all = [...refused, ...failed].map((finding) => credentialFound(evidence, finding))
      // One refusal answers many requests.
      return all.filter(
        ({ id, object }, index) => all.findIndex((one) => one.id === id && one.object === object) === index,
      )
    },
  },
  {
    // PRW-GH-012 for a token that expires, 015 to 017 and 034 for what is missing.
    id: 'PRW-GH-019',
    title: 'nothing about the bot needs attention',
    severity: 'warning',
    find: (evidence) =>
      (evidence.github?.credential ?? [])
        .filter(({ outcome }) => outcome === 'warning')
        .map((finding) => credentialFound(evidence, { id: 'PRW-GH-019', ...finding })),
  },
  {
    id: 'PRW-GH-011',
    title: 'the bot has requests to GitHub left',
    severity: 'warning',
    find: (evidence) => {
      const rate = evidence.github?.rate
      if (!rate || rate.limit === 0 || rate.remaining / rate.limit >= SCARCE) return []
      const past = withoutProxy(evidence)
      const period = textOf(nodeAt(evidence.config?.config, 'tide', 'sync_period'))
      return [
        {
          object: `rate limit of ${account(evidence)}`,
          message: `${rate.remaining === 0 ? 'the bot has no request to GitHub left' : `the bot has ${rate.remaining} of ${rate.limit} requests to GitHub left`} until ${rate.reset.toISOString().slice(11, 16)} UTC (in ${elapsed(rate.reset.getTime() - evidence.now.getTime())}); without, Prow neither answers nor merges`,
          evidence: `x-ratelimit-remaining: ${rate.remaining}, x-ratelimit-limit: ${rate.limit}`,
          remedy:
            past.length > 0
              ? `${past.join(', ')} ${past.length === 1 ? 'does' : 'do'} not send requests through ghproxy first. Run ${rerunLine('08-prow')}.`
              : `Raise tide.sync_period (now ${period || '1m'}) in config.yaml, and use the token for nothing else; an App has a higher limit (GITHUB_AUTH=app).`,
        },
      ]
    },
  },
  {
    id: 'PRW-GH-010',
    title: 'no repository that Prow serves is archived',
    severity: 'warning',
    find: ({ github, settings }) =>
      (github?.repositories ?? [])
        .filter(({ repository }) => repository?.archived)
        .map(({ repo }) => ({
          object: `repository ${settings.GITHUB_ORG}/${repo}`,
          message: `${settings.GITHUB_ORG}/${repo} is archived, and so read-only: Prow can neither comment nor merge there`,
          evidence: 'archived: true',
          remedy: `Unarchive it at ${settingsPages(settings).repository(repo)}, or remove it from GITHUB_REPOS and the files in ${settings.CONFIG_DIR}/.`,
        })),
  },
  {
    id: 'PRW-GH-009',
    title: 'the bot may write to every repository that has jobs',
    severity: 'error',
    find: ({ github, settings }) =>
      (github?.repositories ?? [])
        // Those of GITHUB_REPOS are checked with the credential.
        .filter(({ repo }) => !settings.GITHUB_REPOS.includes(repo))
        .filter(({ repository }) => repository && !repository.archived && repository.permissions?.push === false)
        .map(({ repo }) => ({
          object: `repository ${settings.GITHUB_ORG}/${repo}`,
          message: `the bot ${github!.login} may not write to ${settings.GITHUB_ORG}/${repo}: it can neither label nor merge there`,
          evidence: 'permissions.push: false',
          remedy: `Give it the role Write at ${settingsPages(settings).access(repo)}; as the bot, accept at ${settingsPages(settings).invitations(repo)}.`,
        })),
  },
  {
    id: 'PRW-GH-007',
    title: 'hook has plugins for the repositories that Prow serves',
    severity: 'error',
    find: (evidence) => {
      const { config, settings } = evidence
      if (!config) return []
      const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
      const has = (repo: string | undefined, name?: string) =>
        pluginsOf(evidence, repo).some((plugin) => name === undefined || plugin === name)
      const map = objectLabel('ConfigMap', 'plugins', 'prow')
      const correct = `Correct ${settings.CONFIG_DIR}/plugins.yaml and run ${rerunLine('06-config')}.`
      const places = repos.length > 0 ? repos : [undefined]
      const bare = places.filter((repo) => !has(repo))
      if (bare.length > 0) {
        const names = bare.map((repo) => (repo ? `${org}/${repo}` : org))
        return [
          {
            object: map,
            message: `plugins.yaml in the cluster has no plugin for ${names.join(', ')}: hook ignores its events`,
            evidence: `plugins: ${[...new Set([...enabledPlugins(config.plugins)].map(({ place }) => place))].join(', ') || 'none'}`,
            remedy: `Name ${names.join(', ')} under plugins. ${correct}`,
            // A file that cannot be read has no plugin at all.
            follows: [map],
          },
        ]
      }
      const withJobs = config.jobs.filter(({ kind, repo }) => kind !== 'periodic' && repo.startsWith(`${org}/`))
      const silent = [...new Set(withJobs.map(({ repo }) => repo))].filter(
        (name) => !has(name.split('/')[1], 'trigger'),
      )
      if (silent.length === 0) return []
      return [
        {
          object: map,
          message: `the plugin trigger is not enabled for ${silent.join(', ')}, so no event starts the jobs there`,
          evidence: `plugins: ${pluginsOf(evidence, silent[0]!.split('/')[1]).join(', ')}`,
          remedy: `Add trigger to its plugins. ${correct}`,
        },
      ]
    },
  },
  {
    id: 'PRW-GH-008',
    title: 'no second Prow handles the same events',
    severity: 'warning',
    find: ({ objects }) =>
      objects
        .ofKind('Deployment')
        .filter((one) => one.metadata.namespace !== 'prow' && !isManaged(one))
        .flatMap((one) => {
          const { replicas = 1, template } = one.spec as {
            replicas?: number
            template?: { spec?: { containers?: { image: string; args?: string[] }[] } }
          }
          const container = (template?.spec?.containers ?? []).find(({ image }) => PROW_IMAGE.test(image))
          if (!container || replicas === 0) return []
          const { namespace = '', name } = one.metadata
          const program = PROW_IMAGE.exec(container.image)![1]
          return [
            {
              object: labelOf(one),
              message: `a second ${program} of Prow runs in namespace ${namespace}: ${program === 'tide' ? 'it merges as well' : program === 'hook' ? 'a webhook that delivers to it is answered twice' : 'it may work on the same jobs'}`,
              evidence: `Deployment ${namespace}/${name}: ${container.image}`,
              remedy: `If it serves the same organization, remove it: ${kubectlLine('-n', namespace, 'scale', `deployment/${name}`, '--replicas=0')}`,
            },
          ]
        }),
  },
]

/** The programs of Prow of which there may be only one, by the name of their image. */
const PROW_IMAGE = /(?:^|\/)(hook|tide|prow-controller-manager|horologium|crier|sinker)(?:[:@]|$)/

/** The plugins of a repository, those of its organization included; without one those of any repository. */
function pluginsOf({ config, settings }: Evidence, repo: string | undefined): string[] {
  const { GITHUB_ORG: org } = settings
  const applies = (place: string, excluded: string[]) =>
    repo === undefined
      ? place.split('/')[0] === org
      : place === `${org}/${repo}` || (place === org && !excluded.includes(`${org}/${repo}`))
  const own = [...enabledPlugins(config!.plugins)]
    .filter(({ place, excluded }) => applies(place, excluded))
    .flatMap(({ list }) => (list.list ?? []).map(textOf))
  const external = [...(nodeAt(config!.plugins, 'external_plugins')?.map ?? [])]
    .filter(([place]) => applies(place, []))
    .flatMap(([, list]) => (list.list ?? []).map((one) => textOf(nodeAt(one, 'name'))))
  return [...own, ...external]
}

/** The components that talk to GitHub and have another endpoint before ghproxy, or none of it. */
function withoutProxy({ objects }: Evidence): string[] {
  return ['hook', 'tide', 'crier', 'statusreconciler', 'deck'].filter((name) => {
    const deployment = objects.get('Deployment', name, 'prow')
    const { template } = (deployment?.spec ?? {}) as { template?: { spec?: { containers?: { args?: string[] }[] } } }
    const args = template?.spec?.containers?.[0]?.args ?? []
    return (
      args.some((one) => /^--github-(?:token|app)/.test(one)) &&
      !/ghproxy/.test(args.find((one) => one.startsWith('--github-endpoint=')) ?? '')
    )
  })
}
