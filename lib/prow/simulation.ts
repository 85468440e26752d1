import { listObjects } from '../kubernetes/snapshot.ts'

/** How many nodes the cluster has, and whether all are simulated by kwok, which runs no program. */
export async function inspectNodes(): Promise<{ count: number; simulated: boolean }> {
  const nodes = await listObjects('Node')
  const simulated = nodes.every(({ metadata }) => metadata.annotations?.['kwok.x-k8s.io/node'] !== undefined)
  return { count: nodes.length, simulated: nodes.length > 0 && simulated }
}
