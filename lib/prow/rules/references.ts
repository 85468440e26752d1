import { isGiven, nodeAt, type Tree, textOf } from '../../base/yaml-tree.ts'
import type { Settings } from '../../settings/table.ts'
import { decorations } from './default-decoration.ts'
import { type Preset, presetsFor, shownPreset } from './job-presets.ts'
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

/** Takes the name of an object that a pod needs, when one is given. */
type Collect = (kind: Kind, name: Tree | undefined) => void

/** Passes on the name in a reference to a Secret or ConfigMap, unless the pod starts without it. */
function refer(collect: Collect, kind: Kind, reference: Tree | undefined, field = 'name'): void {
  if (reference && nodeAt(reference, 'optional')?.value !== true) collect(kind, nodeAt(reference, field))
}

/** What a volume needs. */
function ofVolume(volume: Tree, collect: Collect): void {
  refer(collect, 'Secret', nodeAt(volume, 'secret'), 'secretName')
  refer(collect, 'ConfigMap', nodeAt(volume, 'configMap'))
  collect('PersistentVolumeClaim', nodeAt(volume, 'persistentVolumeClaim', 'claimName'))
  for (const source of nodeAt(volume, 'projected', 'sources')?.list ?? []) {
    refer(collect, 'Secret', nodeAt(source, 'secret'))
    refer(collect, 'ConfigMap', nodeAt(source, 'configMap'))
  }
}

/** What variables need: an `env` list. */
function ofVariables(env: Tree | undefined, collect: Collect): void {
  for (const one of env?.list ?? []) {
    const source = nodeAt(one, 'valueFrom')
    refer(collect, 'Secret', nodeAt(source, 'secretKeyRef'))
    refer(collect, 'ConfigMap', nodeAt(source, 'configMapKeyRef'))
  }
}

function ofContainer(container: Tree, collect: Collect): void {
  ofVariables(nodeAt(container, 'env'), collect)
  for (const one of nodeAt(container, 'envFrom')?.list ?? []) {
    refer(collect, 'Secret', nodeAt(one, 'secretRef'))
    refer(collect, 'ConfigMap', nodeAt(one, 'configMapRef'))
  }
}

function ofSpec(spec: Tree | undefined, collect: Collect): void {
  // serviceAccount is its older name.
  collect('ServiceAccount', nodeAt(spec, 'serviceAccountName') ?? nodeAt(spec, 'serviceAccount'))
  for (const volume of nodeAt(spec, 'volumes')?.list ?? []) ofVolume(volume, collect)
  for (const list of ['initContainers', 'containers'])
    for (const container of nodeAt(spec, list)?.list ?? []) ofContainer(container, collect)
}

/** What a decoration needs: the Secrets that Prow mounts into its own containers, and the account of the pod. */
function ofDecoration(decoration: Tree | undefined, collect: Collect): void {
  if (!decoration) return
  collect('ServiceAccount', nodeAt(decoration, 'default_service_account_name'))
  for (const field of ['s3_credentials_secret', 'gcs_credentials_secret', 'cookiefile_secret'])
    collect('Secret', nodeAt(decoration, field))
  for (const field of ['oauth_token_secret', 'github_app_private_key_secret'])
    collect('Secret', nodeAt(decoration, field, 'name'))
  for (const name of nodeAt(decoration, 'ssh_key_secrets')?.list ?? []) collect('Secret', name)
}

/** What this runbook creates in test-pods, and what every namespace has. */
function created(kind: Kind, settings: Settings): string[] {
  if (kind === 'ServiceAccount') return ['default', 'prow-jobs']
  if (kind === 'ConfigMap') return ['kube-root-ca.crt']
  if (kind === 'Secret') return ['s3-credentials', ...(settings.PRIVATE_CLONES === 'on' ? ['clone-token'] : [])]
  return []
}

/** A name of an object that a pod needs, who names it, and where. */
interface Reference {
  kind: Kind
  name: Tree
  owner: string
  file?: string
}

function allReferences(all: All): Reference[] {
  const references: Reference[] = []
  const collector =
    (owner: string, file?: string): Collect =>
    (kind, name) => {
      if (isGiven(name) && !name.map && !name.list) references.push({ kind, name, owner, ...(file ? { file } : {}) })
    }
  for (const decoration of decorations(all)) ofDecoration(decoration, collector('the default decoration'))
  const seen = new Set<Preset>()
  for (const job of all.jobs) {
    if (!runsInTestPods(job)) continue
    const collect = collector(shownJob(job), job.file)
    ofSpec(nodeAt(job.tree, 'spec'), collect)
    if (job.decorated) ofDecoration(nodeAt(job.tree, 'decoration_config'), collect)
    for (const preset of presetsFor(job, all)) {
      if (seen.has(preset)) continue
      seen.add(preset)
      const more = collector(shownPreset(preset), preset.file)
      for (const { tree } of preset.volumes) ofVolume(tree, more)
      ofVariables(nodeAt(preset.tree, 'env'), more)
    }
  }
  return references
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
  const state = objects ? 'which is not in test-pods' : 'which this runbook does not create in test-pods'
  const waits = ' Without it each pod waits until Prow gives up.'
  /** The remedy for each object, by kind and name; undefined for one that is there. */
  const remedies = new Map<string, string | undefined>()
  for (const { kind, name: at, owner, file } of allReferences(all)) {
    const name = kind === 'Secret' ? textOf(at).split('/')[0]! : textOf(at)
    const cause = `${kind} ${name}`
    if (!remedies.has(cause)) {
      const isThere = created(kind, all.settings).includes(name) || objects?.[kind].has(name)
      remedies.set(cause, isThere ? undefined : remedyFor(kind, name) + (kind === 'ServiceAccount' ? '' : waits))
    }
    const remedy = remedies.get(cause)
    if (remedy !== undefined)
      yield { ...match(at, `${owner} names the ${cause}, ${state}`, { remedy, cause }), ...(file ? { file } : {}) }
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
