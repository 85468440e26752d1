import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import type { Check } from '../kubernetes/check.ts'
import { kubectl, kubectlLine } from '../kubernetes/kubectl.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import { forgetSnapshot, getObjects } from '../kubernetes/snapshot.ts'
import { currentRun, markWritten } from '../run/context.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Change } from '../run/result.ts'
import { change } from '../run/task.ts'
import { templateValues } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

/** The components that read or write the bucket; their Deployments and accounts are named so. */
const USERS = ['crier', 'deck', 'statusreconciler', 'tide']

/** Whether pods get their right to the bucket from a role of their own. */
export function usesRoles(settings: Settings): boolean {
  return settings.TARGET === 'eks' && settings.IDENTITY === 'irsa'
}

interface PodSpec {
  containers: { name: string; env?: { name: string; value?: string }[] }[]
}

// The role that EKS's webhook put into a pod when it was made; a pod without one acts as the node it runs on.
function roleOf(pod: KubeObject): string {
  const env = (pod.spec as PodSpec).containers[0]?.env ?? []
  return env.find((one) => one.name === 'AWS_ROLE_ARN')?.value ?? ''
}

// The newest pod of each component. Older ones may be on their way out.
async function newest(): Promise<Map<string, KubeObject>> {
  const pods = await getObjects('pods', '-n', 'prow', '-l', `app in (${USERS.join(',')})`)
  const found = new Map<string, KubeObject>()
  for (const pod of pods) {
    const name = pod.metadata.labels?.app ?? ''
    if (pod.metadata.deletionTimestamp) continue
    const made = (one: KubeObject | undefined) => String(one?.metadata.creationTimestamp ?? '')
    if (made(pod) > made(found.get(name))) found.set(name, pod)
  }
  return found
}

/**
 * Makes the pods that use the bucket have the role of their account: EKS puts it in when a pod is made and never
 * later, so pods older than the annotation are made anew. Throws a Problem when it does not arrive then either.
 */
export async function ensurePodRoles(settings: Settings, say: (text: string) => void): Promise<Change> {
  const { plan } = currentRun()
  const role = templateValues(settings).PROW_ROLE_ARN!
  let pods = await newest()
  // Those of Deployments made a moment ago come within seconds.
  for (let tries = 0; !plan && pods.size < USERS.length && tries < 10; tries++) {
    say('waiting for the pods')
    await sleep(1000)
    pods = await newest()
  }
  const without = () => [...pods].filter(([, pod]) => roleOf(pod) !== role).map(([name]) => name)
  const old = without()
  if (old.length === 0) return change(true, [], `of ${[...pods.keys()].sort().join(', ') || 'none yet'}`)
  const differs = old.map((name) => ({
    object: `Pod prow/${pods.get(name)!.metadata.name}`,
    path: 'AWS_ROLE_ARN',
    before: roleOf(pods.get(name)!) || undefined,
    after: role,
  }))
  const note = `${old.join(', ')} made anew: they were older than the annotation`
  if (plan) return change(true, differs, note)
  markWritten()
  await kubectl(['-n', 'prow', 'rollout', 'restart', ...old.map((name) => `deployment/${name}`)])
  forgetSnapshot()
  const until = Date.now() + Math.min(settings.WAIT_SECONDS, 60) * 1000
  do {
    say(`waiting for new pods of ${without().join(', ')}`)
    await sleep(1000)
    pods = await newest()
    if (without().length === 0) return change(true, differs, note)
  } while (Date.now() < until)
  throw nodeRole(without())
}

function nodeRole(names: string[]): Problem {
  return new Problem(
    `the pods of ${names.join(', ')} have no AWS_ROLE_ARN of ours: they would use the bucket with the role of their node`,
    [
      "EKS's own webhook puts it in when a pod is made, and did not.",
      `See that the account has the annotation: ${kubectlLine('-n', 'prow', 'get', 'serviceaccount', names[0]!, '-o', 'yaml')}`,
      `and that the webhook is there: ${kubectlLine('get', 'mutatingwebhookconfiguration', 'pod-identity-webhook')}`,
      `Then run ${rerunLine('08-prow')}: it makes these pods anew.`,
    ].join('\n'),
  )
}

/** Rows that the pods have the role of their account, not that of their node. */
export async function podRoleChecks(settings: Settings): Promise<Check[]> {
  if (!usesRoles(settings)) return []
  const role = templateValues(settings).PROW_ROLE_ARN!
  const pods = await newest()
  return USERS.map((name) => ({
    fact: `the pods of ${name} have the role ${role.split('/').at(-1)}`,
    failure: pods.has(name)
      ? `the pods of ${name} have no AWS_ROLE_ARN of ours: they use the bucket with the role of their node`
      : `${name} has no pod`,
    step: '08-prow',
    passes: () => pods.has(name) && roleOf(pods.get(name)!) === role,
  }))
}
