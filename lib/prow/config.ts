import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Fault, Problem } from '../base/problem.ts'
import { read, ready, type Thing, tryKubectl, type World, world } from '../kubernetes/kubectl.ts'
import { fill, type KubeObject, type Manifest, manifest, OURS, places } from '../kubernetes/manifests.ts'
import { ROOT, relativeName, type Settings, settingsPath } from '../settings/settings.ts'

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
  const { read, faults } = files(settings)
  if (faults.length > 0) throw Problem.all(faults)
  return read
}

/** What is there, and what is wrong with the files as such. */
function files(settings: Settings): { read: ProwConfig; faults: Fault[] } {
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
  return { read, faults }
}

/**
 * Reads Prow's configuration and looks at it by Prow's rules. Throws one Problem with every fault, each with file and
 * line; gives back what is only worth a word. CONFIG_STRICT=off lets pass what `checkconfig` lets pass without --strict.
 */
export async function checked(settings: Settings): Promise<{ prow: ProwConfig; hints: Fault[] }> {
  // The YAML library is needed by those alone who look at a configuration.
  const { examine } = await import('./rules/index.ts')
  const { read, faults } = files(settings)
  const refused = settings.CONFIG_STRICT === 'on' ? ['invalid', 'strict', 'here'] : ['invalid', 'here']
  const missing = read.config.text === '' && faults.length > 0
  const hints: Fault[] = []
  for (const found of examine(read, settings)) {
    // A file that is not there was told as that.
    if (missing && found.rule !== 'yaml') continue
    const fault = { wrong: `${found.file}:${found.line} ${found.wrong}`, remedy: found.remedy }
    if (refused.includes(found.weight)) faults.push(fault)
    else hints.push(fault)
  }
  if (faults.length > 0) throw Problem.all(faults)
  return { prow: read, hints }
}

/** How Tide would merge the repositories of an organisation; nothing for those that it does not merge. */
export async function mergeMethods(prow: ProwConfig, org: string): Promise<(repo: string) => string | undefined> {
  const { at, plainly, readYaml, textsOf } = await import('../base/yaml-tree.ts')
  const tide = at(readYaml(prow.config.text).tree, 'tide')
  const queries = at(tide, 'queries')?.list ?? []
  const methods = (plainly(at(tide, 'merge_method')) ?? {}) as Record<string, string | Record<string, string>>
  return (repo) => {
    const name = `${org}/${repo}`
    const merged = queries.some(
      (query) =>
        textsOf(at(query, 'repos')).includes(name) ||
        (textsOf(at(query, 'orgs')).includes(org) && !textsOf(at(query, 'excludedRepos')).includes(name)),
    )
    if (!merged) return undefined
    const ofOrg = methods[org]
    const method = methods[name] ?? (typeof ofOrg === 'object' ? (ofOrg?.[repo] ?? ofOrg?.['*']) : ofOrg)
    // A map goes by branches.
    return typeof method === 'object' ? undefined : (method ?? 'merge')
  }
}

/** A repository that the configuration names. */
export interface Named {
  repo: string
  /** The place of one of its jobs, where it has some. */
  jobs?: string
  /** Whether a credential for cloning is named anywhere that its jobs are decorated by. */
  clones: boolean
}

