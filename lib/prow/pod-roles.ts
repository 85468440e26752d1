import { ensureRole, findRole, type RoleSpec, roleProblems } from '../aws/iam.ts'
import { encryptionKey } from '../aws/kms.ts'
import { controllersPolicy, jobsPolicy } from '../aws/policy.ts'
import { Problem, passed } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import type { Check } from '../kubernetes/check.ts'
import { kubectl } from '../kubernetes/kubectl.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import { forgetSnapshot, getObjects } from '../kubernetes/snapshot.ts'
import { currentRun, forget, markWritten, readOnce } from '../run/context.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Change } from '../run/result.ts'
import { change, task } from '../run/task.ts'
import { partition, roleArn, roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

/** The components that read or write the log bucket; their Deployments and ServiceAccounts have these names. */
export const BUCKET_USERS = ['crier', 'deck', 'tide', 'statusreconciler']

/** What its role is for, as it stands in the role's name. */
export const CONTROLLERS_ROLE = 'prow-controllers'
export const JOBS_ROLE = 'prow-jobs'

/** The roles by which pods use the log bucket: who may assume each, and what it allows. */
export const POD_ROLES = [
  {
    use: CONTROLLERS_ROLE,
    description: 'Prow: crier, deck, tide and statusreconciler, in the log bucket',
    serviceAccounts: BUCKET_USERS.map((name) => `prow:${name}`),
    policy: controllersPolicy,
  },
  {
    // The containers of a job have this role as well as the helpers that upload its log: it writes logs and reads nothing.
    use: JOBS_ROLE,
    description: 'Prow: job pods, uploading their logs',
    serviceAccounts: ['test-pods:prow-jobs'],
    policy: jobsPolicy,
  },
]

/** Whether pods use the bucket by a role of their own. */
export function usesRoles(settings: Settings): boolean {
  return settings.TARGET === 'eks' && settings.IDENTITY === 'irsa'
}

async function roleSpec(
  settings: Settings,
  { use, description, serviceAccounts, policy }: (typeof POD_ROLES)[number],
): Promise<RoleSpec> {
  const document = policy(partition(settings.AWS_REGION), settings.LOG_BUCKET, await encryptionKey(settings))
  return {
    name: roleName(settings, use),
    description,
    serviceAccounts,
    policy: { name: 'prow-logs', document },
  }
}

/** Creates or corrects the roles of the pods; prints a line for each. */
export async function ensureRoles(settings: Settings): Promise<void> {
  for (const role of POD_ROLES) {
    const wanted = await roleSpec(settings, role)
    await task(`role ${wanted.name}`, () => ensureRole(settings, wanted))
  }
}

/** That no other cluster has the roles of the pods. */
export function roleNames(settings: Settings): Check[] {
  if (!usesRoles(settings)) return []
  return POD_ROLES.map((role) => ({
    fact: `role ${roleName(settings, role.use)} can be used`,
    inspect: async () => {
      const wanted = await roleSpec(settings, role)
      return passed(`role ${wanted.name}: ${(await findRole(settings, wanted)) ? 'exists' : 'will be created'}`)
    },
  }))
}

/** That each role can be assumed by its ServiceAccounts, and allows what they need and no more. */
export function iamRoles(settings: Settings): Check[] {
  if (!usesRoles(settings)) return []
  return POD_ROLES.map((role) => ({
    fact: `role ${roleName(settings, role.use)} has its trust policy and its permissions`,
    step: '05-service-accounts',
    remedy: `Run ${rerunLine('05-service-accounts')}; with --plan it prints what differs.`,
    inspect: async () => {
      const problems = await roleProblems(settings, await roleSpec(settings, role))
      return problems.length === 0 || problems.join('; ')
    },
  }))
}

interface PodSpec {
  containers: { env?: { name: string; value?: string }[] }[]
}

/** The role that EKS's webhook gave a pod when it was created; a pod without one acts as the node it runs on. */
export function roleOf(pod: KubeObject): string {
  const env = (pod.spec as PodSpec).containers[0]?.env ?? []
  return env.find(({ name }) => name === 'AWS_ROLE_ARN')?.value ?? ''
}

/** The newest pod of each component: older ones may be about to end. */
export function newestPods(pods: KubeObject[]): Map<string, KubeObject> {
  const newest = new Map<string, KubeObject>()
  const createdAt = (pod: KubeObject | undefined) => String(pod?.metadata.creationTimestamp ?? '')
  for (const pod of pods) {
    const name = pod.metadata.labels?.app ?? ''
    if (pod.metadata.deletionTimestamp || createdAt(pod) <= createdAt(newest.get(name))) continue
    newest.set(name, pod)
  }
  return newest
}

const QUESTION = 'kubectl get pods that use the bucket'

async function readPods(): Promise<Map<string, KubeObject>> {
  const selector = `app in (${BUCKET_USERS.join(',')})`
  return newestPods(await readOnce(QUESTION, () => getObjects('pods', '-n', 'prow', '-l', selector)))
}

/** For how many seconds the pods of Deployments that were created a moment ago are waited for. */
const PODS_APPEAR = 10
/** For how many seconds restarted pods are waited for. */
const PODS_RESTART = 60

/**
 * Makes sure that the pods which use the bucket have the role of their ServiceAccount. EKS injects it when a pod is
 * created and never later, so pods older than the annotation are restarted. Throws a Problem when new pods do not get
 * it either.
 */
export async function ensurePodRoles(settings: Settings, progress: (text: string) => void): Promise<Change> {
  const { plan } = currentRun()
  const role = roleArn(settings, roleName(settings, CONTROLLERS_ROLE))
  const read = async () => {
    forget(QUESTION)
    return readPods()
  }
  let pods = await read()
  for (let seconds = 0; !plan && pods.size < BUCKET_USERS.length && seconds < PODS_APPEAR; seconds++) {
    progress('waiting for the pods')
    await sleep(1000)
    pods = await read()
  }
  const without = () => [...pods].filter(([, pod]) => roleOf(pod) !== role).map(([name]) => name)
  const old = without()
  if (old.length === 0) return change(true, [], `of ${[...pods.keys()].sort().join(', ') || 'no pods yet'}`)
  const differences = old.map((name) => ({
    object: `Pod prow/${pods.get(name)!.metadata.name}`,
    path: 'AWS_ROLE_ARN',
    before: roleOf(pods.get(name)!) || undefined,
    after: role,
  }))
  const note = `${old.join(', ')} restarted: their pods were older than the annotation`
  if (plan) return change(true, differences, note)
  markWritten()
  await kubectl(['-n', 'prow', 'rollout', 'restart', ...old.map((name) => `deployment/${name}`)])
  forgetSnapshot()
  const until = Date.now() + Math.min(settings.WAIT_SECONDS, PODS_RESTART) * 1000
  do {
    progress(`waiting for new pods of ${without().join(', ')}`)
    await sleep(1000)
    pods = await read()
    if (without().length === 0) return change(true, differences, note)
  } while (Date.now() < until)
  throw missingRole(without())
}

const missingRoleMessage = (names: string[]) =>
  `the pods of ${names.join(', ')} have no AWS_ROLE_ARN of their ServiceAccount: they use the bucket with the role of their node`

function missingRole(names: string[]): Problem {
  return new Problem(
    missingRoleMessage(names),
    [
      "EKS's webhook injects it when a pod is created, and did not.",
      `Check that the ServiceAccount has the annotation: ${kubectlLine('-n', 'prow', 'get', 'serviceaccount', names[0]!, '-o', 'yaml')}`,
      `and that the webhook exists: ${kubectlLine('get', 'mutatingwebhookconfiguration', 'pod-identity-webhook')}`,
      `Then run ${rerunLine('08-prow')}, which restarts these pods.`,
    ].join('\n'),
  )
}

/** That the pods have the role of their ServiceAccount, not that of their node. */
export function podRoles(settings: Settings): Check[] {
  if (!usesRoles(settings)) return []
  const role = roleName(settings, CONTROLLERS_ROLE)
  return BUCKET_USERS.map((name) => ({
    fact: `the pods of ${name} have the role ${role}`,
    step: '08-prow',
    inspect: async () => {
      const pod = (await readPods()).get(name)
      if (!pod) return `${name} has no pod`
      return roleOf(pod) === roleArn(settings, role) || missingRoleMessage([name])
    },
  }))
}
