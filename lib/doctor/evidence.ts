// What the doctor reads, in one pass: a source beside the other, each with a limit of its own. To add one: a field of
// Evidence, and a reader that readEvidence calls by `tolerant`. A source that cannot be read is a finding (PRW-SRC-…) and hides no other; its field
// is then undefined, and rows that need it find nothing.
import { Problem } from '../base/problem.ts'
import { WORKLOAD_KINDS } from '../kubernetes/diagnose.ts'
import { explainKubectl } from '../kubernetes/errors.ts'
import { tryKubectl } from '../kubernetes/kubectl.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import { Objects } from '../kubernetes/objects.ts'
import { furtherQueries, parseObjects, type Snapshot, snapshotOf } from '../kubernetes/snapshot.ts'
import { type ClusterConfig, readClusterConfig } from '../prow/cluster-config.ts'
import { currentRun } from '../run/context.ts'
import type { Settings } from '../settings/table.ts'
import { type AwsEvidence, readAwsEvidence } from './aws-evidence.ts'
import { type GitHubEvidence, readGitHub } from './github-evidence.ts'

/** Everything that rows look at. */
export interface Evidence {
  settings: Settings
  now: Date
  /** What is in prow and test-pods, and what the cluster has for all namespaces. */
  objects: Objects
  /** The same for the checks of the steps. */
  snapshot: Snapshot
  /** Undefined with GITHUB_CHECKS=off, and when GitHub does not answer. */
  github?: GitHubEvidence
  /** What the components run with; undefined while the ConfigMaps are missing. */
  config?: ClusterConfig
  /** From when on jobs and deliveries count; undefined for the last day. */
  since?: Date
  /** Only with TARGET=eks. */
  aws?: AwsEvidence
  /** What could not be read, with the reason; a row must not call missing what was not read. */
  unread: Unread[]
}

export interface Unread {
  /** `secrets in prow`, `GitHub`. */
  source: string
  problem: Problem
  /** Of the cluster: the namespace, which is empty for what is in none, and the resource when it is only one. */
  namespace?: string
  resource?: string
}

/**
 * Whether a resource, as kubectl names it, could not be read in a namespace: it must not be called missing. Without a
 * namespace, whether it could not be read in one of both, or nothing in prow.
 */
export function wasNotRead({ unread }: Evidence, resource: string, namespace = ''): boolean {
  const all = `namespace ${namespace || 'prow'}`
  return unread.some(({ source }) => source.startsWith(`${resource} in ${namespace}`) || source === all)
}

/** In prow and test-pods, by resource. */
const NAMESPACED = [
  ...WORKLOAD_KINDS,
  'cronjobs.batch',
  'configmaps',
  'secrets',
  'serviceaccounts',
  'roles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'services',
  'endpointslices.discovery.k8s.io',
  'ingresses.networking.k8s.io',
  'networkpolicies.networking.k8s.io',
  'resourcequotas',
  'limitranges',
  'leases.coordination.k8s.io',
]

/** For all namespaces: what is small everywhere. Pods and Secrets of other namespaces are not Prow's. */
const CLUSTER = [
  'nodes',
  'namespaces',
  'persistentvolumes',
  'storageclasses.storage.k8s.io',
  'csidrivers.storage.k8s.io',
  'ingressclasses.networking.k8s.io',
  'deployments.apps',
]

/** On EKS the Ingresses may be in another namespace; target groups are noted in a kind of the controller's or of Auto Mode's. */
const ON_TARGET: Record<Settings['TARGET'], string[]> = {
  eks: ['ingresses.networking.k8s.io', 'targetgroupbindings'],
  local: [],
}

/** The ProwJobs are read with the namespace that they are in; a cluster without the CRD refuses the whole line. */
const PROW_JOBS = 'prowjobs.prow.k8s.io'

/** The limit of a source, in seconds. */
const LIMIT = 40

/**
 * Reads everything; with `complete`, also what only the checks of the steps need. `since` is from when on jobs and
 * deliveries count; undefined for the last day. Throws only what is a bug, or the interruption of the run.
 */
