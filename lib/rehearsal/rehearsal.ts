import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { Problem } from '../base/problem.ts'
import { ensureEmulator } from './aws.ts'
import {
  type ClusterAccess,
  claimFolder,
  defaultDir,
  type Kind,
  MARKER,
  notRehearsal,
  paths,
  type Rehearsal,
  readMetadata,
  shortHash,
} from './folder.ts'
import { ensureGithub, hostNames } from './github.ts'
import { createInputs, HOST, REGION, ZONE } from './inputs.ts'
import { ensureKindCluster, removeKindCluster, requireDocker } from './kind.ts'
import { ensureKwokCluster } from './kwok.ts'
import { requireMachine } from './machine.ts'
import { removeNode } from './node.ts'
import { ensureImages } from './node-images.ts'
import { ensurePackages } from './npm-packages.ts'
import { endProcesses } from './processes.ts'
import { silent, type Task } from './task.ts'

export interface RehearsalOptions {
  /** Its folder; `defaultDir` when absent. */
  dir?: string
  kind?: Kind
  /** Whether the AWS emulator runs beside it, to which the real `aws` then talks. */
  eks?: boolean
  /** Reports each task; nothing is reported when absent. */
  task?: Task
  /** Gets the process that works on the same rehearsal, while it is waited for. */
  onWait?: (pid: number) => void
}

/** Creates a rehearsal, or completes and starts the one that is there. */
export async function up(options: RehearsalOptions = {}): Promise<Rehearsal> {
  const { kind = 'kwok', task = silent } = options
  const eks = Boolean(options.eks)
  // Before anything is created: most of those without Docker want another kind.
  if (kind === 'kind') await requireDocker()
  if (kind === 'real') requireMachine()
  const dir = claimFolder(resolve(options.dir ?? defaultDir(kind, eks)), kind)
  return withFolderLock(dir, options.onWait, async () => {
    claimFolder(dir, kind) // The run that was waited for may have removed it.
    const { kubeconfig, env, cluster, ports } = paths(dir)
    if (existsSync(cluster) && existsSync(ports) !== eks) {
      throw new Problem(
        `${dir} holds a rehearsal ${eks ? 'without' : 'with'} the AWS emulator`,
        'Name another folder with --dir, or remove it with --down.',
      )
    }
    const access = kind === 'kind' ? await ensureKindCluster(dir, task) : await ensureKwokCluster(dir, task, eks)
    const emulator = eks ? await startEmulator(dir, access, task) : undefined
    await task('settings and secrets', async () => {
      return [undefined, { outcome: createInputs(dir, kind, access.context, eks) }]
    })
    if (kind === 'real') {
      await task('local GitHub', () => ensureGithub(dir))
      await task('npm packages for Deck', ensurePackages)
      await task('images', (progress) => ensureImages(dir, progress))
    }
    const hosts = kind === 'real' ? hostNames(dir) : undefined
    return { dir, kind, kubeconfig, env, aws: emulator?.env, hosts, ...access }
  })
}

function startEmulator(dir: string, { kubectl }: ClusterAccess, task: Task) {
  const { aws, ports, kubeconfig } = paths(dir)
  return task('AWS emulator', (progress) =>
    ensureEmulator(
      {
        dir: aws,
        ports: JSON.parse(readFileSync(ports, 'utf8')),
        kubeconfig,
        kubectl,
        region: REGION,
        cluster: 'rehearsal',
        zone: ZONE,
        host: HOST,
      },
      progress,
    ),
  )
}

/** Removes a rehearsal: all its processes, also those that a killed run left running, and its folder. Answers whether there was one. */
export async function down(options: Omit<RehearsalOptions, 'task'> = {}): Promise<boolean> {
  const dir = resolve(options.dir ?? defaultDir(options.kind ?? 'kwok', options.eks))
  if (!existsSync(dir)) return false
  if (!readMetadata(dir)) throw notRehearsal(dir)
  const realDir = realpathSync(dir)
  return withFolderLock(realDir, options.onWait, async () => {
    const metadata = readMetadata(realDir)
    if (!metadata) return false
    if (metadata.kind === 'kind') {
      await removeKindCluster(realDir)
    } else {
      await endProcesses(realDir)
      if (metadata.kind === 'real') await removeNode(realDir)
    }
    // The marker last: without it, the rest of a removal that was killed would not be recognized.
    const entries = readdirSync(realDir).filter((name) => name !== MARKER)
    for (const path of [...entries.map((name) => join(realDir, name)), realDir]) {
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    }
    return true
  })
}

// `onWait` is called once per process.
function withFolderLock<T>(dir: string, onWait: RehearsalOptions['onWait'], work: () => Promise<T>): Promise<T> {
  let reported = 0
  const report = (pid: number) => {
    if (pid !== reported) onWait?.(pid)
    reported = pid
  }
  return withLock(join(cacheFolder(), 'locks', `${shortHash(dir)}.lock`), report, work)
}
