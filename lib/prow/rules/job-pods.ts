import { isGiven, keyLine, nodeAt, textOf, textsOf } from '../../base/yaml-tree.ts'
import { missingDecoration } from './decoration.ts'
import { bucketRemedy, s3Bucket } from './default-decoration.ts'
import { ownPod, type Part, podOf, shownPreset } from './job-presets.ts'
import { agentOf, containersOf, type Job, type Match, match, type Rule, shownJob } from './rule.ts'

// What Prow itself adds to the pod of a decorated job (prow/pkg/pod-utils/decorate).
const CONTAINERS = ['clonerefs', 'initupload', 'place-entrypoint', 'sidecar']
const VOLUMES = ['logs', 'code', 'tools', 'gcs-credentials', 's3-credentials']
const MOUNTS = ['logs', 'code', 'tools']
const MOUNT_PATHS = ['/logs', '/home/prow/go', '/tools']
const ENV = ['CI', 'JOB_NAME', 'JOB_SPEC', 'JOB_TYPE', 'PROW_JOB_ID', 'BUILD_ID', 'BUILD_NUMBER']
const ENV_OF_REFS = ['REPO_OWNER', 'REPO_NAME', 'PULL_BASE_REF', 'PULL_BASE_SHA', 'PULL_REFS']
const ENV_OF_PULLS = ['PULL_NUMBER', 'PULL_PULL_SHA', 'PULL_HEAD_REF', 'PULL_TITLE']

/** A match at a part of the pod of a job: when a preset adds it, there. */
function matchPart(part: Part, job: Job, what: string): Match {
  const { tree, file, preset } = part
  if (!preset) return match(tree, `${shownJob(job)} ${what}`)
  return { ...match(tree, `${shownJob(job)} ${what}, by ${shownPreset(preset)}`), file }
}

/** A mount that Prow makes itself. */
function* reservedMount(mount: Part, job: Job): Iterable<Match> {
  const path = textOf(nodeAt(mount.tree, 'mountPath'))
  if (MOUNTS.includes(mount.name)) yield matchPart(mount, job, `mounts ${mount.name}`)
  if (MOUNT_PATHS.includes(path)) yield matchPart(mount, job, `mounts a volume at ${path}`)
}

