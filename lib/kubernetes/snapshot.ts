import type { Problem } from '../base/problem.ts'
import { currentRun, forget, readOnce, remember } from '../run/context.ts'
import { kubectl } from './kubectl.ts'
import type { KubeObject } from './manifests.ts'

/** The kinds in namespaces, as kubectl takes them. */
const KINDS = {
  ConfigMap: 'configmaps',
  Secret: 'secrets',
  ServiceAccount: 'serviceaccounts',
  Role: 'roles.rbac.authorization.k8s.io',
  RoleBinding: 'rolebindings.rbac.authorization.k8s.io',
  Deployment: 'deployments.apps',
  Service: 'services',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  Ingress: 'ingresses.networking.k8s.io',
  Job: 'jobs.batch',
  CronJob: 'cronjobs.batch',
}

/** Cluster-wide kinds of which everything is read. */
const CLUSTER_WIDE = {
  Node: 'nodes',
  StorageClass: 'storageclasses.storage.k8s.io',
  CSIDriver: 'csidrivers.storage.k8s.io',
  IngressClass: 'ingressclasses.networking.k8s.io',
}

type Kind = keyof typeof KINDS

/** What a snapshot is made of: kinds by namespace, and single objects. */
interface Query {
  namespaces: Record<string, Kind[]>
  names: string[]
}

const PROW: Query = {
  namespaces: {
    prow: Object.keys(KINDS) as Kind[],
    'test-pods': ['Secret', 'ServiceAccount', 'Role', 'RoleBinding'],
  },
  names: [
    'namespace/prow',
    'namespace/test-pods',
    'namespace/ingress-nginx',
    'customresourcedefinition/prowjobs.prow.k8s.io',
  ],
}

const WITH_NGINX: Query = {
  namespaces: {
    ...PROW.namespaces,
    'ingress-nginx': ['ConfigMap', 'ServiceAccount', 'Role', 'RoleBinding', 'Deployment', 'Service', 'Job'],
  },
  names: [
    ...PROW.names,
    ...['ingress-nginx', 'ingress-nginx-admission'].flatMap((name) => [
      `clusterrole/${name}`,
      `clusterrolebinding/${name}`,
    ]),
    'validatingwebhookconfiguration/ingress-nginx-admission',
  ],
}

/** What was read from the cluster once and is shared by all checks and comparisons of a run; a write puts its answer in. */
export class Snapshot {
  readonly #objects = new Map<string, KubeObject>()
  readonly #absent = new Set<string>()
  /** What could not be read, by kind and namespace, or by namespace. */
  readonly #unread = new Map<string, Problem>()
  readonly #query: Query

  constructor(query: Query = PROW) {
    this.#query = query
  }

  /**
   * The object of that kind and name, or undefined. Answers only for what was queried. Throws the Problem for which it
   * could not be read: it must not be called absent.
   */
  get(kind: string, name: string, namespace = ''): KubeObject | undefined {
    const found = this.#objects.get(`${kind}/${namespace}/${name}`)
    if (!found) this.#throwUnread(kind, namespace)
    return found
  }

  has(kind: string, name: string, namespace = ''): boolean {
    return this.get(kind, name, namespace) !== undefined
  }

  /** All objects of a kind in a namespace, or cluster-wide ones. Throws like `get`. */
  all(kind: string, namespace = ''): KubeObject[] {
    this.#throwUnread(kind, namespace)
    return [...this.#objects.values()].filter((o) => o.kind === kind && (o.metadata.namespace ?? '') === namespace)
  }

  /** Notes why a resource, as kubectl names it, could not be read in a namespace; without one, nothing in it could. */
  markUnread(problem: Problem, namespace = '', resource = ''): void {
    const all = Object.entries({ ...KINDS, ...CLUSTER_WIDE })
    const kind = all.find(([, name]) => name.split('.')[0] === resource)?.[0] ?? resource
    this.#unread.set(`${kind}/${namespace}`, problem)
  }

  #throwUnread(kind: string, namespace: string): void {
    const problem = this.#unread.get(`${kind}/${namespace}`) ?? this.#unread.get(`/${namespace}`)
    if (problem) throw problem
  }

