import type { Outcome } from '../run/result.ts'
import { isCreatedByRunbook, isManaged, objectRef } from './apply.ts'
import { inputStream, kubectl } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'
import { forgetSnapshot, getObjects } from './snapshot.ts'

/** What makes the load balancers of an IngressClass on EKS Auto Mode. */
const AUTO = 'eks.amazonaws.com/alb'

const LABEL = 'app.kubernetes.io/managed-by=prow-runbook'

/** Every kind of which the runbook makes objects. */
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

/** What carries our label, apart into what the runbook made and what it adopted. */
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

/** Removes objects and waits until they, and what they own, are gone. Nothing happens for none, or under `plan`. */
export async function deleteObjects(objects: KubeObject[], plan: boolean): Promise<{ outcome: Outcome }> {
  if (!plan && objects.length > 0) {
    await kubectl(['delete', '--ignore-not-found', '--cascade=foreground', '--wait=true', '-f', '-'], {
      input: inputStream(objects.map(objectRef)),
      comment: `${objects.length} objects, from ${objects[0]?.kind.toLowerCase()}/${objects[0]?.metadata.name}`,
    })
    forgetSnapshot()
  }
  return { outcome: plan ? 'would remove' : 'removed' }
}

/** Takes our marks off what was there before the runbook; it stays as it is. */
export async function unadopt(objects: KubeObject[]): Promise<void> {
  if (objects.length === 0) return
  const input = inputStream(objects.map(objectRef))
  await kubectl(['label', '-f', '-', 'app.kubernetes.io/managed-by-'], { input })
  await kubectl(['annotate', '-f', '-', 'prow-runbook/adopted-', 'prow-runbook/started-with-'], { input })
}

const CRIERS = 'prow.x-k8s.io/gcsk8sreporter'

/**
 * The pods of jobs. crier puts a finalizer on each and takes it off when it has reported; with crier gone a deleted
 * pod would stay in Terminating for ever, and its namespace with it.
 */
export async function jobPods(): Promise<KubeObject[]> {
  return getObjects('pods', '-n', 'test-pods', '-l', 'created-by-prow=true')
}

/** Deletes pods of jobs, without crier's finalizer. */
export async function deleteJobPods(pods: KubeObject[], plan: boolean): Promise<{ outcome: Outcome }> {
  for (const pod of plan ? [] : pods) {
    const finalizers = (pod.metadata.finalizers as string[] | undefined) ?? []
    if (!finalizers.includes(CRIERS)) continue
    const kept = finalizers.filter((one) => one !== CRIERS)
    await kubectl([
      '-n',
      'test-pods',
      'patch',
      'pod',
      pod.metadata.name,
      '--type=merge',
      '-p',
      JSON.stringify({ metadata: { finalizers: kept } }),
    ])
  }
  return deleteObjects(pods, plan)
}

/** The leases by which Prow's programs agree who leads; they make them themselves. */
export async function leaderLeases(): Promise<KubeObject[]> {
  const names = ['prow-sinker-leaderlock', 'prow-controller-manager-leader-lock']
  const all = await getObjects('leases.coordination.k8s.io', '-n', 'prow')
  return all.filter((lease) => names.includes(lease.metadata.name))
}

/** What is in a namespace besides what every namespace has and besides `going`; such as `Secret oauth-token`. */
export async function remainingObjects(namespace: string, going: KubeObject[]): Promise<string[]> {
  const kinds = [...KINDS.slice(0, 11), 'pods', 'replicasets.apps', 'statefulsets.apps', 'daemonsets.apps'].join(',')
  const born = ['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']
  const gone = new Set(going.map((object) => `${object.kind}/${object.metadata.namespace}/${object.metadata.name}`))
  return (await getObjects(kinds, '-n', namespace))
    .filter((object) => {
      const { kind, metadata } = object
      if (born.includes(`${kind}/${metadata.name}`)) return false
      // What belongs to something that goes, goes with it.
      const owners = (metadata.ownerReferences ?? []) as { kind: string; name: string }[]
      return !gone.has(`${kind}/${namespace}/${metadata.name}`) && owners.length === 0
    })
    .map((object) => `${object.kind} ${object.metadata.name}`)
}
