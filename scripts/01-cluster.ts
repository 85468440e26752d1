// The guide makes an EKS cluster here and points kubectl at it. Yours is there; this sees that it is the right one.
import { need } from '../lib/check.ts'
import { nodeChecks } from '../lib/cluster.ts'
import { versions } from '../lib/kubectl.ts'
import { note, skipped, step } from '../lib/step.ts'
import { serverAddress } from '../lib/target.ts'

await step(
  import.meta,
  {
    title: 'See that the cluster is there',
    reads: 'KUBECONFIG_FILE and KUBE_CONTEXT; the cluster',
    makes: 'nothing',
    needs: 'nothing',
  },
  async (settings) => {
    skipped('EKS cluster, OIDC provider', 'TARGET=local: nothing is asked of AWS')
    const [{ server }, rows] = await Promise.all([versions(), nodeChecks(settings)])
    note('holds', `${settings.KUBE_CONTEXT} at ${serverAddress()} is Kubernetes ${server}`)
    await need(rows)
    for (const row of rows) note('holds', row.says)
  },
)
