import { failed, passed } from '../base/problem.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/table.ts'
import type { Check } from './check.ts'
import { type KubeObject, manifests, type Resource } from './manifests.ts'
import { isManaged } from './ownership.ts'
import { listObjects } from './snapshot.ts'

/** Whether the EBS CSI driver is installed without EKS having installed it. */
export async function hasSelfManagedDriver(): Promise<boolean> {
  return (await listObjects('CSIDriver')).some(({ metadata }) => metadata.name === 'ebs.csi.aws.com')
}

/** The StorageClass that 07-ebs-csi creates on EKS; undefined when one of that name is somebody else's, which cannot be changed. */
export async function storageClassResource(settings: Settings, auto: boolean): Promise<Resource | undefined> {
  if (settings.STORAGE_CLASS !== 'gp3') return undefined
  const found = (await listObjects('StorageClass')).find(({ metadata }) => metadata.name === 'gp3')
  if (found && !isManaged(found)) return undefined
  return { name: 'StorageClass gp3', manifests: manifests(settings, `storage/gp3${auto ? '-auto' : ''}.yaml`) }
}

/** That the cluster has the StorageClass that Prow's PersistentVolumeClaims name, with a provisioner that exists. */
export function storageClass(settings: Settings): Check[] {
  const name = settings.STORAGE_CLASS
  // 07-ebs-csi creates this one.
  const created = settings.TARGET === 'eks' && name === 'gp3'
  return [
    {
      fact: `StorageClass ${name} provisions volumes`,
      step: created ? '07-ebs-csi' : undefined,
      inspect: async () => {
        const classes = await listObjects('StorageClass')
        const found = classes.find(({ metadata }) => metadata.name === name)
        if (!found) return failed(`StorageClass ${name} does not exist`, missingRemedy(created, classes))
        if (found.provisioner !== 'kubernetes.io/aws-ebs')
          return passed(`StorageClass ${name} provisions volumes (${found.provisioner ?? 'unknown'})`)
        return failed(
          `StorageClass ${name} has the provisioner kubernetes.io/aws-ebs, which Kubernetes has removed`,
          'Set STORAGE_CLASS=gp3, which 07-ebs-csi creates. PersistentVolumeClaims that wait with the old class have to be recreated.',
        )
      },
    },
  ]
}

function missingRemedy(created: boolean, classes: KubeObject[]): string {
  if (created) return `Run ${rerunLine('07-ebs-csi')} first.`
  if (classes.length > 0)
    return `Set STORAGE_CLASS to one of ${classes.map(({ metadata }) => metadata.name).join(', ')}.`
  return `Install a provisioner: the cluster has no StorageClass (${kubectlLine('get', 'storageclasses')}).`
}
