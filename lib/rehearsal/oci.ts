import { createHash, randomBytes } from 'node:crypto'
import {
  copyFileSync,
  createReadStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { Problem } from '../base/problem.ts'
import { onPath, run, tryRun } from '../base/shell.ts'

/** One layer of an image, as a file. */
export interface Layer {
  file: string
  digest: string
  size: number
}

/** An image to be: its name with registry and tag, its layers from below, and how its program is started. */
export interface Image {
  name: string
  layers: Layer[]
  entrypoint: string[]
  cmd?: string[]
  env?: string[]
}

/** The image of the process that holds a pod's network. */
export const PAUSE = 'registry.rehearsal.example/pause:1'

const sha256 = (data: string | Buffer) => `sha256:${createHash('sha256').update(data).digest('hex')}`

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

/** What a file is, as far as a cache has to know: a program that was built or installed anew is another one. */
export function stamp(file: string): string {
  const { size, mtimeMs } = statSync(file)
  return `${file} ${size} ${mtimeMs}`
}

/** A layer that `fill` lays out in a folder; taken from the cache when one of the same `inputs` is there. */
export async function layer(inputs: string[], fill: (stage: string) => void | Promise<void>): Promise<Layer> {
  const folder = join(cacheFolder(), 'layers')
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16)
  const file = join(folder, `${key}.tar`)
  const told = join(folder, `${key}.json`)
  if (existsSync(told) && existsSync(file)) return { ...JSON.parse(readFileSync(told, 'utf8')), file }
  mkdirSync(folder, { recursive: true })
  const stage = join(folder, `${key}.partial-${randomBytes(4).toString('hex')}`)
  try {
    mkdirSync(join(stage, 'root'), { recursive: true })
    await fill(join(stage, 'root'))
    // Owner, order and times are fixed, so that the same content has the same digest.
    const how = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--format=gnu']
    await run('tar', [...how, '-C', join(stage, 'root'), '-cf', join(stage, 'layer.tar'), '.'])
    const made = {
      digest: await digestOf(join(stage, 'layer.tar')),
      size: statSync(join(stage, 'layer.tar')).size,
    }
    renameSync(join(stage, 'layer.tar'), file)
    writeFileSync(join(stage, 'told'), JSON.stringify(made))
    renameSync(join(stage, 'told'), told)
    return { ...made, file }
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Writes images into a folder as an OCI layout: no daemon is needed, and `ctr images import` reads it from a tar. */
export function layOut(images: Image[], folder: string): string {
  rmSync(folder, { recursive: true, force: true })
  const blobs = join(folder, 'blobs', 'sha256')
  mkdirSync(blobs, { recursive: true })
  const blob = (mediaType: string, object: unknown) => {
    const text = JSON.stringify(object)
    const digest = sha256(text)
    writeFileSync(join(blobs, digest.slice(7)), text)
    return { mediaType, digest, size: Buffer.byteLength(text) }
  }
  const manifests = images.map(({ name, layers, entrypoint, cmd, env }) => {
    for (const { file, digest } of layers) share(file, join(blobs, digest.slice(7)))
    const config = blob('application/vnd.oci.image.config.v1+json', {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {
        Entrypoint: entrypoint,
        Cmd: cmd ?? [],
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...(env ?? [])],
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    })
    const manifest = blob('application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: layers.map(({ digest, size }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest,
        size,
      })),
    })
    return { ...manifest, annotations: { 'io.containerd.image.name': name } }
  })
  const index = JSON.stringify({ schemaVersion: 2, manifests })
  writeFileSync(join(folder, 'index.json'), index)
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  return sha256(index)
}

function share(from: string, to: string): void {
  if (existsSync(to)) return
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

/** The shared libraries that some programs of this machine need, with what loads them. */
async function libraries(files: string[]): Promise<string[]> {
  const found = new Set<string>()
  for (const file of files) {
    const { stdout } = await tryRun('ldd', [file])
    const [, lacking] = /^\s*(\S+) => not found/m.exec(stdout) ?? []
    if (lacking) throw new Problem(`${file} needs ${lacking}, which is not on this machine`, 'Install it.')
    for (const [, path] of stdout.matchAll(/(\/\S+\.so\S*)(?: \(0x|$)/gm)) found.add(path!)
  }
  return [...found]
}

/** Copies programs of this machine into a folder that is to be a root, with the libraries they need. */
export async function copyPrograms(stage: string, programs: Record<string, string>): Promise<void> {
  for (const [at, from] of Object.entries(programs)) {
    mkdirSync(dirname(join(stage, at)), { recursive: true })
    copyFileSync(from, join(stage, at))
  }
  for (const library of await libraries(Object.values(programs))) {
    // bin, lib and lib64 are links to those in usr, here as there.
    const at = library.replace(/^\/(lib\w*)\//, '/usr/$1/')
    mkdirSync(dirname(join(stage, at)), { recursive: true })
    copyFileSync(library, join(stage, at))
  }
}

/** A program of one of Debian's packages: from PATH, else out of the package, which is not installed for it. */
export async function debian(pkg: string, file: string): Promise<string> {
  const there = onPath(file.split('/').at(-1)!) ?? (existsSync(file) ? file : undefined)
  if (there) return there
  const folder = join(cacheFolder(), 'debian', pkg)
  if (!existsSync(join(folder, file))) {
    const partial = `${folder}.partial-${process.pid}`
    rmSync(partial, { recursive: true, force: true })
    mkdirSync(partial, { recursive: true })
    await run('apt-get', ['download', pkg], { cwd: partial })
    const deb = readdirSync(partial).find((name) => name.endsWith('.deb'))
    await run('dpkg', ['-x', deb!, partial], { cwd: partial })
    rmSync(join(partial, deb!))
    rmSync(folder, { recursive: true, force: true })
    renameSync(partial, folder)
  }
  return join(folder, file)
}
