import { isGiven, isTrue, keyLine, nodeAt, type Tree, textOf, textsOf } from '../../base/yaml-tree.ts'
import { UTILITY_IMAGES } from '../../settings/derived.ts'
import { anyoneAndSome, ORG_REPO } from './config.ts'
import { asRegExp, cronError, isDuration, regexpError } from './go-syntax.ts'
import { enabled, Space } from './plugins.ts'
import { type All, inFile, type Job, type Rule } from './rule.ts'

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
  return nodeAt(job.tree, 'spec', 'containers')?.list ?? []
}

function agent(job: Job): string {
  return textOf(nodeAt(job.tree, 'agent')) || 'kubernetes'
}

/** Rules about one job. */
export const JOB_RULES: Rule<Job>[] = [
  {
    name: 'job-name',
    severity: 'invalid',
    remedy: 'Only letters, digits, - . and _ are allowed.',
    *find(job) {
      if (!/^[A-Za-z0-9-._]+$/.test(job.name) && agent(job) !== 'jenkins')
        yield [
          nodeAt(job.tree, 'name') ?? job.tree,
          job.name ? `${job.kind} ${job.name}: this name is not allowed` : `a ${job.kind} has no name`,
        ]
    },
  },
  {
    name: 'job-name-length',
    severity: 'strict',
    remedy: 'Keep it to 63 characters: it becomes a label.',
    *find(job) {
      if (job.name.length > 63 && agent(job) === 'kubernetes')
        yield [nodeAt(job.tree, 'name'), `${job.kind} ${job.name}: the name has ${job.name.length} characters`]
    },
  },
  {
    name: 'spec',
    severity: 'invalid',
    remedy: 'Give it a spec with containers.',
    *find(job) {
      const spec = nodeAt(job.tree, 'spec')
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
    severity: 'invalid',
    remedy: 'Write 0 for no limit.',
    *find(job) {
      const most = nodeAt(job.tree, 'max_concurrency')
      if (typeof most?.value === 'number' && most.value < 0)
        yield [most, `${job.kind} ${job.name}: max_concurrency is below 0`]
    },
  },
  {
    name: 'job-namespace',
    severity: 'invalid',
    remedy: 'Remove it: all jobs run in test-pods.',
    *find(job, all) {
      const namespace = nodeAt(job.tree, 'namespace')
      const wanted = textOf(nodeAt(all.config, 'pod_namespace')) || 'default'
      if (agent(job) === 'kubernetes' && isGiven(namespace) && textOf(namespace) !== wanted)
        yield [namespace, `${job.kind} ${job.name} has namespace: ${textOf(namespace)}`]
    },
  },
  {
    name: 'build-cluster',
    severity: 'here',
    remedy: 'Remove cluster: only this one, named default, is known to Prow.',
    *find(job) {
      const cluster = nodeAt(job.tree, 'cluster')
      if (isGiven(cluster) && textOf(cluster) !== 'default')
        yield [cluster, `${job.kind} ${job.name} wants the cluster ${textOf(cluster)}`]
    },
  },
  {
    name: 'queue',
    severity: 'invalid',
    remedy: 'Name one of plank.job_queue_capacities in config.yaml.',
    *find(job, all) {
      const queue = nodeAt(job.tree, 'job_queue_name')
      if (isGiven(queue) && !nodeAt(all.config, 'plank', 'job_queue_capacities')?.map?.has(textOf(queue)))
        yield [queue, `${job.kind} ${job.name} wants the queue ${textOf(queue)}, which is nowhere`]
    },
  },
  {
    name: 'init-containers',
    severity: 'invalid',
    remedy: 'Do it in the container itself: Prow puts its own init containers there.',
    *find(job) {
      const init = nodeAt(job.tree, 'spec', 'initContainers')
      if ((init?.list ?? []).some((one) => textOf(nodeAt(one, 'restartPolicy')) !== 'Always'))
        yield [init, `${job.kind} ${job.name} has init containers`]
    },
  },
  {
    name: 'several-containers',
    severity: 'invalid',
    remedy: 'Set decorate: true, and give each container a name of its own.',
    *find(job) {
      const all = containers(job)
      if (all.length < 2) return
      if (!job.decoration)
        return yield [job.tree, `${job.kind} ${job.name} has ${all.length} containers and is not decorated`]
      const seen = new Set<string>()
      for (const one of all) {
        const name = textOf(nodeAt(one, 'name'))
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
    severity: 'invalid',
    remedy: "State command or args: Prow wraps them, and cannot see the image's own entrypoint.",
    *find(job) {
      if (!job.decoration) return
      for (const one of containers(job)) {
        const words = [...textsOf(nodeAt(one, 'command')), ...textsOf(nodeAt(one, 'args'))]
        if (words.length === 0 || words[0] === '')
          yield [one, `${job.kind} ${job.name} is decorated and has no command`]
      }
    },
  },
  {
    name: 'decoration-complete',
    severity: 'invalid',
    remedy:
      'Give plank.default_decoration_config_entries in config.yaml all four utility_images and a gcs_configuration.',
    *find(job) {
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
    severity: 'invalid',
    remedy: 'Keep one of oauth_token_secret and ssh_key_secrets.',
    *find(job) {
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
    severity: 'here',
    remedy: 'Write bucket: s3://NAME, and leave compress_file_types out.',
    *find(job) {
      const gcs = nodeAt(job.tree, 'decoration_config', 'gcs_configuration')
      const bucket = nodeAt(gcs, 'bucket')
      if (isGiven(bucket) && !textOf(bucket).startsWith('s3://'))
        yield [bucket, `${job.kind} ${job.name} has bucket: ${textOf(bucket)}, which Prow takes for one of Google`]
      if (isGiven(nodeAt(gcs, 'compress_file_types')))
        yield [
          keyLine(gcs, 'compress_file_types'),
          `${job.kind} ${job.name} has compress_file_types: with S3 Deck then shows raw gzip`,
        ]
    },
  },
  {
    name: 'undecorated',
    severity: 'strict',
    remedy: 'Set decorate: true: without it no log comes into the bucket.',
    *find(job) {
      if (!job.decorated && agent(job) === 'kubernetes') yield [job.tree, `${job.kind} ${job.name} is not decorated`]
    },
  },
  {
    name: 'environment',
    severity: 'invalid',
    remedy: 'Prow sets that one itself; take another name, and each name once.',
    *find(job) {
      const reserved = new Set([
        ...ENV,
        ...(job.kind === 'periodic' ? [] : ENV_REFS),
        ...(job.kind === 'presubmit' ? ENV_PULL : []),
      ])
      for (const one of containers(job)) {
        const seen = new Set<string>()
        for (const env of nodeAt(one, 'env')?.list ?? []) {
          const name = textOf(nodeAt(env, 'name'))
          if (reserved.has(name)) yield [env, `${job.kind} ${job.name} sets ${name}`]
          if (seen.has(name)) yield [env, `${job.kind} ${job.name} sets ${name} twice`]
          seen.add(name)
        }
      }
    },
  },
  {
    name: 'volumes',
    severity: 'invalid',
    remedy: `Prow uses the volumes ${VOLUMES.join(', ')} and the folders ${MOUNT_PATHS.join(', ')} itself.`,
    *find(job) {
      const reserved = new Set([
        ...VOLUMES,
        ...(job.decoration?.oauth_token_secret?.name ? [job.decoration.oauth_token_secret.name] : []),
        ...(job.decoration?.ssh_key_secrets ?? []),
      ])
      const names = new Set<string>()
      for (const volume of nodeAt(job.tree, 'spec', 'volumes')?.list ?? []) {
        const name = textOf(nodeAt(volume, 'name'))
        if (names.has(name)) yield [volume, `${job.kind} ${job.name} has two volumes named ${name}`]
        if (reserved.has(name)) yield [volume, `${job.kind} ${job.name} has a volume named ${name}`]
        names.add(name)
      }
      // Presets may bring volumes.
      const presets = isGiven(nodeAt(job.tree, 'labels'))
      for (const one of containers(job)) {
        for (const mount of nodeAt(one, 'volumeMounts')?.list ?? []) {
          const name = textOf(nodeAt(mount, 'name'))
          if (MOUNTS.includes(name)) yield [mount, `${job.kind} ${job.name} mounts ${name}`]
          else if (!names.has(name) && !reserved.has(name) && !presets)
            yield [
              mount,
              `${job.kind} ${job.name} mounts ${name}, which is no volume of its spec`,
              'Add it under spec.volumes.',
            ]
          if (MOUNT_PATHS.includes(textOf(nodeAt(mount, 'mountPath'))))
            yield [mount, `${job.kind} ${job.name} mounts something at ${textOf(nodeAt(mount, 'mountPath'))}`]
        }
      }
    },
  },
  {
    name: 'when-to-run',
    severity: 'invalid',
    remedy: 'Keep one of always_run, run_if_changed and skip_if_only_changed.',
    *find(job) {
      if (job.kind === 'periodic') return
      const set = ['run_if_changed', 'skip_if_only_changed'].filter((name) => isGiven(nodeAt(job.tree, name)))
      if (set.length === 2) yield [job.tree, `${job.kind} ${job.name} has both run_if_changed and skip_if_only_changed`]
      else if (isTrue(nodeAt(job.tree, 'always_run')) && set[0])
        yield [job.tree, `${job.kind} ${job.name} has always_run and ${set[0]}`]
    },
  },
  {
    name: 'trigger',
    severity: 'invalid',
    remedy: 'Give both trigger and rerun_command, the second fitting the first; or neither.',
    *find(job) {
      if (job.kind !== 'presubmit') return
      const [trigger, rerun] = [nodeAt(job.tree, 'trigger'), nodeAt(job.tree, 'rerun_command')]
      if (isGiven(trigger) !== isGiven(rerun))
        yield [
          trigger ?? rerun,
          `presubmit ${job.name} has ${isGiven(trigger) ? 'trigger without rerun_command' : 'rerun_command without trigger'}`,
        ]
      else if (isGiven(trigger)) {
        const expression = asRegExp(textOf(trigger))
        if (expression && !expression.test(textOf(rerun)))
          yield [rerun, `presubmit ${job.name}: rerun_command ${textOf(rerun)} does not fit its trigger`]
      }
    },
  },
  {
    name: 'expressions',
    severity: 'invalid',
    remedy: "It is a regular expression of Go's (RE2).",
    *find(job) {
      if (job.kind === 'periodic') return
      for (const field of ['trigger', 'run_if_changed', 'skip_if_only_changed']) {
        const one = nodeAt(job.tree, field)
        if (field === 'trigger' && job.kind !== 'presubmit') continue
        const fault = isGiven(one) ? regexpError(textOf(one)) : undefined
        if (fault) yield [one, `${job.kind} ${job.name}: ${field} ${fault}`]
      }
      for (const field of ['branches', 'skip_branches']) {
        const list = nodeAt(job.tree, field)
        const fault = regexpError(textsOf(list).join('|'))
        if (fault) yield [list, `${job.kind} ${job.name}: ${field} ${fault}`]
      }
    },
  },
  {
    name: 'periodic-when',
    severity: 'invalid',
    remedy: 'Give exactly one of cron, interval and minimum_interval.',
    *find(job) {
      if (job.kind !== 'periodic') return
      const set = ['cron', 'interval', 'minimum_interval'].filter((name) => isGiven(nodeAt(job.tree, name)))
      if (set.length === 0) return yield [job.tree, `periodic ${job.name} does not say when it runs`]
      if (set.length > 1) return yield [job.tree, `periodic ${job.name} has ${set.join(' and ')}`]
      const name = set[0]!
      const one = nodeAt(job.tree, name)
      const text = textOf(one)
      if (name === 'cron') {
        const fault = cronError(text)
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
    severity: 'invalid',
    remedy:
      "Kubernetes takes letters, digits, - _ and . up to 63 characters; created-by-prow, prow.k8s.io/id and prow.k8s.io/type are Prow's.",
    *find(job) {
      for (const [name, value] of nodeAt(job.tree, 'labels')?.map ?? []) {
        if (['created-by-prow', 'prow.k8s.io/type', 'prow.k8s.io/id'].includes(name))
          yield [value, `${job.kind} ${job.name} sets the label ${name}`]
        else if (!LABEL_NAME.test(name) || !LABEL_VALUE.test(textOf(value)))
          yield [value, `${job.kind} ${job.name} has the label ${name}: ${textOf(value)}`]
      }
      for (const name of nodeAt(job.tree, 'annotations')?.map?.keys() ?? []) {
        if (!LABEL_NAME.test(name))
          yield [keyLine(nodeAt(job.tree, 'annotations'), name), `${job.kind} ${job.name} has the annotation ${name}`]
      }
    },
  },
  {
    name: 'job-rerun-anyone',
    severity: 'invalid',
    remedy: 'Either anyone, or a list.',
    *find(job) {
      if (containers(job).length > 0)
        for (const [tree, message] of anyoneAndSome(nodeAt(job.tree, 'rerun_auth_config')))
          yield [tree, `${job.kind} ${job.name} ${message}`]
    },
  },
  {
    name: 'repository-name',
    severity: 'hint',
    remedy: 'Write org/repo as the key above the jobs.',
    *find(job) {
      if (job.kind !== 'periodic' && !ORG_REPO.test(job.repo.replace(/^https?:\/\//, '')))
        yield [job.tree, `${job.kind} ${job.name} is listed under ${job.repo}, which is no org/repo`]
    },
  },
  {
    name: 'refs-twice',
    severity: 'strict',
    remedy: 'Remove the extra ref: its own repository is checked out anyway.',
    *find(job) {
      if (job.kind !== 'presubmit') return
      const seen = new Set([job.repo])
      for (const ref of nodeAt(job.tree, 'extra_refs')?.list ?? []) {
        const name = `${textOf(nodeAt(ref, 'org'))}/${textOf(nodeAt(ref, 'repo'))}`
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
    severity: 'invalid',
    remedy: 'Rename one; two jobs of one name are allowed only on different branches.',
    *find(all) {
      for (const [, jobs] of grouped(all.jobs, (job) =>
        job.kind === 'periodic' ? `periodic ${job.name}` : `${job.kind} ${job.repo} ${job.name}`,
      )) {
        for (const [index, job] of jobs.entries()) {
          const other = jobs.slice(0, index).find((one) => job.kind === 'periodic' || overlap(one, job))
          if (other)
            yield* inFile(
              job,
              nodeAt(job.tree, 'name') ?? job.tree,
              `${job.kind} ${job.name}${job.kind === 'periodic' ? '' : ` of ${job.repo}`} is also in ${other.file}:${other.tree.line}`,
            )
        }
      }
    },
  },
  {
    name: 'contexts-twice',
    severity: 'invalid',
    remedy: 'Give one of them another context: GitHub shows one line a context.',
    *find(all) {
      const context = (job: Job) => textOf(nodeAt(job.tree, 'context')) || job.name
      const jobs = all.jobs.filter((job) => job.kind !== 'periodic')
      for (const [, same] of grouped(jobs, (job) => `${job.kind} ${job.repo} ${context(job)}`)) {
        for (const [index, job] of same.entries()) {
          const other = same.slice(0, index).find((one) => one.name !== job.name && overlap(one, job))
          if (other)
            yield* inFile(
              job,
              nodeAt(job.tree, 'context') ?? job.tree,
              `${job.kind}s ${other.name} and ${job.name} of ${job.repo} both report as ${context(job)}`,
            )
        }
      }
    },
  },
  {
    name: 'presets-twice',
    severity: 'invalid',
    remedy: 'A pair of label and value belongs to one preset.',
    *find(all) {
      const seen = new Map<string, string>()
      for (const { file, tree } of all.jobFiles) {
        for (const preset of nodeAt(tree, 'presets')?.list ?? []) {
          for (const [label, value] of nodeAt(preset, 'labels')?.map ?? []) {
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
    severity: 'strict',
    remedy: 'Enable the plugin trigger for it in plugins.yaml: without it nothing starts these jobs.',
    *find(all) {
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
    branches: textsOf(nodeAt(job.tree, 'branches')),
    skip: textsOf(nodeAt(job.tree, 'skip_branches')),
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
