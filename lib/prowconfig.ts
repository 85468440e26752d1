import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ROOT, relativeName, type Settings, settingsPath } from './config.ts'
import { fill, type KubeObject, type Manifest, manifest, OURS, places } from './manifests.ts'
import { type Fault, Problem } from './problem.ts'

/** What a ConfigMap may hold, counted over keys and values: the API server's limit. */
const LIMIT = 1024 * 1024

export interface File {
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
 * settings. Throws one Problem with every fault: a file missing, a base name twice.
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
    const name = basename(path)
    const before = jobs.get(name)
    if (before) {
      faults.push({
        wrong: `${one.told} has the same name as ${before.told}`,
        remedy: 'Rename one: all job files become keys of one ConfigMap, whatever folder they are in.',
      })
    } else if (!/^[-._a-zA-Z0-9]+$/.test(name)) {
      faults.push({
        wrong: `${one.told} cannot be a key of a ConfigMap`,
        remedy: 'Rename it: letters, digits, - . and _ are allowed.',
      })
    }
    jobs.set(name, one)
  }
  const read: ProwConfig = {
    from: template ? 'the templates in manifests/config' : relativeName(folder),
    config: file(join(folder, 'config.yaml')),
    plugins: file(join(folder, 'plugins.yaml')),
    labels: file(join(folder, 'labels.yaml')),
    jobs,
  }
  if (faults.length > 0) throw Problem.all(faults)
  return read
}

/**
 * Looks at a configuration by Prow's rules. Throws one Problem with every fault, each with file and line; gives back
 * what is only worth a word. CONFIG_STRICT=off lets pass what `checkconfig` lets pass without --strict.
 */
export async function checked(prow: ProwConfig, settings: Settings): Promise<Fault[]> {
  // The YAML library is needed by those alone who look at a configuration.
  const { examine } = await import('./prowrules.ts')
  const refused = settings.CONFIG_STRICT === 'on' ? ['invalid', 'strict', 'here'] : ['invalid', 'here']
  const faults: Fault[] = []
  const hints: Fault[] = []
  for (const found of examine(prow, settings)) {
    const fault = { wrong: `${found.file}:${found.line} ${found.wrong}`, remedy: found.remedy }
    if (refused.includes(found.weight)) faults.push(fault)
    else hints.push(fault)
  }
  if (faults.length > 0) throw Problem.all(faults)
  return hints
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
