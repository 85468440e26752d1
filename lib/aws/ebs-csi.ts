import { Problem } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { hasSelfManagedDriver } from '../kubernetes/storage.ts'
import { currentRun, forget } from '../run/context.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import { partition, roleArn, roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { allOrProblem, readAws, writeAws } from './cli.ts'
import { eksCluster, hasManagedStorage } from './eks.ts'
import { type RoleSpec, roleProblems } from './iam.ts'
import { TAG, TAG_VALUE } from './tags.ts'

/** The EBS CSI driver as an add-on of EKS. */
export const DRIVER = 'aws-ebs-csi-driver'
/** What its role is for, as it stands in the role's name. */
export const DRIVER_ROLE = 'ebs-csi-driver'

/** An add-on as `aws eks describe-addon` answers it: the fields that the runbook reads. */
export interface Addon {
  status: string
  addonVersion: string
  serviceAccountRoleArn?: string
  podIdentityAssociations?: string[]
  health?: { issues?: { code: string; message: string; resourceIds?: string[] }[] }
  tags?: Record<string, string>
}

/** The arguments that name the add-on. */
export const addonArguments = (settings: Settings) => ['--cluster-name', settings.CLUSTER_NAME, '--addon-name', DRIVER]

/** The add-on; undefined when the cluster has none. */
export async function readDriver(settings: Settings): Promise<Addon | undefined> {
  const found = await readAws<{ addon: Addon }>(
    ['eks', 'describe-addon', ...addonArguments(settings)],
    // The code is the same for a cluster that does not exist.
    /^ResourceNotFoundException: .*[Nn]o addon/,
  )
  return found?.addon
}

/** What provisions volumes on EKS: EKS itself, a driver that was installed without the add-on, or the add-on, if any. */
export type VolumeSource = { kind: 'auto' } | { kind: 'self-managed' } | { kind: 'add-on'; addon?: Addon }

/** Finds out what provisions volumes. */
export async function findVolumeSource(settings: Settings): Promise<VolumeSource> {
  const [cluster, addon, selfManaged] = await allOrProblem(
    eksCluster(settings),
    readDriver(settings),
    hasSelfManagedDriver(),
  )
  if (hasManagedStorage(cluster)) return { kind: 'auto' }
  return !addon && selfManaged ? { kind: 'self-managed' } : { kind: 'add-on', addon }
}

/** The role of the driver. The cluster's name is in it, so that two clusters do not share it. */
export function driverRole(settings: Settings): RoleSpec {
  const aws = `arn:${partition(settings.AWS_REGION)}:iam::aws:policy`
  return {
    name: roleName(settings, DRIVER_ROLE),
    description: 'The EBS CSI driver: provisions volumes for PersistentVolumeClaims',
    serviceAccounts: ['kube-system:ebs-csi-controller-sa'],
    managed: [`${aws}/AmazonEBSCSIDriverPolicyV2`, `${aws}/service-role/AmazonEBSCSIDriverPolicy`],
  }
}

/** The identity that the add-on works with, when it is another than the role of the runbook: that one is kept. */
export function otherIdentity(settings: Settings, addon: Addon | undefined): string | undefined {
  if (addon?.status !== 'ACTIVE') return undefined
  const identity = addon.serviceAccountRoleArn ?? addon.podIdentityAssociations?.[0]
  return identity === roleArn(settings, roleName(settings, DRIVER_ROLE)) ? undefined : identity
}

/** What EKS reports about the health of an add-on, a line each. */
function issues({ health }: Addon): string[] {
  return (health?.issues ?? []).map(({ code, message, resourceIds = [] }) => {
    const about = resourceIds.length > 0 ? ` (${resourceIds.slice(0, 3).join(', ')})` : ''
    return `${code}: ${message}${about}`
  })
}

const IN_PROGRESS = ['CREATING', 'UPDATING', 'DELETING']

/**
 * The Problem of an add-on that does not work, with EKS's cause. `checked`: the runbook's role was compared before, and
 * has what the driver needs, so that to run the step again would change nothing.
 */
export function addonProblem(settings: Settings, addon: Addon, checked = false): Problem {
  const causes = issues(addon)
  const typed = `${addonArguments(settings).join(' ')} --region ${settings.AWS_REGION}`
  const role = addon.serviceAccountRoleArn ?? '(none)'
  const remedies: [pattern: RegExp, remedy: string | (() => string)][] = [
    [
      /ConfigurationConflict/,
      `Another manager, such as Helm, has written the driver's objects. Let the add-on take them over: aws eks update-addon ${typed} --resolve-conflicts OVERWRITE`,
    ],
    [
      /InsufficientNumberOfReplicas|Unschedulable|no nodes/i,
      'Its pods cannot be scheduled: add nodes, then run the same line. It then recovers by itself.',
    ],
    [
      /AccessDenied|AddonPermissionFailure|AssumeRole|UnauthorizedOperation|not authorized/i,
      checked
        ? () => deniedRemedy(settings)
        : `Run ${rerunLine('07-ebs-csi')}, which checks and corrects its role ${role}.`,
    ],
    [/AdmissionRequestDenied/, 'An admission webhook of the cluster denies its pods. Exempt kube-system from it.'],
  ]
  const known = remedies.find(([pattern]) => causes.some((cause) => pattern.test(cause)))
  return new Problem(
    [`add-on ${DRIVER} is ${addon.status}`, ...(causes.length > 0 ? causes : ['EKS reports no cause'])].join('\n'),
    (typeof known?.[1] === 'function' ? known[1]() : known?.[1]) ?? `Check aws eks describe-addon ${typed}`,
  )
}

