import type { Check } from './check.ts'
import type { Settings } from './config.ts'
import { kubectl, kubectlLine, objects, read, stream } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'

let listed: Promise<KubeObject[]> | undefined

/** The nodes and StorageClasses of the cluster, read once: nothing here changes them. */
async function list(kind: 'Node' | 'StorageClass'): Promise<KubeObject[]> {
  listed ??= read('nodes,storageclasses.storage.k8s.io')
  return (await listed).filter((object) => object.kind === kind)
}

/** That the cluster has the StorageClass that our claims name. */
export async function storageClass(settings: Settings): Promise<Check> {
  const classes = await list('StorageClass')
  const names = classes.map((one) => one.metadata.name)
  const found = classes.find((one) => one.metadata.name === settings.STORAGE_CLASS)
  return {
    says: `StorageClass ${settings.STORAGE_CLASS} makes volumes (${found?.provisioner ?? 'unknown'})`,
    otherwise: `StorageClass ${settings.STORAGE_CLASS} is missing`,
    remedy: names.length
      ? `Set STORAGE_CLASS to one of ${names.join(', ')}.`
      : `Install a provisioner: the cluster has no StorageClass (${kubectlLine('get', 'storageclasses')}).`,
    holds: () => found !== undefined,
  }
}

/** Rows about the nodes: some are ready, and some can run Prow's own images. */
export async function nodeChecks(settings: Settings): Promise<Check[]> {
  const all = await list('Node')
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
      says: `${usable.length} of ${all.length} nodes are ready`,
      otherwise: all.length ? `none of the ${all.length} nodes is ready` : 'the cluster has no nodes',
      remedy: `See ${kubectlLine('get', 'nodes')}`,
      holds: () => usable.length > 0,
    },
    {
      says: `a node of architecture ${settings.NODE_ARCH} is ready`,
      otherwise: `no ready node has architecture ${settings.NODE_ARCH}; there is ${[...arches].join(', ') || 'none'}`,
      remedy: `Prow's own images are amd64 only. Add amd64 nodes, or set NODE_ARCH when you have images of your own.`,
      holds: () => arches.has(settings.NODE_ARCH),
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
  const answers = objects(
    await kubectl(['create', '--validate=false', '-o', 'json', '-f', '-'], {
      input: stream(
        WANTED.map(([verb, group, resource, namespace]) => ({
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { verb, group, resource, namespace } },
        })),
      ),
      shows: `${WANTED.length} questions: may I?`,
    }),
  )
  const refused = WANTED.filter((_, index) => !(answers[index]?.status as { allowed?: boolean })?.allowed)
  const told = refused.map(
    ([verb, , resource, namespace]) => `${verb} ${resource}${namespace ? ` in ${namespace}` : ''}`,
  )
  return [
    {
      says: 'you may make what the runbook makes',
      otherwise: `you may not ${told.join(', ')}`,
      remedy: 'Ask for these rights; cluster-admin has them all.',
      holds: () => refused.length === 0,
    },
  ]
}
