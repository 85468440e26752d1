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
import type { Name } from './go-build.ts'
import type { Program } from './programs.ts'

/** The kind of cluster: simulated nodes and pods by kwok; a real node beside its control plane; or kind in Docker. */
export type Kind = 'kwok' | 'real' | 'kind'

/** A rehearsal that is up: what the runbook needs to work on it. */
export interface Rehearsal {
  dir: string
  kind: Kind
  /** The cluster's own kubeconfig, and the context in it. */
  kubeconfig: string
  context: string
  /** The settings file made for it. */
  env: string
  /** The kubectl to use, and whether it is on PATH already. */
  kubectl: string
  kubectlOnPath: boolean
  /** With a real node: the names that lead into it, and their addresses. */
  names?: Record<string, string>
  /** The environment in which `aws` talks to the AWS beside it, where there is one. */
  aws?: Record<string, string>
}

/** What became of a thing of the rehearsal, and a word more on it. */
export interface TaskResult {
  outcome: 'created' | 'changed' | 'unchanged'
  note?: string
}

/** Does one thing of the rehearsal and tells what became of it. */
export type Task = <T>(thing: string, work: (say: (text: string) => void) => Promise<[T, TaskResult]>) => Promise<T>

export interface Options {
  /** Its folder; `defaultDir` when absent. */
  dir?: string
  kind?: Kind
  /** Whether AWS is beside it: the real `aws` then talks to an emulator on this machine. */
  eks?: boolean
  /** Tells the reader of each thing; nothing is told when absent. */
  task?: Task
  /** Hears that another run works on the same rehearsal and is waited for. */
  waits?: (pid: number) => void
}

/** Where the rehearsal of `npm run rehearse` lives. */
export function defaultDir(kind: Kind, eks = false): string {
  if (eks) return join(cacheFolder(), 'rehearsal-eks')
  return join(cacheFolder(), kind === 'kwok' ? 'rehearsal' : `rehearsal-${kind}`)
}

export const GO = join(import.meta.dirname, 'go')

export const MARKER = 'rehearsal.json'

// What a rehearsal remembers of itself. The file also says that the folder is ours to remove.
interface Memory {
  rehearsal: 1
  kind: Kind
  programs?: Partial<Record<Name, Program>>
  /** The hash of cluster.yaml as it was applied. */
  holds?: string
}

export const places = (dir: string) => ({
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

export const UNCHANGED: TaskResult = { outcome: 'unchanged' }

export const silent: Task = async (_thing, work) => (await work(() => {}))[0]

// The folder, made when it is not there. One that holds something else is left alone.
export function claim(dir: string, kind: Kind): string {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    const memory = remember(dir)
    if (!memory) throw foreign(dir)
    if (memory.kind !== kind) {
      throw new Problem(
        `${dir} holds a rehearsal of another kind`,
        'Name another folder with --dir, or remove it with --down.',
      )
    }
  } else {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
    keep(dir, { rehearsal: 1, kind })
  }
  return realpathSync(dir)
}

export function foreign(dir: string): Problem {
  return new Problem(
    `${dir} holds something that is no rehearsal`,
    `Name another folder with --dir. A rehearsal is known by its ${MARKER}; nothing was touched.`,
  )
}

export function remember(dir: string): Memory | undefined {
  try {
    const memory = JSON.parse(readFileSync(places(dir).marker, 'utf8')) as Memory
    return memory.rehearsal === 1 ? memory : undefined
  } catch {
    return undefined
  }
}

export function keep(dir: string, memory: Memory): void {
  const whole = `${places(dir).marker}.new`
  writeFileSync(whole, `${JSON.stringify(memory, null, 2)}\n`)
  renameSync(whole, places(dir).marker)
}

export const short = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10)

export type Made = Pick<Rehearsal, 'context' | 'kubectl' | 'kubectlOnPath'>
