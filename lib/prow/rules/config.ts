import { isGiven, isTrue, keyLine, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import { prowUrl } from '../../settings/derived.ts'
import { regexpError } from './go-syntax.ts'
import { type Match, match, type Rule } from './rule.ts'

/** A match when two fields that exclude each other are both set. */
export function* bothSet(tree: Tree | undefined, one: string, other: string): Iterable<Match> {
  if (isGiven(nodeAt(tree, one)) && isGiven(nodeAt(tree, other)))
    yield match(keyLine(tree, one), `has both ${one} and ${other}`, `Keep ${other}.`)
}

/** A match when rerun rights are given to anyone and to somebody. */
export function* anyoneAndSome(tree: Tree | undefined): Iterable<Match> {
  const some = ['github_users', 'github_orgs', 'github_team_ids', 'github_team_slugs'].find((name) =>
    isGiven(nodeAt(tree, name)),
  )
  if (isTrue(nodeAt(tree, 'allow_anyone')) && some) yield match(tree, `has allow_anyone and ${some}`)
}

/** `org/repo`. */
export const ORG_REPO = /^[^/]+\/[^/]+$/

/** Rules about config.yaml but for its decorations and Tide. */
export const CONFIG_RULES: Rule<Tree>[] = [
  {
    name: 'namespaces',
    severity: 'here',
    remedy: 'Write prowjob_namespace: prow and pod_namespace: test-pods.',
    *find(config) {
      for (const [field, wanted] of [
        ['prowjob_namespace', 'prow'],
        ['pod_namespace', 'test-pods'],
      ] as const) {
        const value = nodeAt(config, field)
        if (textOf(value) !== wanted)
          yield match(
            value ?? 1,
            value ? `has ${field}: ${textOf(value)}` : `has no ${field}`,
            `Write ${field}: ${wanted}. The default is the namespace default, where Prow does nothing, without an error.`,
          )
      }
    },
  },
  {
    name: 'log-level',
    severity: 'invalid',
    remedy: 'Write info, or debug, warning, error, fatal, panic, trace.',
    *find(config) {
      const level = nodeAt(config, 'log_level')
      if (isGiven(level) && !/^(panic|fatal|error|warn|warning|info|debug|trace)$/i.test(textOf(level)))
        yield match(level, `has log_level: ${textOf(level)}`)
    },
  },
  {
    name: 'goroutines',
    severity: 'invalid',
    remedy: 'Remove it, or write a number above 0.',
    *find(config) {
      const parts: [path: string, tree: Tree | undefined][] = [
        ['tide', nodeAt(config, 'tide')],
        ['plank', nodeAt(config, 'plank')],
        ...(nodeAt(config, 'jenkins_operators')?.list ?? []).map((one, index): [string, Tree] => [
          `jenkins_operators[${index}]`,
          one,
        ]),
      ]
      for (const [part, tree] of parts) {
        for (const name of part === 'tide' ? ['max_goroutines'] : ['max_goroutines', 'max_concurrency']) {
          const count = nodeAt(tree, name)
          if (typeof count?.value === 'number' && count.value < 0) yield match(count, `${part}.${name} is below 0`)
        }
      }
    },
  },
  {
    name: 'managed-webhooks',
    severity: 'strict',
    remedy: 'Keep the organization or its repositories: with both GitHub would send each event twice.',
    *find(config) {
      const places = nodeAt(config, 'managed_webhooks', 'org_repo_config')
      for (const place of places?.map?.keys() ?? []) {
        const [org] = place.split('/')
        if (place.includes('/') && places?.map?.has(org!))
          yield match(keyLine(places, place), `managed_webhooks has ${place}, and its organization as well`)
      }
    },
  },
  {
    name: 'managed-webhook-dates',
    severity: 'invalid',
    remedy: 'Write the time when the token was created.',
    *find(config) {
      for (const [place, one] of nodeAt(config, 'managed_webhooks', 'org_repo_config')?.map ?? []) {
        const created = nodeAt(one, 'token_created_after')
        if (isGiven(created) && !/^\d{4}-\d\d?-\d/.test(textOf(created)))
          yield match(
            created,
            `managed_webhooks: token_created_after of ${place} is ${textOf(created)}`,
            'Write a time such as 2026-01-31T12:00:00Z.',
          )
        else if (Date.parse(textOf(created)) > Date.now())
          yield match(created, `managed_webhooks: token_created_after of ${place} is in the future`)
      }
    },
  },
  {
    name: 'pubsub-pair',
    severity: 'invalid',
    remedy: 'Keep pubsub_triggers.',
    *find(config) {
      yield* bothSet(config, 'pubsub_subscriptions', 'pubsub_triggers')
    },
  },
  {
    name: 'jenkins-selectors',
    severity: 'invalid',
    remedy: 'A single operator has no label_selector; each of several has one.',
    *find(config) {
      const operators = nodeAt(config, 'jenkins_operators')?.list ?? []
      for (const [index, one] of operators.entries()) {
        const selector = nodeAt(one, 'label_selector')
        if (operators.length > 1 !== isGiven(selector))
          yield match(one, `jenkins_operators[${index}] has ${isGiven(selector) ? 'a' : 'no'} label_selector`)
      }
    },
  },
  {
    name: 'reported-types',
    severity: 'invalid',
    remedy: 'Only presubmit and postsubmit can be reported to GitHub.',
    *find(config) {
      for (const type of nodeAt(config, 'github_reporter', 'job_types_to_report')?.list ?? []) {
        if (!['presubmit', 'postsubmit'].includes(textOf(type)))
          yield match(type, `github_reporter.job_types_to_report has ${textOf(type)}`)
      }
    },
  },
  {
    name: 'report-template-pair',
    severity: 'invalid',
    remedy: 'Keep report_templates.',
    *find(config) {
      yield* bothSet(nodeAt(config, 'plank'), 'report_template', 'report_templates')
    },
  },
  {
    name: 'job-link',
    severity: 'here',
    remedy: 'It must end in /view/: Prow appends s3/BUCKET/PATH.',
    *find(config, all) {
      const wanted = `${prowUrl(all.settings)}/view/`
      for (const [name, url] of nodeAt(config, 'plank', 'job_url_prefix_config')?.map ?? []) {
        const text = textOf(url)
        if (isGiven(url) && !(/^https?:\/\//i.test(text) && /\/view\/?$/.test(text)))
          yield match(
            url,
            `plank.job_url_prefix_config of ${name} is ${text}`,
            `Write ${wanted}: Prow appends s3/BUCKET/PATH to it.`,
          )
      }
    },
  },
  {
    name: 'http-addresses',
    severity: 'here',
    remedy: 'Write https://. Over http browsers drop the cookies of Deck, and the links do not work.',
    *find(config, all) {
      const http = `http://${all.settings.PROW_HOST}`
      const walk = function* (tree: Tree | undefined, path: string): Iterable<Match> {
        if (!tree) return
        for (const [key, one] of tree.map ?? []) yield* walk(one, `${path}.${key}`)
        for (const one of tree.list ?? []) yield* walk(one, path)
        const offset = textOf(tree).indexOf(http)
        if (offset >= 0) yield match(tree, `${path} points to ${http}`, { offset })
      }
      for (const part of ['plank', 'deck', 'tide', 'status_error_link']) yield* walk(nodeAt(config, part), part)
    },
  },
  {
    name: 'metrics-off',
    severity: 'hint',
    remedy: 'Add serve_metrics: true, or remove push_gateway.',
    *find(config) {
      const gateway = nodeAt(config, 'push_gateway')
      if (isGiven(nodeAt(gateway, 'endpoint')) && !isTrue(nodeAt(gateway, 'serve_metrics')))
        yield match(gateway, 'push_gateway without serve_metrics turns off /metrics of every component')
    },
  },
  {
    name: 'rerun-pair',
    severity: 'invalid',
    remedy: 'Keep default_rerun_auth_configs.',
    *find(config) {
      yield* bothSet(nodeAt(config, 'deck'), 'rerun_auth_configs', 'default_rerun_auth_configs')
    },
  },
  {
    name: 'rerun-anyone',
    severity: 'invalid',
    remedy: 'Keep allow_anyone or the list.',
    *find(config) {
      const entries = (nodeAt(config, 'deck', 'default_rerun_auth_configs')?.list ?? []).map((entry) =>
        nodeAt(entry, 'rerun_auth_configs'),
      )
      for (const one of [...entries, ...(nodeAt(config, 'deck', 'rerun_auth_configs')?.map?.values() ?? [])])
        yield* anyoneAndSome(one)
    },
  },
  {
    name: 'browser-prefix-pair',
    severity: 'invalid',
    remedy: 'Keep the plural form.',
    *find(config) {
      const spyglass = nodeAt(config, 'deck', 'spyglass')
      for (const many of ['gcs_browser_prefixes', 'gcs_browser_prefixes_by_bucket']) {
        if (isGiven(nodeAt(spyglass, 'gcs_browser_prefix')) && isGiven(nodeAt(spyglass, many, '*')))
          yield match(keyLine(spyglass, 'gcs_browser_prefix'), `has both gcs_browser_prefix and ${many}['*']`)
      }
    },
  },
  {
    name: 'artifact-links',
    severity: 'hint',
    remedy: 'Remove it, or write the URL of the S3 console, which ends in /buckets/, or of a gcsweb of your own.',
    *find(config) {
      const spyglass = nodeAt(config, 'deck', 'spyglass')
      const many = ['gcs_browser_prefixes', 'gcs_browser_prefixes_by_bucket'].flatMap((name) => [
        ...(nodeAt(spyglass, name)?.map?.entries() ?? []),
      ])
      for (const [name, prefix] of [['gcs_browser_prefix', nodeAt(spyglass, 'gcs_browser_prefix')] as const, ...many])
        if (
          /gcsweb\.k8s\.io|console\.cloud\.google\.com|storage\.(?:cloud\.google|googleapis)\.com/.test(textOf(prefix))
        )
          yield match(
            prefix,
            `deck.spyglass: the links to artifacts (${name}) point to ${textOf(prefix)}, which shows buckets of Google Cloud Storage`,
          )
    },
  },
  {
    name: 'storage-paths',
    severity: 'invalid',
    remedy: 'Add skip_storage_path_validation: false beside it; the default is true.',
    *find(config) {
      const deck = nodeAt(config, 'deck')
      const buckets = nodeAt(deck, 'additional_allowed_buckets')
      if (isGiven(buckets) && nodeAt(deck, 'skip_storage_path_validation')?.value !== false)
        yield match(
          keyLine(deck, 'additional_allowed_buckets'),
          'has deck.additional_allowed_buckets without deck.skip_storage_path_validation: false',
        )
    },
  },
  {
    name: 'allowed-buckets',
    severity: 'here',
    remedy: 'Write the name alone: with s3:// before it Deck answers that the bucket is not in its allowed list.',
    *find(config) {
      for (const bucket of nodeAt(config, 'deck', 'additional_allowed_buckets')?.list ?? [])
        if (/[:/]/.test(textOf(bucket))) yield match(bucket, `deck.additional_allowed_buckets has ${textOf(bucket)}`)
    },
  },
  {
    name: 'size-limit',
    severity: 'invalid',
    remedy: 'Write the size of the longest log that Deck shows, in bytes, such as 100000000.',
    *find(config) {
      const limit = nodeAt(config, 'deck', 'spyglass', 'size_limit')
      if (typeof limit?.value === 'number' && limit.value < 0) yield match(limit, 'deck.spyglass.size_limit is below 0')
    },
  },
  {
    name: 'lens-files',
    severity: 'invalid',
    remedy: 'The files of a lens are regular expressions over the paths of artifacts.',
    *find(config) {
      for (const lens of nodeAt(config, 'deck', 'spyglass', 'lenses')?.list ?? []) {
        for (const list of ['required_files', 'optional_files']) {
          for (const file of nodeAt(lens, list)?.list ?? []) {
            const error = regexpError(textOf(file))
            if (error) yield match(file, `deck.spyglass.lenses: ${textOf(file)} ${error}`)
          }
        }
      }
    },
  },
]
