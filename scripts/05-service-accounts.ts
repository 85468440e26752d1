// Who the components are to the cluster and, on EKS, to S3. The guide forgot one: the pods of jobs upload their own
// logs, so the account they run as needs the bucket too, and must get no more than that.

import { ensureBucket, readBucket } from '../lib/aws/bucket.ts'
import { ensureRole } from '../lib/aws/iam.ts'
import { controllersPolicy, jobsPolicy } from '../lib/aws/policy.ts'
import { need } from '../lib/kubernetes/check.ts'
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { skipped, task } from '../lib/run/task.ts'
import { partition, roleName } from '../lib/settings/derived.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Create the service accounts and what they may do in S3',
    reads: 'nothing but the settings',
    creates:
      'the ServiceAccounts of the components in prow, and prow-jobs in test-pods; on EKS the log bucket and the roles that may use it',
    needs: '02-namespaces; on EKS the OIDC provider (01-cluster)',
  },
  async (settings) => {
    await need(checks.namespaces)
    if (settings.TARGET === 'eks' && settings.IDENTITY === 'irsa') await need(await checks.oidcProvider(settings))

    if (settings.TARGET === 'eks') {
      const part = partition(settings.AWS_REGION)
      // One with a key of the account's own is kept so, and then the roles need the key too.
      const key = (await readBucket(settings))?.key
      await task(`bucket ${settings.LOG_BUCKET}`, () => ensureBucket(settings))

      if (settings.IDENTITY === 'irsa') {
        const controllers = roleName(settings, 'prow-controllers')
        const jobs = roleName(settings, 'prow-jobs')
        await task(`role ${controllers}`, () =>
          ensureRole(settings, {
            name: controllers,
            description: 'Prow: crier, deck, tide and statusreconciler, in the log bucket',
            serviceAccounts: ['prow:crier', 'prow:deck', 'prow:tide', 'prow:statusreconciler'],
            policy: { name: 'prow-logs', document: controllersPolicy(part, settings.LOG_BUCKET, key) },
          }),
        )
        // What a job runs has this role as well as the helpers that upload its log: it writes logs and reads nothing.
        await task(`role ${jobs}`, () =>
          ensureRole(settings, {
            name: jobs,
            description: 'Prow: the pods of jobs, writing their logs',
            serviceAccounts: ['test-pods:prow-jobs'],
            policy: { name: 'prow-logs', document: jobsPolicy(part, settings.LOG_BUCKET, key) },
          }),
        )
      } else skipped('roles', 'IDENTITY=keys: access keys in secrets/s3-credentials')
    } else skipped(`bucket ${settings.LOG_BUCKET}, roles`, 'TARGET=local: nothing is asked of AWS')

    await apply(
      manifests(settings, 'service-accounts').map((one) => ({
        name: `${one.object.metadata.name} in ${one.object.metadata.namespace}`,
        manifests: [one],
      })),
    )
  },
)
