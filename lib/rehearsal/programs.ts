import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { Problem } from '../base/problem.ts'
import { onPath, run, tryRun } from '../base/shell.ts'
import { atLeast, parseVersion, type Version } from '../base/version.ts'
import { build, CLUSTER, goIn, KUBE, type Name, PACKAGES, read } from './go-build.ts'

const KWOK = '0.8.0'

const ETCD = '3.6.10'

export const NAMES = Object.keys(PACKAGES) as Name[]

/** Where a program comes from: this machine, a download that kwokctl does by itself, or Go modules. */
export type Source = 'PATH' | 'downloaded' | 'built'

/** A program to use: `path` is a file, or the address that kwokctl downloads it from. */
export interface Program {
  source: Source
  version: string
  path: string
}

/** Whether a program that is on this machine already will do. */
export function fits(name: Name, version: Version): boolean {
  const [major, minor] = version
  if (name === 'kubectl') return major === 1 && minor >= 28
  if (name === 'etcd') return major === 3 && minor >= 5
  // Stages that make other objects, as our volumes need, came with 0.8.
  if (name === 'kwok' || name === 'kwokctl') return atLeast(version, [0, 8, 0])
  // The three of the control plane have to be of one minor version, so it is this one.
  return major === 1 && minor === parseVersion(KUBE)![1]
}

/** Where a program is taken from: from this machine when it fits, else the download, else Go. */
export function choose(name: Name, onPath: Version | undefined, reachable: boolean): Source {
  if (onPath && fits(name, onPath)) return 'PATH'
  return reachable ? 'downloaded' : 'built'
}

/**
 * The addresses that kwokctl downloads from when it is left to itself, with its own variables for mirrors.
 * Of kwokctl there is none: it is what downloads.
 */
export function addresses(
  platform: string,
  arch: string,
  env: NodeJS.ProcessEnv = process.env,
): Partial<Record<Name, string>> {
  const arm = arch === 'x64' ? 'amd64' : arch
  const github = 'https://github.com'
  const linux = platform === 'linux'
  // Kubernetes publishes its control plane for Linux alone; kwok's makers build it for the others.
  const kube =
    env.KWOK_KUBE_BINARY_PREFIX ??
    (linux
      ? `https://dl.k8s.io/release/v${KUBE}/bin/linux/${arm}`
      : `${github}/kwok-ci/k8s/releases/download/v${KUBE}-kwok.0-${platform}-${arm}`)
  const kubectl = env.KWOK_KUBE_BINARY_PREFIX ?? `https://dl.k8s.io/release/v${KUBE}/bin/${platform}/${arm}`
  const kwok = env.KWOK_BINARY_PREFIX ?? `${github}/kubernetes-sigs/kwok/releases/download/v${KWOK}`
  const etcd = env.KWOK_ETCD_BINARY_PREFIX ?? `${github}/etcd-io/etcd/releases/download/v${ETCD}`
  return {
    'kube-apiserver': `${kube}/kube-apiserver`,
    'kube-controller-manager': `${kube}/kube-controller-manager`,
    'kube-scheduler': `${kube}/kube-scheduler`,
    kubectl: `${kubectl}/kubectl`,
    etcd: `${etcd}/etcd-v${ETCD}-${platform}-${arm}.${linux ? 'tar.gz' : 'zip'}#etcd`,
    kwok: `${kwok}/kwok-${platform}-${arm}`,
  }
}

/** Where kwokctl puts what it downloads. */
export function downloads(): string {
  return join(cacheFolder(), 'downloads')
}

/** The file that kwokctl makes of an address. */
export function downloaded(address: string): string {
  const url = new URL(address)
  const file = join(downloads(), url.protocol.replace(':', ''), url.host, url.pathname)
  return url.hash ? join(dirname(file), url.hash.slice(1)) : file
}

