import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Problem } from '../base/problem.ts'
import { readSettings } from '../settings/settings.ts'
import { paths } from './folder.ts'
import { ensureCertificates } from './github.ts'
import { findNamespaces, type Namespaces, nodeEnvironment, nsenterArgs } from './namespaces.ts'
import { ensureNodePrograms } from './node.ts'
import { nodePaths } from './node-processes.ts'
import { type Image, writeLayout } from './oci.ts'
import type { Progress, TaskResult } from './task.ts'

// In milliseconds: a gigabyte is unpacked.
const IMPORT_LIMIT = 1_200_000

/** Builds every image that the manifests name and imports them into the node's containerd. */
export async function ensureImages(dir: string, progress: Progress): Promise<[undefined, TaskResult]> {
  // esbuild, which bundles Deck's pages, is loaded for these images alone.
  const { buildImages } = await import('./prow-images.ts')
  const [programs] = await ensureNodePrograms(progress)
  const began = Date.now()
  const settings = readSettings(paths(dir).env, {})
  const images = await buildImages(settings, programs, await ensureCertificates(dir), progress)
  progress('importing the images into containerd')
  const changed = await importImages(dir, findNamespaces(dir)!, images)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  return [
    undefined,
    changed ? { outcome: 'created', note: `${images.length} in ${seconds} s` } : { outcome: 'unchanged' },
  ]
}

// Answers whether it did: not when the same images were imported last.
async function importImages(dir: string, namespaces: Namespaces, images: Image[]): Promise<boolean> {
  const { images: folder, imported } = nodePaths(dir)
  const digest = writeLayout(images, folder)
  if (existsSync(imported) && readFileSync(imported, 'utf8') === digest) return false
  const tar = spawn('tar', ['-C', folder, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [program, ...args] = [...nsenterArgs(namespaces), 'ctr', '-n', 'k8s.io', 'images', 'import', '-']
  const output: string[] = []
  const ctr = spawn(program!, args, {
    stdio: [tar.stdout, 'pipe', 'pipe'],
    env: nodeEnvironment(),
    timeout: IMPORT_LIMIT,
  })
  for (const stream of [ctr.stdout, ctr.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    ctr.once('error', reject)
    ctr.once('exit', resolve)
  })
  if (exitCode !== 0) {
    throw new Problem(
      `the images could not be imported into containerd: ${output.join('').trim().split('\n').at(-1)}`,
      'Run the same line again.',
    )
  }
  writeFileSync(imported, digest)
  return true
}
