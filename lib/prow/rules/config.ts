import { isGiven, isTrue, keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { regexpError } from './go-syntax.ts'
import { type All, inFile, type Match, type Rule } from './rule.ts'

// ---- config.yaml -------------------------------------------------------------------------------------------------

function* both(tree: Tree | undefined, one: string, other: string): Iterable<Match> {
  if (isGiven(nodeAt(tree, one)) && isGiven(nodeAt(tree, other)))
    yield [keyLine(tree, one), `has both ${one} and ${other}`, `Keep ${other}.`]
}

/** Every decoration that config.yaml gives as a default, for rules about one. */
function* decorations(all: All): Iterable<Tree> {
  const plank = nodeAt(all.config, 'plank')
  for (const entry of nodeAt(plank, 'default_decoration_config_entries')?.list ?? []) {
    const config = nodeAt(entry, 'config')
    if (config) yield config
  }
  for (const config of nodeAt(plank, 'default_decoration_configs')?.map?.values() ?? []) yield config
}

export function* tideQueries(config: Tree): Iterable<{ query: Tree; index: number }> {
  for (const [index, query] of (nodeAt(config, 'tide', 'queries')?.list ?? []).entries()) yield { query, index }
}

function* twice(list: Tree | undefined): Iterable<Match> {
  const seen = new Set<string>()
  for (const one of list?.list ?? []) {
    if (seen.has(textOf(one))) yield [one, `${textOf(one)} is there twice`]
    seen.add(textOf(one))
  }
}

export const ORG_REPO = /^[^/]+\/[^/]+$/

/** Rules about config.yaml. */
export const CONFIG_RULES: Rule<Tree>[] = [
  {
    name: 'namespaces',
    severity: 'here',
    remedy: 'Both default to the namespace default, where nothing of ours is; nothing then happens, without an error.',
    *find(config) {
      for (const [field, wanted] of [
        ['prowjob_namespace', 'prow'],
        ['pod_namespace', 'test-pods'],
      ] as const) {
        const found = nodeAt(config, field)
        if (textOf(found) !== wanted)
          yield [
            found ?? 1,
            found ? `has ${field}: ${textOf(found)}` : `has no ${field}`,
            `Write ${field}: ${wanted} into it.`,
          ]
      }
    },
  },
  {
    name: 'decoration-pair',
    severity: 'invalid',
    remedy: 'Keep the entries.',
    *find(config) {
      yield* both(nodeAt(config, 'plank'), 'default_decoration_configs', 'default_decoration_config_entries')
    },
  },
  {
    name: 'rerun-pair',
    severity: 'invalid',
    remedy: 'Keep default_rerun_auth_configs.',
    *find(config) {
      yield* both(nodeAt(config, 'deck'), 'rerun_auth_configs', 'default_rerun_auth_configs')
    },
  },
  {
    name: 'report-template-pair',
    severity: 'invalid',
    remedy: 'Keep report_templates.',
    *find(config) {
      // Prow refuses the pair only when the new one has the key that the old one stands for.
      const plank = nodeAt(config, 'plank')
      if (isGiven(nodeAt(plank, 'report_template')) && isGiven(nodeAt(plank, 'report_templates')))
        yield* both(plank, 'report_template', 'report_templates')
    },
  },
  {
    name: 'tide-url-pairs',
    severity: 'invalid',
    remedy: 'Keep the plural form.',
    *find(config) {
      const tide = nodeAt(config, 'tide')
      yield* both(tide, 'target_url', 'target_urls')
      yield* both(tide, 'pr_status_base_url', 'pr_status_base_urls')
      const urls = nodeAt(tide, 'pr_status_base_urls')
      if (isGiven(urls) && !urls.map?.has('*'))
        yield [
          keyLine(tide, 'pr_status_base_urls'),
          "tide.pr_status_base_urls has no '*'",
          "Add '*': the address for all others.",
        ]
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
          yield [keyLine(spyglass, 'gcs_browser_prefix'), `has both gcs_browser_prefix and ${many}['*']`]
      }
    },
  },
  {
    name: 'storage-paths',
    severity: 'invalid',
    remedy: 'Write skip_storage_path_validation: false beside it: left out it is true.',
    *find(config) {
      const deck = nodeAt(config, 'deck')
      const buckets = nodeAt(deck, 'additional_allowed_buckets')
      if (isGiven(buckets) && nodeAt(deck, 'skip_storage_path_validation')?.value !== false)
        yield [
          keyLine(deck, 'additional_allowed_buckets'),
          'has deck.additional_allowed_buckets without deck.skip_storage_path_validation: false',
        ]
    },
  },
  {
    name: 'allowed-buckets',
    severity: 'here',
    remedy: 'Write the name alone: with s3:// before it Deck says that the bucket is not in its allowed list.',
    *find(config) {
      for (const bucket of nodeAt(config, 'deck', 'additional_allowed_buckets')?.list ?? [])
        if (/[:/]/.test(textOf(bucket))) yield [bucket, `deck.additional_allowed_buckets has ${textOf(bucket)}`]
    },
  },
  {
    name: 'artifact-links',
    severity: 'hint',
    remedy:
      'Remove it, or write the address of the S3 console, which ends in /buckets/: gcsweb shows buckets of Google.',
    *find(config) {
      const spyglass = nodeAt(config, 'deck', 'spyglass')
      const many = ['gcs_browser_prefixes', 'gcs_browser_prefixes_by_bucket'].flatMap((name) => [
        ...(nodeAt(spyglass, name)?.map?.entries() ?? []),
      ])
      for (const [name, prefix] of [['gcs_browser_prefix', nodeAt(spyglass, 'gcs_browser_prefix')] as const, ...many])
        if (/gcsweb|console\.cloud\.google\.com|storage\.googleapis\.com/.test(textOf(prefix)))
          yield [prefix, `deck.spyglass: the links to artifacts (${name}) lead to ${textOf(prefix)}`]
    },
  },
  {
    name: 'rerun-anyone',
    severity: 'invalid',
    remedy: 'Either anyone, or a list.',
    *find(config) {
      const entries = (nodeAt(config, 'deck', 'default_rerun_auth_configs')?.list ?? []).map((entry) =>
        nodeAt(entry, 'rerun_auth_configs'),
      )
      for (const one of [...entries, ...(nodeAt(config, 'deck', 'rerun_auth_configs')?.map?.values() ?? [])])
        yield* anyoneAndSome(one)
    },
  },
  {
    name: 'size-limit',
    severity: 'invalid',
    remedy: 'Write the bytes of the longest log that Deck shows, such as 100000000.',
    *find(config) {
      const limit = nodeAt(config, 'deck', 'spyglass', 'size_limit')
      if (typeof limit?.value === 'number' && limit.value < 0) yield [limit, 'deck.spyglass.size_limit is below 0']
    },
  },
  {
    name: 'lens-files',
    severity: 'invalid',
    remedy: 'File names of lenses are regular expressions over the paths of artifacts.',
    *find(config) {
      for (const lens of nodeAt(config, 'deck', 'spyglass', 'lenses')?.list ?? []) {
        for (const list of ['required_files', 'optional_files']) {
          for (const file of nodeAt(lens, list)?.list ?? []) {
            const fault = regexpError(textOf(file))
            if (fault) yield [file, `deck.spyglass.lenses: ${textOf(file)} ${fault}`]
          }
        }
      }
    },
  },
  {
    name: 'tide-queries',
    severity: 'invalid',
    remedy: 'Each query names orgs or repos, once, and labels either wanted or unwanted.',
    *find(config) {
      for (const { query, index } of tideQueries(config)) {
        const told = `tide.queries[${index}]`
        const orgs = textsOf(nodeAt(query, 'orgs'))
        const repos = nodeAt(query, 'repos')?.list ?? []
        for (const org of nodeAt(query, 'orgs')?.list ?? []) {
          if (textOf(org).includes('/') || textOf(org) === '')
            yield [
              org,
              `${told}.orgs has ${textOf(org) || 'an empty name'}`,
              'An organisation has no slash; org/repo belongs under repos.',
            ]
        }
        for (const repo of repos) {
          if (!ORG_REPO.test(textOf(repo))) yield [repo, `${told}.repos has ${textOf(repo)}`, 'Write it as org/repo.']
          else if (orgs.includes(textOf(repo).split('/')[0]!))
            yield [
              repo,
              `${told}.repos has ${textOf(repo)}, which its organisation in orgs already covers`,
              'Remove it from repos.',
            ]
        }
        if (orgs.length === 0 && repos.length === 0)
          yield [query, `${told} has neither orgs nor repos`, 'Name at least one.']
        for (const repo of nodeAt(query, 'excludedRepos')?.list ?? []) {
          if (!ORG_REPO.test(textOf(repo)) || !orgs.includes(textOf(repo).split('/')[0]!))
            yield [
              repo,
              `${told}.excludedRepos has ${textOf(repo)}, whose organisation is not in orgs`,
              'Write org/repo of an organisation in orgs.',
            ]
        }
        const missing = textsOf(nodeAt(query, 'missingLabels'))
        for (const label of nodeAt(query, 'labels')?.list ?? []) {
          if (missing.includes(textOf(label)))
            yield [
              label,
              `${told} both wants and forbids ${textOf(label)}`,
              'Remove it from one of labels and missingLabels.',
            ]
        }
        if (isGiven(nodeAt(query, 'includedBranches')) && isGiven(nodeAt(query, 'excludedBranches')))
          yield [query, `${told} has both includedBranches and excludedBranches`, 'Keep one.']
        for (const list of [
          'orgs',
          'repos',
          'excludedRepos',
          'labels',
          'missingLabels',
          'includedBranches',
          'excludedBranches',
        ]) {
          for (const [tree, message] of twice(nodeAt(query, list)))
            yield [tree, `${told}.${list}: ${message}`, 'Remove one.']
        }
      }
    },
  },
  {
    name: 'merge-method',
    severity: 'invalid',
    remedy: 'Write merge, squash or rebase; it must be allowed in the settings of the repository.',
    *find(config) {
      const METHODS = ['merge', 'squash', 'rebase']
      const message = (tree: Tree, name: string): Match[] =>
        tree.value !== null && tree.value !== '' && !tree.map && !METHODS.includes(textOf(tree))
          ? [[tree, `tide.merge_method of ${name} is ${textOf(tree)}`]]
          : []
      for (const [name, one] of nodeAt(config, 'tide', 'merge_method')?.map ?? []) {
        yield* message(one, name)
        for (const [repo, inner] of one.map ?? []) {
          yield* message(inner, `${name}/${repo}`)
          for (const [branch, last] of inner.map ?? []) yield* message(last, `${name}/${repo}@${branch}`)
        }
      }
    },
  },
  {
    name: 'context-policy',
    // Tide finds it out when it looks at a pull request.
    severity: 'hint',
    remedy: 'A context is required, or optional, or required when present: one of the three.',
    *find(config) {
      const lists = ['required-contexts', 'optional-contexts', 'required-if-present-contexts']
      const policy = nodeAt(config, 'tide', 'context_options')
      for (const [index, name] of lists.entries()) {
        for (const other of lists.slice(index + 1)) {
          for (const context of nodeAt(policy, name)?.list ?? []) {
            if (textsOf(nodeAt(policy, other)).includes(textOf(context)))
              yield [context, `tide.context_options has ${textOf(context)} in ${name} and in ${other}`]
          }
        }
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
        yield [level, `has log_level: ${textOf(level)}`]
    },
  },
  {
    name: 'goroutines',
    severity: 'invalid',
    remedy: 'Leave it out, or write a number above 0.',
    *find(config) {
      for (const part of ['tide', 'plank']) {
        const count = nodeAt(config, part, 'max_goroutines')
        if (typeof count?.value === 'number' && count.value < 0) yield [count, `${part}.max_goroutines is below 0`]
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
          yield [type, `github_reporter.job_types_to_report has ${textOf(type)}`]
      }
    },
  },
  {
    name: 'needs-ok-to-test',
    severity: 'strict',
    remedy: 'Remove needs-ok-to-test from missingLabels: a pull request that lgtm was said of has been looked at.',
    *find(config) {
      for (const { query, index } of tideQueries(config)) {
        if (
          textsOf(nodeAt(query, 'labels')).includes('lgtm') &&
          textsOf(nodeAt(query, 'missingLabels')).includes('needs-ok-to-test')
        )
          yield [query, `tide.queries[${index}] requires lgtm and forbids needs-ok-to-test`]
      }
    },
  },
  {
    name: 'bucket-scheme',
    severity: 'here',
    remedy: 'Write it as s3://NAME: without a scheme Prow takes it for a bucket of Google.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = nodeAt(decoration, 'gcs_configuration', 'bucket')
        if (isGiven(bucket) && !textOf(bucket).startsWith('s3://')) yield [bucket, `has bucket: ${textOf(bucket)}`]
      }
    },
  },
  {
    name: 'bucket-other',
    severity: 'hint',
    remedy: 'Set LOG_BUCKET to it, or write s3://LOG_BUCKET here: the rights are made for that one.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = nodeAt(decoration, 'gcs_configuration', 'bucket')
        const name = textOf(bucket)
          .replace(/^s3:\/\//, '')
          .split('/')[0]
        if (textOf(bucket).startsWith('s3://') && name !== all.settings.LOG_BUCKET)
          yield [bucket, `has the bucket ${name}; LOG_BUCKET is ${all.settings.LOG_BUCKET}`]
      }
    },
  },
  {
    name: 'old-images',
    severity: 'here',
    remedy:
      'Write PROW_IMAGE_REGISTRY and PROW_IMAGE_TAG of the settings: that registry is gone, and no pod of a job would start.',
    *find(_, all) {
      const old = (decoration: Tree | undefined) =>
        [...(nodeAt(decoration, 'utility_images')?.map ?? [])].filter(([, image]) =>
          textOf(image).startsWith('gcr.io/k8s-prow/'),
        )
      for (const decoration of decorations(all))
        for (const [name, image] of old(decoration)) yield [image, `has the utility image ${name}: ${textOf(image)}`]
      for (const job of all.jobs)
        for (const [name, image] of old(nodeAt(job.tree, 'decoration_config')))
          yield* inFile(job, image, `${job.kind} ${job.name} has the utility image ${name}: ${textOf(image)}`)
    },
  },
  {
    name: 'images-of-another-release',
    severity: 'hint',
    remedy: 'All four are best of the release of Prow itself, PROW_IMAGE_TAG.',
    *find(_, all) {
      const { PROW_IMAGE_TAG: wanted } = all.settings
      for (const decoration of decorations(all)) {
        for (const [name, image] of nodeAt(decoration, 'utility_images')?.map ?? []) {
          const tag = /:([\w.-]+)$/.exec(textOf(image))?.[1]
          if (tag && tag !== wanted)
            yield [image, `has the utility image ${name} of ${tag}; PROW_IMAGE_TAG is ${wanted}`]
        }
      }
    },
  },
  {
    name: 'compressed-files',
    severity: 'here',
    remedy: 'Remove it: with S3 Deck then shows raw gzip instead of the log.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const gcs = nodeAt(decoration, 'gcs_configuration')
        if (isGiven(nodeAt(gcs, 'compress_file_types')))
          yield [keyLine(gcs, 'compress_file_types'), 'has compress_file_types']
      }
    },
  },
  {
    name: 'path-strategy',
    severity: 'invalid',
    remedy: 'Write explicit; legacy and single also need default_org and default_repo.',
    *find(_, all) {
      // Prow looks at it only through a decorated job; a typing slip is told with that job too.
      for (const decoration of all.jobs.some((job) => job.decorated) ? decorations(all) : []) {
        const gcs = nodeAt(decoration, 'gcs_configuration')
        const strategy = nodeAt(gcs, 'path_strategy')
        if (isGiven(strategy) && !['explicit', 'legacy', 'single'].includes(textOf(strategy)))
          yield [strategy, `has path_strategy: ${textOf(strategy)}`]
      }
    },
  },
  {
    name: 'secrets-of-jobs',
    severity: 'here',
    remedy: '',
    *find(_, all) {
      const { settings } = all
      const there = ['s3-credentials', ...(settings.PRIVATE_CLONES === 'on' ? ['clone-token'] : [])]
      for (const decoration of decorations(all)) {
        for (const [field, tree] of [
          ['s3_credentials_secret', nodeAt(decoration, 's3_credentials_secret')],
          ['oauth_token_secret', nodeAt(decoration, 'oauth_token_secret', 'name')],
        ] as const) {
          if (!isGiven(tree) || there.includes(textOf(tree))) continue
          const remedy =
            textOf(tree) === 'oauth-token'
              ? "Set PRIVATE_CLONES=on and name clone-token: the bot's own token is not in test-pods, where any job could read it."
              : textOf(tree) === 'clone-token'
                ? 'Set PRIVATE_CLONES=on, or remove it.'
                : `Name one that is in test-pods (${there.join(', ')}): without its secret each job's pod waits until it is given up.`
          yield [tree, `has ${field} ${textOf(tree)}, which is not in test-pods`, remedy]
        }
      }
    },
  },
  {
    name: 'http-addresses',
    severity: 'here',
    remedy: 'Write https://: over http the cookies of Deck do not stick, and links lead nowhere.',
    *find(config, all) {
      const slip = `http://${all.settings.PROW_HOST}`
      const walk = function* (tree: Tree | undefined, path: string): Iterable<Match> {
        if (!tree) return
        for (const [key, one] of tree.map ?? []) yield* walk(one, `${path}.${key}`)
        for (const one of tree.list ?? []) yield* walk(one, path)
        if (typeof tree.value === 'string' && tree.value.includes(slip)) yield [tree, `${path} leads to ${slip}`]
      }
      for (const part of ['plank', 'deck', 'tide', 'status_error_link']) yield* walk(nodeAt(config, part), part)
    },
  },
  {
    name: 'job-link',
    severity: 'here',
    remedy: 'It must end in /view/: Prow appends s3/BUCKET/PATH.',
    *find(config) {
      for (const [name, url] of nodeAt(config, 'plank', 'job_url_prefix_config')?.map ?? []) {
        if (isGiven(url) && !textOf(url).endsWith('/view/') && !textOf(url).endsWith('/view'))
          yield [url, `plank.job_url_prefix_config of ${name} is ${textOf(url)}`]
      }
    },
  },
  {
    name: 'metrics-off',
    severity: 'hint',
    remedy: 'Add serve_metrics: true, or remove push_gateway.',
    *find(config) {
      const gateway = nodeAt(config, 'push_gateway')
      if (isGiven(nodeAt(gateway, 'endpoint')) && !isTrue(nodeAt(gateway, 'serve_metrics')))
        yield [gateway, 'push_gateway without serve_metrics turns off /metrics of every component']
    },
  },
  {
    name: 'tide-hurry',
    severity: 'hint',
    remedy: 'A minute is enough for tide.sync_period, ten seconds for deck.tide_update_period.',
    *find(config) {
      const under = (tree: Tree | undefined, least: number) => {
        const seconds = /^(\d+)s$/.exec(textOf(tree))?.[1]
        return seconds && Number(seconds) < least ? seconds : undefined
      }
      const sync = nodeAt(config, 'tide', 'sync_period')
      const update = nodeAt(config, 'deck', 'tide_update_period')
      if (under(sync, 30)) yield [sync, `tide.sync_period of ${under(sync, 30)} seconds uses up GitHub's limit`]
      if (under(update, 5))
        yield [update, `deck.tide_update_period of ${under(update, 5)} seconds only makes Tide busy`]
    },
  },
  {
    name: 'job-account',
    severity: 'hint',
    remedy: 'Name prow-jobs, which has the rights to upload.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const account = nodeAt(decoration, 'default_service_account_name')
        if (isGiven(account) && textOf(account) !== 'prow-jobs')
          yield [account, `has default_service_account_name ${textOf(account)}, which this runbook does not make`]
      }
    },
  },
]

export function* anyoneAndSome(tree: Tree | undefined): Iterable<Match> {
  const some = ['github_users', 'github_orgs', 'github_team_ids', 'github_team_slugs'].find((name) =>
    isGiven(nodeAt(tree, name)),
  )
  if (isTrue(nodeAt(tree, 'allow_anyone')) && some) yield [tree, `has allow_anyone and ${some}`]
}
