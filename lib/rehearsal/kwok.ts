import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { onPath } from '../base/shell.ts'
import { isHealthy, seedCluster } from './api-server.ts'
import { type ClusterAccess, paths, readMetadata, shortHash, writeMetadata } from './folder.ts'
import { hostNames } from './github.ts'
import { GO, PROGRAM_NAMES, type ProgramName } from './go-modules.ts'
import { createCluster, startCluster } from './kwokctl.ts'
import { createNamespaces, findNamespaces } from './namespaces.ts'
import { ensureNodePrograms, isNodeRunning, startNode } from './node.ts'
import { endProcesses } from './processes.ts'
import { describeSources, findPrograms, needsDownload, type Program, programFile } from './programs.ts'
import { type Progress, type Task, type TaskResult, UNCHANGED } from './task.ts'

const NODES = 3

/** Creates the kwok cluster of a folder, starts the one that is there, or finds it running; with its nodes. */
export async function ensureKwokCluster(dir: string, task: Task, eks = false): Promise<ClusterAccess> {
  const { kubeconfig } = paths(dir)
  const metadata = readMetadata(dir)!
  const real = metadata.kind === 'real'
  const running =
    metadata.programs !== undefined && existsSync(kubeconfig) && (!real || isNodeRunning(dir)) && (await isHealthy(dir))

  const programs = await task('programs', async (progress) => {
    // The others run, but kubectl may have been removed from this machine since.
    if (running && existsSync(programFile(metadata.programs!.kubectl!)))
      return [metadata.programs as Record<ProgramName, Program>, UNCHANGED]
    let built = false
    const found = await findPrograms(PROGRAM_NAMES, (text) => {
      built = true
      progress(text)
    })
    writeMetadata(dir, { ...metadata, programs: found })
    return [found, { outcome: built || needsDownload(found) ? 'created' : 'unchanged', note: describeSources(found) }]
  })

  const nodePrograms = real ? await task('node programs', ensureNodePrograms) : {}
  if (real) {
    await task('node namespaces', async () => {
      if (running) return [undefined, UNCHANGED]
      await endProcesses(dir)
      const { node } = await createNamespaces(dir)
      return [undefined, { outcome: 'created', note: `at ${node}, in a network of its own` }]
    })
  }

  await task('cluster', async (progress) => {
    if (running) return [undefined, UNCHANGED]
    return [undefined, await createOrStart(dir, programs, eks, progress)]
  })

  await task('nodes and storage', async (progress) => {
    const yaml = readFileSync(join(GO, real ? 'node' : 'cluster', 'cluster.yaml'), 'utf8')
    const manifestHash = shortHash(yaml)
    const sameManifests = metadata.manifestHash === manifestHash
    if (running && sameManifests) return [undefined, UNCHANGED]
    if (real && !running) await startNode(dir, findNamespaces(dir)!, nodePrograms, hostNames(dir))
    const created = await seedCluster(dir, yaml, real ? 1 : NODES, progress)
    writeMetadata(dir, { ...metadata, programs, manifestHash })
    return [
      undefined,
      {
        outcome: created ? 'created' : sameManifests ? 'unchanged' : 'changed',
        note: `${real ? 'one node' : `${NODES} simulated nodes`}, StorageClass rehearsal`,
      },
    ]
  })

  const kubectl = programFile(programs.kubectl)
  return { context: 'rehearsal', kubectl, kubectlOnPath: onPath('kubectl') === kubectl }
}

async function createOrStart(
  dir: string,
  programs: Record<ProgramName, Program>,
  eks: boolean,
  progress: Progress,
): Promise<TaskResult> {
  const { cluster, kubeconfig } = paths(dir)
  const began = Date.now()
  const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`
  await endProcesses(dir)
  const existed = existsSync(join(cluster, 'pki', 'admin.key')) && existsSync(kubeconfig)
  if (existed && (await startCluster(dir, programs, progress))) {
    return { outcome: 'changed', note: `restarted in ${seconds()}` }
  }
  let error: string | undefined
  // Ports that were free may be taken by the time the programs listen: the second try has others.
  for (let tries = 0; tries < 2; tries++) {
    await endProcesses(dir)
    error = await createCluster(dir, programs, eks, progress)
    if (!error) {
      return {
        outcome: 'created',
        note: `${existed ? 'recreated, as the old one did not start, ' : ''}in ${seconds()}`,
      }
    }
  }
  await endProcesses(dir)
  throw new Problem(
    `the rehearsal cluster did not start: ${error}`,
    `See the logs in ${join(cluster, 'logs')}, or run the same line again.`,
  )
}
