// The guide's pushgateway, with a proxy in front that lets others read and nobody write.

import { need } from '../lib/kubernetes/check.ts'
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply, prune, waitLater } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Install the pushgateway and its read-only proxy',
    reads: 'nothing but the settings',
    creates: 'Deployments and Services pushgateway and pushgateway-proxy in prow',
    needs: '02-namespaces',
  },
  async (settings) => {
    const both = [
      { name: 'pushgateway', manifests: manifests(settings, 'pushgateway/gateway.yaml') },
      { name: 'pushgateway-proxy', manifests: manifests(settings, 'pushgateway/proxy.yaml') },
    ]
    if (settings.PUSHGATEWAY === 'off') {
      skipped('pushgateway', 'PUSHGATEWAY=off')
      return prune(both)
    }
    await need(checks.namespaces)
    await apply(both)
    await waitLater('Deployment', ['pushgateway', 'pushgateway-proxy'], 'prow')
  },
)
