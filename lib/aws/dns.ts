import { lookup } from 'node:dns/promises'
import { type Finding, failed, Problem, passed, warning } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { withSpinner } from '../base/terminal.ts'
import { currentRun } from '../run/context.ts'
import { findings } from '../run/findings.ts'
import { rerunLine } from '../run/rerun.ts'
import { task } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { ensureRecord, findZones, recordsOf, wantedRecord, type Zone, type Zones } from './route53.ts'

/** The load balancers of Prow by their DNS names; one for both unless Deck is internal. */
export interface LoadBalancers {
  hook: string
  deck: string
}

/**
 * Points PROW_HOST to the load balancers: by records in Route 53, or, without HOSTED_ZONE, by waiting until somebody has
 * created the record elsewhere.
 */
export async function pointHost(settings: Settings, zones: Zones | undefined, to: LoadBalancers): Promise<void> {
  const { PROW_HOST: host } = settings
  if (zones) {
    await task(`record ${host}`, () => ensureRecord(settings, zones.public, to.hook))
    const inside = to.deck !== to.hook ? zones.private : undefined
    if (inside) await task(`private record ${host}`, () => ensureRecord(settings, inside, to.deck))
  } else if (!currentRun().plan) {
    await withSpinner('waiting for DNS', (progress) => waitForDns(settings, to.hook, progress))
  }
  if (to.deck !== to.hook && !zones?.private) {
    await findings(
      warning(
        `inside the network ${host} has to point to ${to.deck}`,
        'create this CNAME in the DNS of that network, which the runbook does not reach',
      ),
    )
  }
}

/** What DNS answers for a name: its addresses, or none and why. */
export interface Resolved {
  addresses: string[]
  error?: string
}

/** Asks the resolver of this machine for the addresses of a name. */
export async function resolveName(name: string): Promise<Resolved> {
  try {
    return { addresses: (await lookup(name, { all: true })).map(({ address }) => address) }
  } catch (error) {
    return { addresses: [], error: (error as NodeJS.ErrnoException).code }
  }
}

/** How a host does not resolve to a load balancer; undefined when it does. */
export function resolveProblem(host: string, target: string, of: Resolved, to: Resolved): string | undefined {
  if (of.addresses.some((address) => to.addresses.includes(address))) return undefined
  for (const [name, { error }] of [
    [host, of],
    [target, to],
  ] as const) {
    if (error && error !== 'ENOTFOUND') return `DNS gives no answer for ${name} (${error})`
  }
  if (of.addresses.length === 0) return `${host} does not resolve`
  return to.addresses.length === 0
    ? `the load balancer ${target} does not resolve`
    : `${host} resolves to ${of.addresses.join(', ')}, not to ${target}`
}

async function findResolveProblem({ PROW_HOST: host }: Settings, target: string): Promise<string | undefined> {
  const [of, to] = await Promise.all([resolveName(host), resolveName(target)])
  return resolveProblem(host, target, of, to)
}

/** What to do when the record of PROW_HOST is kept elsewhere than in Route 53. */
export const recordLine = ({ PROW_HOST: host }: Settings, target: string) =>
  `Create this record where the domain is hosted (or set HOSTED_ZONE, when that is Route 53):\n${host}  CNAME  ${target}`

/** Waits within WAIT_SECONDS until the host resolves to a load balancer; then throws a Problem with the record to create. */
async function waitForDns(settings: Settings, target: string, progress: (text: string) => void): Promise<void> {
  const until = Date.now() + settings.WAIT_SECONDS * 1000
  for (;;) {
    const problem = await findResolveProblem(settings, target)
    if (!problem) return
    progress(`waiting until ${settings.PROW_HOST} resolves to ${target}: ${problem}`)
    if (Date.now() > until) {
      throw new Problem(
        problem,
        `${recordLine(settings, target)}\nAll else of this step is done. Once the record exists continue with: ${rerunLine('12-webhook', true)}`,
        { code: 'timeout' },
      )
    }
    await sleep(settings.POLL_SECONDS * 1000)
  }
}

/**
 * Whether PROW_HOST points to its load balancers: in Route 53 where HOSTED_ZONE says that its records are there, else as
 * this machine resolves it.
 */
export async function inspectHost(settings: Settings, { hook, deck }: LoadBalancers): Promise<Finding[]> {
  const { PROW_HOST: host } = settings
  const zones = await findZones(settings)
  const problem = await findResolveProblem(settings, hook)
  if (!zones) {
    return [problem ? failed(problem, recordLine(settings, hook)) : passed(`${host} resolves to ${hook}`)]
  }
  const pairs: [zone: Zone | undefined, target: string][] = [
    [zones.public, hook],
    [deck === hook ? undefined : zones.private, deck],
  ]
  const found: Finding[] = []
  for (const [zone, target] of pairs) {
    if (!zone) continue
    const correct = wantedRecord(settings, await recordsOf(settings, zone), target) === undefined
    const where = `in the ${zone.Config?.PrivateZone ? 'private' : 'public'} zone ${settings.HOSTED_ZONE}`
    found.push(
      correct
        ? passed(`${host} points to ${target} ${where}`)
        : failed(`${host} does not point to ${target} ${where}`, `Run ${rerunLine('11-ingress')}.`),
    )
  }
  if (problem && found[0]?.outcome === 'passed') {
    found.push(
      warning(problem, `a new record takes minutes; if it stays, check the NS records of ${settings.HOSTED_ZONE}`),
    )
  }
  return found
}
