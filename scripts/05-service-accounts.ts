// The identities of the components in the cluster and, on EKS, in S3. The guide lacks one: job pods upload their own
// logs, so their ServiceAccount needs access to the bucket too, and to nothing more.

import { ensureBucket } from '../lib/aws/bucket.ts'
import { oidcProvider } from '../lib/aws/oidc.ts'
import { type Checks, need } from '../lib/kubernetes/check.ts'
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply } from '../lib/kubernetes/resources.ts'
import { bucketName, logBucket } from '../lib/prow/aws-checks.ts'
import { namespaces, serviceAccounts } from '../lib/prow/checks.ts'
import { ensureRoles, iamRoles, roleNames, usesRoles } from '../lib/prow/pod-roles.ts'
import { skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

export const checks: Checks = (settings) => [
  ...serviceAccounts,
  ...(settings.TARGET === 'eks' ? [logBucket] : []),
  ...iamRoles(settings),
]

export const prerequisites: Checks = (settings) => [
  ...(settings.TARGET === 'eks' ? [bucketName] : []),
  ...roleNames(settings),
]

export default await step(
  import.meta,
  {
    title: 'Create service accounts, the log bucket and its roles',
    reads: 'the settings',
    creates:
      'the ServiceAccounts of the components in prow, and prow-jobs in test-pods; on EKS the log bucket and the roles that can use it',
    needs: '02-namespaces; on EKS the OIDC provider (01-cluster)',
  },
  async (settings) => {
    await need(namespaces, prerequisites, usesRoles(settings) ? oidcProvider : [])

    if (settings.TARGET === 'eks') await task(`bucket ${settings.LOG_BUCKET}`, () => ensureBucket(settings))
    if (usesRoles(settings)) await ensureRoles(settings)
    else if (settings.TARGET === 'eks') skipped('roles', 'IDENTITY=keys: access keys in secrets/s3-credentials')
    else skipped(`bucket ${settings.LOG_BUCKET}, roles`, 'TARGET=local: AWS is not used')

    const accounts = manifests(settings, 'service-accounts')
    await apply(
      ...accounts.map((one) => ({
        name: `${one.object.metadata.name} in ${one.object.metadata.namespace}`,
        manifests: [one],
      })),
    )
  },
)
