import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import { getObjects } from '../kubernetes/snapshot.ts'
import { currentRun, markWritten } from '../run/context.ts'
import type { Outcome } from '../run/result.ts'
import { skipped, task } from '../run/task.ts'
import { roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { readBucket } from './bucket.ts'
import { forgetAws, readAws, writeAws } from './cli.ts'
import { findZones, recordsOf } from './dns.ts'
import { DRIVER, driverRole, readDriver } from './ebs-csi.ts'
import { readRole } from './iam.ts'
import { clusterArn, TAG, TAG_ADOPTED, TAG_CLUSTER, TAG_VALUE, type Tag, tagValue } from './tags.ts'

/** Whether the tags say that the runbook made a thing itself, for this cluster. */
function made(tags: Tag[] | undefined, settings: Settings): boolean {
  const owner = tagValue(tags, TAG_CLUSTER)
  return (
    tagValue(tags, TAG) === TAG_VALUE &&
    tagValue(tags, TAG_ADOPTED) === undefined &&
    (owner === undefined || owner === clusterArn(settings))
  )
}

/** Tells the line of a removal, and does it unless this is a plan. */
async function remove(
  name: string,
  work: (say: (text: string) => void) => Promise<void>,
  note?: string,
): Promise<void> {
  await task(name, async (say): Promise<{ outcome: Outcome; note?: string }> => {
    if (currentRun().plan) return { outcome: 'would remove', note }
    markWritten()
    await work(say)
    return { outcome: 'removed', note }
  })
}

/** Removes a role that the runbook made, with what is in it; tells why one stays. */
export async function removeRole(settings: Settings, use: string): Promise<void> {
  const name = roleName(settings, use)
  const role = await readRole(name)
  if (!role) return
  if (!made(role.Tags, settings)) return skipped(`role ${name}`, 'was there before the runbook and stays')
  const iam = (operation: string, ...args: string[]) => writeAws(['iam', operation, '--role-name', name, ...args], name)
  await remove(`role ${name}`, async () => {
    const inside = await readAws<{ PolicyNames: string[] }>(['iam', 'list-role-policies', '--role-name', name])
    for (const policy of inside?.PolicyNames ?? []) await iam('delete-role-policy', '--policy-name', policy)
    const held = await readAws<{ AttachedPolicies: { PolicyArn: string }[] }>([
      'iam',
      'list-attached-role-policies',
      '--role-name',
      name,
    ])
    for (const { PolicyArn } of held?.AttachedPolicies ?? []) await iam('detach-role-policy', '--policy-arn', PolicyArn)
    await iam('delete-role')
  })
}

/** Whether volumes of the EBS driver are in use: without the driver nobody could attach or remove them. */
async function volumesInUse(): Promise<number> {
  const volumes = await getObjects('persistentvolumes')
  return volumes.filter((one) => (one.spec as { csi?: { driver: string } }).csi?.driver === 'ebs.csi.aws.com').length
}

/** Removes the add-on and its role when the runbook made them and no volume needs the driver; waits until it is gone. */
export async function removeDriver(settings: Settings): Promise<void> {
  const addon = (await readDriver(settings)) as ({ tags?: Record<string, string> } & object) | undefined
  const use = driverRole(settings).slice(roleName(settings, '').length)
  if (addon && addon.tags?.[TAG] !== TAG_VALUE) return skipped(DRIVER, 'was there before the runbook and stays')
  if (addon) {
    const used = await volumesInUse()
    if (used > 0) return skipped(DRIVER, `kept, with its role: ${used} volumes of the cluster need it`)
    const which = ['--cluster-name', settings.CLUSTER_NAME, '--addon-name', DRIVER]
    await remove(DRIVER, async (say) => {
      await writeAws(['eks', 'delete-addon', ...which], DRIVER)
      const until = Date.now() + settings.WAIT_SECONDS * 1000
      for (;;) {
        forgetAws(DRIVER)
        const now = await readDriver(settings)
        if (!now) return
        if (Date.now() > until) throw new Problem(`add-on ${DRIVER} is still ${now.status}`, 'Run the same line again.')
        say(`add-on ${DRIVER} is ${now.status}`)
        await sleep(settings.POLL_SECONDS * 1000)
      }
    })
  }
  await removeRole(settings, use)
}

/** Removes the record that leads the host to one of `targets`, the load balancers that go. */
export async function removeRecord(settings: Settings, targets: string[]): Promise<void> {
  if (!settings.HOSTED_ZONE || targets.length === 0) return
  const found = await findZones(settings)
  for (const zone of [found.outside, found.within]) {
    if (!zone) continue
    const id = zone.Id.replace('/hostedzone/', '')
    for (const set of await recordsOf(settings, id)) {
      const leads = (set.AliasTarget?.DNSName ?? set.ResourceRecords?.[0]?.Value ?? '').replace(/^dualstack\.|\.$/g, '')
      if (!targets.includes(leads.toLowerCase())) continue
      const batch = JSON.stringify({ Changes: [{ Action: 'DELETE', ResourceRecordSet: set }] })
      await remove(
        `record ${settings.PROW_HOST}`,
        async () => {
          await writeAws(
            ['route53', 'change-resource-record-sets', '--hosted-zone-id', id, '--change-batch', batch],
            id,
          )
        },
        leads,
      )
    }
  }
}

/** Removes the log bucket with all that is in it, when the runbook made it and `named` says so. */
export async function removeBucket(settings: Settings, named: boolean): Promise<void> {
  const name = settings.LOG_BUCKET
  const bucket = await readBucket(settings)
  if (!bucket) return
  if (!made(bucket.tags, settings)) return skipped(`bucket ${name}`, 'was there before the runbook and stays')
  if (!named) return skipped(`bucket ${name}`, 'kept; --delete-logs removes it with all logs in it')
  await remove(`bucket ${name}`, async () => {
    await writeAws(['s3', 'rm', `s3://${name}`, '--recursive', '--quiet'], name)
    await writeAws(
      ['s3api', 'delete-bucket', '--bucket', name, '--expected-bucket-owner', settings.AWS_ACCOUNT_ID],
      name,
    )
  })
}