/** The repositories of an organisation that have jobs or that a query of Tide names. */
export async function namedRepositories(prow: ProwConfig, org: string): Promise<Map<string, Named>> {
  const { at, readYaml, textsOf } = await import('../base/yaml-tree.ts')
  const CREDENTIALS =
    /^[^#\n]*(oauth_token_secret|ssh_key_secrets|github_app_private_key_secret|cookiefile_secret|skip_cloning|clone_uri)\b/m
  const named = new Map<string, Named>()
  for (const { told, text } of [prow.config, ...prow.jobs.values()]) {
    const { tree } = readYaml(text)
    const clones = CREDENTIALS.test(prow.config.text) || CREDENTIALS.test(text)
    for (const kind of ['presubmits', 'postsubmits']) {
      for (const [name, list] of at(tree, kind)?.map ?? []) {
        const [owner, repo, more] = name.split('/')
        if (owner !== org || !repo || more || !list.list?.length || named.has(repo)) continue
        named.set(repo, { repo, jobs: `${told}:${list.list[0]!.line}`, clones })
      }
    }
  }
  for (const query of at(readYaml(prow.config.text).tree, 'tide', 'queries')?.list ?? []) {
    for (const name of textsOf(at(query, 'repos'))) {
      const [owner, repo] = name.split('/')
      if (owner === org && repo && !named.has(repo)) named.set(repo, { repo, clones: true })
    }
  }
  return named
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

/** The ConfigMaps of a configuration. VERSION is a file that Prow reads beside config.yaml and tells on Deck's /config. */
export function things(prow: ProwConfig): Thing[] {
  const jobs = new Map([...prow.jobs].map(([name, { text }]) => [name, text]))
  const version = createHash('sha256')
  for (const [name, text] of [['config.yaml', prow.config.text] as const, ...jobs].sort())
    version.update(`${name}\0${text}\0`)
  const config = new Map([['config.yaml', prow.config.text]])
  const beside = { VERSION: version.digest('hex').slice(0, 12) }
  return [
    { name: 'config', manifests: [configMap('config', config, true, beside)], note: `from ${prow.from}` },
    { name: 'plugins', manifests: [configMap('plugins', new Map([['plugins.yaml', prow.plugins.text]]), false)] },
    {
      name: 'job-config',
      manifests: [configMap('job-config', jobs, true)],
      note: `${jobs.size} ${jobs.size === 1 ? 'file' : 'files'} of jobs`,
    },
  ]
}

const NAMES = ['config', 'plugins', 'job-config']
/** On a kept version: a mark of the one that followed it. */
const FOLLOWED = 'prow-runbook/followed-by'

function content({ data, binaryData }: KubeObject): string {
  const sorted = (map: unknown) => Object.entries((map ?? {}) as object).sort()
  return JSON.stringify([sorted(data), sorted(binaryData)])
}

function copy(of: KubeObject, name: string, annotations?: Record<string, string>): Manifest {
  return manifest({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'prow', labels: { ...OURS }, ...(annotations ? { annotations } : {}) },
    ...(of.data ? { data: of.data } : {}),
    ...(of.binaryData ? { binaryData: of.binaryData } : {}),
  })
}

function followed(objects: KubeObject[]): string {
  return createHash('sha256').update(objects.map(content).join()).digest('hex').slice(0, 12)
}

/**
 * The version that is in the cluster, to be kept aside before `wanted` replaces it; nothing when nothing changes, or
 * when a run that was cut off has kept it already.
 */
export function previous(wanted: Thing[], now: World): Thing[] {
  const objects = wanted.map((thing) => thing.manifests[0]!.object)
  const there = NAMES.map((name) => now.get('ConfigMap', name, 'prow'))
  if (!there.every((one) => one !== undefined)) return []
  if (objects.every((one, index) => content(one) === content(there[index]!))) return []
  const mark = followed(objects)
  const kept = NAMES.map((name) => now.get('ConfigMap', `${name}-previous`, 'prow'))
  if (kept.every((one) => one?.metadata.annotations?.[FOLLOWED] === mark)) return []
  const manifests = there.map((one, index) => copy(one!, `${NAMES[index]}-previous`, { [FOLLOWED]: mark }))
  return [{ name: 'the version before, kept', manifests }]
}

/** The kept version as the one in force, and the one in force as the kept one. */
export function rolledBack(now: World): { now: Thing[]; before: Thing[] } {
  const there = NAMES.map((name) => now.get('ConfigMap', name, 'prow'))
  const kept = NAMES.map((name) => now.get('ConfigMap', `${name}-previous`, 'prow'))
  if (!kept.every((one) => one !== undefined) || !there.every((one) => one !== undefined)) {
    throw new Problem(
      'no version before this one is kept in the cluster',
      'One is kept from the first change on. Correct your files and run 06-config.',
    )
  }
  const mark = followed(kept as KubeObject[])
  return {
    now: kept.map((one, index) => ({
      name: NAMES[index]!,
      manifests: [copy(one!, NAMES[index]!)],
      note: 'the version before',
    })),
    before: [
      {
        name: 'what was in force, kept',
        manifests: there.map((one, index) => copy(one!, `${NAMES[index]}-previous`, { [FOLLOWED]: mark })),
      },
    ],
  }
}

/**
 * Waits until every pod of Deck, asked through the API server, tells the version that is in the ConfigMap. Gives back
 * why that cannot be seen, when it cannot.
 */
export async function reloaded(seconds: number, say: (text: string) => void): Promise<{ seen: boolean; why?: string }> {
  const now = await world()
  const deck = now.get('Deployment', 'deck', 'prow')
  const version = (now.get('ConfigMap', 'config', 'prow')?.data as Record<string, string> | undefined)?.VERSION
  if (!deck || !ready(deck)) return { seen: false, why: 'Deck does not run yet' }
  if (!version) return { seen: false, why: 'this version has no mark' }
  const pods = await read('pods', '-n', 'prow', '-l', 'app=deck', '--field-selector=status.phase=Running')
  const waiting = new Set(pods.map(({ metadata }) => metadata.name))
  const until = Date.now() + seconds * 1000
  for (;;) {
    for (const pod of waiting) {
      const path = `/api/v1/namespaces/prow/pods/${pod}:8080/proxy/config`
      const { stdout, exitCode, stderr } = await tryKubectl(['get', '--raw', path])
      if (exitCode !== 0) {
        const [why] = stderr.trim().split('\n').slice(-1)
        const shown = why?.replace(/^Error from server.*?: /, '')
        return { seen: false, why: `Deck does not answer through the API server (${shown})` }
      }
      if (new RegExp(`config_version_sha: ["']?${version}`).test(stdout)) waiting.delete(pod)
    }
    if (waiting.size === 0) return { seen: true }
    if (Date.now() > until) {
      return { seen: false, why: `${[...waiting].join(', ')} still tells another version after ${seconds} s` }
    }
    say('waiting for Deck to read it; the kubelet brings a ConfigMap within a minute or two')
    await new Promise((resolve) => setTimeout(resolve, 3000))
  }
}

/**
 * The ConfigMap `name` in prow of some texts; packed when they are too large as they are and `packed` allows it.
 * `beside` is never packed: Prow reads its VERSION as it is (pkg/config, ConfigVersionFileName).
 */
export function configMap(
  name: string,
  texts: Map<string, string>,
  packed: boolean,
  beside: Record<string, string> = {},
): Manifest {
  const size = (values: [string, { length: number }][]) =>
    [...values, ...Object.entries(beside)].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  const plain = [...texts].map(([key, text]): [string, Buffer] => [key, Buffer.from(text)])
  const base: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'prow', labels: { ...OURS } },
  }
  if (size(plain) <= LIMIT) return manifest({ ...base, data: { ...Object.fromEntries(texts), ...beside } })
  const gzipped = plain.map(([key, bytes]): [string, string] => [key, packedBytes(bytes).toString('base64')])
  if (packed && size(gzipped) <= LIMIT)
    return manifest({
      ...base,
      ...(Object.keys(beside).length > 0 ? { data: beside } : {}),
      binaryData: Object.fromEntries(gzipped),
    })
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