export async function readEvidence(
  settings: Settings,
  { complete = false, since }: { complete?: boolean; since?: Date | undefined } = {},
): Promise<Evidence> {
  const unread: Unread[] = []
  const tolerant = async <T>(source: string, read: () => Promise<T>, namespace?: string): Promise<T | undefined> => {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'interrupted') throw error
      unread.push({ source, problem: error, ...(namespace === undefined ? {} : { namespace }) })
      return undefined
    }
  }
  const inNamespace = (namespace: string, resources: string[]) =>
    tolerant(`namespace ${namespace}`, () => readObjects(unread, resources, namespace), namespace)
  const readCluster = async (): Promise<Pick<Evidence, 'objects' | 'snapshot' | 'config'>> => {
    const read = await Promise.all([
      inNamespace('prow', [...NAMESPACED, PROW_JOBS]),
      inNamespace('test-pods', NAMESPACED),
      tolerant('the cluster', () => readObjects(unread, [...CLUSTER, ...ON_TARGET[settings.TARGET]]), ''),
      ...(complete ? furtherQueries() : []).map(({ namespace, what }) =>
        tolerant(
          namespace ? `namespace ${namespace}` : 'the cluster',
          () => readObjects(unread, what, namespace),
          namespace,
        ),
      ),
    ])
    const objects = new Objects(once(read.flatMap((some) => some ?? [])))
    // The checks of the steps, and whoever signs in to GitHub, read this instead of the cluster once more.
    const snapshot = snapshotOf(objects.all)
    for (const { problem, namespace, resource } of unread)
      if (namespace !== undefined) snapshot.markUnread(problem, namespace, resource)
    return { objects, snapshot, config: readClusterConfig((name) => objects.get('ConfigMap', name, 'prow')) }
  }
  const cluster = readCluster()
  const objects = cluster.then((read) => read.objects)
  const [read, github, aws] = await Promise.all([
    cluster,
    settings.GITHUB_CHECKS === 'on'
      ? cluster.then(({ config }) => tolerant('GitHub', () => readGitHub(settings, config, tolerant)))
      : undefined,
    readsAws(settings) ? readAwsEvidence(settings, objects, tolerant) : undefined,
  ])
  return { settings, now: new Date(), since, ...read, github, aws, unread }
}

/** Whether AWS is read: on EKS, unless the steps of this run have just compared what is there with what has to be. */
function readsAws({ TARGET }: Settings): boolean {
  return TARGET === 'eks' && !currentRun().started.all
}

function once<T extends { kind: string; metadata: { name: string; namespace?: string } }>(objects: T[]): T[] {
  const known = new Map(
    objects.map((one) => [`${one.kind}/${one.metadata.namespace ?? ''}/${one.metadata.name}`, one] as const),
  )
  return [...known.values()]
}

/**
 * The objects of several resources, or several objects by TYPE/NAME, in one request of kubectl; one that is denied leaves
 * the others.
 */
async function readObjects(unread: Unread[], what: string[], namespace = ''): Promise<KubeObject[]> {
  const named = what[0]?.includes('/')
  const where = namespace ? ['-n', namespace] : named ? [] : ['-A']
  const { stdout, stderr, exitCode } = await tryKubectl(
    [
      'get',
      ...(named ? what : [what.join(',')]),
      ...where,
      '-o',
      'json',
      '--show-managed-fields',
      '--ignore-not-found',
    ],
    { timeout: LIMIT },
  )
  const missing = /doesn't have a resource type "([\w-]+)"/.exec(stderr)?.[1]
  if (missing && what.some((one) => one.startsWith(missing))) {
    const rest = what.filter((one) => !one.startsWith(missing))
    return readObjects(unread, rest, namespace)
  }
  const objects = stdout.trim() ? parseObjects(stdout) : []
  if (exitCode !== 0) {
    const refused = stderr.split('\n').filter((line) => /Forbidden|forbidden/.test(line))
    // Nothing at all was answered: one finding, and not one for each resource.
    if (objects.length === 0 || refused.length === 0) throw explainKubectl(stderr)
    for (const line of refused) {
      const resource = /cannot (?:list|get) resource "([\w-]+)"/.exec(line)?.[1]
      const problem = explainKubectl(line)
      unread.push({
        source: `${resource ?? 'a resource'} in ${namespace || 'the cluster'}`,
        problem,
        namespace,
        resource,
      })
    }
  }
  return objects
}
