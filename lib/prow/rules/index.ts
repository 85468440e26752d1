import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, given, isTrue, keyLine, plainly, readYaml, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { UTILITY_IMAGES } from '../../kubernetes/manifests.ts'
import { nearest, type Settings } from '../../settings/settings.ts'
import { asRegExp, cronFault, isDuration, regexpFault } from './go-syntax.ts'

// Rules of Prow's own that people break, each told with file and line. They say nothing where they are not sure:
// checkconfig, of the version that is installed, has the last word.

/** A file as the reader knows it. */
export interface Source {
  told: string
  text: string
}

/**
 * invalid: Prow's loader refuses it. strict: `checkconfig --strict` refuses it. here: Prow would load it, and it
 * would not work in this installation. hint: told, never refused.
 */
export type Weight = 'invalid' | 'strict' | 'here' | 'hint'

export interface Finding {
  rule: string
  weight: Weight
  file: string
  line: number
  wrong: string
  remedy: string
}

type Found = [tree: Tree | number | undefined, wrong: string, remedy?: string]

interface Rule<On> {
  name: string
  weight: Weight
  remedy: string
  look: (on: On, all: All) => Iterable<Found>
}

interface Job {
  kind: 'presubmit' | 'postsubmit' | 'periodic'
  tree: Tree
  /** `org/repo`; of a periodic, its first extra ref. */
  repo: string
  name: string
  file: string
  decorated: boolean
  /** The merged decoration, when it is decorated. */
  decoration: Decoration | undefined
}

interface Decoration {
  utility_images?: Record<string, string>
  gcs_configuration?: Record<string, unknown>
  oauth_token_secret?: { name?: string }
  ssh_key_secrets?: string[]
  [more: string]: unknown
}

/** Everything at once, for rules that look across files. */
interface All {
  settings: Settings
  config: Tree
  plugins: Tree
  jobs: Job[]
  /** Trees of all files that may hold jobs and presets. */
  jobFiles: { file: string; tree: Tree }[]
}

// ---- What Prow knows, from its sources ---------------------------------------------------------------------------

interface Fields {
  roots: { config: string; plugins: string }
  plugins: string[]
  types: Record<string, Record<string, string>>
}

let loaded: Fields | undefined

/** The fields that Prow's types have. Made from the Go module; what came after it is added here by hand. */
function fields(): Fields {
  if (loaded) return loaded
  loaded = JSON.parse(readFileSync(join(import.meta.dirname, 'fields.json'), 'utf8')) as Fields
  for (const [type, more] of Object.entries(NEWER)) loaded.types[type] = { ...loaded.types[type], ...more }
  loaded.plugins.push(...NEWER_PLUGINS)
  return loaded
}

/** What the installed version has and the Go module has not. */
const NEWER: Record<string, Record<string, string>> = {
  'config.Periodic': { retry: '*' },
  'config.Plank': { max_revivals: 'i' },
  'config.Tide': { github_merge_blocks_policy: '*' },
  'config.Preset': { tolerations: '*' },
  'config.Policy': { require_signed_commits: '*' },
  'v1.DecorationConfig': { scheduling_options: '*', sparse_checkout_files: '*' },
  'v1.Refs': { auxiliary: 'b', sparse_checkout_files: '*' },
  'v1.CensoringOptions': { minimum_secret_length: 'i' },
  'plugins.Trigger': { org_invite: '*' },
}
const NEWER_PLUGINS = ['issue-management']

/** These read themselves, so the module does not say what is in them. */
const BY_HAND: Record<string, Record<string, string>> = {
  'plugins.ConfigUpdater': {
    maps: '{}plugins.ConfigMapSpec',
    cluster_groups: '{}plugins.ClusterGroup',
    gzip: 'b',
    allowed_repos: '[]s',
    denied_repos: '[]s',
  },
  'plugins.ConfigMapSpec': {
    name: 's',
    key: 's',
    partitioned_names: '[]s',
    gzip: 'b',
    clusters: '{}[]s',
    cluster_groups: '[]s',
    use_full_path_as_key: 'b',
  },
  'plugins.ClusterGroup': { clusters: '[]s', namespaces: '[]s' },
  'plugins.OrgPlugins': { plugins: '[]s', excluded_repos: '[]s' },
}

const GONE: Record<string, string> = {
  view_auth_configs: 'Remove it: Prow never had it.',
  file_size_limit: 'Remove it: it belongs to a plugin that Prow has not.',
  'yaml-validator': 'Remove it: it belongs to a plugin that Prow has not.',
  elide_skipped_contexts: 'Remove it: Prow leaves skipped contexts out by itself now.',
}
const GONE_PLUGINS: Record<string, string> = {
  weainformer: "Remove it: it was in the guide authors' own Prow.",
  'repo-permission-alert': "Remove it: it was in the guide authors' own Prow.",
  'yaml-validator': 'Remove it: Prow has not got it.',
}

const byType = new Map<string, Map<string, string>>()

/** The fields of a type in lower case, as Go's reader of JSON looks for them, and as they are. */
function fieldsOf(type: string): Map<string, string> | undefined {
  const before = byType.get(type)
  if (before) return before
  const known = fields().types[type] ?? BY_HAND[type]
  if (!known) return undefined
  const made = new Map(
    Object.entries(known).flatMap(
      ([name, inner]) =>
        [
          [name.toLowerCase(), inner],
          [name, inner],
        ] as const,
    ),
  )
  byType.set(type, made)
  return made
}

