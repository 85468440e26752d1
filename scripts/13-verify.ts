// The guide looks at pods and pages at the end. Here every fact that a step brought about is checked again, as the
// cluster, AWS and GitHub have it now.
import { verifyWithJob } from '../lib/prow/test-job.ts'
import { skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'
import { checks as cluster } from './01-cluster.ts'
import { checks as namespaces } from './02-namespaces.ts'
import { checks as secrets } from './03-secrets.ts'
import { checks as crd } from './04-crd.ts'
import { checks as serviceAccounts } from './05-service-accounts.ts'
import { checks as config } from './06-config.ts'
import { checks as volumes } from './07-ebs-csi.ts'
import { checks as components } from './08-prow.ts'
import { checks as pushgateway } from './09-pushgateway.ts'
import { checks as labels } from './10-labels.ts'
import { checks as ingress } from './11-ingress.ts'
import { checks as webhook } from './12-webhook.ts'

export default await step(
  import.meta,
  {
    title: 'Verify the installation',
    reads: 'the cluster; on EKS what AWS has; the labels and webhooks on GitHub',
    creates: 'nothing; with VERIFY_JOB=on a ProwJob, which it removes',
    needs: 'the steps before it',
  },
  async (settings) => {
    // Loaded here: install-all starts without the catalogue and the rules of the configuration.
    const { verifyInstallation } = await import('../lib/doctor/verify.ts')
    await verifyInstallation({
      '01-cluster': cluster,
      '02-namespaces': namespaces,
      '03-secrets': secrets,
      '04-crd': crd,
      '05-service-accounts': serviceAccounts,
      '06-config': config,
      '07-ebs-csi': volumes,
      '08-prow': components,
      '09-pushgateway': pushgateway,
      '10-labels': labels,
      '11-ingress': ingress,
      '12-webhook': webhook,
    })
    if (settings.VERIFY_JOB === 'on') await verifyWithJob(settings)
    else skipped('test job', 'VERIFY_JOB=on runs one')
  },
)
