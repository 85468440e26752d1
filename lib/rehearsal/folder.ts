import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { Problem } from '../base/problem.ts'
import type { ProgramName } from './go-modules.ts'
import type { Program } from './programs.ts'

/** The kind of cluster: simulated nodes and pods (kwok), a real node beside its control plane, or kind in Docker. */
export type Kind = 'kwok' | 'real' | 'kind'

/** How the cluster of a rehearsal is reached. */
export interface ClusterAccess {
  /** The context in the rehearsal's kubeconfig. */
  context: string
  /** The kubectl to use, and whether it is the one on PATH. */
  kubectl: string
  kubectlOnPath: boolean
}

/** A rehearsal that is up: what the runbook needs to work on it. */
export interface Rehearsal extends ClusterAccess {
  dir: string
  kind: Kind
  kubeconfig: string
  /** Its settings file. */
  env: string
  /** With a real node: the host names that resolve to it, and their addresses. */
  hosts?: Record<string, string>
  /** The environment in which `aws` talks to the emulator, where there is one. */
  aws?: Record<string, string>
}

/** The folder that `npm run rehearse` uses when none is named. */
export function defaultDir(kind: Kind, eks = false): string {
  if (eks) return join(cacheFolder(), 'rehearsal-eks')
  return join(cacheFolder(), kind === 'kwok' ? 'rehearsal' : `rehearsal-${kind}`)
}

/** The file that marks a folder as a rehearsal, and holds its metadata. */
export const MARKER = 'rehearsal.json'

interface Metadata {
  rehearsal: 1
  kind: Kind
  programs?: Partial<Record<ProgramName, Program>>
  /** The hash of the cluster.yaml that was applied last. */
  manifestHash?: string
}

/** The files and folders of the rehearsal in `dir`. */
export const paths = (dir: string) => ({
  marker: join(dir, MARKER),
  kubeconfig: join(dir, 'kubeconfig'),
  env: join(dir, '.env'),
  secrets: join(dir, 'secrets'),
  config: join(dir, 'kwok.yaml'),
  work: join(dir, 'cluster'),
  cluster: join(dir, 'cluster', 'clusters', 'rehearsal'),
  aws: join(dir, 'aws'),
  ports: join(dir, 'aws', 'ports.json'),
})

/**
 * Creates the folder of a rehearsal, or adopts the one that is there; answers its real path. Throws a Problem when it
 * holds something else, which is never touched, or a rehearsal of another kind.
 */
export function claimFolder(dir: string, kind: Kind): string {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    const metadata = readMetadata(dir)
    if (!metadata) throw notRehearsal(dir)
    if (metadata.kind !== kind) {
      throw new Problem(
        `${dir} holds a rehearsal of another kind (${metadata.kind})`,
        'Name another folder with --dir, or remove it with --down.',
      )
    }
  } else {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
    writeMetadata(dir, { rehearsal: 1, kind })
  }
  return realpathSync(dir)
}

/** The Problem of a folder that holds something else. */
export function notRehearsal(dir: string): Problem {
  return new Problem(
    `${dir} is not empty and not a rehearsal: it has no valid ${MARKER}`,
    'Name another folder with --dir. Nothing in it was changed.',
  )
}

/** The metadata of the rehearsal in `dir`; undefined when there is none. */
export function readMetadata(dir: string): Metadata | undefined {
  try {
    const metadata = JSON.parse(readFileSync(paths(dir).marker, 'utf8')) as Metadata
    return metadata.rehearsal === 1 ? metadata : undefined
  } catch {
    return undefined
  }
}

/** Writes the metadata at once: a killed run never leaves half of it. */
export function writeMetadata(dir: string, metadata: Metadata): void {
  const draft = `${paths(dir).marker}.new`
  writeFileSync(draft, `${JSON.stringify(metadata, null, 2)}\n`)
  renameSync(draft, paths(dir).marker)
}

export const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10)