/** Whether what stands there can be read as the type; tells what cannot, and what nobody reads. */
function* typed(
  tree: Tree,
  type: string,
  path: string,
  inJobs: boolean,
  inPlugins = false,
): Iterable<Found & { weight?: Weight }> {
  if (type === '*' || tree.value === null) return
  const put = (found: Found, weight?: Weight) => Object.assign(found, { weight })
  if (type.startsWith('[]')) {
    if (!tree.list)
      return yield put([tree, `${path} should be a list`, 'Begin each entry with - on a line of its own.'])
    for (const [index, one] of tree.list.entries())
      yield* typed(one, type.slice(2), `${path}[${index}]`, inJobs, inPlugins)
    return
  }
  if (type.startsWith('{}')) {
    if (!tree.map) return yield put([tree, `${path || 'what is in it'} should be a map`, 'Write key: value below it.'])
    for (const [key, one] of tree.map) yield* typed(one, type.slice(2), `${path}.${key}`, inJobs, inPlugins)
    return
  }
  if (type.length === 1) {
    const { value } = tree
    if (type === 's') {
      if (tree.map || tree.list) yield put([tree, `${path} should be a text`, 'Write the text behind the colon.'])
      // Prow turns a number or a yes into a text in plugins.yaml, and refuses it everywhere else.
      else if (typeof value !== 'string' && !inPlugins) {
        yield put([tree, `${path}: ${tree.plain} should be a text`, `Put it into quotes: "${tree.plain}".`])
      } else if (tree.plain !== undefined && typeof value !== 'string' && asProwReads(tree) !== tree.plain) {
        yield put([tree, `${path}: ${tree.plain} is read as ${asProwReads(tree)}`, 'Put it into quotes.'], 'hint')
      }
    } else if (type === 'b' && typeof value !== 'boolean') {
      yield put([tree, `${path} should be true or false`, 'Write true or false, without quotes.'])
    } else if ((type === 'i' || type === 'f') && typeof value !== 'number') {
      yield put([tree, `${path} should be a number`, 'Write the number, without quotes.'])
    } else if (
      type === 'd' &&
      (tree.map ||
        tree.list ||
        typeof value === 'boolean' ||
        (typeof value === 'string' && value !== '' && !isDuration(value)))
    ) {
      yield put([
        tree,
        `${path}: ${tree.map || tree.list ? '…' : value} is no duration`,
        'Write it like 90s, 15m or 1h30m; there are no days.',
      ])
    }
    return
  }
  const lower = fieldsOf(type)
  if (!lower) return
  if (!tree.map) return yield put([tree, `${path || 'what is in it'} should be a map`, 'Write key: value below it.'])
  for (const [key, one] of tree.map) {
    const inner = lower.get(key) ?? lower.get(key.toLowerCase())
    if (inner !== undefined) {
      yield* typed(one, inner, path ? `${path}.${key}` : key, inJobs, inPlugins)
      continue
    }
    const near = nearest(key, Object.keys(fields().types[type] ?? BY_HAND[type] ?? {}))
    const told = path ? `${path}.${key}` : key
    yield put(
      [
        keyLine(tree, key),
        `${told} is no field that Prow knows`,
        GONE[key] ??
          (near ? `Did you mean ${near}?` : 'Prow would ignore it without a word: remove it, or see where it belongs.'),
      ],
      // checkconfig looks at the fields of config.yaml and plugins.yaml only.
      inJobs ? 'hint' : 'strict',
    )
  }
}

/** How Prow turns a number or a yes into the text that a field wants. */
function asProwReads({ value }: Tree): string {
  return typeof value === 'number' && Math.abs(value) >= 1e21 ? value.toExponential() : String(value)
}

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

function* queries(config: Tree): Iterable<{ query: Tree; index: number }> {
  for (const [index, query] of (at(config, 'tide', 'queries')?.list ?? []).entries()) yield { query, index }
}

function* twice(list: Tree | undefined): Iterable<Found> {
  const seen = new Set<string>()
  for (const one of list?.list ?? []) {
    if (seen.has(textOf(one))) yield [one, `${textOf(one)} is there twice`]
    seen.add(textOf(one))
  }
}

const ORG_REPO = /^[^/]+\/[^/]+$/

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

function* anyoneAndSome(tree: Tree | undefined): Iterable<Found> {
  const some = ['github_users', 'github_orgs', 'github_team_ids', 'github_team_slugs'].find((name) =>
    given(at(tree, name)),
  )
  if (isTrue(at(tree, 'allow_anyone')) && some) yield [tree, `has allow_anyone and ${some}`]
}

// ---- plugins.yaml ------------------------------------------------------------------------------------------------

/** The plugins of each org or org/repo, in both forms. */
function* enabled(plugins: Tree): Iterable<{ place: string; list: Tree; excluded: string[] }> {
  for (const [place, one] of at(plugins, 'plugins')?.map ?? []) {
    const list = one.list ? one : at(one, 'plugins')
    if (list?.list) yield { place, list, excluded: textsOf(at(one, 'excluded_repos')) }
  }
}

function* sameRepos(plugins: Tree, section: string): Iterable<Found> {
  const seen = new Set<string>()
  for (const entry of at(plugins, section)?.list ?? []) {
    for (const repo of at(entry, 'repos')?.list ?? []) {
      if (seen.has(textOf(repo))) yield [repo, `${section} has ${textOf(repo)} twice`]
      seen.add(textOf(repo))
    }
  }
}

