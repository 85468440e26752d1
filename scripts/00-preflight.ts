// What the guide finds out step by step: everything that a later step needs, inspected before anything is created.
import { permissions } from '../lib/kubernetes/permissions.ts'
import * as preflight from '../lib/prow/preflight.ts'
import { inspectAll } from '../lib/run/findings.ts'
import { skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'
import { prerequisites as cluster } from './01-cluster.ts'
import { prerequisites as serviceAccounts } from './05-service-accounts.ts'
import { prerequisites as volumes } from './07-ebs-csi.ts'
import { prerequisites as components } from './08-prow.ts'
import { prerequisites as labels } from './10-labels.ts'
import { prerequisites as ingress } from './11-ingress.ts'
import { prerequisites as webhook } from './12-webhook.ts'

export default await step(
  import.meta,
  {
    title: 'Check prerequisites',
    reads: 'the settings, secrets/, config/, the tools on this machine, the cluster; on EKS what AWS has',
    creates: 'nothing',
    needs: 'nothing',
  },
  async (settings) => {
    if (settings.GITHUB_CHECKS === 'off') skipped('credentials and webhooks on GitHub', 'GITHUB_CHECKS=off')
    await inspectAll(
      preflight.inspectSettings(settings),
      preflight.inspectTools(),
      preflight.inspectCredentials(settings),
      preflight.inspectConfiguration(settings),
      preflight.inspectPrerequisites(
        permissions,
        cluster,
        serviceAccounts,
        volumes,
        components,
        labels,
        ingress,
        webhook,
      ),
    )
  },
)
