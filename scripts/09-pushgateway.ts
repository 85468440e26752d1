// The guide's pushgateway, with a proxy in front that lets others read and nobody write.

import { need } from '../lib/kubernetes/check.ts'
import { manifests } from '../lib/kubernetes/manifests.ts'
import { gone, readyLater, tasks } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Install the pushgateway and its read-only proxy',
    reads: 'nothing but the settings',
    makes: 'Deployments and Services pushgateway and pushgateway-proxy in prow',
    needs: '02-namespaces',
  },
  async (settings) => {
    const both = [
      { name: 'pushgateway', manifests: manifests(settings, 'pushgateway/gateway.yaml') },
      { name: 'pushgateway-proxy', manifests: manifests(settings, 'pushgateway/proxy.yaml') },
    ]
    if (settings.PUSHGATEWAY === 'off') {
      skipped('pushgateway', 'PUSHGATEWAY=off')
      return gone(both)
    }
    await need(checks.namespaces)
    await tasks(both)
    await readyLater('Deployment', ['pushgateway', 'pushgateway-proxy'], 'prow')
  },
)