/** Rules about plugins.yaml. */
export const PLUGIN_RULES: Rule<Tree>[] = [
  {
    name: 'unknown-plugin',
    weight: 'invalid',
    remedy: 'Remove it: hook would ignore it without a word.',
    *look(plugins) {
      const known = fields().plugins
      for (const { place, list } of enabled(plugins)) {
        for (const one of list.list ?? []) {
          const name = textOf(one)
          if (known.includes(name)) continue
          const near = nearest(name, known)
          yield [
            one,
            `enables ${name} for ${place}, a plugin that Prow has not got`,
            GONE_PLUGINS[name] ?? (near ? `Did you mean ${near}?` : undefined),
          ]
        }
      }
    },
  },
  {
    name: 'plugin-twice',
    weight: 'invalid',
    remedy: 'Keep it for the organisation, or for its repositories.',
    *look(plugins) {
      const places = new Map([...enabled(plugins)].map(({ place, list }) => [place, new Set(textsOf(list))]))
      for (const { place, list } of enabled(plugins)) {
        if (!place.includes('/')) continue
        const org = places.get(place.split('/')[0]!)
        for (const one of list.list ?? [])
          if (org?.has(textOf(one))) yield [one, `enables ${textOf(one)} for ${place} and for its organisation`]
      }
    },
  },
  {
    name: 'external-plugin-twice',
    weight: 'invalid',
    remedy: 'Keep it for the organisation, or for its repositories.',
    *look(plugins) {
      const external = at(plugins, 'external_plugins')
      for (const [place, list] of external?.map ?? []) {
        if (!place.includes('/')) continue
        const org = (at(external, place.split('/')[0]!)?.list ?? []).map((one) => textOf(at(one, 'name')))
        for (const one of list.list ?? [])
          if (org.includes(textOf(at(one, 'name'))))
            yield [one, `has the external plugin ${textOf(at(one, 'name'))} for ${place} and for its organisation`]
      }
    },
  },
  {
    name: 'sizes',
    weight: 'invalid',
    remedy: 'Let them grow from s to xxl.',
    *look(plugins) {
      const size = at(plugins, 'size')
      const defaults: Record<string, number> = { s: 10, m: 30, l: 100, xl: 500, xxl: 1000 }
      const names = Object.keys(defaults)
      if (!size) return
      const of = (name: string) => Number(at(size, name)?.value ?? 0)
      // All at 0 means the defaults.
      if (names.every((name) => of(name) === 0)) return
      for (const [index, name] of names.slice(1).entries())
        if (of(names[index]!) > of(name)) return yield [size, `size: ${names[index]} is above ${name}`]
    },
  },
  {
    name: 'reviewers',
    weight: 'invalid',
    remedy: 'Write 1 or more.',
    *look(plugins) {
      const count = at(plugins, 'blunderbuss', 'request_count')
      if (typeof count?.value === 'number' && count.value < 1)
        yield [count, `blunderbuss.request_count is ${count.value}`]
    },
  },
  {
    name: 'approve-twice',
    weight: 'invalid',
    remedy: 'Keep one entry a repository.',
    *look(plugins) {
      yield* sameRepos(plugins, 'approve')
      yield* sameRepos(plugins, 'welcome')
    },
  },
  {
    name: 'config-updater',
    weight: 'invalid',
    remedy: 'Keep one of the two.',
    *look(plugins) {
      for (const [glob, one] of at(plugins, 'config_updater', 'maps')?.map ?? []) {
        if (given(at(one, 'name')) && given(at(one, 'partitioned_names')))
          yield [one, `config_updater.maps.${glob} has both name and partitioned_names`]
        if (given(at(one, 'clusters')) && given(at(one, 'cluster_groups')))
          yield [one, `config_updater.maps.${glob} has both clusters and cluster_groups`]
      }
    },
  },
  {
    name: 'config-updater-namespaces',
    weight: 'here',
    remedy: 'Leave clusters out, then it is prow. hook has rights for ConfigMaps in prow alone.',
    *look(plugins) {
      for (const [glob, one] of at(plugins, 'config_updater', 'maps')?.map ?? []) {
        for (const list of at(one, 'clusters')?.map?.values() ?? []) {
          for (const namespace of list.list ?? []) {
            if (textOf(namespace) !== 'prow')
              yield [namespace, `config_updater.maps.${glob} writes to the namespace ${textOf(namespace)}`]
          }
        }
      }
    },
  },
  {
    name: 'label-files',
    weight: 'hint',
    remedy:
      'Name the one file that label_sync reads: whatever else the pattern fits becomes a key of label-config too.',
    *look(plugins) {
      const maps = at(plugins, 'config_updater', 'maps')
      for (const [glob, one] of maps?.map ?? [])
        if (textOf(at(one, 'name')) === 'label-config' && glob.includes('*'))
          yield [keyLine(maps, glob), `config_updater.maps.${glob} puts all that it fits into label-config`]
    },
  },
  {
    name: 'trusted-apps',
    weight: 'here',
    remedy:
      'Write it without [bot]: Prow takes that off the name of who opened the pull request, and compares the rest.',
    *look(plugins) {
      const places: [section: string, trees: Iterable<Tree>][] = [
        ['triggers', at(plugins, 'triggers')?.list ?? []],
        ['dco', at(plugins, 'dco')?.map?.values() ?? []],
      ]
      for (const [section, trees] of places)
        for (const tree of trees)
          for (const app of at(tree, 'trusted_apps')?.list ?? [])
            if (textOf(app).endsWith('[bot]'))
              yield [app, `${section}.trusted_apps has ${textOf(app)}, which no pull request is ever from`]
    },
  },
  {
    name: 'tide-and-plugins',
    weight: 'strict',
    remedy: '',
    *look(plugins, all) {
      yield* mismatched(plugins, all.config)
    },
  },
  {
    name: 'owners',
    weight: 'strict',
    remedy: 'Enable verify-owners there too: it keeps the OWNERS files readable.',
    *look(plugins) {
      const space = new Space()
      for (const { place, list, excluded } of enabled(plugins))
        for (const name of ['approve', 'blunderbuss', 'owners-label', 'verify-owners'])
          if (textsOf(list).includes(name)) space.add(name, place, excluded)
      const bad = space
        .places()
        .filter(
          (place) =>
            ['approve', 'blunderbuss', 'owners-label'].some((name) => space.has(name, place)) &&
            !space.has('verify-owners', place),
        )
      if (bad.length > 0)
        yield [
          keyLine(plugins, 'plugins'),
          `uses OWNERS files in ${bad.map(shownPlace).join(', ')} without the plugin verify-owners`,
        ]
    },
  },
  {
    name: 'no-organisation',
    weight: 'hint',
    remedy: 'GITHUB_ORG says whom Prow serves.',
    *look(plugins, all) {
      const org = all.settings.GITHUB_ORG
      if (![...enabled(plugins)].some(({ place }) => place.split('/')[0] === org))
        yield [keyLine(plugins, 'plugins'), `enables no plugin for ${org} or a repository of it`]
    },
  },
]

/** Which places something holds for: an organisation but for some of its repositories, or single ones. */
class Space {
  readonly #orgs = new Map<string, Map<string, Set<string>>>()
  readonly #repos = new Map<string, Set<string>>()
  readonly #named = new Set<string>()

  add(what: string, place: string, except: string[] = []): void {
    if (place.includes('/')) {
      this.#named.add(place)
      const repos = this.#repos.get(what) ?? new Set()
      this.#repos.set(what, repos.add(place))
      return
    }
    this.#named.add(`${place}/*`)
    for (const repo of except) this.#named.add(repo)
    const orgs = this.#orgs.get(what) ?? new Map<string, Set<string>>()
    const before = orgs.get(place)
    // Two entries for one organisation leave out only what both leave out.
    orgs.set(place, new Set(before ? except.filter((repo) => before.has(repo)) : except))
    this.#orgs.set(what, orgs)
  }

