// Who the components are to the cluster and, on EKS, to S3. The guide forgot one: the pods of jobs upload their own
// logs, so the account they run as needs the bucket too, and must get no more than that.
import { need } from '../lib/check.ts'
import * as checks from '../lib/checks.ts'
import { manifests } from '../lib/manifests.ts'
import { skipped, step, tasks } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Create the service accounts and what they may do in S3',
    reads: 'nothing but the settings',
    makes: 'the ServiceAccounts of the components in prow, and prow-jobs in test-pods',
    needs: '02-namespaces',
  },
  async (settings) => {
    await need(checks.namespaces)
    skipped(`bucket ${settings.LOG_BUCKET}, roles`, 'TARGET=local: nothing is asked of AWS')
    await tasks(
      manifests(settings, 'service-accounts').map((one) => ({
        name: `${one.object.metadata.name} in ${one.object.metadata.namespace}`,
        manifests: [one],
      })),
    )
  },
)
