import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { locked } from '../base/lock.ts'
import { type Fault, Problem } from '../base/problem.ts'
import { type Ended, onPath, run, tryRun } from '../base/shell.ts'

// The programs of the rehearsal cluster. go/cluster/go.mod has the same versions.
const KUBE = '1.36.3'
const KWOK = '0.8.0'
const ETCD = '3.6.10'

/** The programs of the rehearsal cluster, and the Go package each is built from. */
const PACKAGES = {
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  etcd: 'go.etcd.io/etcd/server/v3',
  kwok: 'sigs.k8s.io/kwok/cmd/kwok',
  kwokctl: 'sigs.k8s.io/kwok/cmd/kwokctl',
} as const

export type Name = keyof typeof PACKAGES
export const NAMES = Object.keys(PACKAGES) as Name[]

/** Where a program comes from: this machine, a download that kwokctl does by itself, or Go modules. */
export type Source = 'PATH' | 'downloaded' | 'built'

/** A program to use: `path` is a file, or the address that kwokctl downloads it from. */
export interface Program {
  source: Source
  version: string
  path: string
}

/** The folder for what is costly to make and outlives a clone: RUNBOOK_CACHE, else that of the system. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.RUNBOOK_CACHE) return resolve(env.RUNBOOK_CACHE)
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'prow-runbook')
}

type Version = [major: number, minor: number, patch: number]

/** The version in what a program or a go.mod says of itself. */
export function readVersion(text: string): Version | undefined {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)
  return found ? [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)] : undefined
}

/** Whether the first version is the second or a later one. */
export function atLeast(one: Version, other: Version): boolean {
  const at = one.findIndex((part, index) => part !== other[index])
  return at === -1 || one[at]! > other[at]!
}

/** Whether a program that is on this machine already will do. */
export function fits(name: Name, version: Version): boolean {
  const [major, minor] = version
  if (name === 'kubectl') return major === 1 && minor >= 28
  if (name === 'etcd') return major === 3 && minor >= 5
  // Stages that make other objects, as our volumes need, came with 0.8.
  if (name === 'kwok' || name === 'kwokctl') return atLeast(version, [0, 8, 0])
  // The three of the control plane have to be of one minor version, so it is this one.
  return major === 1 && minor === readVersion(KUBE)![1]
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
  return ended.exitCode === 0 ? readVersion(ended.stdout) : undefined
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

const GO = join(import.meta.dirname, 'go')

/** Programs that one of the Go modules in go/ builds: the package of each. */
interface Module {
  folder: string
  packages: Record<string, string>
  ldflags?: string[]
}

const CLUSTER: Module = {
  folder: join(GO, 'cluster'),
  packages: PACKAGES,
  // Without these the Kubernetes programs call themselves v0.0.0, and kwokctl picks arguments by version.
  ldflags: [
    `-X k8s.io/component-base/version.gitVersion=v${KUBE}`,
    `-X k8s.io/component-base/version.gitMajor=1`,
    `-X k8s.io/component-base/version.gitMinor=${KUBE.split('.')[1]}`,
  ],
}

/** Prow's own programs; each is the last part of its package and the name of its image. */
export const PROW_PROGRAMS = [
  ...['checkconfig', 'clonerefs', 'crier', 'deck', 'entrypoint', 'ghproxy', 'hook', 'horologium', 'initupload'],
  ...['prow-controller-manager', 'sidecar', 'sinker', 'status-reconciler', 'tide'],
]

const PROW: Module = {
  folder: join(GO, 'prow'),
  packages: Object.fromEntries(PROW_PROGRAMS.map((name) => [name, `sigs.k8s.io/prow/cmd/${name}`])),
}

/** What a real node runs; Prow's own programs; and what stands in for ingress-nginx there. */
const REAL: Module[] = [
  {
    ...CLUSTER,
    packages: { kubelet: 'k8s.io/kubernetes/cmd/kubelet', 'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy' },
  },
  {
    folder: join(GO, 'node'),
    packages: {
      coredns: 'github.com/coredns/coredns',
      versitygw: 'github.com/versity/versitygw/cmd/versitygw',
      'nginx-ingress-controller': 'prow-runbook/node/ingress',
    },
  },
  PROW,
]

/** Builds the programs of a real node with Go into the cache; answers the file of each. */
export async function buildReal(say: (text: string) => void): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const module of REAL) {
    const names = Object.keys(module.packages)
    const folder = await build(module, names, say)
    for (const name of names) files[name] = join(folder, name)
  }
  return files
}

/** Builds checkconfig, with which our rules are compared; answers its file. */
export async function buildCheckconfig(say: (text: string) => void): Promise<string> {
  return join(await build(PROW, ['checkconfig'], say), 'checkconfig')
}

/** The source of Prow in the module cache: Deck's pages are there. */
export async function prowSource(): Promise<string> {
  const asked = ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/prow']
  return (await run('go', asked, goIn(join(GO, 'prow')))).trim()
}

function read(folder: string, file: 'go.mod' | 'go.sum'): string {
  return readFileSync(join(folder, file), 'utf8')
}

