import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { onPath, run, tryRun } from '../base/shell.ts'
import { type Made, places, short, type Task, UNCHANGED } from './folder.ts'
import { findKind, findPrograms } from './programs.ts'

/** The name of the kind cluster of a folder: all of them share one Docker. */
export function kindName(dir: string): string {
  return `prow-rehearsal-${short(dir)}`
}

export async function needDocker(): Promise<void> {
  const docker = await tryRun('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 20 })
  if (docker.exitCode !== 0) {
    throw new Problem(
      `Docker does not answer: ${docker.stderr.trim().split('\n').at(-1) || 'no word in 20 s'}`,
      'Start Docker, or leave out --kind for a cluster that needs none.',
    )
  }
}

export async function upKind(dir: string, task: Task): Promise<Made> {
  const { kubeconfig } = places(dir)
  const [kind, { kubectl }] = await task('programs', async (say) => {
    const found = await findKind(say)
    const programs = await findPrograms(['kubectl'], say, false)
    return [[found, programs] as const, { outcome: 'unchanged', note: found }]
  })
  await task('cluster', async (say) => {
    const name = kindName(dir)
    const there = (await run(kind, ['get', 'clusters'])).split('\n').includes(name)
    if (there && existsSync(kubeconfig)) return [undefined, UNCHANGED]
    if (there) await run(kind, ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig])
    const config = join(dir, 'kind.yaml')
    writeFileSync(
      config,
      'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - role: control-plane\n  - role: worker\n',
    )
    say('starting the cluster in Docker')
    await run(kind, [
      'create',
      'cluster',
      '--name',
      name,
      '--kubeconfig',
      kubeconfig,
      '--config',
      config,
      '--wait',
      '180s',
    ])
    chmodSync(kubeconfig, 0o600)
    return [undefined, { outcome: 'created' }]
  })
  return { context: `kind-${kindName(dir)}`, kubectl: kubectl.path, kubectlOnPath: onPath('kubectl') === kubectl.path }
}
