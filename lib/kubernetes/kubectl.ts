import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { type Ended, follow, quote, type RunOptions, tryRun } from '../base/shell.ts'
import { cacheFolder } from '../rehearsal/programs.ts'
import { type Difference, differences } from './difference.ts'
import type { KubeObject, Manifest } from './manifests.ts'

/** Who we are to the API server: fields we set are ours under this name. */
const MANAGER = 'prow-runbook'
/** On what was there before the runbook, so that uninstall leaves it. Set under another manager: apply must not drop it. */
const ADOPTED = 'prow-runbook/adopted'
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** What became of an object or thing. */
export type Outcome = 'created' | 'changed' | 'unchanged' | 'removed' | 'would create' | 'would change' | 'would remove'

/** One thing of the guide: its name as the reader knows it, and the objects it is made of. */
export interface Thing {
  name: string
  manifests: Manifest[]
  /** A word for the reader, such as where a value came from. */
  note?: string
}

/** What became of a thing, with what differs. */
export interface Done {
  name: string
  outcome: Outcome
  note?: string
  differences: Difference[]
}

let target: { kubeconfig: string; context: string } | undefined

/** Says which cluster every kubectl of this process talks to. The current context is never used. */
export function useCluster(kubeconfig: string, context: string): void {
  target = { kubeconfig, context }
}

/** The kubeconfig and context that every kubectl of this process has, for programs that take them too. */
export function kubectlTarget(): { kubeconfig: string; context: string } {
  if (!target) throw new Error('useCluster was not called')
  return target
}

function targeted(args: string[]): string[] {
  if (!target) throw new Error('useCluster was not called')
  return ['--kubeconfig', target.kubeconfig, '--context', target.context, ...args]
}

// Discovery is cached in a folder of our own, and a person's kubectl preferences stay out of it.
const ENVIRONMENT = {
  KUBERC: 'off',
  KUBECACHEDIR: process.env.KUBECACHEDIR ?? join(cacheFolder(), 'kubectl'),
}

/** A kubectl line for the reader that works as typed. */
export function kubectlLine(...args: string[]): string {
  return ['kubectl', ...targeted(args)].map(quote).join(' ')
}

/** Runs kubectl against the cluster of the settings. Throws a Problem that says what the API server's words mean. */
export async function kubectl(args: string[], options: RunOptions = {}): Promise<string> {
  const ended = await tryKubectl(args, options)
  if (ended.exitCode !== 0) throw explained(ended.stderr)
  return ended.stdout
}

/** Runs kubectl and gives back how it ended. */
export function tryKubectl(args: string[], options: RunOptions = {}): Promise<Ended> {
  return tryRun('kubectl', targeted(args), { ...options, env: ENVIRONMENT })
}

