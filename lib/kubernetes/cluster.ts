import type { Settings } from '../settings/table.ts'
import { isManaged } from './apply.ts'
import type { Check } from './check.ts'
import { inputStream, kubectl, kubectlLine } from './kubectl.ts'
import { type KubeObject, manifests, type Resource } from './manifests.ts'
import { getObjects, parseObjects } from './snapshot.ts'

let listed: Promise<KubeObject[]> | undefined

/** What is read together: the nodes, and what 07-ebs-csi and 11-ingress find or make. */
const LISTED = 'nodes,storageclasses.storage.k8s.io,csidrivers.storage.k8s.io,ingressclasses.networking.k8s.io'

/** The objects of the whole cluster that the runbook looks at, read once until `forgetList`. */
export async function listObjects(kind: 'Node' | 'StorageClass' | 'CSIDriver' | 'IngressClass'): Promise<KubeObject[]> {
  listed ??= getObjects(LISTED)
  return (await listed).filter((object) => object.kind === kind)
}

/** Forgets them, after one was made. */
export function forgetList(): void {
  listed = undefined
}

/** Whether the EBS driver is there without EKS having installed it. */
export async function hasSelfManagedDriver(): Promise<boolean> {
  return (await listObjects('CSIDriver')).some((one) => one.metadata.name === 'ebs.csi.aws.com')
}

/** The class that we make for our claims on EKS, when it is ours to make: one made by hand cannot be changed. */
export async function storageClassResource(settings: Settings, auto: boolean): Promise<Resource | undefined> {
  if (settings.STORAGE_CLASS !== 'gp3') return undefined
  const found = (await listObjects('StorageClass')).find((one) => one.metadata.name === 'gp3')
  if (found && !isManaged(found)) return undefined
  return { name: 'StorageClass gp3', manifests: manifests(settings, `storage/gp3${auto ? '-auto' : ''}.yaml`) }
}

/** That the cluster has the StorageClass that our claims name. */
export async function storageClassCheck(settings: Settings): Promise<Check> {
  const classes = await listObjects('StorageClass')
  const names = classes.map((one) => one.metadata.name)
  const found = classes.find((one) => one.metadata.name === settings.STORAGE_CLASS)
  if (found?.provisioner === 'kubernetes.io/aws-ebs') {
    return {
      fact: '',
      failure: `StorageClass ${settings.STORAGE_CLASS} is of the driver kubernetes.io/aws-ebs, which Kubernetes no longer has`,
      remedy: 'Set STORAGE_CLASS=gp3: 07-ebs-csi makes it. Claims that wait with the old class have to be made anew.',
      passes: () => false,
    }
  }
  if (settings.TARGET === 'eks' && settings.STORAGE_CLASS === 'gp3') {
    return {
      fact: `StorageClass gp3 makes volumes (${found?.provisioner ?? 'unknown'})`,
      failure: 'StorageClass gp3 is missing',
      step: '07-ebs-csi',
      passes: () => found !== undefined,
    }
  }
  return {
    fact: `StorageClass ${settings.STORAGE_CLASS} makes volumes (${found?.provisioner ?? 'unknown'})`,
    failure: `StorageClass ${settings.STORAGE_CLASS} is missing`,
    remedy: names.length
      ? `Set STORAGE_CLASS to one of ${names.join(', ')}.`
      : `Install a provisioner: the cluster has no StorageClass (${kubectlLine('get', 'storageclasses')}).`,
    passes: () => found !== undefined,
  }
}

/** Rows about the nodes: some are ready, and some can run Prow's own images. */
export async function nodeChecks(settings: Settings): Promise<Check[]> {
  const all = await listObjects('Node')
  const conditions = (node: KubeObject) =>
    (node.status as { conditions?: { type: string; status: string }[] }).conditions
  const usable = all.filter(
    (node) =>
      conditions(node)?.some((one) => one.type === 'Ready' && one.status === 'True') &&
      !(node.spec as { unschedulable?: boolean }).unschedulable,
  )
  const arches = new Set(usable.map((node) => node.metadata.labels?.['kubernetes.io/arch']))
  return [
    {
      fact: `${usable.length} of ${all.length} nodes are ready`,
      failure: all.length ? `none of the ${all.length} nodes is ready` : 'the cluster has no nodes',
      remedy: `See ${kubectlLine('get', 'nodes')}`,
      passes: () => usable.length > 0,
    },
    {
      fact: `a node of architecture ${settings.NODE_ARCH} is ready`,
      failure: `no ready node has architecture ${settings.NODE_ARCH}; there is ${[...arches].join(', ') || 'none'}`,
      remedy: `Prow's own images are amd64 only. Add amd64 nodes, or set NODE_ARCH when you have images of your own.`,
      passes: () => arches.has(settings.NODE_ARCH),
    },
  ]
}

const WANTED: [verb: string, group: string, resource: string, namespace?: string][] = [
  ['create', '', 'namespaces'],
  ['create', 'apiextensions.k8s.io', 'customresourcedefinitions'],
  ...(['secrets', 'configmaps', 'serviceaccounts', 'services', 'persistentvolumeclaims'] as const).flatMap(
    (resource): [string, string, string, string][] => [
      ['patch', '', resource, 'prow'],
      ['list', '', resource, 'prow'],
    ],
  ),
  ['patch', '', 'secrets', 'test-pods'],
  ['patch', 'apps', 'deployments', 'prow'],
  ['patch', 'rbac.authorization.k8s.io', 'roles', 'prow'],
  ['patch', 'rbac.authorization.k8s.io', 'roles', 'test-pods'],
  ['patch', 'networking.k8s.io', 'ingresses', 'prow'],
]

/** Rows about what the operator may do. One request asks for all of them. */
export async function permissionChecks(): Promise<Check[]> {
  const answers = parseObjects(
    await kubectl(['create', '--validate=false', '-o', 'json', '-f', '-'], {
      input: inputStream(
        WANTED.map(([verb, group, resource, namespace]) => ({
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { verb, group, resource, namespace } },
        })),
      ),
      comment: `${WANTED.length} questions: may I?`,
    }),
  )
  const refused = WANTED.filter((_, index) => !(answers[index]?.status as { allowed?: boolean })?.allowed)
  const told = refused.map(
    ([verb, , resource, namespace]) => `${verb} ${resource}${namespace ? ` in ${namespace}` : ''}`,
  )
  return [
    {
      fact: 'you may make what the runbook makes',
      failure: `you may not ${told.join(', ')}`,
      remedy: 'Ask for these rights; cluster-admin has them all.',
      passes: () => refused.length === 0,
    },
  ]
}
