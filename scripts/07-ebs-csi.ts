// ghproxy caches GitHub's answers on a volume. The guide finds out late, from a PersistentVolumeClaim that stays Pending,
// that nothing in the cluster provisions volumes; this checks and corrects it before a PVC exists.

import { DRIVER, driverRole, ensureDriver, findVolumeSource, otherIdentity } from '../lib/aws/ebs-csi.ts'
import { ensureRole } from '../lib/aws/iam.ts'
import { oidcProvider } from '../lib/aws/oidc.ts'
import { passed } from '../lib/base/problem.ts'
import { type Checks, need, show } from '../lib/kubernetes/check.ts'
import { apply } from '../lib/kubernetes/resources.ts'
import { storageClass, storageClassResource } from '../lib/kubernetes/storage.ts'
import { volumeDriver, volumeDriverState } from '../lib/prow/aws-checks.ts'
import { findings } from '../lib/run/findings.ts'
import { skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

export const checks: Checks = (settings) => [
  ...(settings.TARGET === 'eks' ? [volumeDriver] : []),
  ...storageClass(settings),
]

export const prerequisites: Checks = (settings) => [
  ...(settings.TARGET === 'eks' ? [volumeDriverState] : []),
  // One that the runbook creates is not for a person to provide.
  ...storageClass(settings).filter((check) => !check.step),
]

export default await step(
  import.meta,
  {
    title: 'Set up persistent volumes (EBS CSI driver)',
    reads: 'the StorageClasses of the cluster; on EKS the add-on aws-ebs-csi-driver',
    creates: 'on EKS the add-on with its role, and the StorageClass gp3; nothing with TARGET=local',
    needs: 'the cluster; on EKS its OIDC provider (01-cluster)',
  },
  async (settings) => {
    if (settings.TARGET === 'local') {
      skipped(DRIVER, 'TARGET=local: the cluster has a provisioner of its own')
      return show(storageClass(settings))
    }
    // aws eks describe-addon --cluster-name … --addon-name aws-ebs-csi-driver
    const source = await findVolumeSource(settings)
    if (source.kind === 'auto') await findings(passed('EKS Auto Mode provisions volumes itself'))
    else if (source.kind === 'self-managed')
      await findings(passed(`${DRIVER} is installed without the add-on: left as it is`))
    else {
      await need(oidcProvider)
      const role = driverRole(settings)
      const other = otherIdentity(settings, source.addon)
      if (other) skipped(`role ${role.name}`, `the add-on works with ${other}`)
      else await task(`role ${role.name}`, () => ensureRole(settings, role))
      await task(DRIVER, (progress) => ensureDriver(settings, progress))
    }
    const managed = await storageClassResource(settings, source.kind === 'auto')
    if (!managed) return show(storageClass(settings))
    await apply(managed)
  },
)
