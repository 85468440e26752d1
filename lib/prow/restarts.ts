import { createHmac } from 'node:crypto'
import { failed } from '../base/problem.ts'
import type { Check } from '../kubernetes/check.ts'
import { inputStream, kubectl } from '../kubernetes/kubectl.ts'
import type { KubeObject, Resource } from '../kubernetes/manifests.ts'
import { isManaged } from '../kubernetes/ownership.ts'
import { forgetSnapshot, parseObjects, type Snapshot, snapshot } from '../kubernetes/snapshot.ts'
import { currentRun, markWritten } from '../run/context.ts'
import { rerunLine } from '../run/rerun.ts'
import { change, task } from '../run/task.ts'
import { secretData, startupSecrets } from './mounted-secrets.ts'

// Components watch the files of hmac-token and of their token. They read other Secrets only when they start (cmd/deck,
// pkg/io NewOpener): a corrected one has no effect until those pods are restarted.

/** The annotation of a Deployment with the marks of the Secrets that its pods started with: `cookie=0123456789ab …`. */
const STARTED_WITH = 'prow-runbook/started-with'

/** Marks of what Secrets contain, by the name of the Secret. */
type Marks = Record<string, string>

interface PodTemplate {
  spec: {
    template: {
      spec: {
        volumes?: { secret?: { secretName: string } }[]
        containers: { env?: { valueFrom?: { secretKeyRef?: { name: string } } }[] }[]
      }
    }
  }
}

/** The Secrets that the pods of a Deployment read only when they start. */
function readAtStart(deployment: KubeObject): string[] {
  const { volumes = [], containers } = (deployment as unknown as PodTemplate).spec.template.spec
  const mounted = [
    ...volumes.map(({ secret }) => secret?.secretName),
    ...containers.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)),
  ]
  return startupSecrets().filter((name) => mounted.includes(name))
}

/**
 * For each Deployment in prow, the marks of the Secrets that it reads only when it starts. Where `wanted` has a Secret,
 * its mark is that of the content to be applied. A mark is an HMAC keyed by the uid of the Secret, so that it reveals
 * nothing to somebody who may read Deployments but not Secrets.
 */
export function secretMarks(snapshot: Snapshot, wanted: Resource[] = []): Map<string, Marks> {
  const manifests = wanted.flatMap((one) => one.manifests)
  const markOf = (name: string): [string, string][] => {
    const found = snapshot.get('Secret', name, 'prow')
    if (!found) return []
    const next = manifests.find(({ object: { metadata } }) => metadata.name === name && metadata.namespace === 'prow')
    const content = JSON.stringify(Object.entries(secretData(next?.object ?? found)).sort())
    return [[name, createHmac('sha256', String(found.metadata.uid)).update(content).digest('hex').slice(0, 12)]]
  }
  return new Map(
    snapshot.all('Deployment', 'prow').flatMap((deployment): [string, Marks][] => {
      const marks = Object.fromEntries(readAtStart(deployment).flatMap(markOf))
      return Object.keys(marks).length > 0 ? [[deployment.metadata.name, marks]] : []
    }),
  )
}

/** The marks on a Deployment; undefined when it has none. */
function startedWith(snapshot: Snapshot, name: string): Marks | undefined {
  const text = snapshot.get('Deployment', name, 'prow')?.metadata.annotations?.[STARTED_WITH]
  return text === undefined ? undefined : Object.fromEntries(text.split(' ').map((mark) => mark.split('=')))
}

function formatMarks(marks: Marks): string {
  return Object.entries(marks)
    .map(([name, mark]) => `${name}=${mark}`)
    .join(' ')
}

/**
 * The Deployments whose pods started with an older content of a Secret than that of `marks`, each with those Secrets.
 * What the pods started with is in the annotation, and for a Deployment without one in `before`, the marks from before
 * this run. A Secret without a mark in the annotation was added to the pods later, which restarted them.
 */
export function outdatedConsumers(
  snapshot: Snapshot,
  marks: Map<string, Marks>,
  before: Map<string, Marks> = new Map(),
): Map<string, string[]> {
  const outdated = new Map<string, string[]>()
  for (const [name, current] of marks) {
    const started = startedWith(snapshot, name) ?? before.get(name) ?? {}
    const secrets = Object.keys(current).filter((one) => started[one] !== undefined && started[one] !== current[one])
    if (secrets.length > 0) outdated.set(name, secrets)
  }
  return outdated
}

/**
 * Restarts the pods that started with an older content of a Secret, prints a line if there are any, and marks every
 * Deployment with what its pods started with. `before` are the marks from before this run; `wanted` are the Secrets that
 * this run applies, which under --plan are not in the cluster.
 */
export async function restartConsumers(before = new Map<string, Marks>(), wanted: Resource[] = []): Promise<void> {
  const { plan } = currentRun()
  const now = await snapshot()
  const marks = secretMarks(now, wanted)
  const outdated = outdatedConsumers(now, marks, before)
  if (outdated.size > 0) await task('restart for new Secrets', () => restart(outdated))
  if (!plan) await markStarted(marks)
}

async function restart(outdated: Map<string, string[]>) {
  const names = [...outdated.keys()]
  const differences = [...outdated].map(([name, secrets]) => ({
    object: `Deployment prow/${name}`,
    path: 'pods',
    before: `started with an older ${secrets.join(', ')}`,
    after: 'restarted',
  }))
  if (!currentRun().plan) {
    markWritten()
    await kubectl(['-n', 'prow', 'rollout', 'restart', ...names.map((name) => `deployment/${name}`)])
    forgetSnapshot()
  }
  return change(true, differences, names.join(', '))
}

async function markStarted(marks: Map<string, Marks>): Promise<void> {
  const now = await snapshot()
  const changed = [...marks].filter(([name, current]) => {
    const deployment = now.get('Deployment', name, 'prow')
    // One that 08-prow has not adopted yet gets no mark.
    return deployment && isManaged(deployment) && formatMarks(current) !== formatMarks(startedWith(now, name) ?? {})
  })
  if (changed.length === 0) return
  markWritten()
  const annotated = changed.map(([name, current]) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'prow', annotations: { [STARTED_WITH]: formatMarks(current) } },
  }))
  // Under a field manager of its own: 08-prow applies the Deployment without this annotation, which has to stay.
  const options = ['--server-side', '--field-manager=prow-runbook-started', '--force-conflicts', '--validate=false']
  const applied = await kubectl(['apply', ...options, '-o', 'json', '-f', '-'], {
    input: inputStream(annotated),
    comment: `the Secrets that ${changed.map(([name]) => name).join(', ')} started with`,
  })
  for (const object of parseObjects(applied)) now.put(object)
}

/** Checks that no pod runs with an older content of a Secret that it reads only when it starts. */
export const restarts: Check[] = [
  {
    fact: 'the components started with the current Secrets',
    step: '03-secrets',
    inspect: (snapshot) => {
      const outdated = outdatedConsumers(snapshot, secretMarks(snapshot))
      const findings = [...outdated].map(([name, secrets]) =>
        failed(
          `${name} runs with an older ${secrets.join(', ')}, which it reads only when it starts`,
          `Run ${rerunLine('03-secrets')}`,
        ),
      )
      return findings.length === 0 || findings
    },
  },
]
