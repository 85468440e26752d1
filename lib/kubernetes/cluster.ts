import { failed, passed } from '../base/problem.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import type { Settings } from '../settings/table.ts'
import type { Check } from './check.ts'
import type { KubeObject } from './manifests.ts'
import { listObjects } from './snapshot.ts'

/** Whether a node takes pods: it is Ready and not cordoned. */
function isUsable({ spec, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] }
  const ready = conditions.some((one) => one.type === 'Ready' && one.status === 'True')
  return ready && !(spec as { unschedulable?: boolean }).unschedulable
}

/** That some nodes are ready, and that one of them can run Prow's own images. */
export function nodes(settings: Settings): Check[] {
  return [
    {
      fact: 'nodes are ready',
      inspect: async () => {
        const all = await listObjects('Node')
        const usable = all.filter(isUsable)
        if (usable.length > 0) return passed(`${usable.length} of ${all.length} nodes are ready`)
        const message = all.length ? `none of the ${all.length} nodes is ready` : 'the cluster has no nodes'
        return failed(message, `Check ${kubectlLine('get', 'nodes')}`)
      },
    },
    {
      fact: `a node of architecture ${settings.NODE_ARCH} is ready`,
      remedy: "Prow's own images are amd64 only. Add amd64 nodes, or set NODE_ARCH when you have images of your own.",
      inspect: async () => {
        const usable = (await listObjects('Node')).filter(isUsable)
        const found = new Set(usable.map(({ metadata }) => metadata.labels?.['kubernetes.io/arch']))
        if (found.has(settings.NODE_ARCH)) return true
        return `no ready node has architecture ${settings.NODE_ARCH}; the cluster has ${[...found].join(', ') || 'none'}`
      },
    },
  ]
}
