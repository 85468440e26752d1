import { isGiven, keyLine, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { KEEPS_LOGS, losesLogs } from '../log-uploads.ts'
import { bothSet } from './config.ts'
import { missingDecoration } from './decoration.ts'
import { type All, type Job, type Match, match, type Rule, shownJob } from './rule.ts'

/** The decorations that config.yaml has as defaults. */
function* decorations(all: All): Iterable<Tree> {
  const plank = nodeAt(all.config, 'plank')
  for (const entry of nodeAt(plank, 'default_decoration_config_entries')?.list ?? []) {
    const config = nodeAt(entry, 'config')
    if (config) yield config
  }
  for (const config of nodeAt(plank, 'default_decoration_configs')?.map?.values() ?? []) yield config
}

/** The bucket of a decoration when it is one on S3, without scheme and path. */
export function s3Bucket(bucket: Tree | undefined): string | undefined {
  return /^s3:\/\/([^/]*)/.exec(textOf(bucket))?.[1]
}

function imageTag(image: Tree | undefined): string | undefined {
  return /:([\w.-]+)$/.exec(textOf(image))?.[1]
}

function oldImages(decoration: Tree | undefined): [name: string, image: Tree][] {
  const images = [...(nodeAt(decoration, 'utility_images')?.map ?? [])]
  return images.filter(([, image]) => textOf(image).startsWith('gcr.io/k8s-prow/'))
}

/** What to do about a Secret that is not in test-pods. */
function secretRemedy(name: string, available: string[]): string {
  if (name === 'oauth-token')
    return 'Set PRIVATE_CLONES=on and name clone-token: the bot token is not in test-pods, where any job could read it.'
  if (name === 'clone-token') return 'Set PRIVATE_CLONES=on, or remove it.'
  return `Name one that is in test-pods (${available.join(', ')}): without its Secret each job pod waits until Prow gives up.`
}

function availableSecrets(settings: Settings): string[] {
  return ['s3-credentials', ...(settings.PRIVATE_CLONES === 'on' ? ['clone-token'] : [])]
}

/** Rules about the default decorations of config.yaml. */
export const DECORATION_RULES: Rule<Tree>[] = [
  {
    name: 'decoration-pair',
    severity: 'invalid',
    remedy: 'Keep the entries.',
    *find(config) {
      yield* bothSet(nodeAt(config, 'plank'), 'default_decoration_configs', 'default_decoration_config_entries')
    },
  },
  {
    name: 'bucket-scheme',
    severity: 'here',
    remedy: 'Write it as s3://NAME: without a scheme Prow takes it for a Google Cloud Storage bucket.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = nodeAt(decoration, 'gcs_configuration', 'bucket')
        if (isGiven(bucket) && !textOf(bucket).startsWith('s3://'))
          yield match(bucket, `has bucket: ${textOf(bucket)}`, { cause: 'no scheme' })
      }
    },
  },
  {
    name: 'bucket-other',
    severity: 'here',
    remedy:
      'Set LOG_BUCKET to this bucket, or write s3://LOG_BUCKET: Prow and its jobs have access to LOG_BUCKET only.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = nodeAt(decoration, 'gcs_configuration', 'bucket')
        const name = s3Bucket(bucket)
        if (name !== undefined && name !== all.settings.LOG_BUCKET)
          yield match(bucket, `has bucket ${name}, and LOG_BUCKET is ${all.settings.LOG_BUCKET}`)
      }
    },
  },
  {
    name: 'old-images',
    severity: 'here',
    remedy:
      'Write PROW_IMAGE_REGISTRY and PROW_IMAGE_TAG of the settings: that registry was shut down, and no job pod would start.',
    *find(_, all) {
      for (const decoration of decorations(all))
        for (const [name, image] of oldImages(decoration))
          yield match(image, `has the utility image ${name}: ${textOf(image)}`)
      for (const job of all.jobs)
        for (const [name, image] of oldImages(nodeAt(job.tree, 'decoration_config')))
          yield {
            ...match(image, `${job.kind} ${job.name} has the utility image ${name}: ${textOf(image)}`),
            file: job.file,
          }
    },
  },
  {
    name: 'images-of-another-release',
    severity: 'hint',
    remedy: 'Take all four from the release of Prow itself, PROW_IMAGE_TAG.',
    *find(_, all) {
      const { PROW_IMAGE_TAG: wanted } = all.settings
      for (const decoration of decorations(all)) {
        for (const [name, image] of nodeAt(decoration, 'utility_images')?.map ?? []) {
          const tag = imageTag(image)
          if (tag && tag !== wanted)
            yield match(image, `has the utility image ${name} of ${tag}, and PROW_IMAGE_TAG is ${wanted}`, {
              cause: tag,
            })
        }
      }
    },
  },
  {
    name: 'lost-logs',
    severity: 'hint',
    remedy: `Write another tag: ${KEEPS_LOGS}`,
    *find(_, all) {
      const check = function* (decoration: Tree | undefined, file?: string): Iterable<Match> {
        const image = nodeAt(decoration, 'utility_images', 'sidecar')
        const tag = imageTag(image)
        if (tag && losesLogs(tag))
          yield match(image, `has the sidecar of ${tag}, which loses logs of 5 MiB and more on S3, without an error`, {
            cause: tag,
            ...(file ? { file } : {}),
          })
      }
      for (const decoration of decorations(all)) yield* check(decoration)
      for (const job of all.jobs) yield* check(nodeAt(job.tree, 'decoration_config'), job.file)
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
          yield match(keyLine(gcs, 'compress_file_types'), 'has compress_file_types')
      }
    },
  },
  {
    name: 'default-decoration-complete',
    severity: 'invalid',
    remedy:
      'Give plank.default_decoration_config_entries all four utility_images and a gcs_configuration with bucket and path_strategy.',
    *find(config, all) {
      const jobs = new Map<string, { first: Job; count: number; remedy?: string }>()
      for (const job of all.jobs) {
        // What a job's own decoration lacks is reported there.
        if (isGiven(nodeAt(job.tree, 'decoration_config'))) continue
        const { what, remedy } = missingDecoration(job) ?? {}
        if (!what) continue
        const known = jobs.get(what)
        jobs.set(what, { first: known?.first ?? job, count: (known?.count ?? 0) + 1, remedy })
      }
      const plank = nodeAt(config, 'plank')
      const [at = plank] = [...decorations(all)]
      for (const [what, { first, count, remedy }] of jobs) {
        const where = `${first.file}:${first.tree.line}`
        const whose = count === 1 ? `${shownJob(first)} (${where})` : `${count} jobs, the first in ${where}`
        yield match(at, `plank: the default decoration has ${what}; it is that of ${whose}`, remedy)
      }
    },
  },
  {
    name: 'secrets-of-jobs',
    severity: 'here',
    remedy: 'Name a Secret that is in test-pods.',
    *find(_, all) {
      const available = availableSecrets(all.settings)
      const check = function* (field: string, tree: Tree | undefined): Iterable<Match> {
        const name = textOf(tree)
        if (!isGiven(tree) || available.includes(name)) return
        yield match(tree, `has ${field} ${name}, which is not in test-pods`, secretRemedy(name, available))
      }
      for (const decoration of decorations(all)) {
        yield* check('s3_credentials_secret', nodeAt(decoration, 's3_credentials_secret'))
        yield* check('oauth_token_secret', nodeAt(decoration, 'oauth_token_secret', 'name'))
      }
    },
  },
  {
    name: 'job-account',
    severity: 'hint',
    remedy: 'Name prow-jobs, which may upload to the bucket.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const account = nodeAt(decoration, 'default_service_account_name')
        if (isGiven(account) && textOf(account) !== 'prow-jobs')
          yield match(
            account,
            `has default_service_account_name ${textOf(account)}, which this runbook does not create`,
            { cause: 'another account' },
          )
      }
    },
  },
]
