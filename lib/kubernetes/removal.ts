import { summarize } from '../base/summarize.ts'
import { currentRun } from '../run/context.ts'
import type { Change } from '../run/result.ts'
import { removal } from '../run/task.ts'
import { objectName } from './difference.ts'
import { inputStream, kubectl } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'
import { isCreatedByRunbook, isManaged, objectRef } from './ownership.ts'
import { forgetSnapshot, getObjects } from './snapshot.ts'

/** The controller of an IngressClass for which EKS Auto Mode creates load balancers. */
const AUTO = 'eks.amazonaws.com/alb'
const LABEL = 'app.kubernetes.io/managed-by=prow-runbook'
/** For how many seconds a deletion may wait for finalizers, such as that of a load balancer. */
const LIMIT = 600

/** Every kind of which the runbook creates objects. */
const KINDS = [
  'deployments.apps',
  'jobs.batch',
  'cronjobs.batch',
  'services',
  'ingresses.networking.k8s.io',
  'configmaps',
  'secrets',
  'persistentvolumeclaims',
  'serviceaccounts',
  'roles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'ingressclasses.networking.k8s.io',
  'storageclasses.storage.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'namespaces',
]

/** The objects that carry the runbook's label: those that it created, and those that it adopted. */
export async function managedObjects(): Promise<{ created: KubeObject[]; adopted: KubeObject[] }> {
  const all = await getObjects(KINDS.join(','), '-A', '-l', LABEL)
  // Only Auto Mode of EKS knows this kind; elsewhere kubectl would refuse the whole list for it.
  const auto = all.some((one) => (one.spec as { controller?: string } | undefined)?.controller === AUTO)
  if (auto) all.push(...(await getObjects('ingressclassparams.eks.amazonaws.com', '-l', LABEL)))
  return {
    created: all.filter(isCreatedByRunbook),
    adopted: all.filter((object) => isManaged(object) && !isCreatedByRunbook(object)),
  }
}

/** Those that exist for a while after their deletion, also without a finalizer: they own or contain others. */
const GRADUALLY_DELETED = ['Deployment', 'Job', 'CronJob', 'Pod', 'Namespace', 'CustomResourceDefinition']

const isDeletedAtOnce = ({ kind, metadata }: KubeObject): boolean =>
  !GRADUALLY_DELETED.includes(kind) && !(metadata.finalizers as string[] | undefined)?.length

/** Deletes objects as the cluster has them, and waits until they, and what they own, no longer exist. */
export async function deleteObjects(objects: KubeObject[]): Promise<Change> {
  if (!currentRun().plan && objects.length > 0) {
    // kubectl sends five requests a second, and three for each object that it waits for.
    const atOnce = objects.filter(isDeletedAtOnce)
    const gradually = objects.filter((object) => !atOnce.includes(object))
    await deleteAll(gradually, '--cascade=foreground', '--wait=true')
    await deleteAll(atOnce, '--wait=false')
    forgetSnapshot()
  }
  return removal(summarize(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)))
}

async function deleteAll(objects: KubeObject[], ...options: string[]): Promise<void> {
  if (objects.length === 0) return
  await kubectl(['delete', '--ignore-not-found', ...options, '-f', '-'], {
    input: inputStream(objects.map(objectRef)),
    comment: summarize(objects.map(objectName)),
    timeout: LIMIT,
  })
}

/** Takes the runbook's marks off adopted objects, which stay as they are. */
export async function unadopt(objects: KubeObject[]): Promise<void> {
  if (objects.length === 0 || currentRun().plan) return
  const input = inputStream(objects.map(objectRef))
  await kubectl(['label', '-f', '-', 'app.kubernetes.io/managed-by-', 'prow-runbook/step-'], { input })
  await kubectl(['annotate', '-f', '-', 'prow-runbook/adopted-', 'prow-runbook/started-with-'], { input })
}

const CRIER_FINALIZER = 'prow.x-k8s.io/gcsk8sreporter'

/** The job pods. */
export async function jobPods(): Promise<KubeObject[]> {
  return getObjects('pods', '-n', 'test-pods', '-l', 'created-by-prow=true')
}

/**
 * Deletes job pods, without crier's finalizer: crier puts it on each and takes it off when it has reported. Without
 * crier a deleted pod would stay in Terminating for ever, and its namespace with it.
 */
export async function deleteJobPods(pods: KubeObject[]): Promise<Change> {
  for (const { metadata } of currentRun().plan ? [] : pods) {
    const finalizers = (metadata.finalizers as string[] | undefined) ?? []
    if (!finalizers.includes(CRIER_FINALIZER)) continue
    const patch = JSON.stringify({ metadata: { finalizers: finalizers.filter((one) => one !== CRIER_FINALIZER) } })
    await kubectl(['-n', 'test-pods', 'patch', 'pod', metadata.name, '--type=merge', '-p', patch])
  }
  return deleteObjects(pods)
}

/** The leases by which Prow's components elect a leader; they create them themselves. */
export async function leaderLeases(): Promise<KubeObject[]> {
  const names = ['prow-sinker-leaderlock', 'prow-controller-manager-leader-lock']
  const all = await getObjects('leases.coordination.k8s.io', '-n', 'prow')
  return all.filter((lease) => names.includes(lease.metadata.name))
}

/** What a namespace holds besides what every namespace has and besides `removed`; such as `Secret oauth-token`. */
export async function remainingObjects(namespace: string, removed: KubeObject[]): Promise<string[]> {
  const kinds = [...KINDS.slice(0, 11), 'pods', 'replicasets.apps', 'statefulsets.apps', 'daemonsets.apps'].join(',')
  const inEvery = ['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']
  const names = new Set(removed.map(objectName))
  return (await getObjects(kinds, '-n', namespace))
    .filter((object) => {
      const { kind, metadata } = object
      if (inEvery.includes(`${kind}/${metadata.name}`)) return false
      // What an object owns is deleted with it.
      const owners = (metadata.ownerReferences ?? []) as { kind: string; name: string }[]
      return !names.has(objectName(object)) && owners.length === 0
    })
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
}
