import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import { currentRun, markWritten } from '../run/context.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import { roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { forgetAws, readAws, writeAws } from './cli.ts'
import { roleArn } from './iam.ts'
import { TAG, TAG_VALUE } from './tags.ts'

export const DRIVER = 'aws-ebs-csi-driver'

/** An add-on of EKS as it is. */
export interface Addon {
  status: string
  addonVersion: string
  serviceAccountRoleArn?: string
  podIdentityAssociations?: string[]
  health?: { issues?: { code: string; message: string; resourceIds?: string[] }[] }
}

const which = (settings: Settings) => ['--cluster-name', settings.CLUSTER_NAME, '--addon-name', DRIVER]

/** The add-on of the EBS driver; undefined when the cluster has none. */
export async function readDriver(settings: Settings): Promise<Addon | undefined> {
  // The same code says that there is no such cluster; the words tell them apart.
  const found = await readAws<{ addon: Addon }>(
    ['eks', 'describe-addon', ...which(settings)],
    /^ResourceNotFoundException: .*[Nn]o addon/,
  )
  return found?.addon
}

/** What EKS says is wrong with an add-on, a line each. */
function issues(addon: Addon): string[] {
  return (addon.health?.issues ?? []).map(
    ({ code, message, resourceIds }) =>
      `${code}: ${message}${resourceIds?.length ? ` (${resourceIds.slice(0, 3).join(', ')})` : ''}`,
  )
}

const UNDER_WAY = ['CREATING', 'UPDATING', 'DELETING']

/** The Problem of an add-on that does not work, with what EKS says about it. */
function addonProblem(settings: Settings, addon: Addon, role: string | undefined): Problem {
  const said = issues(addon)
  const remedies: [RegExp, string][] = [
    [
      /ConfigurationConflict/,
      `Something else has written the driver's objects, by hand or by Helm. Let the add-on take them: aws eks update-addon ${which(settings).join(' ')} --region ${settings.AWS_REGION} --resolve-conflicts OVERWRITE`,
    ],
    [
      /InsufficientNumberOfReplicas|Unschedulable|no nodes/i,
      'Its pods find no place: add nodes, then run the same line. It then heals by itself.',
    ],
    [
      /AccessDenied|AddonPermissionFailure|AssumeRole|UnauthorizedOperation|not authorized/i,
      `Its role ${role ?? '(none)'} does not allow what it does. Run the same line: the role is looked at and put right.`,
    ],
    [
      /AdmissionRequestDenied/,
      'An admission webhook of the cluster refuses its pods. Let it take those of kube-system.',
    ],
  ]
  const remedy = remedies.find(([looks]) => said.some((one) => looks.test(one)))?.[1]
  return new Problem(
    [`add-on ${DRIVER} is ${addon.status}`, ...(said.length ? said : ['EKS gives no cause'])].join('\n'),
    remedy ?? `See aws eks describe-addon ${which(settings).join(' ')} --region ${settings.AWS_REGION}`,
  )
}

/**
 * Makes the EBS driver be there as an add-on of EKS, with a role, and follows it until it is ACTIVE. One that works
 * with a role of its own is left as it is.
 */
export async function ensureDriver(settings: Settings, role: string, say: (text: string) => void): Promise<Change> {
  const { plan } = currentRun()
  let now = await readDriver(settings)
  const version = (addon: Addon | undefined) => addon?.addonVersion
  if (!now) {
    if (plan) return change(false, [], `with role ${role}`)
    markWritten()
    await writeAws(
      [
        'eks',
        'create-addon',
        ...which(settings),
        '--service-account-role-arn',
        roleArn(settings, role),
        '--tags',
        `${TAG}=${TAG_VALUE}`,
      ],
      DRIVER,
      // A role made a moment ago is not known everywhere.
      /InvalidParameterException.*role|cannot be assumed|assume.*role/i,
    )
    return change(false, [], `version ${version(await waitForAddon(settings, say))}`)
  }
  if (UNDER_WAY.includes(now.status) && !plan) now = await waitForAddon(settings, say, true)
  const identity = now.serviceAccountRoleArn ?? now.podIdentityAssociations?.[0]
  const well = now.status === 'ACTIVE'
  const ours = now.serviceAccountRoleArn === roleArn(settings, role)
  if (identity && (well || (ours && now.status === 'DEGRADED')) && !UNDER_WAY.includes(now.status)) {
    // Degraded with the right role: its pods or its nodes, nothing that a write of ours would mend.
    if (!well && !plan) await waitForAddon(settings, say)
    if (!well && plan) throw addonProblem(settings, now, identity)
    return change(true, [], `version ${version(now)}${ours ? '' : `, keeps ${identity}`}`)
  }
  if (UNDER_WAY.includes(now.status)) return change(true, [], `is ${now.status}`)
  const changes: Difference[] = []
  const object = `add-on ${DRIVER}`
  if (!ours) changes.push({ object, path: 'role', before: now.serviceAccountRoleArn, after: roleArn(settings, role) })
  if (!well) changes.push({ object, path: 'status', before: [now.status, ...issues(now)].join('; '), after: 'ACTIVE' })
  if (plan) return change(true, changes)
  markWritten()
  await writeAws(
    [
      'eks',
      'update-addon',
      ...which(settings),
      '--service-account-role-arn',
      roleArn(settings, role),
      // What somebody has set by hand stays as it is.
      '--resolve-conflicts',
      'PRESERVE',
    ],
    DRIVER,
    /InvalidParameterException.*role|cannot be assumed|assume.*role|ResourceInUseException/i,
  )
  return change(true, changes, `version ${version(await waitForAddon(settings, say))}`)
}

/**
 * Looks at the add-on until it is ACTIVE. Ends with its cause on CREATE_FAILED and UPDATE_FAILED, and on DEGRADED when
 * that stays for three looks: `aws eks wait` would wait out ten minutes on one and give up at once on another.
 */
async function waitForAddon(settings: Settings, say: (text: string) => void, settledIsEnough = false): Promise<Addon> {
  const until = Date.now() + settings.WAIT_SECONDS * 1000
  let degraded = 0
  for (;;) {
    forgetAws(DRIVER)
    const addon = await readDriver(settings)
    if (!addon) throw new Problem(`add-on ${DRIVER} was removed while it was waited for`, 'Run the same line again.')
    if (addon.status === 'ACTIVE') return addon
    say(`add-on ${DRIVER} is ${addon.status}${issues(addon).length ? `: ${issues(addon)[0]}` : ''}`)
    degraded = addon.status === 'DEGRADED' ? degraded + 1 : 0
    const ended = /FAILED$/.test(addon.status) || degraded >= 3
    if (ended && settledIsEnough) return addon
    if (ended) throw addonProblem(settings, addon, addon.serviceAccountRoleArn)
    if (Date.now() > until) {
      throw new Problem(
        `add-on ${DRIVER} is ${addon.status} after ${settings.WAIT_SECONDS} seconds`,
        [...issues(addon), 'Run the same line again to go on waiting; without nodes it never gets ready.'].join('\n'),
      )
    }
    await sleep(settings.POLL_SECONDS * 1000)
  }
}

/** The role of the driver: the cluster's name is in it, so that two clusters do not take it from each other. */
export function driverRole(settings: Settings): string {
  return roleName(settings, 'ebs-csi-driver')
}