  /** Every place that was named; `org/*` is any other repository of it. */
  places(): string[] {
    return [...this.#named]
  }

  has(what: string, place: string): boolean {
    if (this.#repos.get(what)?.has(place)) return true
    const except = this.#orgs.get(what)?.get(place.split('/')[0]!)
    return except !== undefined && !except.has(place)
  }
}

function shownPlace(place: string): string {
  return place.endsWith('/*') ? place.slice(0, -2) : place
}

/** Labels that a plugin sets and Tide's queries must mind. */
const PAIRS: [plugin: string, label: string, wants: 'labels' | 'missingLabels', external?: boolean][] = [
  ['lgtm', 'lgtm', 'labels'],
  ['approve', 'approved', 'labels'],
  ['hold', 'do-not-merge/hold', 'missingLabels'],
  ['wip', 'do-not-merge/work-in-progress', 'missingLabels'],
  ['bugzilla', 'bugzilla/invalid-bug', 'missingLabels'],
  ['verify-owners', 'do-not-merge/invalid-owners-file', 'missingLabels'],
  ['release-note', 'do-not-merge/release-note-label-needed', 'missingLabels'],
  ['cherry-pick-unapproved', 'do-not-merge/cherry-pick-not-approved', 'missingLabels'],
  ['blockade', 'do-not-merge/blocked-paths', 'missingLabels'],
  ['needs-rebase', 'needs-rebase', 'missingLabels', true],
]

function* mismatched(plugins: Tree, config: Tree): Iterable<Found> {
  const space = new Space()
  for (const { query } of queries(config)) {
    const kinds = ['tide']
    for (const [, label, wants] of PAIRS) if (textsOf(at(query, wants)).includes(label)) kinds.push(`label ${label}`)
    for (const kind of kinds) {
      for (const org of textsOf(at(query, 'orgs'))) space.add(kind, org, textsOf(at(query, 'excludedRepos')))
      for (const repo of textsOf(at(query, 'repos'))) space.add(kind, repo)
    }
  }
  for (const { place, list, excluded } of enabled(plugins))
    for (const name of textsOf(list)) space.add(name, place, excluded)
  for (const [place, list] of at(plugins, 'external_plugins')?.map ?? [])
    for (const one of list.list ?? []) space.add(`external ${textOf(at(one, 'name'))}`, place)
  for (const [plugin, label, wants, external] of PAIRS) {
    const name = external ? `external ${plugin}` : plugin
    const idle = space.places().filter((place) => space.has(`label ${label}`, place) && !space.has(name, place))
    const unminded = space
      .places()
      .filter((place) => space.has(name, place) && space.has('tide', place) && !space.has(`label ${label}`, place))
    const verb = wants === 'labels' ? 'requires' : 'forbids'
    if (idle.length > 0)
      yield [
        keyLine(plugins, 'plugins'),
        `lacks ${plugin} for ${idle.map(shownPlace).join(', ')}, where a query of Tide ${verb} ${label}`,
        `Enable ${plugin} there, or take ${label} out of the query.`,
      ]
    if (unminded.length > 0)
      yield [
        keyLine(plugins, 'plugins'),
        `enables ${plugin} for ${unminded.map(shownPlace).join(', ')}, where no query of Tide ${verb} ${label}`,
        `Add ${label} to ${wants} of the query in config.yaml.`,
      ]
  }
}

// ---- Jobs --------------------------------------------------------------------------------------------------------

const UTILITIES = ['clonerefs', 'initupload', 'place-entrypoint', 'sidecar']
const VOLUMES = ['logs', 'code', 'tools', 'gcs-credentials', 's3-credentials']
const MOUNTS = ['logs', 'code', 'tools']
const MOUNT_PATHS = ['/logs', '/home/prow/go', '/tools']
const ENV = ['CI', 'JOB_NAME', 'JOB_SPEC', 'JOB_TYPE', 'PROW_JOB_ID', 'BUILD_ID', 'BUILD_NUMBER']
const ENV_REFS = ['REPO_OWNER', 'REPO_NAME', 'PULL_BASE_REF', 'PULL_BASE_SHA', 'PULL_REFS']
const ENV_PULL = ['PULL_NUMBER', 'PULL_PULL_SHA', 'PULL_HEAD_REF', 'PULL_TITLE']
const LABEL_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/

function containers(job: Job): Tree[] {
  return at(job.tree, 'spec', 'containers')?.list ?? []
}

function agent(job: Job): string {
  return textOf(at(job.tree, 'agent')) || 'kubernetes'
}

/** Rules about one job. */
export const JOB_RULES: Rule<Job>[] = [
  {
    name: 'job-name',
    weight: 'invalid',
    remedy: 'Only letters, digits, - . and _ are allowed.',
    *look(job) {
      if (!/^[A-Za-z0-9-._]+$/.test(job.name) && agent(job) !== 'jenkins')
        yield [
          at(job.tree, 'name') ?? job.tree,
          job.name ? `${job.kind} ${job.name}: this name is not allowed` : `a ${job.kind} has no name`,
        ]
    },
  },
  {
    name: 'job-name-length',
    weight: 'strict',
    remedy: 'Keep it to 63 characters: it becomes a label.',
    *look(job) {
      if (job.name.length > 63 && agent(job) === 'kubernetes')
        yield [at(job.tree, 'name'), `${job.kind} ${job.name}: the name has ${job.name.length} characters`]
    },
  },
  {
    name: 'spec',
    weight: 'invalid',
    remedy: 'Give it a spec with containers.',
    *look(job) {
      const spec = at(job.tree, 'spec')
      if (agent(job) === 'kubernetes' && !spec?.map) return yield [job.tree, `${job.kind} ${job.name} has no spec`]
      if (spec?.map && containers(job).length === 0) yield [spec, `${job.kind} ${job.name} has no containers`]
      if (spec?.map && ['jenkins', 'tekton-pipeline'].includes(agent(job)))
        yield [
          spec,
          `${job.kind} ${job.name} has a spec and agent: ${agent(job)}`,
          'Remove agent: kubernetes is the default.',
        ]
    },
  },
  {
    name: 'concurrency',
    weight: 'invalid',
    remedy: 'Write 0 for no limit.',
    *look(job) {
      const most = at(job.tree, 'max_concurrency')
      if (typeof most?.value === 'number' && most.value < 0)
        yield [most, `${job.kind} ${job.name}: max_concurrency is below 0`]
    },
  },
  {
    name: 'job-namespace',
    weight: 'invalid',
    remedy: 'Remove it: all jobs run in test-pods.',
    *look(job, all) {
      const namespace = at(job.tree, 'namespace')
      const wanted = textOf(at(all.config, 'pod_namespace')) || 'default'
      if (agent(job) === 'kubernetes' && given(namespace) && textOf(namespace) !== wanted)
        yield [namespace, `${job.kind} ${job.name} has namespace: ${textOf(namespace)}`]
    },
  },
  {
    name: 'build-cluster',
    weight: 'here',
    remedy: 'Remove cluster: only this one, named default, is known to Prow.',
    *look(job) {
      const cluster = at(job.tree, 'cluster')
      if (given(cluster) && textOf(cluster) !== 'default')
        yield [cluster, `${job.kind} ${job.name} wants the cluster ${textOf(cluster)}`]
    },
  },
  {
    name: 'queue',
    weight: 'invalid',
    remedy: 'Name one of plank.job_queue_capacities in config.yaml.',
    *look(job, all) {
      const queue = at(job.tree, 'job_queue_name')
      if (given(queue) && !at(all.config, 'plank', 'job_queue_capacities')?.map?.has(textOf(queue)))
        yield [queue, `${job.kind} ${job.name} wants the queue ${textOf(queue)}, which is nowhere`]
    },
  },
  {
    name: 'init-containers',
    weight: 'invalid',
    remedy: 'Do it in the container itself: Prow puts its own init containers there.',
    *look(job) {
      const init = at(job.tree, 'spec', 'initContainers')
      if ((init?.list ?? []).some((one) => textOf(at(one, 'restartPolicy')) !== 'Always'))
        yield [init, `${job.kind} ${job.name} has init containers`]
    },
  },
  {
    name: 'several-containers',
    weight: 'invalid',
    remedy: 'Set decorate: true, and give each container a name of its own.',
    *look(job) {
      const all = containers(job)
      if (all.length < 2) return
      if (!job.decoration)
        return yield [job.tree, `${job.kind} ${job.name} has ${all.length} containers and is not decorated`]
      const seen = new Set<string>()
      for (const one of all) {
        const name = textOf(at(one, 'name'))
        if (name === '') yield [one, `${job.kind} ${job.name} has several containers, one of them without a name`]
        else if (seen.has(name)) yield [one, `${job.kind} ${job.name} has two containers named ${name}`]
        else if (UTILITIES.includes(name))
          yield [one, `${job.kind} ${job.name} has a container named ${name}, as one of Prow's own`]
        seen.add(name)
      }
    },
  },
  {
    name: 'command',
    weight: 'invalid',
    remedy: "State command or args: Prow wraps them, and cannot see the image's own entrypoint.",
    *look(job) {
      if (!job.decoration) return
      for (const one of containers(job)) {
        const words = [...textsOf(at(one, 'command')), ...textsOf(at(one, 'args'))]
        if (words.length === 0 || words[0] === '')
          yield [one, `${job.kind} ${job.name} is decorated and has no command`]
      }
    },
  },
  {
    name: 'decoration-complete',
    weight: 'invalid',
    remedy:
      'Give plank.default_decoration_config_entries in config.yaml all four utility_images and a gcs_configuration.',
    *look(job) {
      if (!job.decoration || containers(job).length === 0) return
      const { utility_images: images, gcs_configuration: gcs } = job.decoration
      const lacks = UTILITY_IMAGES.filter((name) => !images?.[name])
      if (lacks.length > 0)
        return yield [
          job.tree,
          `${job.kind} ${job.name} is decorated, and its decoration lacks the utility images ${lacks.join(', ')}`,
        ]
      if (!gcs) return yield [job.tree, `${job.kind} ${job.name} is decorated, and no bucket is given for its logs`]
      const strategy = String(gcs.path_strategy ?? '')
      if (!['explicit', 'legacy', 'single'].includes(strategy))
        return yield [
          job.tree,
          `${job.kind} ${job.name}: path_strategy of its decoration is ${strategy || 'missing'}`,
          'Write path_strategy: explicit.',
        ]
      if (strategy !== 'explicit' && !(gcs.default_org && gcs.default_repo))
        yield [
          job.tree,
          `${job.kind} ${job.name}: path_strategy ${strategy} needs default_org and default_repo`,
          'Write path_strategy: explicit.',
        ]
    },
  },
  {
    name: 'two-clone-credentials',
    weight: 'invalid',
    remedy: 'Keep one of oauth_token_secret and ssh_key_secrets.',
    *look(job) {
      if (
        containers(job).length > 0 &&
        job.decoration?.oauth_token_secret &&
        (job.decoration.ssh_key_secrets?.length ?? 0) > 0
      )
        yield [job.tree, `${job.kind} ${job.name} has both oauth_token_secret and ssh_key_secrets`]
    },
  },
  {
    name: 'job-bucket',
    weight: 'here',
    remedy: 'Write bucket: s3://NAME, and leave compress_file_types out.',
    *look(job) {
      const gcs = at(job.tree, 'decoration_config', 'gcs_configuration')
      const bucket = at(gcs, 'bucket')
      if (given(bucket) && !textOf(bucket).startsWith('s3://'))
        yield [bucket, `${job.kind} ${job.name} has bucket: ${textOf(bucket)}, which Prow takes for one of Google`]
      if (given(at(gcs, 'compress_file_types')))
        yield [
          keyLine(gcs, 'compress_file_types'),
          `${job.kind} ${job.name} has compress_file_types: with S3 Deck then shows raw gzip`,
        ]
    },
  },
  {
    name: 'undecorated',
    weight: 'strict',
    remedy: 'Set decorate: true: without it no log comes into the bucket.',
    *look(job) {
      if (!job.decorated && agent(job) === 'kubernetes') yield [job.tree, `${job.kind} ${job.name} is not decorated`]
    },
  },
  {
    name: 'environment',
    weight: 'invalid',
    remedy: 'Prow sets that one itself; take another name, and each name once.',
    *look(job) {
      const reserved = new Set([
        ...ENV,
        ...(job.kind === 'periodic' ? [] : ENV_REFS),
        ...(job.kind === 'presubmit' ? ENV_PULL : []),
      ])
      for (const one of containers(job)) {
        const seen = new Set<string>()
        for (const env of at(one, 'env')?.list ?? []) {
          const name = textOf(at(env, 'name'))
          if (reserved.has(name)) yield [env, `${job.kind} ${job.name} sets ${name}`]
          if (seen.has(name)) yield [env, `${job.kind} ${job.name} sets ${name} twice`]
          seen.add(name)
        }
      }
    },
  },
  {
    name: 'volumes',
    weight: 'invalid',
    remedy: `Prow uses the volumes ${VOLUMES.join(', ')} and the folders ${MOUNT_PATHS.join(', ')} itself.`,
    *look(job) {
      const reserved = new Set([
        ...VOLUMES,
        ...(job.decoration?.oauth_token_secret?.name ? [job.decoration.oauth_token_secret.name] : []),
        ...(job.decoration?.ssh_key_secrets ?? []),
      ])
      const names = new Set<string>()
      for (const volume of at(job.tree, 'spec', 'volumes')?.list ?? []) {
        const name = textOf(at(volume, 'name'))
        if (names.has(name)) yield [volume, `${job.kind} ${job.name} has two volumes named ${name}`]
        if (reserved.has(name)) yield [volume, `${job.kind} ${job.name} has a volume named ${name}`]
        names.add(name)
      }
      // Presets may bring volumes.
      const presets = given(at(job.tree, 'labels'))
      for (const one of containers(job)) {
        for (const mount of at(one, 'volumeMounts')?.list ?? []) {
          const name = textOf(at(mount, 'name'))
          if (MOUNTS.includes(name)) yield [mount, `${job.kind} ${job.name} mounts ${name}`]
          else if (!names.has(name) && !reserved.has(name) && !presets)
            yield [
              mount,
              `${job.kind} ${job.name} mounts ${name}, which is no volume of its spec`,
              'Add it under spec.volumes.',
            ]
          if (MOUNT_PATHS.includes(textOf(at(mount, 'mountPath'))))
            yield [mount, `${job.kind} ${job.name} mounts something at ${textOf(at(mount, 'mountPath'))}`]
        }
      }
    },
  },
  {
    name: 'when-to-run',
    weight: 'invalid',
    remedy: 'Keep one of always_run, run_if_changed and skip_if_only_changed.',
    *look(job) {
      if (job.kind === 'periodic') return
      const set = ['run_if_changed', 'skip_if_only_changed'].filter((name) => given(at(job.tree, name)))
      if (set.length === 2) yield [job.tree, `${job.kind} ${job.name} has both run_if_changed and skip_if_only_changed`]
      else if (isTrue(at(job.tree, 'always_run')) && set[0])
        yield [job.tree, `${job.kind} ${job.name} has always_run and ${set[0]}`]
    },
  },
  {
    name: 'trigger',
    weight: 'invalid',
    remedy: 'Give both trigger and rerun_command, the second fitting the first; or neither.',
    *look(job) {
      if (job.kind !== 'presubmit') return
      const [trigger, rerun] = [at(job.tree, 'trigger'), at(job.tree, 'rerun_command')]
      if (given(trigger) !== given(rerun))
        yield [
          trigger ?? rerun,
          `presubmit ${job.name} has ${given(trigger) ? 'trigger without rerun_command' : 'rerun_command without trigger'}`,
        ]
      else if (given(trigger)) {
        const expression = asRegExp(textOf(trigger))
        if (expression && !expression.test(textOf(rerun)))
          yield [rerun, `presubmit ${job.name}: rerun_command ${textOf(rerun)} does not fit its trigger`]
      }
    },
  },
  {
    name: 'expressions',
    weight: 'invalid',
    remedy: "It is a regular expression of Go's (RE2).",
    *look(job) {
      if (job.kind === 'periodic') return
      for (const field of ['trigger', 'run_if_changed', 'skip_if_only_changed']) {
        const one = at(job.tree, field)
        if (field === 'trigger' && job.kind !== 'presubmit') continue
        const fault = given(one) ? regexpFault(textOf(one)) : undefined
        if (fault) yield [one, `${job.kind} ${job.name}: ${field} ${fault}`]
      }
      for (const field of ['branches', 'skip_branches']) {
        const list = at(job.tree, field)
        const fault = regexpFault(textsOf(list).join('|'))
        if (fault) yield [list, `${job.kind} ${job.name}: ${field} ${fault}`]
      }
    },
  },
  {
    name: 'periodic-when',
    weight: 'invalid',
    remedy: 'Give exactly one of cron, interval and minimum_interval.',
    *look(job) {
      if (job.kind !== 'periodic') return
      const set = ['cron', 'interval', 'minimum_interval'].filter((name) => given(at(job.tree, name)))
      if (set.length === 0) return yield [job.tree, `periodic ${job.name} does not say when it runs`]
      if (set.length > 1) return yield [job.tree, `periodic ${job.name} has ${set.join(' and ')}`]
      const name = set[0]!
      const one = at(job.tree, name)
      const text = textOf(one)
      if (name === 'cron') {
        const fault = cronFault(text)
        if (fault)
          yield [
            one,
            `periodic ${job.name}: cron "${text}" ${fault}`,
            'Minute, hour, day of month, month, day of week; times are UTC.',
          ]
      } else if (!isDuration(text))
        yield [
          one,
          `periodic ${job.name}: ${name} ${text} is no duration`,
          'Write it like 90m or 24h; there are no days.',
        ]
    },
  },
  {
    name: 'labels',
    weight: 'invalid',
    remedy:
      "Kubernetes takes letters, digits, - _ and . up to 63 characters; created-by-prow, prow.k8s.io/id and prow.k8s.io/type are Prow's.",
    *look(job) {
      for (const [name, value] of at(job.tree, 'labels')?.map ?? []) {
        if (['created-by-prow', 'prow.k8s.io/type', 'prow.k8s.io/id'].includes(name))
          yield [value, `${job.kind} ${job.name} sets the label ${name}`]
        else if (!LABEL_NAME.test(name) || !LABEL_VALUE.test(textOf(value)))
          yield [value, `${job.kind} ${job.name} has the label ${name}: ${textOf(value)}`]
      }
      for (const name of at(job.tree, 'annotations')?.map?.keys() ?? []) {
        if (!LABEL_NAME.test(name))
          yield [keyLine(at(job.tree, 'annotations'), name), `${job.kind} ${job.name} has the annotation ${name}`]
      }
    },
  },
  {
    name: 'job-rerun-anyone',
    weight: 'invalid',
    remedy: 'Either anyone, or a list.',
    *look(job) {
      if (containers(job).length > 0)
        for (const [tree, wrong] of anyoneAndSome(at(job.tree, 'rerun_auth_config')))
          yield [tree, `${job.kind} ${job.name} ${wrong}`]
    },
  },
  {
    name: 'repository-name',
    weight: 'hint',
    remedy: 'Write org/repo as the key above the jobs.',
    *look(job) {
      if (job.kind !== 'periodic' && !ORG_REPO.test(job.repo.replace(/^https?:\/\//, '')))
        yield [job.tree, `${job.kind} ${job.name} is listed under ${job.repo}, which is no org/repo`]
    },
  },
  {
    name: 'refs-twice',
    weight: 'strict',
    remedy: 'Remove the extra ref: its own repository is checked out anyway.',
    *look(job) {
      if (job.kind !== 'presubmit') return
      const seen = new Set([job.repo])
      for (const ref of at(job.tree, 'extra_refs')?.list ?? []) {
        const name = `${textOf(at(ref, 'org'))}/${textOf(at(ref, 'repo'))}`
        if (seen.has(name)) yield [ref, `${job.kind} ${job.name} names ${name} twice`]
        seen.add(name)
      }
    },
  },
]

/** Rules about all jobs together. */
export const TOGETHER_RULES: Rule<All>[] = [
  {
    name: 'jobs-twice',
    weight: 'invalid',
    remedy: 'Rename one; two jobs of one name are allowed only on different branches.',
    *look(all) {
      for (const [, jobs] of grouped(all.jobs, (job) =>
        job.kind === 'periodic' ? `periodic ${job.name}` : `${job.kind} ${job.repo} ${job.name}`,
      )) {
        for (const [index, job] of jobs.entries()) {
          const other = jobs.slice(0, index).find((one) => job.kind === 'periodic' || overlap(one, job))
          if (other)
            yield* inFile(
              job,
              at(job.tree, 'name') ?? job.tree,
              `${job.kind} ${job.name}${job.kind === 'periodic' ? '' : ` of ${job.repo}`} is also in ${other.file}:${other.tree.line}`,
            )
        }
      }
    },
  },
  {
    name: 'contexts-twice',
    weight: 'invalid',
    remedy: 'Give one of them another context: GitHub shows one line a context.',
    *look(all) {
      const context = (job: Job) => textOf(at(job.tree, 'context')) || job.name
      const jobs = all.jobs.filter((job) => job.kind !== 'periodic')
      for (const [, same] of grouped(jobs, (job) => `${job.kind} ${job.repo} ${context(job)}`)) {
        for (const [index, job] of same.entries()) {
          const other = same.slice(0, index).find((one) => one.name !== job.name && overlap(one, job))
          if (other)
            yield* inFile(
              job,
              at(job.tree, 'context') ?? job.tree,
              `${job.kind}s ${other.name} and ${job.name} of ${job.repo} both report as ${context(job)}`,
            )
        }
      }
    },
  },
  {
    name: 'presets-twice',
    weight: 'invalid',
    remedy: 'A pair of label and value belongs to one preset.',
    *look(all) {
      const seen = new Map<string, string>()
      for (const { file, tree } of all.jobFiles) {
        for (const preset of at(tree, 'presets')?.list ?? []) {
          for (const [label, value] of at(preset, 'labels')?.map ?? []) {
            const pair = `${label}: ${textOf(value)}`
            if (seen.has(pair))
              yield* inFile({ file }, value, `has a second preset for ${pair}; the first is in ${seen.get(pair)}`)
            seen.set(pair, `${file}:${value.line}`)
          }
        }
      }
    },
  },
  {
    name: 'missing-trigger',
    weight: 'strict',
    remedy: 'Enable the plugin trigger for it in plugins.yaml: without it nothing starts these jobs.',
    *look(all) {
      const space = new Space()
      for (const { place, list, excluded } of enabled(all.plugins))
        if (textsOf(list).includes('trigger')) space.add('trigger', place, excluded)
      const told = new Set<string>()
      for (const job of all.jobs) {
        if (job.kind === 'periodic' || told.has(job.repo) || space.has('trigger', job.repo)) continue
        told.add(job.repo)
        yield* inFile(job, job.tree, `has jobs for ${job.repo}, where the plugin trigger is not enabled`)
      }
    },
  },
]

const files = new WeakMap<Found, string>()

/** A finding about all jobs says itself which file it is in. */
function inFile({ file }: { file: string }, tree: Tree, wrong: string): Found[] {
  const found: Found = [tree, wrong]
  files.set(found, file)
  return [found]
}

function grouped(jobs: Job[], key: (job: Job) => string): Map<string, Job[]> {
  const groups = new Map<string, Job[]>()
  for (const job of jobs) {
    const name = key(job)
    const group = groups.get(name)
    if (group) group.push(job)
    else groups.set(name, [job])
  }
  return groups
}

/** Whether two jobs run on a branch in common, as Prow reckons it. */
function overlap(a: Job, b: Job): boolean {
  const [some, others] = [a, b].map((job) => ({
    branches: textsOf(at(job.tree, 'branches')),
    skip: textsOf(at(job.tree, 'skip_branches')),
  })) as [Branches, Branches]
  const everywhere = (one: Branches) => one.branches.length === 0 && one.skip.length === 0
  if (everywhere(some) || everywhere(others)) return true
  if (some.branches.length > 0 && others.branches.length > 0)
    return some.branches.some((branch) => others.branches.includes(branch))
  if (some.branches.length > 0) return some.branches.some((branch) => runs(others, branch))
  return others.branches.length === 0 || others.branches.some((branch) => runs(some, branch))
}

interface Branches {
  branches: string[]
  skip: string[]
}

function runs({ branches, skip }: Branches, branch: string): boolean {
  const skipped = skip.length > 0 ? asRegExp(skip.join('|')) : undefined
  // Not surely understood: better no word than a wrong one.
  if (skip.length > 0 && !skipped) return false
  if (skipped?.test(branch)) return false
  return branches.length === 0 || Boolean(asRegExp(branches.join('|'))?.test(branch))
}

// ---- All of it ---------------------------------------------------------------------------------------------------

/** The jobs of a tree, with what they are decorated with. */
function jobsOf(
  tree: Tree,
  file: string,
  everything: boolean,
  decorate: (repo: string, job: Tree) => Decoration | undefined,
): Job[] {
  const jobs: Job[] = []
  const add = (kind: Job['kind'], repo: string, list: Tree | undefined) => {
    for (const one of list?.list ?? []) {
      if (!one.map) continue
      const own = at(one, 'decorate')
      const decorated = own && own.value !== null ? isTrue(own) : everything
      const extra = at(one, 'extra_refs')?.list?.[0]
      const at0 = kind === 'periodic' && extra ? `${textOf(at(extra, 'org'))}/${textOf(at(extra, 'repo'))}` : repo
      const given = at(one, 'decoration_config')
      const decoration = decorated ? decorate(at0, one) : given?.map ? (plainly(given) as Decoration) : undefined
      jobs.push({ kind, tree: one, repo: at0, name: textOf(at(one, 'name')), file, decorated, decoration })
    }
  }
  for (const [repo, list] of at(tree, 'presubmits')?.map ?? []) add('presubmit', repo, list)
  for (const [repo, list] of at(tree, 'postsubmits')?.map ?? []) add('postsubmit', repo, list)
  add('periodic', '', at(tree, 'periodics'))
  return jobs
}

/** Merges the defaults of config.yaml that apply to a place, as Prow does: later entries win, field by field. */
function decorator(config: Tree): (repo: string, job: Tree) => Decoration | undefined {
  const plank = at(config, 'plank')
  const entries = (at(plank, 'default_decoration_config_entries')?.list ?? []).map((entry) => ({
    repo: textOf(at(entry, 'repo')) || '*',
    cluster: textOf(at(entry, 'cluster')) || '*',
    config: (plainly(at(entry, 'config')) ?? {}) as Decoration,
  }))
  for (const place of at(plank, 'default_decoration_configs')?.map?.keys() ?? []) {
    entries.push({
      repo: place,
      cluster: '*',
      config: (plainly(at(plank, 'default_decoration_configs', place)) ?? {}) as Decoration,
    })
  }
  const rank = (repo: string) => (repo === '*' ? 0 : repo.includes('/') ? 2 : 1)
  if (!given(at(plank, 'default_decoration_config_entries'))) entries.sort((a, b) => rank(a.repo) - rank(b.repo))
  const known = new Map<string, Decoration>()
  return (repo, job) => {
    const cluster = textOf(at(job, 'cluster')) || 'default'
    const key = `${repo} ${cluster}`
    let merged = known.get(key)
    if (!merged) {
      merged = {}
      for (const one of entries) {
        const fits = one.repo === '*' || one.repo === repo || one.repo === repo.split('/')[0]
        if (fits && (one.cluster === '*' || one.cluster === cluster)) merged = over(merged, one.config)
      }
      known.set(key, merged)
    }
    const own = at(job, 'decoration_config')
    return own?.map ? over(merged, plainly(own) as Decoration) : merged
  }
}

function over(below: Decoration, above: Decoration): Decoration {
  const merged: Decoration = { ...below }
  for (const [name, value] of Object.entries(above ?? {})) {
    if (value === null || value === undefined || value === '') continue
    const deep = name === 'utility_images' || name === 'gcs_configuration'
    merged[name] = deep ? { ...(below[name] as object), ...(value as object) } : value
  }
  return merged
}

/** Everything that our rules say about a configuration, in the order of its files and lines. */
export function examine(
  sources: { config: Source; plugins: Source; jobs: Map<string, Source> },
  settings: Settings,
): Finding[] {
  const findings: Finding[] = []
  const tell = (
    rule: string,
    weight: Weight,
    file: string,
    tree: Tree | number | undefined,
    wrong: string,
    remedy: string,
  ) => {
    findings.push({ rule, weight, file, line: typeof tree === 'number' ? tree : (tree?.line ?? 1), wrong, remedy })
  }
  const parse = (source: Source): Tree => {
    const { tree, faults } = readYaml(source.text)
    for (const { line, wrong } of faults) {
      // Two of a name and a second document are read by Prow, but not as they were meant.
      const read = /twice in one map|second document/.test(wrong)
      tell('yaml', read ? 'here' : 'invalid', source.told, line, wrong, 'Correct the file.')
    }
    return tree
  }
  const config = parse(sources.config)
  const plugins = parse(sources.plugins)
  const decorate = decorator(config)
  const everything = isTrue(at(config, 'decorate_all_jobs'))
  const jobFiles = [{ file: sources.config.told, tree: config }]
  for (const source of sources.jobs.values()) jobFiles.push({ file: source.told, tree: parse(source) })
  const anywhere = everything || jobFiles.some(({ tree }) => isTrue(at(tree, 'decorate_all_jobs')))
  const all: All = {
    settings,
    config,
    plugins,
    jobFiles,
    jobs: jobFiles.flatMap(({ file, tree }) => jobsOf(tree, file, anywhere, decorate)),
  }

  const { roots } = fields()
  const types = (file: string, tree: Tree, type: string, inJobs: boolean, inPlugins = false) => {
    for (const found of typed(tree, type, '', inJobs, inPlugins)) {
      tell(
        found.weight === undefined
          ? 'type'
          : found.weight === 'hint' && !/no field/.test(found[1])
            ? 'reading'
            : 'unknown-field',
        found.weight ?? 'invalid',
        file,
        found[0],
        found[1],
        found[2] ?? '',
      )
    }
  }
  types(sources.config.told, config, roots.config, false)
  types(sources.plugins.told, plugins, roots.plugins, false, true)
  // These read themselves, so checkconfig does not see what nobody reads in them.
  const byHand = (tree: Tree, type: string, path: string) => {
    for (const found of typed(tree, type, path, true, true)) {
      tell(
        found.weight === 'hint' ? 'unknown-field' : 'type',
        found.weight ?? 'invalid',
        sources.plugins.told,
        found[0],
        found[1],
        found[2] ?? '',
      )
    }
  }
  const places = at(plugins, 'plugins')
  if (given(places) && !places.map)
    tell(
      'type',
      'invalid',
      sources.plugins.told,
      places,
      'plugins should be a map',
      'Write the organisation: below it.',
    )
  for (const [place, one] of places?.map ?? []) byHand(one, one.list ? '[]s' : 'plugins.OrgPlugins', `plugins.${place}`)
  const updater = at(plugins, 'config_updater')
  if (updater) byHand(updater, 'plugins.ConfigUpdater', 'config_updater')
  for (const { file, tree } of jobFiles.slice(1)) types(file, tree, roots.config, true)

  const apply = <On>(rules: Rule<On>[], on: On, file: string) => {
    for (const rule of rules) {
      for (const found of rule.look(on, all))
        tell(rule.name, rule.weight, files.get(found) ?? file, found[0], found[1], found[2] ?? rule.remedy)
    }
  }
  apply(CONFIG_RULES, config, sources.config.told)
  apply(PLUGIN_RULES, plugins, sources.plugins.told)
  for (const job of all.jobs) apply(JOB_RULES, job, job.file)
  apply(TOGETHER_RULES, all, sources.config.told)
  // What is said of a file that cannot be read may be wrong, and so what depends on it.
  const broken = new Set(
    findings.filter((one) => one.rule === 'yaml' && one.weight === 'invalid').map((one) => one.file),
  )
  if (broken.size === 0) return findings
  const blind = broken.has(sources.config.told) || broken.has(sources.plugins.told)
  return findings.filter((one) => one.rule === 'yaml' || (!blind && !broken.has(one.file)))
}