/** What to do when the driver is denied something although its role is as it has to be. */
function deniedRemedy(settings: Settings): string {
  const name = roleName(settings, DRIVER_ROLE)
  return [
    `Role ${name} has the trust policy and the permissions that the driver needs. Its pods keep what they had when they started; restart them:`,
    kubectlLine('-n', 'kube-system', 'rollout', 'restart', 'deployment/ebs-csi-controller'),
    'If it stays, something else denies it: a permissions boundary of the role, which this prints, or a service control policy:',
    `aws iam get-role --role-name ${name} --query Role.PermissionsBoundary`,
  ].join('\n')
}

/** What EKS answers while it cannot assume a role that was created a moment ago. */
const NEW_ROLE = /InvalidParameterException.*role|cannot be assumed|assume.*role/i
/** The same while EKS still works on an earlier update. */
const BUSY = new RegExp(`${NEW_ROLE.source}|ResourceInUseException`, 'i')

/**
 * Installs the add-on with the runbook's role, or gives it that role, and waits until it is ACTIVE. One that works with
 * an identity of its own keeps it. Throws a Problem with EKS's cause when it fails or WAIT_SECONDS are over.
 */
export async function ensureDriver(settings: Settings, progress: (text: string) => void): Promise<Change> {
  const { plan } = currentRun()
  const role = roleArn(settings, roleName(settings, DRIVER_ROLE))
  const withRole = [...addonArguments(settings), '--service-account-role-arn', role]
  let addon = await readDriver(settings)
  if (!addon) {
    if (plan) return change(false, [], `with role ${roleName(settings, DRIVER_ROLE)}`)
    await writeAws(['eks', 'create-addon', ...withRole, '--tags', `${TAG}=${TAG_VALUE}`], DRIVER, NEW_ROLE)
    return change(false, [], `version ${(await waitForAddon(settings, progress)).addonVersion}`)
  }
  if (IN_PROGRESS.includes(addon.status)) {
    if (plan) return change(true, [], `is ${addon.status}`)
    // When that fails, the update below may correct it.
    addon = await waitForAddon(settings, progress, true)
  }
  const hasRole = addon.serviceAccountRoleArn === role
  const other = otherIdentity(settings, addon)
  if (other) return change(true, [], `version ${addon.addonVersion}, keeps ${other}`)
  if (hasRole && addon.status === 'ACTIVE') return change(true, [], `version ${addon.addonVersion}`)
  if (hasRole && addon.status === 'DEGRADED') {
    // Its pods or nodes are the cause, which no update changes.
    if (plan) throw addonProblem(settings, addon, (await roleProblems(settings, driverRole(settings))).length === 0)
    return change(true, [], `version ${(await waitForAddon(settings, progress)).addonVersion}`)
  }
  const object = `add-on ${DRIVER}`
  const differences: Difference[] = []
  if (!hasRole) differences.push({ object, path: 'role', before: addon.serviceAccountRoleArn, after: role })
  if (addon.status !== 'ACTIVE') {
    differences.push({ object, path: 'status', before: [addon.status, ...issues(addon)].join('; '), after: 'ACTIVE' })
  }
  if (plan) return change(true, differences)
  // PRESERVE: what somebody has set by hand stays.
  await writeAws(['eks', 'update-addon', ...withRole, '--resolve-conflicts', 'PRESERVE'], DRIVER, BUSY)
  return change(true, differences, `version ${(await waitForAddon(settings, progress)).addonVersion}`)
}

/** How often in a row an add-on may be DEGRADED before that counts: it is for a moment while its pods start. */
const DEGRADED_READS = 3

/**
 * Reads the add-on until it is ACTIVE; what it is now is known. CREATE_FAILED, UPDATE_FAILED and lasting DEGRADED end that, with a Problem or, with
 * `failedToo`, as an answer. `aws eks wait` would wait ten minutes for some of these and give up at once for others.
 */
async function waitForAddon(settings: Settings, progress: (text: string) => void, failedToo = false): Promise<Addon> {
  const until = Date.now() + settings.WAIT_SECONDS * 1000
  let degraded = 0
  for (;;) {
    await sleep(settings.POLL_SECONDS * 1000)
    forget(DRIVER)
    const addon = await readDriver(settings)
    if (!addon) throw new Problem(`add-on ${DRIVER} was removed meanwhile`, 'Run the same line again.')
    if (addon.status === 'ACTIVE') {
      // Its pods may still fail: whoever asks later reads it again.
      forget(DRIVER)
      return addon
    }
    const [cause] = issues(addon)
    progress(`add-on ${DRIVER} is ${addon.status}${cause ? `: ${cause}` : ''}`)
    degraded = addon.status === 'DEGRADED' ? degraded + 1 : 0
    if (/FAILED$/.test(addon.status) || degraded >= DEGRADED_READS) {
      if (failedToo) return addon
      throw addonProblem(settings, addon, true)
    }
    if (Date.now() > until) {
      throw new Problem(
        `add-on ${DRIVER} is ${addon.status} after ${settings.WAIT_SECONDS} seconds`,
        [...issues(addon), 'Run the same line again to continue waiting. It needs a node to become ACTIVE.'].join('\n'),
        { code: 'timeout' },
      )
    }
  }
}
