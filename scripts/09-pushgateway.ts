// The guide's pushgateway, with a proxy in front through which others can read and nobody can write.
import { need } from '../lib/kubernetes/check.ts'
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply, prune, waitLater } from '../lib/kubernetes/resources.ts'
import { isRunning, namespaces } from '../lib/prow/checks.ts'
import { skipped } from '../lib/run/task.ts'
import type { Settings } from '../lib/settings/table.ts'
import { step } from '../lib/step.ts'

const DEPLOYMENTS = ['pushgateway', 'pushgateway-proxy']

export const checks = ({ PUSHGATEWAY }: Settings) =>
  PUSHGATEWAY === 'on' ? DEPLOYMENTS.map((name) => isRunning(name, 'prow', '09-pushgateway')) : []

export default await step(
  import.meta,
  {
    title: 'Install the pushgateway and its read-only proxy',
    reads: 'only the settings',
    creates: 'Deployments and Services pushgateway and pushgateway-proxy in prow',
    needs: '02-namespaces',
  },
  async (settings) => {
    const gateway = { name: 'pushgateway', manifests: manifests(settings, 'pushgateway/gateway.yaml') }
    const proxy = { name: 'pushgateway-proxy', manifests: manifests(settings, 'pushgateway/proxy.yaml') }
    if (settings.PUSHGATEWAY === 'off') {
      skipped('pushgateway', 'PUSHGATEWAY=off')
      return prune(gateway, proxy)
    }
    await need(namespaces)
    await apply(gateway, proxy)
    await waitLater('Deployment', DEPLOYMENTS, 'prow')
  },
)
