// The guide leaves it to you to create an EKS cluster. This checks that it is the one in the settings and usable, and
// lets IAM trust its service accounts.

import { eksCluster, supportStatus } from '../lib/aws/eks.ts'
import { ensureOidcProvider, oidcProvider } from '../lib/aws/oidc.ts'
import { passed } from '../lib/base/problem.ts'
import { type Checks, show } from '../lib/kubernetes/check.ts'
import { nodes } from '../lib/kubernetes/cluster.ts'
import { versions } from '../lib/kubernetes/kubectl.ts'
import { awsAccount } from '../lib/prow/aws-checks.ts'
import { target } from '../lib/run/context.ts'
import { findings } from '../lib/run/findings.ts'
import { skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

export const checks: Checks = (settings) => [...nodes(settings), ...(settings.TARGET === 'eks' ? [oidcProvider] : [])]

export const prerequisites: Checks = (settings) => [
  ...(settings.TARGET === 'eks' ? awsAccount : []),
  ...nodes(settings),
]

export default await step(
  import.meta,
  {
    title: 'Check the cluster',
    reads: 'the cluster; AWS_ACCOUNT_ID, AWS_REGION and CLUSTER_NAME, or KUBECONFIG_FILE and KUBE_CONTEXT',
    creates: 'on EKS the OIDC provider, by which IAM trusts the cluster, and a kubeconfig in the cache folder',
    needs: 'nothing',
  },
  async (settings) => {
    const { server } = await versions()
    if (settings.TARGET === 'local') {
      await findings(passed(`${settings.KUBE_CONTEXT} at ${target().server} is Kubernetes ${server}`))
      await show(nodes(settings))
      return skipped('EKS cluster, OIDC provider', 'TARGET=local: AWS is not used')
    }
    const { arn, status } = await eksCluster(settings)
    await findings(passed(`${arn} is ${status}, Kubernetes ${server}`), supportStatus(settings))
    await show(nodes(settings))
    await task('OIDC provider', () => ensureOidcProvider(settings))
  },
)
