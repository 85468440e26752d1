import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { run } from '../base/shell.ts'
import { type GoModule, NODE, PROW, readModule } from './go-modules.ts'
import { goOptions, goVersion, runGo } from './go-toolchain.ts'
import type { Progress } from './task.ts'

/** Builds the programs of a real node with Go into the cache; answers the file of each. */
export async function buildNodePrograms(progress: Progress): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const [index, module] of NODE.entries()) {
    const names = Object.keys(module.packages)
    const folder = await buildPrograms(module, names, (text) =>
      progress(`part ${index + 1} of ${NODE.length}, ${text}`),
    )
    for (const name of names) files[name] = join(folder, name)
  }
  return files
}

/** Builds checkconfig, with which our rules are compared; answers its file. */
export async function buildCheckconfig(progress: Progress): Promise<string> {
  return join(await buildPrograms(PROW, ['checkconfig'], progress), 'checkconfig')
}

/** The folder with Prow's source in Go's module cache: Deck's pages are there. */
export async function prowSource(): Promise<string> {
  const args = ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/prow']
  return (await run('go', args, goOptions(PROW.folder))).trim()
}

// -mod and -buildvcs are given because the reader's own GOFLAGS may set them otherwise.
const flags = (ldflags: string) => ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags', ldflags]

/** The name of the folder of a build: the same inputs have the same one. */
export function cacheKey(inputs: string[]): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16)
}

// The module's own Go files: programs that were built from older ones are not used.
function sources({ folder }: GoModule): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.go'))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
}

/** Builds programs of a module into the cache, those that are not there yet; answers their folder. */
export async function buildPrograms(module: GoModule, names: string[], progress: Progress): Promise<string> {
  const goMod = readModule(module, 'go.mod')
  const ldflags = ['-s -w', ...(module.ldflags ?? [])].join(' ')
  const go = await goVersion(module.folder, goMod)
  const key = cacheKey([goMod, readModule(module, 'go.sum'), go, ldflags, ...sources(module)])
  const folder = join(cacheFolder(), 'programs', key)
  const missing = () => names.filter((name) => !existsSync(join(folder, name)))
  if (missing().length === 0) return folder
  await withLock(
    `${folder}.lock`,
    (pid) => progress(`waiting for process ${pid}, which builds the same programs`),
    async () => {
      // Another run may have built them while this one waited.
      if (missing().length > 0) await compile(module, missing(), folder, ldflags, progress)
    },
  )
  return folder
}

async function compile(
  module: GoModule,
  names: string[],
  folder: string,
  ldflags: string,
  progress: Progress,
): Promise<void> {
  const packages = names.map((name) => module.packages[name]!)
  progress('listing the packages to compile')
  let modules = 0
  const stale = await runGo(
    module.folder,
    ['list', ...flags(ldflags), '-deps', '-f', '{{if .Stale}}{{.ImportPath}}{{end}}', ...packages],
    (text) => {
      for (const [, name] of text.matchAll(/go: downloading (\S+ \S+)/g))
        progress(`downloading module ${++modules}: ${name}`)
    },
  )
  const all = stale.split('\n').filter(Boolean).length

  // Go caches each compiled package, so a build that was stopped continues where it was. The folder belongs to this
  // process alone: a go that outlived the run that started it may still write to another.
  for (const name of readdirSync(dirname(folder))) {
    if (name.startsWith(`${basename(folder)}.partial-`))
      rmSync(join(dirname(folder), name), { recursive: true, force: true })
  }
  const partial = `${folder}.partial-${process.pid}`
  mkdirSync(partial, { recursive: true })
  let compiled = 0
  await runGo(module.folder, ['build', '-v', ...flags(ldflags), '-o', `${partial}/`, ...packages], (text) => {
    compiled += text.split('\n').length - 1
    progress(buildProgress(compiled, all))
  })
  mkdirSync(folder, { recursive: true })
  for (const name of names) renameSync(join(partial, builtName(module.packages[name]!)), join(folder, name))
  rmSync(partial, { recursive: true, force: true })
}

/** The file that Go builds a package into: the last part of its path that is not a version. */
export function builtName(path: string): string {
  return basename(path.replace(/\/v\d+$/, ''))
}

/**
 * How far a build is. The number of packages is the fairest measure of the time that it takes: their size is not, because
 * the largest are tables.
 */
export function buildProgress(compiled: number, all: number): string {
  if (compiled >= all) return 'linking the programs'
  const of = `${compiled.toLocaleString('en')} of ${all.toLocaleString('en')} packages`
  return `compiled ${Math.floor((100 * compiled) / all)} % (${of})`
}
