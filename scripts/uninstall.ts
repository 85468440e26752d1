// The steps undone, last one first. Only what the runbook created is removed; what existed before stays, and so do
// logs, PersistentVolumeClaims and Secrets unless you name them.
import { removeBucket, removeDriver, removeRecord, removeRole } from '../lib/aws/removal.ts'
import { passed } from '../lib/base/problem.ts'
import { summarize } from '../lib/base/summarize.ts'
import { objectName } from '../lib/kubernetes/difference.ts'
import type { KubeObject } from '../lib/kubernetes/manifests.ts'
import { stepOf } from '../lib/kubernetes/ownership.ts'
import * as removal from '../lib/kubernetes/removal.ts'
import { CONTROLLERS_ROLE, JOBS_ROLE } from '../lib/prow/pod-roles.ts'
import { loadBalancersOf, removeNamespaces, removeWebhooks } from '../lib/prow/uninstall.ts'
import { confirm } from '../lib/run/confirm.ts'
import { target } from '../lib/run/context.ts'
import { findings } from '../lib/run/findings.ts'
import { skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Remove what the runbook has created, last step first',
    reads: 'what carries the label app.kubernetes.io/managed-by=prow-runbook; on EKS also the tags in AWS',
    creates: 'nothing',
    needs: 'the target in the settings',
    options: {
      yes: { type: 'boolean', description: 'do not ask' },
      'delete-secrets': { type: 'boolean', description: 'also the Secrets (the files in secrets/ stay)' },
      'delete-logs': { type: 'boolean', description: 'also the log bucket with all that is in it (EKS)' },
      'delete-claims': {
        type: 'boolean',
        description: 'also the PersistentVolumeClaims: the cache of ghproxy, the object store with all its logs',
      },
    },
  },
  async (settings, options) => {
    if (!options.yes) await confirm(`Remove Prow from ${target().server}? Type yes: `, 'yes')
    const { created, adopted } = await removal.managedObjects()
    const keeps = ({ kind }: KubeObject) =>
      (kind === 'Secret' && !options['delete-secrets']) ||
      // PersistentVolumes that stay are of this StorageClass.
      (/^(PersistentVolumeClaim|StorageClass)$/.test(kind) && !options['delete-claims'])
    // Other Ingresses of the cluster may need the AWS Load Balancer Controller, whose account this is.
    const isController = ({ metadata }: KubeObject) => metadata.namespace === 'kube-system'
    const removed = created.filter((one) => !keeps(one) && !isController(one) && one.kind !== 'Namespace')
    const remove = async (name: string, objects: KubeObject[]) => {
      if (objects.length > 0) await task(name, () => removal.deleteObjects(objects))
    }
    const undo = (name: string) =>
      remove(
        name,
        removed.filter((one) => stepOf(one) === name),
      )

    await removeWebhooks(settings)
    if (settings.TARGET === 'eks') await removeRecord(settings, loadBalancersOf(removed))
    // The load balancers of Ingresses are deleted while their classes and the controller still exist.
    const isAutoClass = ({ kind, metadata }: KubeObject) => /^IngressClass/.test(kind) && metadata.name !== 'nginx'
    await remove(
      '11-ingress',
      removed.filter((one) => stepOf(one) === '11-ingress' && !isAutoClass(one)),
    )
    await remove('IngressClasses of Auto Mode', removed.filter(isAutoClass))
    await undo('10-labels')
    await undo('09-pushgateway')
    await undo('08-prow')
    // Nothing starts jobs any more.
    const pods = created.length > 0 ? await removal.jobPods() : []
    if (pods.length > 0) await task('job pods', () => removal.deleteJobPods(pods))
    await remove('leader leases', created.length > 0 ? await removal.leaderLeases() : [])
    await undo('07-ebs-csi')
    await undo('06-config')
    await undo('05-service-accounts')
    if (settings.TARGET === 'eks') {
      await removeDriver(settings)
      await removeRole(settings, CONTROLLERS_ROLE)
      await removeRole(settings, JOBS_ROLE)
      await removeBucket(settings, Boolean(options['delete-logs']))
    }
    await undo('04-crd')
    await undo('03-secrets')
    await remove(
      'objects of no step',
      removed.filter((one) => !stepOf(one)),
    )
    await removeNamespaces(created, [...removed, ...pods])

    const kept = (kind: string) => created.filter((one) => one.kind === kind && keeps(one)).length
    if (kept('Secret')) skipped(`${kept('Secret')} Secrets`, 'kept; --delete-secrets removes them')
    if (kept('PersistentVolumeClaim'))
      skipped(
        `${kept('PersistentVolumeClaim')} PVCs`,
        'kept; --delete-claims removes them and what is on their volumes',
      )
    if (created.some(isController))
      skipped('AWS Load Balancer Controller', 'kept, with its role: other Ingresses of the cluster may need it')
    if (settings.TARGET === 'eks') skipped('OIDC provider', 'kept: roles of others may trust it')
    if (adopted.length > 0)
      skipped(
        `${adopted.length} objects`,
        `kept, they existed before the runbook: ${summarize(adopted.map(objectName))}`,
      )
    await removal.unadopt(adopted)
    if (created.length + adopted.length === 0) await findings(passed('the cluster holds nothing of the runbook'))
  },
)
