import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { Problem } from '../base/problem.ts'
import { run } from '../base/shell.ts'
import { start as startEmulator } from './aws.ts'
import {
  claim,
  defaultDir,
  foreign,
  MARKER,
  type Options,
  places,
  type Rehearsal,
  remember,
  short,
  silent,
} from './folder.ts'
import { namesOf, startGithub } from './github.ts'
import { HOST, makeInput, REGION, ZONE } from './inputs.ts'
import { kindName, needDocker, upKind } from './kind.ts'
import { upKwok } from './kwok.ts'
import { bringImages, needMachine, removeNode } from './node.ts'
import { end } from './processes.ts'
import { findKind } from './programs.ts'

/** Makes the rehearsal cluster and its input, or sees that what is there is whole. */
export async function up(options: Options = {}): Promise<Rehearsal> {
  const kind = options.kind ?? 'kwok'
  const task = options.task ?? silent
  // Before anything is made: most who have no Docker would want the other kind.
  if (kind === 'kind') await needDocker()
  if (kind === 'real') needMachine()
  const eks = Boolean(options.eks)
  const dir = claim(resolve(options.dir ?? defaultDir(kind, eks)), kind)
  return alone(dir, options.waits, async () => {
    claim(dir, kind) // A run that was waited for may have removed it.
    const { kubeconfig, env, cluster, ports, aws } = places(dir)
    if (existsSync(cluster) && existsSync(ports) !== eks) {
      throw new Problem(
        `${dir} holds a rehearsal ${eks ? 'without' : 'with'} AWS beside it`,
        'Name another folder with --dir, or remove it with --down.',
      )
    }
    const made = kind === 'kind' ? await upKind(dir, task) : await upKwok(dir, task, eks)
    const beside = eks
      ? await task('AWS', async (say) => {
          const emulator = await startEmulator({
            dir: aws,
            ports: JSON.parse(readFileSync(ports, 'utf8')),
            kubeconfig,
            kubectl: made.kubectl,
            region: REGION,
            cluster: 'rehearsal',
            zone: ZONE,
            host: HOST,
            say,
          })
          const note = `an account of its own at ${emulator.url}`
          return [emulator, { outcome: emulator.there ? 'unchanged' : 'created', note }]
        })
      : undefined
    await task('settings and secrets', async () => [undefined, { outcome: makeInput(dir, kind, made.context, eks) }])
    if (kind === 'real') {
      await task('a GitHub of its own', () => startGithub(dir))
      await task('images', (say) => bringImages(dir, say))
    }
    const names = kind === 'real' ? namesOf(dir) : undefined
    return { dir, kind, kubeconfig, env, aws: beside?.env, names, ...made }
  })
}

/** Removes a rehearsal: every process of it, also those a killed run left, and its folder. Answers whether there was one. */
export async function down(options: Omit<Options, 'task'> = {}): Promise<boolean> {
  const kind = options.kind ?? 'kwok'
  const dir = resolve(options.dir ?? defaultDir(kind))
  if (!existsSync(dir)) return false
  if (!remember(dir)) throw foreign(dir)
  const real = realpathSync(dir)
  return alone(real, options.waits, async () => {
    const memory = remember(real)
    if (!memory) return false
    if (memory.kind === 'kind') {
      const kindTool = await findKind(() => {})
      await run(kindTool, ['delete', 'cluster', '--name', kindName(real), '--kubeconfig', places(real).kubeconfig])
    } else {
      await end(real)
      if (memory.kind === 'real') await removeNode(real)
    }
    // The marker last: without it, what a killed removal left would be nobody's.
    const entries = readdirSync(real).filter((name) => name !== MARKER)
    for (const path of [...entries.map((name) => join(real, name)), real]) {
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    }
    return true
  })
}

function alone<T>(dir: string, waits: Options['waits'], work: () => Promise<T>): Promise<T> {
  let told = 0
  const once = (pid: number) => {
    if (pid !== told) waits?.(pid)
    told = pid
  }
  return withLock(join(cacheFolder(), 'locks', `${short(dir)}.lock`), once, work)
}
