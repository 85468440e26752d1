// What the runbook would change in the cluster: objects that somebody edited since it applied them, with what follows
// from it. Secrets, ConfigMaps and RBAC have rows of their own.
import { appliedChanges, type FieldChange, foreignFields } from '../../kubernetes/applied.ts'
import type { KubeObject } from '../../kubernetes/manifests.ts'
import { labelOf } from '../../kubernetes/objects.ts'
import { isReady } from '../../kubernetes/wait.ts'
import { installedObjects } from '../../prow/installed.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import type { Evidence } from '../evidence.ts'
import type { Found, Row } from '../row.ts'

/** The kinds whose objects are compared: the rest has rows of its own, or cannot change. */
const KINDS = ['Namespace', 'ServiceAccount', 'Deployment', 'Service', 'Ingress', 'CronJob']

interface Drift {
  object: KubeObject
  wanted: KubeObject
  changes: FieldChange[]
}

/** The objects that an apply would change. */
function drifts({ aws, objects, settings }: Evidence): Drift[] {
  return installedObjects(settings, aws?.cluster, objects.all)
    .filter(({ kind }) => KINDS.includes(kind))
    .flatMap((wanted) => {
      const object = objects.get(wanted.kind, wanted.metadata.name, wanted.metadata.namespace)
      const changes = object ? appliedChanges(object, wanted) : []
      return object && changes.length > 0 ? [{ object, wanted, changes }] : []
    })
}

/** What a change means to Prow. */
interface Consequence {
  id: string
  text: (drift: Drift) => string | undefined
}

/** The value of a flag in the arguments of the first container: `--cache-sizeGB`. */
function flagOf(deployment: KubeObject, flag: string): string | undefined {
  const { template } = deployment.spec as { template: { spec: { containers: { args?: string[] }[] } } }
  const args = template.spec.containers.flatMap((one) => one.args ?? [])
  return args.find((one) => one.startsWith(`${flag}=`))?.slice(flag.length + 1)
}

const isDeployment = ({ object }: Drift, name = object.metadata.name) =>
  object.kind === 'Deployment' && object.metadata.name === name

const DRY_RUN: Record<string, string> = {
  tide: 'Tide merges nothing',
  hook: 'hook answers no comment and starts no job',
  sinker: 'sinker removes no pod and no ProwJob',
  crier: 'crier reports nothing to GitHub',
  statusreconciler: 'statusreconciler corrects no status',
  'prow-controller-manager': 'no job gets a pod',
}

const CONSEQUENCES: Consequence[] = [
  {
    id: 'PRW-DRF-002',
    text: (drift) => {
      const { name } = drift.object.metadata
      if (!isDeployment(drift) || flagOf(drift.object, '--dry-run') !== 'true') return undefined
      if (flagOf(drift.wanted, '--dry-run') === 'true') return undefined
      return `${DRY_RUN[name] ?? `${name} changes nothing`}: it runs with --dry-run=true`
    },
  },
  {
    id: 'PRW-DRF-004',
    text: ({ object, changes }) =>
      object.kind === 'Ingress' && changes.some(({ path }) => path.endsWith('healthcheck-path'))
        ? 'the load balancer marks pods unhealthy that do not answer this path with 200'
        : undefined,
  },
  {
    id: 'PRW-DRF-005',
    text: ({ object, changes }) =>
      object.kind === 'Namespace' && changes.some(({ path }) => /pod-security/.test(path))
        ? 'Pod Security may refuse pods that the runbook admits'
        : undefined,
  },
]

/** How many fields of an object are listed. */
const LISTED = 3

/** A change in one line: the arguments that are new and those that are missing, or both values. */
function changeLine({ path, before, after }: FieldChange): string {
  const shown = (value: unknown) =>
    value === undefined ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value)
  if (Array.isArray(before) && Array.isArray(after)) {
    const only = (these: unknown[], those: unknown[]) =>
      these.map(shown).filter((one) => !those.map(shown).includes(one))
    const lines = [
      ...only(before, after).map((one) => `has ${one}`),
      ...only(after, before).map((one) => `lacks ${one}`),
    ]
    return `${path}: ${lines.join(', ') || 'in another order'}`
  }
  return `${path}: ${shown(before)}, not ${shown(after)}`
}

function finding({ object, wanted, changes }: Drift, cause?: { id: string; text: string }): Found {
  const label = labelOf(object)
  const step = wanted.metadata.labels?.['prow-runbook/step'] ?? '08-prow'
  const lines = changes.slice(0, LISTED).map(changeLine)
  const more = changes.length > LISTED ? [`and ${changes.length - LISTED} more fields`] : []
  return {
    ...(cause ? { id: cause.id, severity: 'error' as const } : {}),
    object: label,
    message: [
      cause ? `${cause.text}; ${label} is not as the runbook applies it` : `${label} is not as the runbook applies it`,
      ...lines,
      ...more,
    ].join('\n'),
    evidence: lines[0],
    remedy: `Run ${rerunLine(step)}, which puts it back; with --plan it prints what would change.`,
    // What stops because of it is found at the object itself, and shown first.
    follows: [label],
  }
}

