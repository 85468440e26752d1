import { at, given, isTrue, keyLine, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { regexpFault } from './go-syntax.ts'
import { type All, type Found, inFile, type Rule } from './rule.ts'

// ---- config.yaml -------------------------------------------------------------------------------------------------

function* both(tree: Tree | undefined, one: string, other: string): Iterable<Found> {
  if (given(at(tree, one)) && given(at(tree, other)))
    yield [keyLine(tree, one), `has both ${one} and ${other}`, `Keep ${other}.`]
}

/** Every decoration that config.yaml gives as a default, for rules about one. */
function* decorations(all: All): Iterable<Tree> {
  const plank = at(all.config, 'plank')
  for (const entry of at(plank, 'default_decoration_config_entries')?.list ?? []) {
    const config = at(entry, 'config')
    if (config) yield config
  }
  for (const config of at(plank, 'default_decoration_configs')?.map?.values() ?? []) yield config
}

export function* queries(config: Tree): Iterable<{ query: Tree; index: number }> {
  for (const [index, query] of (at(config, 'tide', 'queries')?.list ?? []).entries()) yield { query, index }
}

function* twice(list: Tree | undefined): Iterable<Found> {
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
    weight: 'here',
    remedy: 'Both default to the namespace default, where nothing of ours is; nothing then happens, without an error.',
    *look(config) {
      for (const [field, wanted] of [
        ['prowjob_namespace', 'prow'],
        ['pod_namespace', 'test-pods'],
      ] as const) {
        const found = at(config, field)
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
    weight: 'invalid',
    remedy: 'Keep the entries.',
    *look(config) {
      yield* both(at(config, 'plank'), 'default_decoration_configs', 'default_decoration_config_entries')
    },
  },
  {
    name: 'rerun-pair',
    weight: 'invalid',
    remedy: 'Keep default_rerun_auth_configs.',
    *look(config) {
      yield* both(at(config, 'deck'), 'rerun_auth_configs', 'default_rerun_auth_configs')
    },
  },
  {
    name: 'report-template-pair',
    weight: 'invalid',
    remedy: 'Keep report_templates.',
    *look(config) {
      // Prow refuses the pair only when the new one has the key that the old one stands for.
      const plank = at(config, 'plank')
      if (given(at(plank, 'report_template')) && given(at(plank, 'report_templates')))
        yield* both(plank, 'report_template', 'report_templates')
    },
  },
  {
    name: 'tide-url-pairs',
    weight: 'invalid',
    remedy: 'Keep the plural form.',
    *look(config) {
      const tide = at(config, 'tide')
      yield* both(tide, 'target_url', 'target_urls')
      yield* both(tide, 'pr_status_base_url', 'pr_status_base_urls')
      const urls = at(tide, 'pr_status_base_urls')
      if (given(urls) && !urls.map?.has('*'))
        yield [
          keyLine(tide, 'pr_status_base_urls'),
          "tide.pr_status_base_urls has no '*'",
          "Add '*': the address for all others.",
        ]
    },
  },
  {
    name: 'browser-prefix-pair',
    weight: 'invalid',
    remedy: 'Keep the plural form.',
    *look(config) {
      const spyglass = at(config, 'deck', 'spyglass')
      for (const many of ['gcs_browser_prefixes', 'gcs_browser_prefixes_by_bucket']) {
        if (given(at(spyglass, 'gcs_browser_prefix')) && given(at(spyglass, many, '*')))
          yield [keyLine(spyglass, 'gcs_browser_prefix'), `has both gcs_browser_prefix and ${many}['*']`]
      }
    },
  },
  {
    name: 'storage-paths',
    weight: 'invalid',
    remedy: 'Write skip_storage_path_validation: false beside it: left out it is true.',
    *look(config) {
      const deck = at(config, 'deck')
      const buckets = at(deck, 'additional_allowed_buckets')
      if (given(buckets) && at(deck, 'skip_storage_path_validation')?.value !== false)
        yield [
          keyLine(deck, 'additional_allowed_buckets'),
          'has deck.additional_allowed_buckets without deck.skip_storage_path_validation: false',
        ]
    },
  },
  {
    name: 'allowed-buckets',
    weight: 'here',
    remedy: 'Write the name alone: with s3:// before it Deck says that the bucket is not in its allowed list.',
    *look(config) {
      for (const bucket of at(config, 'deck', 'additional_allowed_buckets')?.list ?? [])
        if (/[:/]/.test(textOf(bucket))) yield [bucket, `deck.additional_allowed_buckets has ${textOf(bucket)}`]
    },
  },
  {
    name: 'artifact-links',
    weight: 'hint',
    remedy:
      'Remove it, or write the address of the S3 console, which ends in /buckets/: gcsweb shows buckets of Google.',
    *look(config) {
      const spyglass = at(config, 'deck', 'spyglass')
      const many = ['gcs_browser_prefixes', 'gcs_browser_prefixes_by_bucket'].flatMap((name) => [
        ...(at(spyglass, name)?.map?.entries() ?? []),
      ])
      for (const [name, prefix] of [['gcs_browser_prefix', at(spyglass, 'gcs_browser_prefix')] as const, ...many])
        if (/gcsweb|console\.cloud\.google\.com|storage\.googleapis\.com/.test(textOf(prefix)))
          yield [prefix, `deck.spyglass: the links to artifacts (${name}) lead to ${textOf(prefix)}`]
    },
  },
  {
    name: 'rerun-anyone',
    weight: 'invalid',
    remedy: 'Either anyone, or a list.',
    *look(config) {
      const entries = (at(config, 'deck', 'default_rerun_auth_configs')?.list ?? []).map((entry) =>
        at(entry, 'rerun_auth_configs'),
      )
      for (const one of [...entries, ...(at(config, 'deck', 'rerun_auth_configs')?.map?.values() ?? [])])
        yield* anyoneAndSome(one)
    },
  },
  {
    name: 'size-limit',
    weight: 'invalid',
    remedy: 'Write the bytes of the longest log that Deck shows, such as 100000000.',
    *look(config) {
      const limit = at(config, 'deck', 'spyglass', 'size_limit')
      if (typeof limit?.value === 'number' && limit.value < 0) yield [limit, 'deck.spyglass.size_limit is below 0']
    },
  },
  {
    name: 'lens-files',
    weight: 'invalid',
    remedy: 'File names of lenses are regular expressions over the paths of artifacts.',
    *look(config) {
      for (const lens of at(config, 'deck', 'spyglass', 'lenses')?.list ?? []) {
        for (const list of ['required_files', 'optional_files']) {
          for (const file of at(lens, list)?.list ?? []) {
            const fault = regexpFault(textOf(file))
            if (fault) yield [file, `deck.spyglass.lenses: ${textOf(file)} ${fault}`]
          }
        }
      }
    },
  },
  {
    name: 'tide-queries',
    weight: 'invalid',
    remedy: 'Each query names orgs or repos, once, and labels either wanted or unwanted.',
    *look(config) {
      for (const { query, index } of queries(config)) {
        const told = `tide.queries[${index}]`
        const orgs = textsOf(at(query, 'orgs'))
        const repos = at(query, 'repos')?.list ?? []
        for (const org of at(query, 'orgs')?.list ?? []) {
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
        for (const repo of at(query, 'excludedRepos')?.list ?? []) {
          if (!ORG_REPO.test(textOf(repo)) || !orgs.includes(textOf(repo).split('/')[0]!))
            yield [
              repo,
              `${told}.excludedRepos has ${textOf(repo)}, whose organisation is not in orgs`,
              'Write org/repo of an organisation in orgs.',
            ]
        }
        const missing = textsOf(at(query, 'missingLabels'))
        for (const label of at(query, 'labels')?.list ?? []) {
          if (missing.includes(textOf(label)))
            yield [
              label,
              `${told} both wants and forbids ${textOf(label)}`,
              'Remove it from one of labels and missingLabels.',
            ]
        }
        if (given(at(query, 'includedBranches')) && given(at(query, 'excludedBranches')))
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
          for (const [tree, wrong] of twice(at(query, list))) yield [tree, `${told}.${list}: ${wrong}`, 'Remove one.']
        }
      }
    },
  },
  {
    name: 'merge-method',
    weight: 'invalid',
    remedy: 'Write merge, squash or rebase; it must be allowed in the settings of the repository.',
    *look(config) {
      const METHODS = ['merge', 'squash', 'rebase']
      const wrong = (tree: Tree, name: string): Found[] =>
        tree.value !== null && tree.value !== '' && !tree.map && !METHODS.includes(textOf(tree))
          ? [[tree, `tide.merge_method of ${name} is ${textOf(tree)}`]]
          : []
      for (const [name, one] of at(config, 'tide', 'merge_method')?.map ?? []) {
        yield* wrong(one, name)
        for (const [repo, inner] of one.map ?? []) {
          yield* wrong(inner, `${name}/${repo}`)
          for (const [branch, last] of inner.map ?? []) yield* wrong(last, `${name}/${repo}@${branch}`)
        }
      }
    },
  },
  {
    name: 'context-policy',
    // Tide finds it out when it looks at a pull request.
    weight: 'hint',
    remedy: 'A context is required, or optional, or required when present: one of the three.',
    *look(config) {
      const lists = ['required-contexts', 'optional-contexts', 'required-if-present-contexts']
      const policy = at(config, 'tide', 'context_options')
      for (const [index, name] of lists.entries()) {
        for (const other of lists.slice(index + 1)) {
          for (const context of at(policy, name)?.list ?? []) {
            if (textsOf(at(policy, other)).includes(textOf(context)))
              yield [context, `tide.context_options has ${textOf(context)} in ${name} and in ${other}`]
          }
        }
      }
    },
  },
  {
    name: 'log-level',
    weight: 'invalid',
    remedy: 'Write info, or debug, warning, error, fatal, panic, trace.',
    *look(config) {
      const level = at(config, 'log_level')
      if (given(level) && !/^(panic|fatal|error|warn|warning|info|debug|trace)$/i.test(textOf(level)))
        yield [level, `has log_level: ${textOf(level)}`]
    },
  },
  {
    name: 'goroutines',
    weight: 'invalid',
    remedy: 'Leave it out, or write a number above 0.',
    *look(config) {
      for (const part of ['tide', 'plank']) {
        const count = at(config, part, 'max_goroutines')
        if (typeof count?.value === 'number' && count.value < 0) yield [count, `${part}.max_goroutines is below 0`]
      }
    },
  },
  {
    name: 'reported-types',
    weight: 'invalid',
    remedy: 'Only presubmit and postsubmit can be reported to GitHub.',
    *look(config) {
      for (const type of at(config, 'github_reporter', 'job_types_to_report')?.list ?? []) {
        if (!['presubmit', 'postsubmit'].includes(textOf(type)))
          yield [type, `github_reporter.job_types_to_report has ${textOf(type)}`]
      }
    },
  },
  {
    name: 'needs-ok-to-test',
    weight: 'strict',
    remedy: 'Remove needs-ok-to-test from missingLabels: a pull request that lgtm was said of has been looked at.',
    *look(config) {
      for (const { query, index } of queries(config)) {
        if (
          textsOf(at(query, 'labels')).includes('lgtm') &&
          textsOf(at(query, 'missingLabels')).includes('needs-ok-to-test')
        )
          yield [query, `tide.queries[${index}] requires lgtm and forbids needs-ok-to-test`]
      }
    },
  },
  {
    name: 'bucket-scheme',
    weight: 'here',
    remedy: 'Write it as s3://NAME: without a scheme Prow takes it for a bucket of Google.',
    *look(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = at(decoration, 'gcs_configuration', 'bucket')
        if (given(bucket) && !textOf(bucket).startsWith('s3://')) yield [bucket, `has bucket: ${textOf(bucket)}`]
      }
    },
  },
  {
    name: 'bucket-other',
    weight: 'hint',
    remedy: 'Set LOG_BUCKET to it, or write s3://LOG_BUCKET here: the rights are made for that one.',
    *look(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = at(decoration, 'gcs_configuration', 'bucket')
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
    weight: 'here',
    remedy:
      'Write PROW_IMAGE_REGISTRY and PROW_IMAGE_TAG of the settings: that registry is gone, and no pod of a job would start.',
    *look(_, all) {
      const old = (decoration: Tree | undefined) =>
        [...(at(decoration, 'utility_images')?.map ?? [])].filter(([, image]) =>
          textOf(image).startsWith('gcr.io/k8s-prow/'),
        )
      for (const decoration of decorations(all))
        for (const [name, image] of old(decoration)) yield [image, `has the utility image ${name}: ${textOf(image)}`]
      for (const job of all.jobs)
        for (const [name, image] of old(at(job.tree, 'decoration_config')))
          yield* inFile(job, image, `${job.kind} ${job.name} has the utility image ${name}: ${textOf(image)}`)
    },
  },
  {
    name: 'images-of-another-release',
    weight: 'hint',
    remedy: 'All four are best of the release of Prow itself, PROW_IMAGE_TAG.',
    *look(_, all) {
      const { PROW_IMAGE_TAG: wanted } = all.settings
      for (const decoration of decorations(all)) {
        for (const [name, image] of at(decoration, 'utility_images')?.map ?? []) {
          const tag = /:([\w.-]+)$/.exec(textOf(image))?.[1]
          if (tag && tag !== wanted)
            yield [image, `has the utility image ${name} of ${tag}; PROW_IMAGE_TAG is ${wanted}`]
        }
      }
    },
  },
  {
    name: 'compressed-files',
    weight: 'here',
    remedy: 'Remove it: with S3 Deck then shows raw gzip instead of the log.',
    *look(_, all) {
      for (const decoration of decorations(all)) {
        const gcs = at(decoration, 'gcs_configuration')
        if (given(at(gcs, 'compress_file_types')))
          yield [keyLine(gcs, 'compress_file_types'), 'has compress_file_types']
      }
    },
  },
  {
    name: 'path-strategy',
    weight: 'invalid',
    remedy: 'Write explicit; legacy and single also need default_org and default_repo.',
    *look(_, all) {
      // Prow looks at it only through a decorated job; a typing slip is told with that job too.
      for (const decoration of all.jobs.some((job) => job.decorated) ? decorations(all) : []) {
        const gcs = at(decoration, 'gcs_configuration')
        const strategy = at(gcs, 'path_strategy')
        if (given(strategy) && !['explicit', 'legacy', 'single'].includes(textOf(strategy)))
          yield [strategy, `has path_strategy: ${textOf(strategy)}`]
      }
    },
  },
  {
    name: 'secrets-of-jobs',
    weight: 'here',
    remedy: '',
    *look(_, all) {
      const { settings } = all
      const there = ['s3-credentials', ...(settings.PRIVATE_CLONES === 'on' ? ['clone-token'] : [])]
      for (const decoration of decorations(all)) {
        for (const [field, tree] of [
          ['s3_credentials_secret', at(decoration, 's3_credentials_secret')],
          ['oauth_token_secret', at(decoration, 'oauth_token_secret', 'name')],
        ] as const) {
          if (!given(tree) || there.includes(textOf(tree))) continue
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
    weight: 'here',
    remedy: 'Write https://: over http the cookies of Deck do not stick, and links lead nowhere.',
    *look(config, all) {
      const slip = `http://${all.settings.PROW_HOST}`
      const walk = function* (tree: Tree | undefined, path: string): Iterable<Found> {
        if (!tree) return
        for (const [key, one] of tree.map ?? []) yield* walk(one, `${path}.${key}`)
        for (const one of tree.list ?? []) yield* walk(one, path)
        if (typeof tree.value === 'string' && tree.value.includes(slip)) yield [tree, `${path} leads to ${slip}`]
      }
      for (const part of ['plank', 'deck', 'tide', 'status_error_link']) yield* walk(at(config, part), part)
    },
  },
  {
    name: 'job-link',
    weight: 'here',
    remedy: 'It must end in /view/: Prow appends s3/BUCKET/PATH.',
    *look(config) {
      for (const [name, url] of at(config, 'plank', 'job_url_prefix_config')?.map ?? []) {
        if (given(url) && !textOf(url).endsWith('/view/') && !textOf(url).endsWith('/view'))
          yield [url, `plank.job_url_prefix_config of ${name} is ${textOf(url)}`]
      }
    },
  },
  {
    name: 'metrics-off',
    weight: 'hint',
    remedy: 'Add serve_metrics: true, or remove push_gateway.',
    *look(config) {
      const gateway = at(config, 'push_gateway')
      if (given(at(gateway, 'endpoint')) && !isTrue(at(gateway, 'serve_metrics')))
        yield [gateway, 'push_gateway without serve_metrics turns off /metrics of every component']
    },
  },
  {
    name: 'tide-hurry',
    weight: 'hint',
    remedy: 'A minute is enough for tide.sync_period, ten seconds for deck.tide_update_period.',
    *look(config) {
      const under = (tree: Tree | undefined, least: number) => {
        const seconds = /^(\d+)s$/.exec(textOf(tree))?.[1]
        return seconds && Number(seconds) < least ? seconds : undefined
      }
      const sync = at(config, 'tide', 'sync_period')
      const update = at(config, 'deck', 'tide_update_period')
      if (under(sync, 30)) yield [sync, `tide.sync_period of ${under(sync, 30)} seconds uses up GitHub's limit`]
      if (under(update, 5))
        yield [update, `deck.tide_update_period of ${under(update, 5)} seconds only makes Tide busy`]
    },
  },
  {
    name: 'job-account',
    weight: 'hint',
    remedy: 'Name prow-jobs, which has the rights to upload.',
    *look(_, all) {
      for (const decoration of decorations(all)) {
        const account = at(decoration, 'default_service_account_name')
        if (given(account) && textOf(account) !== 'prow-jobs')
          yield [account, `has default_service_account_name ${textOf(account)}, which this runbook does not make`]
      }
    },
  },
]

export function* anyoneAndSome(tree: Tree | undefined): Iterable<Found> {
  const some = ['github_users', 'github_orgs', 'github_team_ids', 'github_team_slugs'].find((name) =>
    given(at(tree, name)),
  )
  if (isTrue(at(tree, 'allow_anyone')) && some) yield [tree, `has allow_anyone and ${some}`]
}
