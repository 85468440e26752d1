import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { loadAll, YAML11_SCHEMA, YAMLException } from 'js-yaml'
import { ROOT, relativeName, type Settings, settingsPath } from './config.ts'
import { fill, type KubeObject, type Manifest, manifest, OURS, places } from './manifests.ts'
import { type Fault, Problem } from './problem.ts'

/** What a ConfigMap may hold, counted over keys and values: the API server's limit. */
const LIMIT = 1024 * 1024

interface File {
  /** Its name as the reader knows it. */
  told: string
  text: string
}

/** Prow's configuration as files: the user's own, or the templates filled from the settings. */
export interface ProwConfig {
  /** Where it is from, for the reader. */
  from: string
  config: File
  plugins: File
  labels: File
  /** Job files by base name. */
  jobs: Map<string, File>
}

const TEMPLATES = join(ROOT, 'manifests', 'config')

/**
 * Reads Prow's configuration: the folder CONFIG_DIR as it is when it is there, else the templates filled from the
 * settings. Throws one Problem with every fault: a file missing or no YAML, with file and line; a base name twice;
 * a namespace that is not the guide's.
 */
export function readProwConfig(settings: Settings): ProwConfig {
  const own = settingsPath(settings, settings.CONFIG_DIR)
  const template = !existsSync(own)
  const folder = template ? TEMPLATES : own
  const faults: Fault[] = []
  const values = places(settings)
  const file = (path: string): File => {
    const told = relativeName(path)
    if (!existsSync(path)) {
      faults.push({
        wrong: `${told} is missing`,
        remedy: `Put it there; manifests/config/${basename(path)} is a start.`,
      })
      return { told, text: '' }
    }
    try {
      const text = readFileSync(path, 'utf8')
      return { told, text: template ? fill(text, values, told) : text }
    } catch (error) {
      if (error instanceof Problem) throw error
      const why = (error as Error).message.split(',')[0]
      faults.push({
        wrong: `${told} cannot be read (${why})`,
        remedy: 'See that it is a file and that you may read it.',
      })
      return { told, text: '' }
    }
  }
  const jobs = new Map<string, File>()
  for (const path of jobFiles(join(folder, 'jobs'))) {
    const one = file(path)
    const before = jobs.get(basename(path))
    if (before) {
      faults.push({
        wrong: `${one.told} has the same name as ${before.told}`,
        remedy: 'Rename one: all job files become keys of one ConfigMap, whatever folder they are in.',
      })
    }
    jobs.set(basename(path), one)
  }
  const read: ProwConfig = {
    from: template ? 'the templates in manifests/config' : relativeName(folder),
    config: file(join(folder, 'config.yaml')),
    plugins: file(join(folder, 'plugins.yaml')),
    labels: file(join(folder, 'labels.yaml')),
    jobs,
  }
  for (const one of [read.config, read.plugins, read.labels, ...jobs.values()]) {
    if (one.text !== '') faults.push(...yamlFaults(one))
  }
  if (faults.length === 0) faults.push(...configFaults(read.config))
  if (faults.length > 0) throw Problem.all(faults)
  return read
}

/** The YAML files of a folder and of all folders in it, sorted. `kubectl create configmap --from-file` takes no nested one. */
function jobFiles(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return []
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      // A link that leads nowhere is a file that is missing.
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return jobFiles(path)
      return /\.ya?ml$/.test(name) ? [path] : []
    })
}

function yamlFaults(file: File): Fault[] {
  try {
    loadAll(file.text, { schema: YAML11_SCHEMA, filename: file.told })
    return []
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const line = error.mark ? `:${error.mark.line + 1}` : ''
    return [{ wrong: `${file.told}${line} is no YAML: ${error.reason}`, remedy: 'Correct the file.' }]
  }
}

function configFaults(file: File): Fault[] {
  const documents = loadAll(file.text, { schema: YAML11_SCHEMA })
  const config = (documents[0] ?? {}) as Record<string, unknown>
  if (documents.length > 1 || typeof config !== 'object' || Array.isArray(config)) {
    const remedy = 'Compare it with manifests/config/config.yaml.'
    return [{ wrong: `${file.told} is not one document of fields and values`, remedy }]
  }
  const wanted: Record<string, string> = { prowjob_namespace: 'prow', pod_namespace: 'test-pods' }
  return Object.entries(wanted)
    .filter(([field, value]) => config[field] !== value)
    .map(([field, value]) => ({
      wrong: `${file.told} has ${config[field] === undefined ? `no ${field}` : `${field}: ${config[field]}`}`,
      // Prow's own default is the namespace default, where nothing of ours is; nothing then happens, without an error.
      remedy: `Write ${field}: ${value} into it.`,
    }))
}

/** The ConfigMap `name` in prow of some texts; packed when they are too large as they are and `packed` allows it. */
export function configMap(name: string, texts: Map<string, string>, packed: boolean): Manifest {
  const size = (values: Iterable<[string, { length: number }]>) =>
    [...values].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  const plain = [...texts].map(([key, text]): [string, Buffer] => [key, Buffer.from(text)])
  const base: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'prow', labels: { ...OURS } },
  }
  if (size(plain) <= LIMIT) return manifest({ ...base, data: Object.fromEntries(texts) })
  const gzipped = plain.map(([key, bytes]): [string, string] => [key, packedBytes(bytes).toString('base64')])
  if (packed && size(gzipped) <= LIMIT) return manifest({ ...base, binaryData: Object.fromEntries(gzipped) })
  throw new Problem(
    `ConfigMap ${name} would hold ${Math.ceil(size(packed ? gzipped : plain) / 1024)} KiB${packed ? ' even packed' : ''}; it can hold ${LIMIT / 1024} KiB`,
    packed
      ? 'Move jobs into .prow.yaml of their repositories (in_repo_config).'
      : 'Shorten it: Prow reads this one unpacked only.',
  )
}

/** The same text packs to the same bytes whatever the operating system, so that a rerun sees no change. */
function packedBytes(bytes: Buffer): Buffer {
  const packed = gzipSync(bytes, { level: 9 })
  packed[9] = 0xff // the byte that names the operating system: unknown
  return packed
}