/** Texts and objects as one input for `kubectl -f -`. It begins with ---: kubectl takes what begins with { for JSON alone. */
export function stream(documents: (string | object)[]): string {
  return documents.map((one) => `---\n${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join('')
}

let asked: Promise<{ client: string; server: string }> | undefined

/** The versions of kubectl and of the API server, such as `v1.36.3`. */
export function versions(): Promise<{ client: string; server: string }> {
  asked ??= kubectl(['version', '-o', 'json']).then((text) => {
    const { clientVersion, serverVersion } = JSON.parse(text)
    return { client: clientVersion.gitVersion, server: serverVersion.gitVersion }
  })
  return asked
}

let denied: (stderr: string) => Problem | undefined = () => undefined

/** Says what "unknown" and "not allowed" mean on this cluster, where more is known than the API server says. */
export function explainDenied(explain: typeof denied): void {
  denied = explain
}

/** What an answer of the API server means to the reader. */
export function explained(stderr: string): Problem {
  const known = denied(stderr)
  if (known) return known
  const text = stderr
    .split('\n')
    .filter((line) => line.trim() && !/^(Warning:|[EIW]\d{4} )/.test(line))
    .join('\n')
    .trim()
  const told = text || stderr.trim()
  const meanings: [RegExp, string][] = [
    // First: why a webhook does not answer sounds like the cluster's own certificate or connection.
    [
      /failed calling webhook "validate\.nginx/,
      'The admission webhook of ingress-nginx does not answer. See its pods in ingress-nginx, or set NGINX_ADMISSION=off.',
    ],
    [
      /failed calling webhook "\w+\.elbv2\.k8s\.aws/,
      'The AWS Load Balancer Controller does not answer. See its pods in kube-system, and that the security group of the nodes lets the control plane in on port 9443.',
    ],
    [
      /failed calling webhook/,
      'An admission webhook of the cluster does not answer. Bring it back, then run the step again.',
    ],
    [
      /connection refused|Unable to connect|i\/o timeout|no such host|was refused|no route to host/,
      'See that the cluster is up and reached from here: 01-cluster looks at it.',
    ],
    [
      /Unauthorized|must be logged in/,
      'The credentials of the kubeconfig are not known to this cluster, or expired. Make them anew.',
    ],
    [/certificate|x509/, 'The kubeconfig belongs to another cluster, or its certificates expired. Make it anew.'],
    [/[Ff]orbidden/, 'Your user lacks this right in the cluster. docs/permissions.md lists what the runbook needs.'],
    [/no matches for kind "ProwJob"/, 'Run npx tsx scripts/04-crd.ts first.'],
    [/namespaces? "(.+?)" not found/, 'Run npx tsx scripts/02-namespaces.ts first.'],
    [
      /field is immutable|is immutable/,
      'This field cannot be changed in place. Remove the object by hand when that is safe, then run the step again.',
    ],
    [
      /the object has been modified|Operation cannot be fulfilled/,
      'Somebody else changed it at the same moment. Run the step again.',
    ],
    [/already exists/, 'Somebody else made it at the same moment. Run the step again: it takes what is there.'],
    [/exceeded quota/, 'Raise the quota of the namespace.'],
  ]
  const remedy = meanings.find(([pattern]) => pattern.test(told))?.[1]
  return new Problem(told, remedy ?? 'Run the step again with --verbose to see the command.')
}

// ---- What is there ----------------------------------------------------------------------------------------------

const NAMESPACES = ['prow', 'test-pods']
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
const BY_NAME = [
  'namespace/prow',
  'namespace/test-pods',
  'namespace/ingress-nginx',
  'customresourcedefinition/prowjobs.prow.k8s.io',
]

/** One look at the cluster that all checks and comparisons of a run share; a write puts its answer in. */
export class World {
  readonly #objects = new Map<string, KubeObject>()
  readonly #absent = new Set<string>()

  /** The object of that kind and name, or undefined. Answers for what the snapshot covers. */
  get(kind: string, name: string, namespace = ''): KubeObject | undefined {
    return this.#objects.get(`${kind}/${namespace}/${name}`)
  }

  has(kind: string, name: string, namespace = ''): boolean {
    return this.get(kind, name, namespace) !== undefined
  }

  /** All objects of a kind in a namespace, or cluster-wide ones. */
  all(kind: string, namespace = ''): KubeObject[] {
    return [...this.#objects.values()].filter((o) => o.kind === kind && (o.metadata.namespace ?? '') === namespace)
  }

  put(object: KubeObject): void {
    this.#objects.set(`${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object)
  }

  drop(object: KubeObject): void {
    this.#objects.delete(`${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`)
    this.markAbsent(object)
  }

  /** Whether this look could have seen the object. */
  covers(object: KubeObject): boolean {
    const { name, namespace = '' } = object.metadata
    return (
      this.has(object.kind, name, namespace) ||
      this.#absent.has(`${object.kind}/${namespace}/${name}`) ||
      (NAMESPACES.includes(namespace) && object.kind in KINDS) ||
      BY_NAME.includes(`${object.kind.toLowerCase()}/${name}`)
    )
  }

  markAbsent(object: KubeObject): void {
    const { name, namespace = '' } = object.metadata
    if (!this.has(object.kind, name, namespace)) this.#absent.add(`${object.kind}/${namespace}/${name}`)
  }
}