// -mod and -buildvcs are said here because a person's own GOFLAGS may say otherwise.
const flags = (ldflags: string) => ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags', ldflags]
const goIn = (cwd: string) => ({ cwd, env: { CGO_ENABLED: '0', GOWORK: 'off' } })

/** What Go here is, or the fault that keeps it from building. `answer` is that of `go env GOVERSION GOOS GOARCH`. */
export function judgeGo(answer: Ended | undefined, goMod: string): { go: string } | { fault: Fault } {
  const needs = /^go (\S+)/m.exec(goMod)?.[1] ?? '1.26'
  const remedy = `Install Go ${needs} or later (https://go.dev/dl), or see that dl.k8s.io and github.com can be reached.`
  const why = 'The programs of the rehearsal cluster are not on PATH and cannot be downloaded'
  if (!answer) return { fault: { wrong: `${why}, and Go is not on this machine to build them.`, remedy } }
  if (answer.exitCode !== 0) {
    return { fault: { wrong: `${why}, and Go cannot build them: ${answer.stderr.trim()}`, remedy } }
  }
  const go = answer.stdout.trim().split(/\s+/).join(' ')
  const version = readVersion(go)
  if (!version || !atLeast(version, readVersion(needs)!)) {
    return { fault: { wrong: `${why}, and Go here is ${go.split(' ')[0]}, too old to build them.`, remedy } }
  }
  return { go }
}

/** The name of the folder for what is built: the same as long as the same would come of it. */
export function cacheKey(inputs: string[]): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16)
}

// The sources of the module that are ours: what is built of them must not outlive them.
function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.go'))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
}

async function build(module: Module, names: string[], say: (text: string) => void): Promise<string> {
  const goMod = read(module.folder, 'go.mod')
  const ldflags = ['-s -w', ...(module.ldflags ?? [])].join(' ')
  const answer = onPath('go')
    ? await tryRun('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], goIn(module.folder))
    : undefined
  const judged = judgeGo(answer, goMod)
  if ('fault' in judged) throw Problem.all([judged.fault])

  const programs = join(cacheFolder(), 'programs')
  const folder = join(
    programs,
    cacheKey([goMod, read(module.folder, 'go.sum'), judged.go, ldflags, ...sources(module.folder)]),
  )
  const missing = () => names.filter((name) => !existsSync(join(folder, name)))
  if (missing().length === 0) return folder

  await locked(
    `${folder}.lock`,
    (pid) => say(`waiting for process ${pid}, which builds the same programs`),
    async () => {
      // Another run may have built them while this one waited.
      if (missing().length > 0) await compile(module, missing(), folder, ldflags, say)
    },
  )
  return folder
}

async function compile(
  module: Module,
  names: string[],
  folder: string,
  ldflags: string,
  say: (text: string) => void,
): Promise<void> {
  const packages = names.map((name) => module.packages[name]!)
  say('looking at what has to be compiled')
  let modules = 0
  const stale = await go(
    module.folder,
    ['list', ...flags(ldflags), '-deps', '-f', '{{if .Stale}}{{.ImportPath}}{{end}}', ...packages],
    (text) => {
      for (const [, module] of text.matchAll(/go: downloading (\S+ \S+)/g))
        say(`downloading module ${++modules}: ${module}`)
    },
  )
  const all = stale.split('\n').filter(Boolean).length

  // Go keeps each compiled package in a cache of its own: a build that was stopped goes on where it was.
  // The folder is this process's own: a go that outlived the run it was started by may still be writing to another.
  for (const left of readdirSync(dirname(folder))) {
    if (left.startsWith(`${basename(folder)}.partial-`))
      rmSync(join(dirname(folder), left), { recursive: true, force: true })
  }
  const partial = `${folder}.partial-${process.pid}`
  mkdirSync(partial, { recursive: true })
  let compiled = 0
  await go(module.folder, ['build', '-v', ...flags(ldflags), '-o', `${partial}/`, ...packages], (text) => {
    compiled += text.split('\n').length - 1
    say(progress(compiled, all))
  })
  // Go names a program for the last part of its package that is no version.
  const made = (name: string) =>
    module.packages[name]!.replace(/\/v\d+$/, '')
      .split('/')
      .at(-1)!
  mkdirSync(folder, { recursive: true })
  for (const name of names) renameSync(join(partial, made(name)), join(folder, name))
  rmSync(partial, { recursive: true, force: true })
}

/** How far a build is. */
export function progress(compiled: number, all: number): string {
  if (compiled >= all) return 'linking the programs'
  return `compiling ${compiled.toLocaleString('en')} of ${all.toLocaleString('en')} packages`
}

async function go(folder: string, args: string[], onStderr: (text: string) => void): Promise<string> {
  const ended = await tryRun('go', args, { ...goIn(folder), onStderr })
  if (ended.exitCode === 0) return ended.stdout
  const lines = ended.stderr
    .split('\n')
    .filter((printed) => printed.trim() && !/^[\w.~/-]+$|^go: downloading/.test(printed))
  throw new Problem(
    `The programs of the rehearsal cluster could not be built: ${lines.slice(-5).join('\n') || `go ended with ${ended.exitCode}`}`,
    'See that the Go module proxy can be reached (go env GOPROXY) and that there are 5 GB free, then run the same line again: it goes on where it was.',
  )
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