// Asks for the very file, because a host may answer and yet refuse it; briefly, because some networks never answer.
async function answers(address: string): Promise<boolean> {
  if (existsSync(downloaded(address))) return true
  try {
    const answer = await fetch(address.replace(/#.*/, ''), { method: 'HEAD', signal: AbortSignal.timeout(5000) })
    return answer.ok
  } catch {
    return false
  }
}

async function versionOf(name: Name, file: string): Promise<Version | undefined> {
  const args = name === 'kubectl' ? ['version', '--client'] : ['--version']
  // kubectl reads a person's own files even for this, unless told not to.
  const ended = await tryRun(file, args, { timeout: 20, env: { KUBECONFIG: '/dev/null', KUBERC: 'off' } })
  return ended.exitCode === 0 ? parseVersion(ended.stdout) : undefined
}

/**
 * Finds the programs: on PATH in a fitting version, else where kwokctl can download them, else built with Go into the
 * cache. What is built already is used; `say` hears how far a build is. Throws a Problem before anything is built
 * when Go is needed and will not do.
 */
export async function findPrograms<N extends Name>(
  names: N[],
  say: (text: string) => void,
  mayDownload = true,
): Promise<Record<N, Program>> {
  const wanted = mayDownload ? addresses(process.platform, process.arch) : {}
  const found = await Promise.all(
    names.map(async (name) => {
      const file = onPath(name)
      const version = file ? await versionOf(name, file) : undefined
      const address = wanted[name]
      // Nothing is asked of the network for a program that is here.
      const reachable = !(version && fits(name, version)) && address !== undefined && (await answers(address))
      const source = choose(name, version, reachable)
      if (source === 'PATH') return { name, source, path: file!, version: version!.join('.') }
      return { name, source, path: source === 'downloaded' ? address! : '', version: published(name, source) }
    }),
  )
  const toBuild = found.filter(({ source }) => source === 'built').map(({ name }) => name)
  const folder = toBuild.length > 0 ? await build(CLUSTER, toBuild, say) : ''
  return Object.fromEntries(
    found.map(({ name, source, path, version }) => [
      name,
      { source, version, path: source === 'built' ? join(folder, name) : path },
    ]),
  ) as Record<N, Program>
}

function published(name: Name, source: Source): string {
  if (name === 'kwok' || name === 'kwokctl') return KWOK
  if (name !== 'etcd') return KUBE
  // kwok downloads a later etcd than its module can be built with.
  return source === 'built' ? /go\.etcd\.io\/etcd\/server\/v3 v(\S+)/.exec(read(CLUSTER.folder, 'go.mod'))![1]! : ETCD
}

/** The kind tool: on PATH, else built with Go into the cache. */
export async function findKind(say: (text: string) => void): Promise<string> {
  const file = onPath('kind')
  if (file) return file
  const folder = join(cacheFolder(), 'programs', 'kind-v0.33.0')
  if (existsSync(join(folder, 'kind'))) return join(folder, 'kind')
  if (!onPath('go')) {
    throw new Problem(
      'The kind tool is not on this machine, nor is Go to build it.',
      'Install kind: https://kind.sigs.k8s.io',
    )
  }
  say('building kind')
  await run('go', ['install', 'sigs.k8s.io/kind@v0.33.0'], { env: { ...goIn('.').env, GOBIN: folder, GOFLAGS: '' } })
  return join(folder, 'kind')
}

/** Where the programs came from, in a few words: `built: Kubernetes 1.36.3, etcd 3.6.8, kwok 0.8.0; on PATH: kubectl 1.32.4`. */
export function origin(programs: Record<Name, Program>): string {
  const told: [string, Name][] = [
    ['Kubernetes', 'kube-apiserver'],
    ['etcd', 'etcd'],
    ['kwok', 'kwok'],
    ['kubectl', 'kubectl'],
  ]
  const words = { PATH: 'on PATH', downloaded: 'downloaded', built: 'built' }
  return (['downloaded', 'built', 'PATH'] as const)
    .map(
      (source) =>
        [
          words[source],
          told
            .filter(([, name]) => programs[name].source === source)
            .map(([word, name]) => `${word} ${programs[name].version}`),
        ] as const,
    )
    .filter(([, names]) => names.length > 0)
    .map(([word, names]) => `${word}: ${names.join(', ')}`)
    .join('; ')
}
