import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { Problem } from '../base/problem.ts'
import { onPath, run, tryRun } from '../base/shell.ts'

/** The shared libraries in the output of ldd. Throws a Problem when the machine lacks one that `file` needs. */
export function sharedLibraries(file: string, ldd: string): string[] {
  const [, missing] = /^\s*(\S+) => not found/m.exec(ldd) ?? []
  if (missing) throw new Problem(`${file} needs ${missing}, which is not installed`, `Install ${missing}.`)
  return [...ldd.matchAll(/(\/\S+\.so\S*)(?: \(0x|$)/gm)].map(([, path]) => path!)
}

/** Copies programs of this machine, by their paths in the image, into the folder of a layer, with their libraries. */
export async function copyPrograms(stage: string, programs: Record<string, string>): Promise<void> {
  const libraries = new Set<string>()
  for (const [path, from] of Object.entries(programs)) {
    mkdirSync(dirname(join(stage, path)), { recursive: true })
    copyFileSync(from, join(stage, path))
    for (const library of sharedLibraries(from, (await tryRun('ldd', [from])).stdout)) libraries.add(library)
  }
  for (const library of libraries) {
    const to = join(stage, libraryPath(library))
    mkdirSync(dirname(to), { recursive: true })
    copyFileSync(library, to)
  }
}

/** Where a library is in an image: its lib folders are links into /usr, as on this machine. */
export function libraryPath(library: string): string {
  return library.replace(/^\/(lib\w*)\//, '/usr/$1/')
}

/** A program of a Debian package: the installed one, else out of the package, which is downloaded and not installed. */
export async function debianProgram(debianPackage: string, file: string): Promise<string> {
  const installed = onPath(file.split('/').at(-1)!) ?? (existsSync(file) ? file : undefined)
  if (installed) return installed
  const folder = join(cacheFolder(), 'debian', debianPackage)
  if (!existsSync(join(folder, file))) {
    const partial = `${folder}.partial-${process.pid}`
    rmSync(partial, { recursive: true, force: true })
    mkdirSync(partial, { recursive: true })
    await run('apt-get', ['download', debianPackage], { cwd: partial, timeout: 600 })
    const deb = readdirSync(partial).find((name) => name.endsWith('.deb'))
    await run('dpkg', ['-x', deb!, partial], { cwd: partial })
    rmSync(join(partial, deb!))
    rmSync(folder, { recursive: true, force: true })
    renameSync(partial, folder)
  }
  return join(folder, file)
}
