import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { Problem } from '../base/problem.ts'
import { tryKubectl } from '../kubernetes/kubectl.ts'
import { type KubeObject, MANAGED_LABELS, type Manifest, manifest, type Resource } from '../kubernetes/manifests.ts'
import { getObjects, type Snapshot, snapshot } from '../kubernetes/snapshot.ts'
import { isReady } from '../kubernetes/wait.ts'
import type { ProwConfig } from './config.ts'

/** What a ConfigMap may hold, counted over keys and values: the API server's limit. */
const LIMIT = 1024 * 1024

/** The ConfigMaps of a configuration. VERSION is a file that Prow reads beside config.yaml and tells on Deck's /config. */
export function configResources(prow: ProwConfig): Resource[] {
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
    metadata: { name, namespace: 'prow', labels: { ...MANAGED_LABELS }, ...(annotations ? { annotations } : {}) },
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
export function previousVersion(wanted: Resource[], now: Snapshot): Resource[] {
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
export function rollback(now: Snapshot): { now: Resource[]; before: Resource[] } {
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
export async function waitForDeckReload(
  seconds: number,
  say: (text: string) => void,
): Promise<{ seen: boolean; why?: string }> {
  const now = await snapshot()
  const deck = now.get('Deployment', 'deck', 'prow')
  const version = (now.get('ConfigMap', 'config', 'prow')?.data as Record<string, string> | undefined)?.VERSION
  if (!deck || !isReady(deck)) return { seen: false, why: 'Deck does not run yet' }
  if (!version) return { seen: false, why: 'this version has no mark' }
  const pods = await getObjects('pods', '-n', 'prow', '-l', 'app=deck', '--field-selector=status.phase=Running')
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
    metadata: { name, namespace: 'prow', labels: { ...MANAGED_LABELS } },
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
