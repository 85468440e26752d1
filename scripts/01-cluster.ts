// The guide makes an EKS cluster here and points kubectl at it. Yours is there; this sees that it is the right one.

import { eksCluster, supportStatus } from '../lib/aws/eks.ts'
import { ensureOidcProvider } from '../lib/aws/iam.ts'
import { need } from '../lib/kubernetes/check.ts'
import { nodeChecks } from '../lib/kubernetes/cluster.ts'
import { versions } from '../lib/kubernetes/kubectl.ts'
import { note, skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'
import { serverAddress } from '../lib/target.ts'

await step(
  import.meta,
  {
    title: 'See that the cluster is there',
    reads: 'the cluster; AWS_ACCOUNT_ID, AWS_REGION and CLUSTER_NAME, or KUBECONFIG_FILE and KUBE_CONTEXT',
    creates: 'on EKS the OIDC provider, by which IAM trusts the cluster; a kubeconfig of our own',
    needs: 'nothing',
  },
  async (settings) => {
    const eks = settings.TARGET === 'eks'
    const [{ server }, rows, support] = await Promise.all([
      versions(),
      nodeChecks(settings),
      eks ? supportStatus(settings) : undefined,
    ])
    if (eks) {
      const { arn, status } = await eksCluster(settings)
      note('holds', `${arn} is ${status}, Kubernetes ${server}`)
      if (support) note(support.soon ? 'warning' : 'holds', support.says, support.soon ? support.more : undefined)
    } else {
      note('holds', `${settings.KUBE_CONTEXT} at ${serverAddress()} is Kubernetes ${server}`)
    }
    await need(rows)
    for (const row of rows) note('holds', row.fact)
    if (eks) await task('OIDC provider', () => ensureOidcProvider(settings))
    else skipped('EKS cluster, OIDC provider', 'TARGET=local: nothing is asked of AWS')
  },
)
