import { createHmac } from 'node:crypto'
import { isManaged } from '../kubernetes/apply.ts'
import type { Check } from '../kubernetes/check.ts'
import { inputStream, kubectl } from '../kubernetes/kubectl.ts'
import type { KubeObject, Manifest } from '../kubernetes/manifests.ts'
import { forgetSnapshot, parseObjects, type Snapshot, snapshot } from '../kubernetes/snapshot.ts'
import { currentRun, markWritten } from '../run/context.ts'
import { change, task } from '../run/task.ts'

// Prow's programs watch the hmac and their token, and read these only when they start (cmd/deck, pkg/io NewOpener).
// Whoever corrects one sees no difference until the pods that read it are made anew.
const AT_START = ['cookie', 'github-oauth-config', 'object-store', 's3-credentials']

/** On a Deployment: a mark of what those Secrets held when its pods were made last. */
const STARTED = 'prow-runbook/started-with'

interface Template {
  spec: {
    template: {
      spec: {
        volumes?: { secret?: { secretName: string } }[]
        containers: { env?: { valueFrom?: { secretKeyRef?: { name: string } } }[] }[]
      }
    }
  }
}

/** The Secrets that the pods of a Deployment read when they start. */
function readAtStart(deployment: KubeObject): string[] {
  const { volumes = [], containers } = (deployment as unknown as Template).spec.template.spec
  const named = [
    ...volumes.map(({ secret }) => secret?.secretName),
    ...containers.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)),
  ]
  return AT_START.filter((name) => named.includes(name))
}

function held(secret: KubeObject | Manifest['object'] | undefined): string {
  const data = (secret?.data ?? {}) as Record<string, string>
  const values = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString().trim()])
  return JSON.stringify(values.sort())
}

/** By Secret, a mark of what it holds. */
type Marks = Record<string, string>

/**
 * For each Deployment a mark of each Secret that it reads at its start, by its name. `wanted` are Secrets as they are
 * to be. The key of a mark is known to those only who may read the Secret anyway.
 */
export function secretMarks(now: Snapshot, wanted: Manifest[] = []): Map<string, Marks> {
  const markOf = (name: string): [string, string][] => {
    const there = now.get('Secret', name, 'prow')
    const next = wanted.find(({ object: { metadata } }) => metadata.name === name && metadata.namespace === 'prow')
    if (!there) return []
    const hash = createHmac('sha256', String(there.metadata.uid)).update(held(next?.object ?? there))
    return [[name, hash.digest('hex').slice(0, 12)]]
  }
  return new Map(
    now.all('Deployment', 'prow').flatMap((deployment): [string, Marks][] => {
      const marks = Object.fromEntries(readAtStart(deployment).flatMap(markOf))
      return Object.keys(marks).length > 0 ? [[deployment.metadata.name, marks]] : []
    }),
  )
}

/** The marks on a Deployment, if somebody has put them there. */
function startedWith(now: Snapshot, name: string): Marks | undefined {
  const text = now.get('Deployment', name, 'prow')?.metadata.annotations?.[STARTED]
  return text === undefined ? undefined : Object.fromEntries(text.split(' ').map((one) => one.split('=')))
}

const written = (marks: Marks) =>
  Object.entries(marks)
    .map(([name, mark]) => `${name}=${mark}`)
    .join(' ')

/** The Secrets that held something else when the pods were made. One that they did not read then came with new pods. */
function changed(marks: Marks, started: Marks | undefined): string[] {
  return Object.keys(marks).filter((name) => started?.[name] !== undefined && started[name] !== marks[name])
}

/**
 * Makes the pods anew that started with other Secrets than there are now, and tells a line if there are any. Where
 * nobody has marked a Deployment yet, `before` says what the Secrets held before this run.
 */
export async function restartConsumers(before: Map<string, Marks>, wanted: Manifest[] = []): Promise<void> {
  const { plan } = currentRun()
  const now = await snapshot()
  const marks = secretMarks(now, wanted)
  const old = [...marks].flatMap(([name, ones]): [string, string[]][] => {
    const secrets = changed(ones, startedWith(now, name) ?? before.get(name))
    return secrets.length > 0 ? [[name, secrets]] : []
  })
  if (old.length > 0) {
    const names = old.map(([name]) => name)
    await task('pods that read them at start', async () => {
      const differs = old.map(([name, secrets]) => ({
        object: `Deployment prow/${name}`,
        path: 'its pods',
        before: `started with an older ${secrets.join(', ')}`,
        after: 'made anew',
      }))
      if (!plan) {
        await kubectl(['-n', 'prow', 'rollout', 'restart', ...names.map((name) => `deployment/${name}`)])
        forgetSnapshot()
      }
      return change(true, differs, `${names.join(', ')}: made anew`)
    })
  }
  // What 08-prow has not taken over yet gets no mark.
  const toMark = [...marks].filter(
    ([name, ones]) =>
      isManaged(now.get('Deployment', name, 'prow')!) && written(ones) !== written(startedWith(now, name) ?? {}),
  )
  if (plan || toMark.length === 0) return
  markWritten()
  const marked = toMark.map(([name, ones]) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'prow', annotations: { [STARTED]: written(ones) } },
  }))
  // A manager of its own: 08-prow applies the Deployment without this annotation, and it stays.
  const how = ['--server-side', '--field-manager=prow-runbook-started', '--force-conflicts', '--validate=false']
  const answer = await kubectl(['apply', ...how, '-o', 'json', '-f', '-'], {
    input: inputStream(marked),
    comment: `what ${toMark.map(([name]) => name).join(', ')} started with`,
  })
  for (const object of parseObjects(answer)) now.put(object)
}

/** Rows that no pod runs with the Secrets of before. */
export async function restartChecks(): Promise<Check[]> {
  const now = await snapshot()
  return [...secretMarks(now)].map(([name, marks]) => {
    const old = changed(marks, startedWith(now, name))
    return {
      fact: `${name} has started with the Secrets that are there`,
      failure: `${name} still runs with an older ${old.join(', ')}: it reads that only when it starts`,
      step: '03-secrets',
      passes: () => old.length === 0,
    }
  })
}
