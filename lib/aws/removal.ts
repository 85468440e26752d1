import { Problem } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { getObjects } from '../kubernetes/snapshot.ts'
import { currentRun, forget } from '../run/context.ts'
import { removal, skipped, task } from '../run/task.ts'
import { roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { readBucket, readBucketTags } from './bucket.ts'
import { readAws, writeAws } from './cli.ts'
import { addonArguments, DRIVER, DRIVER_ROLE, readDriver } from './ebs-csi.ts'
import { attachedPolicies, readRole } from './iam.ts'
import { changeRecords, findZones, pointsTo, recordsOf } from './route53.ts'
import { clusterArn, TAG, TAG_ADOPTED, TAG_CLUSTER, TAG_VALUE, type Tag, tagValue } from './tags.ts'

/** For how many seconds the objects of a bucket may be deleted: aws deletes some hundred in a second. */
const EMPTYING = 12 * 3600

const KEPT = 'existed before the runbook: kept'

/** Whether the tags of a resource show that the runbook created it, for this cluster. */
export function isCreatedForCluster(tags: Tag[] | undefined, settings: Settings): boolean {
  const owner = tagValue(tags, TAG_CLUSTER)
  return (
    tagValue(tags, TAG) === TAG_VALUE &&
    tagValue(tags, TAG_ADOPTED) === undefined &&
    (owner === undefined || owner === clusterArn(settings))
  )
}

/** Prints the line of a removal, and does it unless this is a plan. */
async function remove(
  name: string,
  work: (progress: (text: string) => void) => Promise<void>,
  note?: string,
): Promise<void> {
  await task(name, async (progress) => {
    if (!currentRun().plan) await work(progress)
    return removal(note)
  })
}

/** Removes a role that the runbook created for this cluster, by what it is for; prints why another one is kept. */
export async function removeRole(settings: Settings, use: string): Promise<void> {
  const name = roleName(settings, use)
  const role = await readRole(name)
  if (!role) return
  if (!isCreatedForCluster(role.Tags, settings)) return skipped(`role ${name}`, KEPT)
  const iam = (operation: string, ...args: string[]) => writeAws(['iam', operation, '--role-name', name, ...args], name)
  await remove(`role ${name}`, async () => {
    const inline = await readAws<{ PolicyNames: string[] }>(['iam', 'list-role-policies', '--role-name', name])
    for (const policy of inline?.PolicyNames ?? []) await iam('delete-role-policy', '--policy-name', policy)
    for (const arn of await attachedPolicies(name)) await iam('detach-role-policy', '--policy-arn', arn)
    await iam('delete-role')
  })
}

/** How many volumes need the EBS driver: without it nobody could attach or delete them. */
async function countVolumes(): Promise<number> {
  const volumes = await getObjects('persistentvolumes')
  return volumes.filter(({ spec }) => (spec as { csi?: { driver: string } }).csi?.driver === 'ebs.csi.aws.com').length
}

/** Removes the add-on and its role when the runbook created them and no volume needs the driver; waits for it. */
export async function removeDriver(settings: Settings): Promise<void> {
  const addon = await readDriver(settings)
  if (addon && addon.tags?.[TAG] !== TAG_VALUE) return skipped(DRIVER, KEPT)
  if (addon) {
    const volumes = await countVolumes()
    if (volumes > 0) return skipped(DRIVER, `kept, with its role: ${volumes} volumes of the cluster need it`)
    await remove(DRIVER, async (progress) => {
      await writeAws(['eks', 'delete-addon', ...addonArguments(settings)], DRIVER)
      await waitForRemoval(settings, progress)
    })
  }
  await removeRole(settings, DRIVER_ROLE)
}

async function waitForRemoval(settings: Settings, progress: (text: string) => void): Promise<void> {
  const until = Date.now() + settings.WAIT_SECONDS * 1000
  for (;;) {
    forget(DRIVER)
    const addon = await readDriver(settings)
    if (!addon) return
    if (Date.now() > until) {
      const message = `add-on ${DRIVER} is still ${addon.status} after ${settings.WAIT_SECONDS} seconds`
      throw new Problem(message, 'Run the same line again.', { code: 'timeout' })
    }
    progress(`add-on ${DRIVER} is ${addon.status}`)
    await sleep(settings.POLL_SECONDS * 1000)
  }
}

/** Removes the records of PROW_HOST that point to one of `targets`, the load balancers that are about to be removed. */
export async function removeRecord(settings: Settings, targets: string[]): Promise<void> {
  if (targets.length === 0) return
  const zones = await findZones(settings)
  for (const zone of [zones?.public, zones?.private]) {
    if (!zone) continue
    for (const set of await recordsOf(settings, zone)) {
      const target = pointsTo(set)
      if (!targets.includes(target)) continue
      const batch = JSON.stringify({ Changes: [{ Action: 'DELETE', ResourceRecordSet: set }] })
      await remove(`record ${settings.PROW_HOST}`, () => changeRecords(zone, batch), target)
    }
  }
}

/** Removes the log bucket with all objects in it, when the runbook created it and `deleteLogs` asks for it. */
export async function removeBucket(settings: Settings, deleteLogs: boolean): Promise<void> {
  const { LOG_BUCKET: name, AWS_ACCOUNT_ID: account } = settings
  const bucket = await readBucket(settings)
  if (!bucket) return
  if (!isCreatedForCluster(await readBucketTags(settings), settings)) return skipped(`bucket ${name}`, KEPT)
  if (!deleteLogs) return skipped(`bucket ${name}`, 'kept; --delete-logs removes it with all logs in it')
  await remove(`bucket ${name}`, async () => {
    const empty = ['s3', 'rm', `s3://${name}`, '--recursive', '--quiet']
    await writeAws(empty, name, undefined, { timeout: EMPTYING })
    await writeAws(['s3api', 'delete-bucket', '--bucket', name, '--expected-bucket-owner', account], name)
  })
}
