import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { Problem } from '../base/problem.ts'
import { onPath, run } from '../base/shell.ts'
import { type ClusterAccess, paths, shortHash } from './folder.ts'
import { goOptions } from './go-toolchain.ts'
import { probe } from './probe.ts'
import { findPrograms } from './programs.ts'
import { type Progress, type Task, UNCHANGED } from './task.ts'

// Pulling the image of a node may take long.
const CREATE_LIMIT = 1800

/** The name of a folder's kind cluster: all of them share one Docker. */
export function kindName(dir: string): string {
  return `prow-rehearsal-${shortHash(dir)}`
}

/** Throws a Problem when Docker does not answer. */
export async function requireDocker(): Promise<void> {
  const { exitCode, stderr } = await probe('docker', ['info', '--format', '{{.ServerVersion}}'])
  if (exitCode === 0) return
  throw new Problem(
    `Docker does not answer: ${stderr.trim().split('\n').at(-1) || `docker info exited with ${exitCode}`}`,
    'Start Docker, or leave out --kind for a cluster that does not need it.',
  )
}

/** The kind tool: on PATH, else built with Go into the cache. */
async function findKind(progress: Progress): Promise<string> {
  const file = onPath('kind')
  if (file) return file
  const folder = join(cacheFolder(), 'programs', 'kind-v0.33.0')
  if (existsSync(join(folder, 'kind'))) return join(folder, 'kind')
  if (!onPath('go')) {
    throw new Problem('kind is not installed, nor is Go to build it', 'Install kind: https://kind.sigs.k8s.io')
  }
  progress('building kind')
  const { env, timeout } = goOptions('.')
  await run('go', ['install', 'sigs.k8s.io/kind@v0.33.0'], { env: { ...env, GOBIN: folder, GOFLAGS: '' }, timeout })
  return join(folder, 'kind')
}

/** Creates the kind cluster of a folder, or keeps the one that is there. */
export async function ensureKindCluster(dir: string, task: Task): Promise<ClusterAccess> {
  const { kubeconfig } = paths(dir)
  const [kind, { kubectl }] = await task('programs', async (progress) => {
    const found = await findKind(progress)
    const programs = await findPrograms(['kubectl'], progress, false)
    return [[found, programs] as const, { outcome: 'unchanged', note: found }]
  })
  await task('cluster', async (progress) => {
    const name = kindName(dir)
    const existed = (await run(kind, ['get', 'clusters'])).split('\n').includes(name)
    if (existed && existsSync(kubeconfig)) return [undefined, UNCHANGED]
    if (existed) await deleteCluster(kind, dir)
    const config = join(dir, 'kind.yaml')
    writeFileSync(
      config,
      'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - role: control-plane\n  - role: worker\n',
    )
    progress('starting the cluster in Docker')
    const options = ['--name', name, '--kubeconfig', kubeconfig, '--config', config, '--wait', '180s']
    await run(kind, ['create', 'cluster', ...options], { timeout: CREATE_LIMIT })
    chmodSync(kubeconfig, 0o600)
    return [undefined, { outcome: 'created' }]
  })
  return { context: `kind-${kindName(dir)}`, kubectl: kubectl.path, kubectlOnPath: onPath('kubectl') === kubectl.path }
}

/** Removes the kind cluster of a folder. */
export async function removeKindCluster(dir: string): Promise<void> {
  await deleteCluster(await findKind(() => {}), dir)
}

async function deleteCluster(kind: string, dir: string): Promise<void> {
  const args = ['delete', 'cluster', '--name', kindName(dir), '--kubeconfig', paths(dir).kubeconfig]
  await run(kind, args, { timeout: 300 })
}
