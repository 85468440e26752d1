import { Problem } from '../base/problem.ts'
import { currentRun } from '../run/context.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { readAws, rememberAws, writeAws } from './cli.ts'

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

/** The hosted zones of a domain: the public one and, where there is one, the private one of a network. */
export interface Zones {
  public: Zone
  private?: Zone
}

/** The zones of HOSTED_ZONE; undefined when it is empty. Throws a Problem when Route 53 has no such public zone. */
export async function findZones(settings: Settings): Promise<Zones | undefined> {
  if (!settings.HOSTED_ZONE) return undefined
  const name = `${settings.HOSTED_ZONE}.`
  const args = ['route53', 'list-hosted-zones-by-name', '--dns-name', name, '--max-items', '10']
  const listed = await readAws<{ HostedZones: Zone[] }>(args)
  const zones = (listed?.HostedZones ?? []).filter((zone) => zone.Name === name)
  const open = zones.find((zone) => !zone.Config?.PrivateZone)
  if (open) return { public: open, private: zones.find((zone) => zone.Config?.PrivateZone) }
  throw new Problem(
    `Route 53 has no public zone ${settings.HOSTED_ZONE} in this account`,
    'Correct HOSTED_ZONE, or leave it empty and create the record where the domain is hosted.',
  )
}

/** The id of a zone, as the commands of aws take it. */
export function zoneId({ Id }: Zone): string {
  return Id.replace('/hostedzone/', '')
}

/** The records of PROW_HOST in a zone. */
export async function recordsOf(settings: Settings, zone: Zone): Promise<RecordSet[]> {
  const listed = await readAws<{ ResourceRecordSets: RecordSet[] }>(recordArguments(settings, zone))
  return (listed?.ResourceRecordSets ?? []).filter((one) => one.Name === `${settings.PROW_HOST}.`)
}

function recordArguments({ PROW_HOST: host }: Settings, zone: Zone): string[] {
  const about = ['--hosted-zone-id', zoneId(zone), '--start-record-name', host, '--max-items', '10']
  return ['route53', 'list-resource-record-sets', ...about]
}

/** The host name that a CNAME or an alias points to, as a load balancer has it; empty for other records. */
export function pointsTo({ Type, AliasTarget, ResourceRecords }: RecordSet): string {
  const name = AliasTarget?.DNSName ?? (Type === 'CNAME' ? ResourceRecords?.[0]?.Value : undefined) ?? ''
  return name.replace(/^dualstack\.|\.$/g, '').toLowerCase()
}

/**
 * The record that has to be written so that the host points to `target`; undefined when one does. Throws a Problem for
 * an address record that somebody else created. The apex of a zone takes no CNAME but an alias.
 */
export function wantedRecord(
  { PROW_HOST: host, HOSTED_ZONE: zone }: Settings,
  records: RecordSet[],
  target: string,
): 'alias' | 'CNAME' | undefined {
  if (records.some((one) => pointsTo(one) === target.toLowerCase())) return undefined
  const apex = host === zone
  const other = records.find(({ Type, AliasTarget }) => /^A(AAA)?$/.test(Type) && !(apex && AliasTarget))
  if (!other) return apex ? 'alias' : 'CNAME'
  throw new Problem(
    `${host} has a record of type ${other.Type} in Route 53 that does not point to its load balancer`,
    `Remove it when nothing needs it, or make it point to ${target}; then run the same line.`,
  )
}

/** Creates or corrects the record of PROW_HOST in one zone. */
export async function ensureRecord(settings: Settings, zone: Zone, target: string): Promise<Change> {
  const host = settings.PROW_HOST
  const records = await recordsOf(settings, zone)
  const wanted = wantedRecord(settings, records, target)
  if (!wanted) return change(true, [], target)
  const set =
    wanted === 'alias'
      ? { Name: host, Type: 'A', AliasTarget: { ...(await aliasTarget(target)), EvaluateTargetHealth: false } }
      : { Name: host, Type: 'CNAME', TTL: 300, ResourceRecords: [{ Value: target }] }
  const before = records.map(pointsTo).find(Boolean)
  const differences: Difference[] = [{ object: `record ${host}`, path: set.Type, before, after: target }]
  if (!currentRun().plan) {
    const batch = JSON.stringify({ Comment: 'Prow', Changes: [{ Action: 'UPSERT', ResourceRecordSet: set }] })
    await changeRecords(zone, batch)
    const kept = records.filter(({ Type }) => Type !== set.Type)
    rememberAws(recordArguments(settings, zone), { ResourceRecordSets: [...kept, { ...set, Name: `${host}.` }] })
  }
  return change(records.length > 0, differences, target)
}

/** Writes a batch of changes to a zone. */
export async function changeRecords(zone: Zone, batch: string): Promise<void> {
  const about = ['--hosted-zone-id', zoneId(zone), '--change-batch', batch]
  await writeAws(['route53', 'change-resource-record-sets', ...about], zoneId(zone))
}

async function aliasTarget(target: string): Promise<{ DNSName: string; HostedZoneId: string }> {
  const args = ['elbv2', 'describe-load-balancers']
  const listed = await readAws<{ LoadBalancers: { DNSName: string; CanonicalHostedZoneId: string }[] }>(args)
  const found = listed?.LoadBalancers.find((one) => one.DNSName.toLowerCase() === target.toLowerCase())
  if (found) return { DNSName: target, HostedZoneId: found.CanonicalHostedZoneId }
  throw new Problem(`no load balancer has the DNS name ${target}`, 'Run the same line again in a minute.')
}