function consequenceOf(drift: Drift): { id: string; text: string } | undefined {
  for (const { id, text } of CONSEQUENCES) {
    const found = text(drift)
    if (found) return { id, text: found }
  }
  return undefined
}

export const driftRows: Row[] = [
  {
    // A consequence has an id of its own, PRW-DRF-002 to -005, and is an error.
    id: 'PRW-DRF-001',
    title: 'objects are as the runbook applies them',
    severity: 'warning',
    find: (evidence) => drifts(evidence).map((drift) => finding(drift, consequenceOf(drift))),
  },
  {
    id: 'PRW-DRF-003',
    title: 'the cache of ghproxy fits on its volume',
    severity: 'error',
    find: ({ objects }) => {
      const deployment = objects.get('Deployment', 'ghproxy', 'prow')
      const claim = objects.get('PersistentVolumeClaim', 'ghproxy', 'prow')
      const size = deployment && Number(flagOf(deployment, '--cache-sizeGB'))
      const { storage = '' } = ((claim?.status ?? {}) as { capacity?: { storage?: string } }).capacity ?? {}
      const volume = gigabytes(storage)
      if (!deployment || !size || !volume || size < volume) return []
      return [
        {
          object: labelOf(deployment),
          message: `ghproxy may cache ${size} GB on a volume of ${storage}: when it is full, requests to GitHub fail`,
          evidence: `--cache-sizeGB=${size}; PersistentVolumeClaim prow/ghproxy: ${storage}`,
          remedy: `Set GHPROXY_STORAGE_GI to what the cache needs, then run ${rerunLine('08-prow')}; it takes four fifths of the volume.`,
        },
      ]
    },
  },
  {
    id: 'PRW-IMG-009',
    title: 'all components of Prow have one version',
    severity: 'warning',
    find: (evidence) => mixedVersions(evidence),
  },
  {
    // Others may add fields, such as a sidecar's injector. Where the component runs with them nothing is wrong.
    id: 'PRW-DRF-006',
    title: 'no field that others have set keeps a component from being ready',
    severity: 'warning',
    find: ({ objects }) =>
      objects
        .ofKind('Deployment', 'prow')
        .filter((deployment) => !isReady(deployment))
        .flatMap((deployment) => {
          const fields = foreignFields(deployment)
          const label = labelOf(deployment)
          if (fields.length === 0) return []
          const patch = JSON.stringify(fields.map(({ pointer }) => ({ op: 'remove', path: pointer })))
          return [
            {
              object: label,
              message: [
                `${label} has fields that the runbook does not set, and leaves as they are`,
                ...fields.map(({ path, value, manager }) => `${path}: ${JSON.stringify(value)}, set by ${manager}`),
              ].join('\n'),
              remedy: `Remove what was not meant: ${kubectlLine('-n', 'prow', 'patch', `deployment/${deployment.metadata.name}`, '--type=json', '-p', patch)}`,
              // It may be why the object is not ready, and is shown there.
              follows: [label],
            },
          ]
        }),
  },
]

/** A size of Kubernetes in GB; undefined for one that is not in Gi, Ti or G. */
function gigabytes(quantity: string): number | undefined {
  const [, number, unit = ''] = /^(\d+)(Gi|Ti|G|T)$/.exec(quantity) ?? []
  const factor = { Gi: 1.073741824, Ti: 1099.511627776, G: 1, T: 1000 }[unit]
  return number && factor ? Number(number) * factor : undefined
}

/** The components whose image has another tag than the settings name, when others have that one. */
function mixedVersions({ objects, settings }: Evidence): Found[] {
  const { PROW_IMAGE_REGISTRY: registry, PROW_IMAGE_TAG: tag } = settings
  const versions = objects.ofKind('Deployment', 'prow').flatMap((deployment) => {
    const { template } = deployment.spec as { template: { spec: { containers: { image: string }[] } } }
    const image = template.spec.containers.map((one) => one.image).find((one) => one.startsWith(`${registry}/`))
    return image ? [{ deployment, image, version: image.slice(image.lastIndexOf(':') + 1) }] : []
  })
  const others = versions.filter(({ version }) => version !== tag)
  // All of another one is no mixture: an upgrade that is due, which 08-prow shows.
  if (others.length === 0 || others.length === versions.length) return []
  return others.map(({ deployment, image, version }) => ({
    object: labelOf(deployment),
    message: `${deployment.metadata.name} runs ${version}, the other components of Prow ${tag}: versions of one installation must not be mixed`,
    evidence: `image: ${image}`,
    remedy: `Run ${rerunLine('08-prow')}, which gives all of them PROW_IMAGE_TAG=${tag}.`,
  }))
}
