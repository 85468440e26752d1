import { isGiven, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { decorations } from './default-decoration.ts'
import { presetsFor, shownPreset } from './job-presets.ts'
import { runsInTestPods } from './pod-security.ts'
import {
  type All,
  type ReferencedKind as Kind,
  type Match,
  match,
  type Rule,
  type Severity,
  shownJob,
  type TestPods,
} from './rule.ts'

/** A name of an object that a pod needs. */
interface Reference {
  kind: Kind
  name: Tree
}

function* named(kind: Kind, name: Tree | undefined): Iterable<Reference> {
  if (isGiven(name) && !name.map && !name.list) yield { kind, name }
}

const optional = (tree: Tree | undefined) => nodeAt(tree, 'optional')?.value === true

/** What a volume needs. */
function* ofVolume(volume: Tree): Iterable<Reference> {
  const secret = nodeAt(volume, 'secret')
  if (!optional(secret)) yield* named('Secret', nodeAt(secret, 'secretName'))
  const configMap = nodeAt(volume, 'configMap')
  if (!optional(configMap)) yield* named('ConfigMap', nodeAt(configMap, 'name'))
  yield* named('PersistentVolumeClaim', nodeAt(volume, 'persistentVolumeClaim', 'claimName'))
  for (const source of nodeAt(volume, 'projected', 'sources')?.list ?? []) {
    for (const [field, kind] of [
      ['secret', 'Secret'],
      ['configMap', 'ConfigMap'],
    ] as const) {
      const one = nodeAt(source, field)
      if (!optional(one)) yield* named(kind, nodeAt(one, 'name'))
    }
  }
}

/** What variables need: an `env` list. */
function* ofVariables(env: Tree | undefined): Iterable<Reference> {
  for (const one of env?.list ?? []) {
    for (const [field, kind] of [
      ['secretKeyRef', 'Secret'],
      ['configMapKeyRef', 'ConfigMap'],
    ] as const) {
      const ref = nodeAt(one, 'valueFrom', field)
      if (!optional(ref)) yield* named(kind, nodeAt(ref, 'name'))
    }
  }
}

function* ofContainer(container: Tree): Iterable<Reference> {
  yield* ofVariables(nodeAt(container, 'env'))
  for (const one of nodeAt(container, 'envFrom')?.list ?? []) {
    for (const [field, kind] of [
      ['secretRef', 'Secret'],
      ['configMapRef', 'ConfigMap'],
    ] as const) {
      const ref = nodeAt(one, field)
      if (!optional(ref)) yield* named(kind, nodeAt(ref, 'name'))
    }
  }
}

function* ofSpec(spec: Tree | undefined): Iterable<Reference> {
  // serviceAccount is its older name.
  const account = nodeAt(spec, 'serviceAccountName') ?? nodeAt(spec, 'serviceAccount')
  yield* named('ServiceAccount', account)
  for (const volume of nodeAt(spec, 'volumes')?.list ?? []) yield* ofVolume(volume)
  for (const list of ['initContainers', 'containers'])
    for (const container of nodeAt(spec, list)?.list ?? []) yield* ofContainer(container)
}

/** What a decoration needs: the Secrets that Prow mounts into its own containers, and the account of the pod. */
function* ofDecoration(decoration: Tree | undefined): Iterable<Reference> {
  yield* named('ServiceAccount', nodeAt(decoration, 'default_service_account_name'))
  for (const field of ['s3_credentials_secret', 'gcs_credentials_secret', 'cookiefile_secret'])
    yield* named('Secret', nodeAt(decoration, field))
  for (const field of ['oauth_token_secret', 'github_app_private_key_secret'])
    yield* named('Secret', nodeAt(decoration, field, 'name'))
  for (const name of nodeAt(decoration, 'ssh_key_secrets')?.list ?? []) yield* named('Secret', name)
}

/** What this runbook creates in test-pods, and what every namespace has. */
function created(kind: Kind, settings: Settings): string[] {
  if (kind === 'ServiceAccount') return ['default', 'prow-jobs']
  if (kind === 'ConfigMap') return ['kube-root-ca.crt']
  if (kind === 'Secret') return ['s3-credentials', ...(settings.PRIVATE_CLONES === 'on' ? ['clone-token'] : [])]
  return []
}

/** Who names an object, and where. */
interface Named extends Reference {
  owner: string
  file?: string
}

function* allReferences(all: All): Iterable<Named> {
  for (const decoration of decorations(all))
    for (const reference of ofDecoration(decoration)) yield { ...reference, owner: 'the default decoration' }
  const seen = new Set<Tree>()
  for (const job of all.jobs) {
    if (!runsInTestPods(job)) continue
    const { file } = job
    const owner = shownJob(job)
    for (const reference of ofSpec(nodeAt(job.tree, 'spec'))) yield { ...reference, owner, file }
    if (job.decorated)
      for (const reference of ofDecoration(nodeAt(job.tree, 'decoration_config'))) yield { ...reference, owner, file }
    for (const preset of presetsFor(job, all)) {
      if (seen.has(preset.tree)) continue
      seen.add(preset.tree)
      const more = { owner: shownPreset(preset), file: preset.file }
      for (const volume of nodeAt(preset.tree, 'volumes')?.list ?? [])
        for (const reference of ofVolume(volume)) yield { ...reference, ...more }
      for (const reference of ofVariables(nodeAt(preset.tree, 'env'))) yield { ...reference, ...more }
    }
  }
}

/** How to create an object of a kind, as it is typed. */
function createLine(kind: Kind, name: string): string {
  if (kind === 'Secret') return `kubectl -n test-pods create secret generic ${name} --from-file=KEY=FILE`
  if (kind === 'ConfigMap') return `kubectl -n test-pods create configmap ${name} --from-file=KEY=FILE`
  if (kind === 'ServiceAccount') return `kubectl -n test-pods create serviceaccount ${name}`
  return 'kubectl -n test-pods apply -f CLAIM.yaml'
}

function remedyFor(kind: Kind, name: string): string {
  if (name === 'oauth-token')
    return 'Set PRIVATE_CLONES=on and name clone-token: the bot token is not in test-pods, where any job could read it.'
  if (name === 'clone-token') return 'Set PRIVATE_CLONES=on, or remove it.'
  const line = createLine(kind, name)
  return kind === 'ServiceAccount'
    ? `Name prow-jobs, which may upload to the bucket, or create it: ${line}`
    : `Create it (${line}), or set optional: true where the job can do without it.`
}

/** The references that are not there; without `objects`, those that are not known to be. */
function* missing(all: All, objects: TestPods['names'] | undefined): Iterable<Match> {
  for (const { kind, name: at, owner, file } of allReferences(all)) {
    const name = kind === 'Secret' ? textOf(at).split('/')[0]! : textOf(at)
    if (created(kind, all.settings).includes(name) || objects?.[kind].has(name)) continue
    const state = objects ? 'which is not in test-pods' : 'which this runbook does not create in test-pods'
    yield {
      ...match(at, `${owner} names the ${kind} ${name}, ${state}`, {
        remedy: `${remedyFor(kind, name)}${kind === 'ServiceAccount' ? '' : ' Without it each pod waits until Prow gives up.'}`,
        cause: `${kind} ${name}`,
      }),
      ...(file ? { file } : {}),
    }
  }
}

const rule = (name: string, severity: Severity, find: Rule<All>['find']): Rule<All> => ({
  name,
  severity,
  remedy: 'Create it in test-pods.',
  find,
})

/** Rules about the objects in test-pods that jobs, presets and decorations name. */
export const REFERENCE_RULES: Rule<All>[] = [
  rule('missing-object', 'here', function* (_, all) {
    if (all.testPods) yield* missing(all, all.testPods.names)
  }),
  rule('unknown-object', 'hint', function* (_, all) {
    if (!all.testPods) yield* missing(all, undefined)
  }),
]
