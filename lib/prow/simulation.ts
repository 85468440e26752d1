import { getObjects } from '../kubernetes/snapshot.ts'
import { readOnce } from '../run/context.ts'

/** How many nodes the cluster has, and whether all are simulated by kwok, which runs no program. */
export function inspectNodes(): Promise<{ count: number; simulated: boolean }> {
  return readOnce('kubectl get nodes simulated', async () => {
    const nodes = await getObjects('nodes')
    const simulated = nodes.every(({ metadata }) => metadata.annotations?.['kwok.x-k8s.io/node'] !== undefined)
    return { count: nodes.length, simulated: nodes.length > 0 && simulated }
  })
}