  put(object: KubeObject): void {
    this.#objects.set(`${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object)
  }

  drop(object: KubeObject): void {
    this.#objects.delete(`${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`)
    this.markAbsent(object)
  }

  /** Whether the object would be here if it existed. */
  wasQueried(object: KubeObject): boolean {
    const { name, namespace = '' } = object.metadata
    return (
      this.has(object.kind, name, namespace) ||
      this.#absent.has(`${object.kind}/${namespace}/${name}`) ||
      object.kind in CLUSTER_WIDE ||
      Boolean(this.#query.namespaces[namespace]?.includes(object.kind as Kind)) ||
      this.#query.names.includes(`${object.kind.toLowerCase()}/${name}`)
    )
  }

  markAbsent(object: KubeObject): void {
    const { name, namespace = '' } = object.metadata
    if (!this.has(object.kind, name, namespace)) this.#absent.add(`${object.kind}/${namespace}/${name}`)
  }
}

/** The objects in what `kubectl … -o json` printed: nothing, a List, one, or several one after the other. */
export function parseObjects(stdout: string): KubeObject[] {
  // Each is printed over several lines, and only its last is a lone brace.
  return stdout
    .split(/^(?<=^}\n)/m)
    .filter((part) => part.trim())
    .flatMap((part) => {
      const parsed = JSON.parse(part)
      return parsed.kind?.endsWith('List') && Array.isArray(parsed.items) ? parsed.items : [parsed]
    })
}

/** What a snapshot has besides the kinds of prow, test-pods and the cluster: resources of a namespace, or single objects. */
export function furtherQueries(): { namespace: string; what: string[] }[] {
  const { names, namespaces } = queryOf()
  const { prow: _, 'test-pods': __, ...others } = namespaces
  const more = Object.entries(others).map(([namespace, kinds]) => ({ namespace, what: kinds.map((one) => KINDS[one]) }))
  return [{ namespace: '', what: names }, ...more]
}

const queryOf = () => (currentRun().settings.INGRESS === 'nginx' ? WITH_NGINX : PROW)

const QUESTION = 'kubectl get snapshot'

/** The snapshot of this run: the namespaces of the runbook and what it needs of the cluster, read once. */
export function snapshot(): Promise<Snapshot> {
  return readOnce(QUESTION, takeSnapshot)
}

/** The snapshot of this run made of objects that were read otherwise. */
export function snapshotOf(objects: KubeObject[]): Snapshot {
  const made = new Snapshot(queryOf())
  for (const object of objects) made.put(object)
  remember(QUESTION, made)
  return made
}

/** Drops the snapshot, so that it is taken afresh. */
export function forgetSnapshot(): void {
  forget(QUESTION)
}

async function takeSnapshot(): Promise<Snapshot> {
  const query = queryOf()
  // Who owns which field tells what an apply would change.
  const options = ['-o', 'json', '--show-managed-fields']
  const answers = await Promise.all([
    kubectl(['get', ...options, '--ignore-not-found', ...query.names]),
    ...Object.entries(query.namespaces).map(([namespace, kinds], index) => {
      // One process for each namespace; what is cluster-wide comes with the first.
      const all = [...kinds.map((kind) => KINDS[kind]), ...(index === 0 ? Object.values(CLUSTER_WIDE) : [])]
      return kubectl(['get', ...options, '-n', namespace, all.join(',')])
    }),
  ])
  const found = new Snapshot(query)
  for (const object of answers.flatMap(parseObjects)) found.put(object)
  return found
}

/** The cluster-wide objects of a kind. */
export async function listObjects(kind: keyof typeof CLUSTER_WIDE): Promise<KubeObject[]> {
  return (await snapshot()).all(kind)
}

/** The objects of some kinds as they are now, past the snapshot. `where` is such as `-n prow` or `-A`. */
export async function getObjects(kinds: string, ...where: string[]): Promise<KubeObject[]> {
  return parseObjects(await kubectl(['get', kinds, ...where, '-o', 'json']))
}
