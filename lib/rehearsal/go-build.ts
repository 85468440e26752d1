import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { type Finding, Problem } from '../base/problem.ts'
import { type Completed, onPath, run, tryRun } from '../base/shell.ts'
import { atLeast, parseVersion } from '../base/version.ts'

// The programs of the rehearsal cluster. go/cluster/go.mod has the same versions.
export const KUBE = '1.36.3'

/** The programs of the rehearsal cluster, and the Go package each is built from. */
export const PACKAGES = {
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  etcd: 'go.etcd.io/etcd/server/v3',
  kwok: 'sigs.k8s.io/kwok/cmd/kwok',
  kwokctl: 'sigs.k8s.io/kwok/cmd/kwokctl',
} as const

export type Name = keyof typeof PACKAGES

const GO = join(import.meta.dirname, 'go')

/** Programs that one of the Go modules in go/ builds: the package of each. */
interface Module {
  folder: string
  packages: Record<string, string>
  ldflags?: string[]
}

export const CLUSTER: Module = {
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

export function read(folder: string, file: 'go.mod' | 'go.sum'): string {
  return readFileSync(join(folder, file), 'utf8')
}

// -mod and -buildvcs are said here because a person's own GOFLAGS may say otherwise.
const flags = (ldflags: string) => ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags', ldflags]

export const goIn = (cwd: string) => ({ cwd, env: { CGO_ENABLED: '0', GOWORK: 'off' } })

/** What Go here is, or the fault that keeps it from building. `answer` is that of `go env GOVERSION GOOS GOARCH`. */
export function judgeGo(answer: Completed | undefined, goMod: string): { go: string } | { fault: Finding } {
  const needs = /^go (\S+)/m.exec(goMod)?.[1] ?? '1.26'
  const remedy = `Install Go ${needs} or later (https://go.dev/dl), or see that dl.k8s.io and github.com can be reached.`
  const why = 'The programs of the rehearsal cluster are not on PATH and cannot be downloaded'
  if (!answer) return { fault: { message: `${why}, and Go is not on this machine to build them.`, remedy } }
  if (answer.exitCode !== 0) {
    return { fault: { message: `${why}, and Go cannot build them: ${answer.stderr.trim()}`, remedy } }
  }
  const go = answer.stdout.trim().split(/\s+/).join(' ')
  const version = parseVersion(go)
  if (!version || !atLeast(version, parseVersion(needs)!)) {
    return { fault: { message: `${why}, and Go here is ${go.split(' ')[0]}, too old to build them.`, remedy } }
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

export async function build(module: Module, names: string[], say: (text: string) => void): Promise<string> {
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

  await withLock(
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
