// ghproxy keeps GitHub's answers on a volume. The guide finds out late, from a claim that stays Pending, that nothing
// in the cluster makes volumes; here it is looked at before anything asks for one.

import { DRIVER, driverRole, ensureDriver, readDriver } from '../lib/aws/ebs-csi.ts'
import { eksCluster, hasManagedStorage } from '../lib/aws/eks.ts'
import { ensureRole } from '../lib/aws/iam.ts'
import { need } from '../lib/kubernetes/check.ts'
import { forgetList, hasSelfManagedDriver, storageClassCheck, storageClassResource } from '../lib/kubernetes/cluster.ts'
import { apply } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { currentRun } from '../lib/run/context.ts'
import { note, skipped, task } from '../lib/run/task.ts'
import { partition } from '../lib/settings/derived.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'See that something makes volumes',
    reads: 'the StorageClasses of the cluster; on EKS the add-on aws-ebs-csi-driver',
    creates: 'on EKS the add-on with its role, and the StorageClass gp3; nothing on TARGET=local',
    needs: 'a cluster that answers, on EKS with its OIDC provider (01-cluster)',
  },
  async (settings) => {
    if (settings.TARGET === 'local') {
      skipped(DRIVER, 'TARGET=local: the cluster brings its own')
      const row = await storageClassCheck(settings)
      await need(row)
      return note('holds', row.fact)
    }
    const [about, addon, byHand] = await Promise.all([
      eksCluster(settings),
      readDriver(settings),
      hasSelfManagedDriver(),
    ])
    const auto = hasManagedStorage(about)
    if (auto) note('holds', 'EKS Auto Mode makes volumes itself')
    else if (!addon && byHand) note('holds', `${DRIVER} is there, installed by hand: left as it is`)
    else {
      await need(await checks.oidcProvider(settings))
      const role = driverRole(settings)
      const aws = `arn:${partition(settings.AWS_REGION)}:iam::aws:policy`
      const own = addon?.status === 'ACTIVE' && (addon.serviceAccountRoleArn ?? addon.podIdentityAssociations?.[0])
      if (own && !own.endsWith(`role/${role}`)) skipped(`role ${role}`, `the add-on works with ${own}`)
      else
        await task(`role ${role}`, () =>
          ensureRole(settings, {
            name: role,
            description: 'The EBS CSI driver: makes the volumes of claims',
            serviceAccounts: ['kube-system:ebs-csi-controller-sa'],
            // The second is the older one, for partitions that do not have the first yet.
            managed: [`${aws}/AmazonEBSCSIDriverPolicyV2`, `${aws}/service-role/AmazonEBSCSIDriverPolicy`],
          }),
        )
      await task(DRIVER, (say) => ensureDriver(settings, role, say))
    }

    const thing = await storageClassResource(settings, auto)
    if (thing) {
      await apply([thing])
      forgetList()
    }
    if (currentRun().plan && thing) return
    const row = await storageClassCheck(settings)
    await need(row)
    note('holds', row.fact)
  },
)