/** The objects in what `kubectl … -o json` printed: nothing, a List, one, or several one after the other. */
export function objects(stdout: string): KubeObject[] {
  // Each is printed over several lines, and only its last is a lone brace.
  return stdout
    .split(/^(?<=^}\n)/m)
    .filter((part) => part.trim())
    .flatMap((part) => {
      const parsed = JSON.parse(part)
      return parsed.kind?.endsWith('List') && Array.isArray(parsed.items) ? parsed.items : [parsed]
    })
}

let seen: Promise<World> | undefined

/** The snapshot of this run: what is in prow and test-pods, read once. */
export function world(): Promise<World> {
  seen ??= look()
  return seen
}

/** Forgets the snapshot, so that the next look reads anew. */
export function forget(): void {
  seen = undefined
}

async function look(): Promise<World> {
  const kinds = Object.values(KINDS).join(',')
  const answers = await Promise.all([
    kubectl(['get', '--ignore-not-found', '-o', 'json', ...BY_NAME]),
    ...NAMESPACES.map((namespace) => kubectl(['get', '-n', namespace, '-o', 'json', kinds])),
  ])
  const found = new World()
  for (const object of answers.flatMap(objects)) found.put(object)
  return found
}

/** The objects of some kinds as they are now, past the snapshot. `where` is such as `-n prow` or `-A`. */
export async function read(kinds: string, ...where: string[]): Promise<KubeObject[]> {
  return objects(await kubectl(['get', kinds, ...where, '-o', 'json']))
}

// ---- Making what should be there --------------------------------------------------------------------------------

/**
 * Makes the objects of `things` be as given: server-side, under our manager, forced over hand-made ones; Secrets and
 * ConfigMaps replaced whole in one request, so that no stale key stays. The outcome is told by comparing before and
 * after. With `plan` nothing is written, and the outcome says what would be.
 */
export async function apply(things: Thing[], plan: boolean): Promise<Done[]> {
  const now = await world()
  const all = things.flatMap((thing) => thing.manifests)
  await lookUp(all, now)

  const before = new Map<Manifest, KubeObject | undefined>()
  for (const one of all)
    before.set(one, now.get(one.object.kind, one.object.metadata.name, one.object.metadata.namespace))

  const leave = all.filter((one) => left(one.object, before.get(one)))
  const replace = all.filter((one) => !leave.includes(one) && whole(one.object) && before.get(one))
  const differing = replace.filter((one) => !sameWhole(before.get(one)!, one.object))
  // Under --plan an object whose namespace is not there yet cannot be asked about.
  const homeless = plan
    ? all.filter((one) => one.object.metadata.namespace && !now.has('Namespace', one.object.metadata.namespace))
    : []
  // A Secret that is not there is made by a request that fails when somebody else makes it at the same moment: an
  // apply would put a second generated value over the first.
  const fresh = plan ? [] : all.filter((one) => one.object.kind === 'Secret' && !before.get(one))
  const send = all.filter((one) => ![leave, replace, homeless, fresh].some((others) => others.includes(one)))
  const after = new Map<Manifest, KubeObject>()

  if (!plan) await adopt([...send, ...differing].map((one) => before.get(one)).filter((o) => o !== undefined))
  if (send.length > 0) {
    const sent = await kubectl(
      [
        'apply',
        '--server-side',
        `--field-manager=${MANAGER}`,
        '--force-conflicts',
        // The API server refuses unknown fields of a server-side apply by itself; kubectl would fetch schemas first.
        '--validate=false',
        ...(plan ? ['--dry-run=server'] : []),
        '-o',
        'json',
        '-f',
        '-',
      ],
      { input: stream(send.map((one) => one.text)), shows: said(send) },
    )
    match(send, objects(sent), after)
  }
  if (fresh.length > 0) {
    const answer = await kubectl(
      ['create', `--field-manager=${MANAGER}`, '--validate=false', '-o', 'json', '-f', '-'],
      {
        input: stream(fresh.map((one) => one.text)),
        shows: said(fresh),
      },
    )
    match(fresh, objects(answer), after)
  }
  if (differing.length > 0) {
    const put = differing.map((one) => replacement(before.get(one)!, one.object))
    if (plan) differing.forEach((one, index) => void after.set(one, put[index]!))
    else {
      const answer = await kubectl(['replace', `--field-manager=${MANAGER}`, '-o', 'json', '-f', '-'], {
        input: stream(put),
        shows: said(differing),
      })
      match(differing, objects(answer), after)
    }
  }
  if (!plan) for (const object of after.values()) now.put(object)

  return things.map((thing) => {
    const each = thing.manifests.map((one) => {
      const old = before.get(one)
      const made = after.get(one)
      if (!old) return { outcome: plan ? 'would create' : 'created', differs: [] } as const
      const differs = made ? differences(old, made) : []
      if (differs.length === 0) return { outcome: 'unchanged', differs } as const
      return { outcome: plan ? 'would change' : 'changed', differs } as const
    })
    const adopted = thing.manifests.some((one) => {
      const old = before.get(one)
      return old && !leave.includes(one) && !ours(old)
    })
    const notes = [thing.note, adopted ? 'was there, adopted' : '', ...keptNotes(thing, before)].filter(Boolean)
    return {
      name: thing.name,
      outcome: together(each.map((one) => one.outcome)),
      note: notes.join('; ') || undefined,
      differences: each.flatMap((one) => one.differs),
    }
  })
}

