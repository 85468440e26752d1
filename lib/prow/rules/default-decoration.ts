import { isGiven, keyLine, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { KEEPS_LOGS, losesLogs } from '../log-uploads.ts'
import { bothSet } from './config.ts'
import { missingDecoration } from './decoration.ts'
import { type All, type Job, type Match, match, type Rule, shownJob } from './rule.ts'

/** The decorations that config.yaml has as defaults. */
export function* decorations(all: All): Iterable<Tree> {
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

/** How to write a bucket without s3://. */
export function bucketRemedy(bucket: Tree): string {
  const name = textOf(bucket).replace(/^\w*:\/\//, '')
  return `Write bucket: s3://${name}. Without s3:// Prow takes it for a Google Cloud Storage bucket.`
}

function imageTag(image: Tree | undefined): string | undefined {
  return /:([\w.-]+)$/.exec(textOf(image))?.[1]
}

function oldImages(decoration: Tree | undefined): [name: string, image: Tree][] {
  const images = [...(nodeAt(decoration, 'utility_images')?.map ?? [])]
  return images.filter(([, image]) => isOld(image))
}

/** Whether an image is in the registry that was shut down. */
const isOld = (image: Tree) => textOf(image).startsWith('gcr.io/k8s-prow/')

/** The image of a utility from the release of Prow itself. */
function utilityImage(name: string, { PROW_IMAGE_REGISTRY: registry, PROW_IMAGE_TAG: tag }: Settings): string {
  return `${registry}/${name}:${tag}`
}

function oldImageRemedy(name: string, settings: Settings): string {
  return `Write ${name}: ${utilityImage(name, settings)}. The registry gcr.io/k8s-prow was shut down, and no job pod would start.`
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
    remedy: 'Write s3:// in front of its name.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = nodeAt(decoration, 'gcs_configuration', 'bucket')
        if (isGiven(bucket) && !textOf(bucket).startsWith('s3://'))
          yield match(bucket, `has bucket: ${textOf(bucket)}`, { cause: 'no scheme', remedy: bucketRemedy(bucket) })
      }
    },
  },
  {
    name: 'bucket-other',
    severity: 'here',
    remedy: 'Name LOG_BUCKET: Prow and its jobs have access to it only.',
    *find(_, all) {
      for (const decoration of decorations(all)) {
        const bucket = nodeAt(decoration, 'gcs_configuration', 'bucket')
        const name = s3Bucket(bucket)
        if (name !== undefined && name !== all.settings.LOG_BUCKET)
          yield match(
            bucket,
            `has bucket ${name}, and LOG_BUCKET is ${all.settings.LOG_BUCKET}`,
            `Write bucket: s3://${all.settings.LOG_BUCKET}, or set LOG_BUCKET=${name}: Prow and its jobs have access to LOG_BUCKET only.`,
          )
      }
    },
  },
  {
    name: 'old-images',
    severity: 'here',
    remedy: 'That registry was shut down, and no job pod would start.',
    *find(_, all) {
      for (const decoration of decorations(all))
        for (const [name, image] of oldImages(decoration))
          yield match(image, `has the utility image ${name}: ${textOf(image)}`, oldImageRemedy(name, all.settings))
      for (const job of all.jobs)
        for (const [name, image] of oldImages(nodeAt(job.tree, 'decoration_config')))
          yield {
            ...match(image, `${shownJob(job)} has the utility image ${name}: ${textOf(image)}`, {
              remedy: oldImageRemedy(name, all.settings),
              cause: `the utility image ${name}: ${textOf(image)}`,
            }),
            file: job.file,
          }
    },
  },
  {
    name: 'images-of-another-release',
    severity: 'hint',
    remedy: 'Take all four from the release of Prow itself.',
    *find(_, all) {
      const { PROW_IMAGE_TAG: wanted } = all.settings
      for (const decoration of decorations(all)) {
        for (const [name, image] of nodeAt(decoration, 'utility_images')?.map ?? []) {
          const tag = isOld(image) ? undefined : imageTag(image)
          if (tag && tag !== wanted)
            yield match(image, `has the utility image ${name} of ${tag}, and PROW_IMAGE_TAG is ${wanted}`, {
              remedy: `Write ${name}: ${utilityImage(name, all.settings)}, and the others likewise.`,
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
]
