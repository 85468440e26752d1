import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type Finding, Problem } from '../base/problem.ts'
import { type KubeObject, type Manifest, managedLabels, manifest, type Resource } from '../kubernetes/manifests.ts'
import type { Snapshot } from '../kubernetes/snapshot.ts'
import type { ProwConfig } from './config.ts'

/** What a ConfigMap may hold, in bytes over keys and values: the API server's limit. */
export const CONFIG_MAP_LIMIT = 1024 * 1024

/** Of that limit, how much may be taken before it is worth a warning. */
export const CONFIG_MAP_FULL = 0.8

/** How many bytes the keys and values of a ConfigMap take of the limit. */
export function configMapSize(map: object): number {
  const { data, binaryData } = map as { data?: unknown; binaryData?: unknown }
  return [...Object.entries((data ?? {}) as object), ...Object.entries((binaryData ?? {}) as object)].reduce(
    (sum, [key, value]) => sum + key.length + Buffer.byteLength(String(value)),
    0,
  )
}

interface ConfigMapOptions {
  note?: string
  /** Whether Prow also reads its values gzipped; they are when they exceed the limit otherwise. */
  gzip?: boolean
  /** Values that are never gzipped. */
  plain?: Record<string, string>
}

/**
 * The ConfigMap `name` in prow, as `kubectl create configmap --from-file` makes it of files. Throws a Problem when it
 * exceeds the API server's limit.
 */
export function configMap(name: string, files: Record<string, string>, options: ConfigMapOptions = {}): Resource {
  const { note, gzip = false, plain = {} } = options
  const resource = (data: object): Resource => ({
    name,
    manifests: [
      manifest({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name,
          namespace: 'prow',
          labels: managedLabels(name === 'label-config' ? '10-labels' : '06-config'),
        },
        ...data,
      }),
    ],
    ...(note ? { note } : {}),
  })
  const asText = { data: { ...files, ...plain } }
  const total = configMapSize(asText)
  if (total <= CONFIG_MAP_LIMIT) return resource(asText)
  if (!gzip) throw tooLarge(name, total, 'Shorten it: Prow reads this one uncompressed only.')
  const binaryData = Object.fromEntries(
    Object.entries(files).map(([key, text]) => [key, gzipped(Buffer.from(text)).toString('base64')]),
  )
  const compressed = { ...(Object.keys(plain).length > 0 ? { data: plain } : {}), binaryData }
  const size = configMapSize(compressed)
  if (size > CONFIG_MAP_LIMIT)
    throw tooLarge(name, size, 'Move jobs into .prow.yaml of their repositories (in_repo_config).', true)
  return resource(compressed)
}

function tooLarge(name: string, size: number, remedy: string, compressed = false): Problem {
  const shown = `${Math.ceil(size / 1024)} KiB${compressed ? ' even compressed' : ''}`
  return new Problem(`ConfigMap ${name} would hold ${shown}; it can hold ${CONFIG_MAP_LIMIT / 1024} KiB`, remedy)
}

/** The same bytes whatever the operating system, so that a rerun changes nothing. */
function gzipped(bytes: Buffer): Buffer {
  const compressed = gzipSync(bytes, { level: 9 })
  compressed[9] = 0xff // The byte for the operating system: unknown.
  return compressed
}

/** The ConfigMaps of a configuration. Throws one Problem with each that exceeds the API server's limit. */
export function configurationMaps(prow: ProwConfig): Resource[] {
  const { config, plugins, from } = prow
  const problems: Finding[] = []
  const build = (name: string, files: Record<string, string>, options?: ConfigMapOptions): Resource[] => {
    try {
      return [configMap(name, files, options)]
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      problems.push(...error.findings)
      return []
    }
  }
  const plain = { VERSION: configVersion(prow) }
  const resources = [
    ...build('config', { 'config.yaml': config.text }, { gzip: true, plain, note: `from ${from}` }),
    ...build('plugins', { 'plugins.yaml': plugins.text }),
    ...build('job-config', jobTexts(prow), { gzip: true, note: shownJobFiles(prow) }),
  ]
  if (problems.length > 0) throw Problem.all(problems)
  return resources
}