/** Rules about the pod of a job and its decoration. */
export const JOB_POD_RULES: Rule<Job>[] = [
  {
    name: 'spec',
    severity: 'invalid',
    remedy: 'Add a spec with containers.',
    *find(job) {
      const spec = nodeAt(job.tree, 'spec')
      if (agentOf(job) === 'kubernetes' && !spec?.map) return yield match(job.tree, `${shownJob(job)} has no spec`)
      if (spec?.map && containersOf(job).length === 0) yield match(spec, `${shownJob(job)} has no containers`)
      if (spec?.map && ['jenkins', 'tekton-pipeline'].includes(agentOf(job)))
        yield match(
          spec,
          `${shownJob(job)} has a spec and agent: ${agentOf(job)}`,
          'Remove agent: kubernetes is the default.',
        )
    },
  },
  {
    name: 'init-containers',
    severity: 'invalid',
    remedy: 'Do it in the container itself: Prow adds init containers of its own.',
    *find(job) {
      const init = nodeAt(job.tree, 'spec', 'initContainers')
      if ((init?.list ?? []).some((one) => textOf(nodeAt(one, 'restartPolicy')) !== 'Always'))
        yield match(init, `${shownJob(job)} has init containers`)
    },
  },
  {
    name: 'several-containers',
    severity: 'invalid',
    remedy: 'Set decorate: true, and give each container a unique name.',
    *find(job) {
      const all = containersOf(job)
      if (all.length < 2) return
      if (!job.decoration)
        return yield match(job.tree, `${shownJob(job)} has ${all.length} containers and is not decorated`)
      const seen = new Set<string>()
      for (const one of all) {
        const name = textOf(nodeAt(one, 'name'))
        if (name === '') yield match(one, `${shownJob(job)} has several containers, one of them without a name`)
        else if (seen.has(name)) yield match(one, `${shownJob(job)} has two containers named ${name}`)
        else if (CONTAINERS.includes(name))
          yield match(one, `${shownJob(job)} has a container named ${name}, a name of Prow's own`)
        seen.add(name)
      }
    },
  },
  {
    name: 'command',
    severity: 'invalid',
    remedy: "Set command or args: Prow wraps them, and does not know the image's entrypoint.",
    *find(job) {
      if (!job.decoration) return
      for (const one of containersOf(job)) {
        const command = [...textsOf(nodeAt(one, 'command')), ...textsOf(nodeAt(one, 'args'))]
        if (command.length === 0 || command[0] === '')
          yield match(one, `${shownJob(job)} is decorated and has no command`)
      }
    },
  },
  {
    name: 'environment',
    severity: 'invalid',
    remedy: 'Rename the variable: Prow sets this one itself, and a name may occur once.',
    *find(job, all) {
      const reserved = new Set([
        ...ENV,
        ...(job.kind === 'periodic' ? [] : ENV_OF_REFS),
        ...(job.kind === 'presubmit' ? ENV_OF_PULLS : []),
      ])
      for (const { env } of ownPod(job).containers) {
        const seen = new Set<string>()
        for (const { name, tree } of env) {
          if (reserved.has(name)) yield match(tree, `${shownJob(job)} sets ${name}`)
          if (seen.has(name)) yield match(tree, `${shownJob(job)} sets ${name} twice`)
          seen.add(name)
        }
      }
      // What a preset sets twice is reported as that.
      for (const { env } of podOf(job, all).containers)
        for (const part of env)
          if (part.preset && reserved.has(part.name)) yield matchPart(part, job, `sets ${part.name}`)
    },
  },
  {
    name: 'volumes',
    severity: 'invalid',
    remedy: `Rename it. Prow uses the volumes ${VOLUMES.join(', ')} and the paths ${MOUNT_PATHS.join(', ')} itself.`,
    *find(job, all) {
      const reserved = new Set([
        ...VOLUMES,
        ...(job.decoration?.oauth_token_secret?.name ? [job.decoration.oauth_token_secret.name] : []),
        ...(job.decoration?.ssh_key_secrets ?? []),
      ])
      const own = ownPod(job)
      const seen = new Set<string>()
      for (const { name, tree } of own.volumes) {
        if (seen.has(name)) yield match(tree, `${shownJob(job)} has two volumes named ${name}`)
        if (reserved.has(name)) yield match(tree, `${shownJob(job)} has a volume named ${name}`)
        seen.add(name)
      }
      for (const { mounts } of own.containers) for (const mount of mounts) yield* reservedMount(mount, job)
      const pod = podOf(job, all)
      for (const part of pod.volumes)
        if (part.preset && reserved.has(part.name)) yield matchPart(part, job, `has a volume named ${part.name}`)
      const volumes = new Set(pod.volumes.map(({ name }) => name))
      for (const { mounts } of pod.containers) {
        for (const mount of mounts) {
          const { name, preset } = mount
          if (preset) yield* reservedMount(mount, job)
          if (!volumes.has(name) && !reserved.has(name))
            yield {
              ...matchPart(mount, job, `mounts ${name}, which is not a volume of its pod`),
              remedy: preset ? 'Add it under volumes of the preset.' : 'Add it under spec.volumes.',
            }
        }
      }
    },
  },
  {
    name: 'undecorated',
    severity: 'strict',
    remedy: 'Set decorate: true: without it no log reaches the bucket.',
    *find(job) {
      if (!job.decorated && agentOf(job) === 'kubernetes') yield match(job.tree, `${shownJob(job)} is not decorated`)
    },
  },
  {
    name: 'decoration-complete',
    severity: 'invalid',
    remedy:
      'Give plank.default_decoration_config_entries in config.yaml all four utility_images and a gcs_configuration.',
    *find(job) {
      // Without one of its own it has the defaults, which are reported once.
      if (!isGiven(nodeAt(job.tree, 'decoration_config'))) return
      const missing = missingDecoration(job)
      if (missing) yield match(job.tree, `${shownJob(job)}: its decoration has ${missing.what}`, missing.remedy)
    },
  },
  {
    name: 'two-clone-credentials',
    severity: 'invalid',
    remedy: 'Keep one of oauth_token_secret and ssh_key_secrets.',
    *find(job) {
      const { oauth_token_secret: token, ssh_key_secrets: keys = [] } = job.decoration ?? {}
      if (containersOf(job).length > 0 && token && keys.length > 0)
        yield match(job.tree, `${shownJob(job)} has both oauth_token_secret and ssh_key_secrets`)
    },
  },
  {
    name: 'job-bucket',
    severity: 'here',
    remedy: 'Remove compress_file_types.',
    *find(job) {
      const gcs = nodeAt(job.tree, 'decoration_config', 'gcs_configuration')
      const bucket = nodeAt(gcs, 'bucket')
      if (isGiven(bucket) && !textOf(bucket).startsWith('s3://'))
        yield match(
          bucket,
          `${shownJob(job)} has bucket: ${textOf(bucket)}, which Prow takes for a Google Cloud Storage bucket`,
          bucketRemedy(bucket),
        )
      if (isGiven(nodeAt(gcs, 'compress_file_types')))
        yield match(
          keyLine(gcs, 'compress_file_types'),
          `${shownJob(job)} has compress_file_types: with S3 Deck then shows raw gzip`,
        )
    },
  },
  {
    name: 'job-bucket-other',
    severity: 'here',
    remedy: 'Remove bucket. For another one, also name a Secret or service account of your own that may write there.',
    *find(job, all) {
      const decoration = nodeAt(job.tree, 'decoration_config')
      const credentials = [
        nodeAt(decoration, 's3_credentials_secret'),
        nodeAt(decoration, 'default_service_account_name'),
        nodeAt(job.tree, 'spec', 'serviceAccountName'),
      ]
      const bucket = nodeAt(decoration, 'gcs_configuration', 'bucket')
      const name = s3Bucket(bucket)
      if (name !== undefined && name !== all.settings.LOG_BUCKET && !credentials.some(isGiven))
        yield match(
          bucket,
          `${shownJob(job)} has bucket ${name}, and its pod has access to LOG_BUCKET (${all.settings.LOG_BUCKET}) only`,
        )
    },
  },
]
