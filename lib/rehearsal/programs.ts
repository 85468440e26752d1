import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { onPath } from '../base/shell.ts'
import { atLeast, parseVersion, type Version } from '../base/version.ts'
import { downloadProgram } from './download.ts'
import { buildPrograms } from './go-build.ts'
import { CLUSTER, KUBE, type ProgramName, readModule } from './go-modules.ts'
import { probe } from './probe.ts'
import type { Progress } from './task.ts'

const KWOK = '0.8.0'

const ETCD = '3.6.10'

/** Where a program comes from: PATH, a download, or a build from Go modules. */
export type ProgramSource = 'PATH' | 'downloaded' | 'built'

/** A program to use: `path` is a file, or the URL that it is downloaded from. */
export interface Program {
  source: ProgramSource
  version: string
  path: string
}

/** Whether a version of a program that is installed can be used. */
export function isSupported(name: ProgramName, version: Version): boolean {
  const [major, minor] = version
  if (name === 'kubectl') return major === 1 && minor >= 28
  if (name === 'etcd') return major === 3 && minor >= 5
  // Stages that create other objects, which the simulated volumes need, came with 0.8.
  if (name === 'kwok' || name === 'kwokctl') return atLeast(version, [0, 8, 0])
  // The three programs of the control plane must have the same minor version.
  return major === 1 && minor === parseVersion(KUBE)![1]
}

/** Where a program is taken from: PATH when that version is supported, else the download, else Go. */
export function chooseSource(name: ProgramName, installed: Version | undefined, reachable: boolean): ProgramSource {
  if (installed && isSupported(name, installed)) return 'PATH'
  return reachable ? 'downloaded' : 'built'
}

/** The URLs that kwokctl downloads from by default, with its own variables for mirrors, and that of kwokctl itself. */
export function downloadUrls(
  platform: string,
  arch: string,
  env: NodeJS.ProcessEnv = process.env,
): Record<ProgramName, string> {
  const goArch = arch === 'x64' ? 'amd64' : arch
  const github = 'https://github.com'
  const linux = platform === 'linux'
  // Kubernetes publishes its control plane for Linux only; the kwok project builds it for other systems.
  const kube =
    env.KWOK_KUBE_BINARY_PREFIX ??
    (linux
      ? `https://dl.k8s.io/release/v${KUBE}/bin/linux/${goArch}`
      : `${github}/kwok-ci/k8s/releases/download/v${KUBE}-kwok.0-${platform}-${goArch}`)
  const kubectl = env.KWOK_KUBE_BINARY_PREFIX ?? `https://dl.k8s.io/release/v${KUBE}/bin/${platform}/${goArch}`
  const kwok = env.KWOK_BINARY_PREFIX ?? `${github}/kubernetes-sigs/kwok/releases/download/v${KWOK}`
  const etcd = env.KWOK_ETCD_BINARY_PREFIX ?? `${github}/etcd-io/etcd/releases/download/v${ETCD}`
  return {
    'kube-apiserver': `${kube}/kube-apiserver`,
    'kube-controller-manager': `${kube}/kube-controller-manager`,
    'kube-scheduler': `${kube}/kube-scheduler`,
    kubectl: `${kubectl}/kubectl`,
    etcd: `${etcd}/etcd-v${ETCD}-${platform}-${goArch}.${linux ? 'tar.gz' : 'zip'}#etcd`,
    kwok: `${kwok}/kwok-${platform}-${goArch}`,
    kwokctl: `${kwok}/kwokctl-${platform}-${goArch}`,
  }
}

/** Where kwokctl puts what it downloads. */
export function downloadFolder(): string {
  return join(cacheFolder(), 'downloads')
}

/** The file in which kwokctl keeps what it downloads from a URL; its own is beside them. */
export function downloadedFile(address: string): string {
  const url = new URL(address)
  const file = join(downloadFolder(), url.protocol.replace(':', ''), url.host, url.pathname)
  return url.hash ? join(dirname(file), url.hash.slice(1)) : file
}

/** The file of a program, also of one that kwokctl has yet to download. */
export function programFile({ source, path }: Program): string {
  return source === 'downloaded' ? downloadedFile(path) : path
}