/** How many job files there are: `2 job files`. */
export function shownJobFiles({ jobs }: ProwConfig): string {
  return `${jobs.size} job ${jobs.size === 1 ? 'file' : 'files'}`
}

/** The texts of job files by base name, as the ConfigMap job-config holds them. */
export function jobTexts({ jobs }: ProwConfig): Record<string, string> {
  return Object.fromEntries([...jobs].map(([name, { text }]) => [name, text]))
}

/**
 * A version of config.yaml and the jobs. Prow reads it from the file VERSION beside config.yaml (pkg/config,
 * ConfigVersionFileName), and Deck shows it at /config.
 */
export function configVersion(prow: ProwConfig): string {
  const hash = createHash('sha256')
  for (const [name, text] of [['config.yaml', prow.config.text] as const, ...Object.entries(jobTexts(prow))].sort())
    hash.update(`${name}\0${text}\0`)
  return hash.digest('hex').slice(0, 12)
}

const NAMES = ['config', 'plugins', 'job-config']

/** On a kept version: a hash of the version that replaced it. */
const FOLLOWED_BY = 'prow-runbook/followed-by'

function content({ data, binaryData }: KubeObject): string {
  const sorted = (map: unknown) => Object.entries((map ?? {}) as object).sort()
  return JSON.stringify([sorted(data), sorted(binaryData)])
}

function hashOf(objects: KubeObject[]): string {
  return createHash('sha256').update(objects.map(content).join()).digest('hex').slice(0, 12)
}

function copy({ data, binaryData }: KubeObject, name: string, annotations?: Record<string, string>): Manifest {
  return manifest({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'prow', labels: managedLabels('06-config'), ...(annotations ? { annotations } : {}) },
    ...(data ? { data } : {}),
    ...(binaryData ? { binaryData } : {}),
  })
}

/** The three ConfigMaps, or those kept of them with the suffix; undefined unless all exist. */
function versionIn(now: Snapshot, suffix = ''): KubeObject[] | undefined {
  const objects = NAMES.map((name) => now.get('ConfigMap', `${name}${suffix}`, 'prow'))
  return objects.every((one) => one !== undefined) ? objects : undefined
}

function kept(objects: KubeObject[], followedBy: KubeObject[]): Manifest[] {
  const annotations = { [FOLLOWED_BY]: hashOf(followedBy) }
  return objects.map((one, index) => copy(one, `${NAMES[index]}-previous`, annotations))
}

/**
 * The version in the cluster, to be kept as ConfigMaps NAME-previous when `wanted` replaces it. Undefined when nothing
 * changes, or when an interrupted run has kept it already.
 */
export function previousVersion(wanted: Resource[], now: Snapshot): Resource | undefined {
  const next = wanted.map(({ manifests }) => manifests[0]!.object)
  const current = versionIn(now)
  if (!current || next.every((one, index) => content(one) === content(current[index]!))) return undefined
  const before = versionIn(now, '-previous')
  if (before?.every(({ metadata }) => metadata.annotations?.[FOLLOWED_BY] === hashOf(next))) return undefined
  return { name: 'previous version', manifests: kept(current, next), note: 'kept for rollback-config' }
}

/**
 * The kept version as the current one, and the current one as the kept, so that a second rollback undoes the first.
 * Throws a Problem when no version is kept.
 */
export function rollback(now: Snapshot): Resource[] {
  const current = versionIn(now)
  const before = versionIn(now, '-previous')
  if (!current || !before)
    throw new Problem(
      'the cluster holds no previous version of the configuration',
      '06-config keeps one when it changes the configuration. Correct your files and run 06-config.',
    )
  return [
    { name: 'previous version', manifests: kept(current, before), note: 'the one replaced now' },
    ...before.map((one, index) => ({
      name: NAMES[index]!,
      manifests: [copy(one, NAMES[index]!)],
      note: 'from the previous version',
    })),
  ]
}