/** One word for several: a thing is created when all of it is, unchanged when nothing of it changed. */
export function together(outcomes: Outcome[]): Outcome {
  const first = outcomes[0] ?? 'unchanged'
  if (outcomes.every((outcome) => outcome === first)) return first
  return outcomes.some((outcome) => outcome.startsWith('would')) ? 'would change' : 'changed'
}

/** Whether the runbook made or adopted the object. */
export function ours(object: KubeObject): boolean {
  return object.metadata.labels?.['app.kubernetes.io/managed-by'] === MANAGER
}

async function lookUp(all: Manifest[], now: World): Promise<void> {
  const unseen = all.filter((one) => !now.covers(one.object))
  if (unseen.length === 0) return
  // Whole manifests, since kubectl takes names of several kinds and namespaces only from a file.
  const found = await kubectl(['get', '--ignore-not-found', '-o', 'json', '-f', '-'], {
    input: stream(unseen.map((one) => one.text)),
    shows: said(unseen),
  })
  for (const object of objects(found)) now.put(object)
  for (const one of unseen) now.markAbsent(one.object)
}

function whole(object: KubeObject): boolean {
  return object.kind === 'Secret' || object.kind === 'ConfigMap'
}

/** Whether a text is the same to Prow, which trims what it reads; `openssl rand > file` ends in a newline. */
function same(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && decode(a).trim() === decode(b).trim()
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

function sameWhole(old: KubeObject, wanted: KubeObject): boolean {
  const labels = wanted.metadata.labels ?? {}
  const annotations = wanted.metadata.annotations ?? {}
  const [oldData, newData] = [old.data ?? {}, wanted.data ?? {}] as Record<string, string>[]
  const keys = new Set([...Object.keys(oldData!), ...Object.keys(newData!)])
  const sameData = [...keys].every((key) =>
    wanted.kind === 'Secret' ? same(oldData![key], newData![key]) : oldData![key] === newData![key],
  )
  return (
    sameData &&
    sorted(old.binaryData) === sorted(wanted.binaryData) &&
    Object.entries(labels).every(([key, value]) => old.metadata.labels?.[key] === value) &&
    Object.entries(annotations).every(([key, value]) => old.metadata.annotations?.[key] === value) &&
    // It holds the values a second time, where nobody looks for them.
    old.metadata.annotations?.[LAST_APPLIED] === undefined
  )
}

/** A map as text, whatever the order of its keys: the API server sorts them. */
function sorted(map: unknown): string {
  return JSON.stringify(Object.entries((map ?? {}) as object).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function replacement(old: KubeObject, wanted: KubeObject): KubeObject {
  const annotations: Record<string, string> = { ...old.metadata.annotations, ...wanted.metadata.annotations }
  delete annotations[LAST_APPLIED]
  if (!ours(old)) annotations[ADOPTED] = 'true'
  const data: Record<string, string> = { ...(wanted.data as Record<string, string>) }
  if (wanted.kind === 'Secret') {
    const oldData = (old.data ?? {}) as Record<string, string>
    for (const key of Object.keys(data)) if (same(oldData[key], data[key])) data[key] = oldData[key]!
  }
  return {
    ...wanted,
    ...(old.type ? { type: old.type } : {}),
    ...(Object.keys(data).length > 0 ? { data } : {}),
    metadata: {
      name: wanted.metadata.name,
      namespace: wanted.metadata.namespace,
      labels: { ...old.metadata.labels, ...wanted.metadata.labels },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      // A write of somebody else since we looked is not to be lost: the API server then answers Conflict.
      resourceVersion: old.metadata.resourceVersion,
    },
  }
}

/** A Job's template and a claim's class cannot change: what is there stays. */
function left(object: KubeObject, old: KubeObject | undefined): boolean {
  if (!old) return false
  if (object.kind === 'Job') return true
  if (object.kind !== 'PersistentVolumeClaim') return false
  // The guide's claim has no class, and takes one as long as it waits for a volume.
  const takesClass = classOf(old) === '' && (old.status as { phase?: string } | undefined)?.phase === 'Pending'
  return !takesClass && (classOf(old) !== classOf(object) || size(old) >= size(object))
}

function classOf(claim: KubeObject): string {
  return (claim.spec as { storageClassName?: string }).storageClassName ?? ''
}

/** The size that a claim asks for, in bytes. */
function size(claim: KubeObject): number {
  const asked = (claim.spec as { resources: { requests: { storage: string } } }).resources.requests.storage
  const [, count = '0', unit = ''] = /^([\d.]+)(\w*)$/.exec(asked) ?? []
  const units: Record<string, number> = {
    '': 1,
    Ki: 2 ** 10,
    Mi: 2 ** 20,
    Gi: 2 ** 30,
    Ti: 2 ** 40,
    K: 1e3,
    M: 1e6,
    G: 1e9,
    T: 1e12,
  }
  return Number(count) * (units[unit] ?? 1)
}

function keptNotes(thing: Thing, before: Map<Manifest, KubeObject | undefined>): string[] {
  return thing.manifests.flatMap((one) => {
    const old = before.get(one)
    if (!old || one.object.kind !== 'PersistentVolumeClaim') return []
    if (classOf(old) !== classOf(one.object)) {
      return [`claim ${one.object.metadata.name} keeps class ${classOf(old) || '(none)'}: it cannot change`]
    }
    return size(old) > size(one.object) ? [`claim ${one.object.metadata.name} keeps its larger size`] : []
  })
}

async function adopt(old: KubeObject[]): Promise<void> {
  const foreign = old.filter((object) => !ours(object) && object.metadata.annotations?.[ADOPTED] === undefined)
  const marked = foreign.filter((object) => !whole(object))
  if (marked.length === 0) return
  await kubectl(['annotate', '--overwrite', '--field-manager=prow-runbook-adopted', '-f', '-', `${ADOPTED}=true`], {
    input: stream(marked.map(identity)),
    shows: `${marked.length} objects that were there before`,
  })
}

function said(manifests: Manifest[]): string {
  const names = manifests.map((one) => `${one.object.kind.toLowerCase()}/${one.object.metadata.name}`)
  return names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
}

function match(sent: Manifest[], answered: KubeObject[], into: Map<Manifest, KubeObject>): void {
  for (const one of sent) {
    const { kind, metadata } = one.object
    const found = answered.find(
      (object) =>
        object.kind === kind &&
        object.metadata.name === metadata.name &&
        (object.metadata.namespace ?? '') === (metadata.namespace ?? ''),
    )
    if (found) into.set(one, found)
  }
}

/**
 * Removes the objects of a thing that are there and that the runbook made; what it adopted or never touched stays.
 * Answers undefined when there is nothing to remove.
 */
export async function remove(thing: Thing, plan: boolean): Promise<Done | undefined> {
  const now = await world()
  await lookUp(thing.manifests, now)
  const there = thing.manifests
    .map(({ object: { kind, metadata } }) => now.get(kind, metadata.name, metadata.namespace))
    .filter((object) => object !== undefined && made(object)) as KubeObject[]
  if (there.length === 0) return undefined
  if (!plan) {
    await kubectl(['delete', '--ignore-not-found', '--wait=true', '-f', '-'], {
      input: stream(there.map(identity)),
      shows: there.map((object) => `${object.kind.toLowerCase()}/${object.metadata.name}`).join(', '),
    })
    for (const object of there) now.drop(object)
  }
  return { name: thing.name, outcome: plan ? 'would remove' : 'removed', note: thing.note, differences: [] }
}

/** Whether the runbook made the object itself, rather than adopted it. */
export function made(object: KubeObject): boolean {
  return ours(object) && object.metadata.annotations?.[ADOPTED] === undefined
}

/** What names an object, for kubectl -f -. */
export function identity({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace } }
}

// ---- Waiting ----------------------------------------------------------------------------------------------------

/** Whether a Deployment, Job or definition is as its spec wants it, as `kubectl rollout status` would say. */
export function ready(object: KubeObject): boolean {
  const status = (object.status ?? {}) as Record<string, unknown>
  const conditions = (status.conditions ?? []) as { type: string; status: string }[]
  const holds = (type: string) => conditions.some((c) => c.type === type && c.status === 'True')
  if (object.kind === 'Deployment') {
    const wanted = ((object.spec as { replicas?: number }).replicas ?? 1) as number
    return (
      Number(status.observedGeneration ?? 0) >= Number(object.metadata.generation ?? 0) &&
      Number(status.updatedReplicas ?? 0) === wanted &&
      Number(status.replicas ?? 0) === wanted &&
      Number(status.availableReplicas ?? 0) === wanted
    )
  }
  if (object.kind === 'Job') return holds('Complete')
  if (object.kind === 'CustomResourceDefinition') return holds('Established')
  return true
}

/**
 * Watches the named objects of one kind until all are ready or `seconds` are over; gives back the names of those
 * that are not. `say` hears where it is. Costs nothing when the snapshot has them ready.
 */
export async function waitFor(
  kind: 'Deployment' | 'Job' | 'CustomResourceDefinition',
  names: string[],
  namespace: string,
  seconds: number,
  say: (text: string) => void,
): Promise<string[]> {
  const now = await world()
  const waiting = new Set(
    names.filter((name) => {
      const object = now.get(kind, name, namespace)
      return !object || !ready(object)
    }),
  )
  if (waiting.size === 0) return []
  const tell = () =>
    say(`waiting for ${[...waiting].join(', ')} (${names.length - waiting.size} of ${names.length} ready)`)
  tell()
  const where = namespace ? ['-n', namespace] : []
  const end = Date.now() + seconds * 1000
  // A watch may be closed by what is between us and the API server long before the limit; it is then begun anew.
  while (waiting.size > 0 && Date.now() < end) {
    let rest = ''
    const left = Math.ceil((end - Date.now()) / 1000)
    const { satisfied, stderr } = await follow(
      'kubectl',
      targeted(['get', kind.toLowerCase(), ...where, '--watch', '-o', 'json']),
      left,
      (text) => {
        rest += text
        const last = rest.lastIndexOf('\n}\n') + 3
        if (last < 3) return false
        const whole = rest.slice(0, last)
        rest = rest.slice(last)
        for (const object of objects(whole)) {
          if (!names.includes(object.metadata.name)) continue
          now.put(object)
          if (ready(object)) waiting.delete(object.metadata.name)
          else waiting.add(object.metadata.name)
        }
        tell()
        return waiting.size === 0
      },
      ENVIRONMENT,
    )
    if (!satisfied && /refused|Unauthorized|[Ff]orbidden/.test(stderr)) throw explained(stderr)
  }
  return [...waiting]
}