/** Whether kwokctl has yet to download one of the programs. */
export function needsDownload(programs: Partial<Record<ProgramName, Program>>): boolean {
  return Object.values(programs).some((program) => program.source === 'downloaded' && !existsSync(programFile(program)))
}

// Asks for the very file, because a host may answer and still refuse it; briefly, because some networks never answer.
async function isReachable(address: string): Promise<boolean> {
  if (existsSync(downloadedFile(address))) return true
  try {
    const response = await fetch(address.replace(/#.*/, ''), { method: 'HEAD', signal: AbortSignal.timeout(5000) })
    return response.ok
  } catch {
    return false
  }
}

async function versionOf(name: ProgramName, file: string): Promise<Version | undefined> {
  const args = name === 'kubectl' ? ['version', '--client'] : ['--version']
  // Without these kubectl reads the operator's own files even for this.
  const { exitCode, stdout } = await probe(file, args, { env: { KUBECONFIG: '/dev/null', KUBERC: 'off' } })
  return exitCode === 0 ? parseVersion(stdout) : undefined
}

/**
 * Finds the programs: on PATH in a supported version, else where kwokctl can download them, else built with Go into
 * the cache. kwokctl, which downloads the others, is downloaded here. `progress` gets how far that or a build is; it is
 * not called when there is nothing to do. Throws a Problem when Go is needed and cannot build them.
 */
export async function findPrograms<N extends ProgramName>(
  names: N[],
  progress: Progress,
  mayDownload = true,
): Promise<Record<N, Program>> {
  const urls: Partial<Record<ProgramName, string>> = mayDownload ? downloadUrls(process.platform, process.arch) : {}
  const found = await Promise.all(
    names.map(async (name) => {
      const file = onPath(name)
      const version = file ? await versionOf(name, file) : undefined
      const url = urls[name]
      // No network for a program that is installed.
      const reachable = !(version && isSupported(name, version)) && url !== undefined && (await isReachable(url))
      const source = chooseSource(name, version, reachable)
      if (source === 'PATH') return { name, source, path: file!, version: version!.join('.') }
      return { name, source, path: source === 'downloaded' ? url! : '', version: publishedVersion(name, source) }
    }),
  )
  const kwokctl = found.find(({ name, source }) => name === 'kwokctl' && source === 'downloaded')
  if (kwokctl && !existsSync(programFile(kwokctl))) await downloadProgram(kwokctl.path, programFile(kwokctl), progress)
  const toBuild = found.filter(({ source }) => source === 'built').map(({ name }) => name)
  const folder = toBuild.length > 0 ? await buildPrograms(CLUSTER, toBuild, progress) : ''
  return Object.fromEntries(
    found.map(({ name, source, path, version }) => [
      name,
      { source, version, path: source === 'built' ? join(folder, name) : path },
    ]),
  ) as Record<N, Program>
}

function publishedVersion(name: ProgramName, source: ProgramSource): string {
  if (name === 'kwok' || name === 'kwokctl') return KWOK
  if (name !== 'etcd') return KUBE
  // kwok downloads a later etcd than its module can be built with.
  return source === 'built' ? /go\.etcd\.io\/etcd\/server\/v3 v(\S+)/.exec(readModule(CLUSTER, 'go.mod'))![1]! : ETCD
}

/** The sources and versions in one line: `built: Kubernetes 1.36.3, etcd 3.6.8, kwok 0.8.0; on PATH: kubectl 1.32.4`. */
export function describeSources(programs: Record<ProgramName, Program>): string {
  const shown: [string, ProgramName][] = [
    ['Kubernetes', 'kube-apiserver'],
    ['etcd', 'etcd'],
    ['kwok', 'kwok'],
    ['kubectl', 'kubectl'],
  ]
  const sources: [ProgramSource, string][] = [
    ['downloaded', 'downloaded'],
    ['built', 'built'],
    ['PATH', 'on PATH'],
  ]
  return sources
    .map(([source, text]) => {
      const names = shown
        .filter(([, name]) => programs[name].source === source)
        .map(([displayName, name]) => `${displayName} ${programs[name].version}`)
      return names.length > 0 ? `${text}: ${names.join(', ')}` : ''
    })
    .filter(Boolean)
    .join('; ')
}
