import { lookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import { currentRun, markWritten } from '../run/context.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { readAws, writeAws } from './cli.ts'

/** The zones of HOSTED_ZONE: the one on the internet and, where there is one, the one inside the network. */
export async function findZones(settings: Settings): Promise<{ outside?: Zone; within?: Zone }> {
  const name = `${settings.HOSTED_ZONE}.`
  const listed = await readAws<{ HostedZones: Zone[] }>([
    'route53',
    'list-hosted-zones-by-name',
    '--dns-name',
    name,
    '--max-items',
    '10',
  ])
  const named = (listed?.HostedZones ?? []).filter((zone) => zone.Name === name)
  const found = {
    outside: named.find((zone) => !zone.Config?.PrivateZone),
    within: named.find((zone) => zone.Config?.PrivateZone),
  }
  if (!found.outside) {
    throw new Problem(
      `Route 53 has no public zone ${settings.HOSTED_ZONE} in this account`,
      'Correct HOSTED_ZONE; or leave it empty and make the record where the domain is.',
    )
  }
  return found
}

/** The records of the host in the zone of that id. */
export async function recordsOf(settings: Settings, id: string): Promise<RecordSet[]> {
  const host = settings.PROW_HOST
  const listed = await readAws<{ ResourceRecordSets: RecordSet[] }>([
    'route53',
    'list-resource-record-sets',
    '--hosted-zone-id',
    id,
    '--start-record-name',
    host,
    '--max-items',
    '10',
  ])
  return (listed?.ResourceRecordSets ?? []).filter((one) => one.Name === `${host}.`)
}

/** Makes the host lead to a load balancer, in one zone. */
export async function ensureRecord(settings: Settings, zone: Zone, target: string): Promise<Change> {
  const { plan } = currentRun()
  const host = settings.PROW_HOST
  const id = zone.Id.replace('/hostedzone/', '')
  const there = await recordsOf(settings, id)
  const now = there.find((one) => one.Type === 'CNAME')
  const object = `record ${host}`
  const clean = (name: string | undefined) =>
    name
      ?.replace(/^dualstack\./, '')
      .replace(/\.$/, '')
      .toLowerCase()
  const alias = there.find((one) => one.AliasTarget)
  const apex = host === settings.HOSTED_ZONE
  if (clean(alias?.AliasTarget?.DNSName) === target.toLowerCase()) return change(true, [], target)
  const other = there.find((one) => ['A', 'AAAA'].includes(one.Type))
  if (other && !(apex && other.AliasTarget)) {
    throw new Problem(
      `${host} has a record of type ${other.Type} in Route 53 that leads elsewhere`,
      `Remove it when nothing needs it, or make it lead to ${target}; then run the same line.`,
    )
  }
  const is = now?.ResourceRecords?.[0]?.Value
  if (!apex && clean(is) === target.toLowerCase()) return change(true, [], target)
  const set = apex
    ? { Name: host, Type: 'A', AliasTarget: { ...(await aliasTarget(target)), EvaluateTargetHealth: false } }
    : { Name: host, Type: 'CNAME', TTL: 300, ResourceRecords: [{ Value: target }] }
  const was = is ?? alias?.AliasTarget?.DNSName
  const changes: Difference[] = [{ object, path: set.Type, before: was, after: target }]
  if (!plan) {
    markWritten()
    const batch = JSON.stringify({ Comment: 'Prow', Changes: [{ Action: 'UPSERT', ResourceRecordSet: set }] })
    await writeAws(['route53', 'change-resource-record-sets', '--hosted-zone-id', id, '--change-batch', batch], id)
  }
  return change(there.length > 0, changes, target)
}

// The apex of a zone takes no CNAME.
async function aliasTarget(target: string): Promise<{ DNSName: string; HostedZoneId: string }> {
  const listed = await readAws<{ LoadBalancers: { DNSName: string; CanonicalHostedZoneId: string }[] }>([
    'elbv2',
    'describe-load-balancers',
  ])
  const found = listed?.LoadBalancers.find((one) => one.DNSName.toLowerCase() === target.toLowerCase())
  if (!found) throw new Problem(`no load balancer has the address ${target}`, 'Run the same line again in a minute.')
  return { DNSName: target, HostedZoneId: found.CanonicalHostedZoneId }
}

/** Waits within WAIT_SECONDS until the host leads to a load balancer; then throws a Problem with the record to make. */
export async function waitForDns(settings: Settings, target: string, say: (text: string) => void): Promise<void> {
  const until = Date.now() + settings.WAIT_SECONDS * 1000
  const addresses = async (name: string) => {
    try {
      return (await lookup(name, { all: true })).map((one) => one.address)
    } catch {
      return []
    }
  }
  for (;;) {
    const [host, balancer] = await Promise.all([addresses(settings.PROW_HOST), addresses(target)])
    if (host.some((one) => balancer.includes(one))) return
    say(`waiting until ${settings.PROW_HOST} leads to ${target}`)
    if (Date.now() > until) {
      throw new Problem(
        `${settings.PROW_HOST} ${host.length ? 'leads elsewhere' : 'leads nowhere'}`,
        [
          'Make this record where the domain is (or set HOSTED_ZONE, when that is Route 53):',
          `${settings.PROW_HOST}  CNAME  ${target}`,
          `All else of this step is done. Once the record is known go on with: ${rerunLine('12-webhook', true)}`,
        ].join('\n'),
      )
    }
    await sleep(settings.POLL_SECONDS * 1000)
  }
}

// ---- DNS --------------------------------------------------------------------------------------------------------

export interface RecordSet {
  Name: string
  Type: string
  TTL?: number
  ResourceRecords?: { Value: string }[]
  AliasTarget?: { DNSName: string }
}

export interface Zone {
  Id: string
  Name: string
  Config?: { PrivateZone?: boolean }
}
