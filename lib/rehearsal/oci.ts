import { createHash, randomBytes } from 'node:crypto'
import {
  copyFileSync,
  createReadStream,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { run } from '../base/shell.ts'

/** One layer of an image, as a file. */
export interface Layer {
  file: string
  digest: string
  size: number
}

/** An image to build: its name with registry and tag, its layers from below, and how its program is started. */
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

/** Identifies a file for a cache: a program that was rebuilt or reinstalled has another stamp. */
export function fileStamp(file: string): string {
  const { size, mtimeMs } = statSync(file)
  return `${file} ${size} ${mtimeMs}`
}

/** The layer that `fill` lays out in a folder; from the cache when there is one of the same `inputs`. */
export async function cachedLayer(inputs: string[], fill: (stage: string) => void | Promise<void>): Promise<Layer> {
  const folder = join(cacheFolder(), 'layers')
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16)
  const file = join(folder, `${key}.tar`)
  const metadata = join(folder, `${key}.json`)
  if (existsSync(metadata) && existsSync(file)) return { ...JSON.parse(readFileSync(metadata, 'utf8')), file }
  mkdirSync(folder, { recursive: true })
  const stage = join(folder, `${key}.partial-${randomBytes(4).toString('hex')}`)
  try {
    mkdirSync(join(stage, 'root'), { recursive: true })
    await fill(join(stage, 'root'))
    // Owner, order and times are fixed, so that the same content has the same digest.
    const fixed = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--format=gnu']
    const tar = join(stage, 'layer.tar')
    await run('tar', [...fixed, '-C', join(stage, 'root'), '-cf', tar, '.'], { timeout: 600 })
    const layer = { digest: await digestOf(tar), size: statSync(tar).size }
    renameSync(tar, file)
    writeFileSync(join(stage, 'layer.json'), JSON.stringify(layer))
    renameSync(join(stage, 'layer.json'), metadata)
    return { ...layer, file }
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/**
 * Writes images into a folder as an OCI layout, which `ctr images import` reads from a tar; answers the digest of its
 * index. Needs no daemon.
 */
export function writeLayout(images: Image[], folder: string): string {
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
    for (const { file, digest } of layers) linkOrCopy(file, join(blobs, digest.slice(7)))
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

/** Puts a file to another path: as a link where the file system allows it. */
export function linkOrCopy(from: string, to: string): void {
  if (existsSync(to)) return
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}
