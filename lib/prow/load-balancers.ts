import type { LoadBalancers } from '../aws/dns.ts'
import { CONTROLLER_LABEL } from '../aws/load-balancer.ts'
import { type Code, Problem, passed } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { withSpinner } from '../base/terminal.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import { getObjects } from '../kubernetes/snapshot.ts'
import { currentRun, forget, readOnce } from '../run/context.ts'
import { findings, settle } from '../run/findings.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { after } from '../run/task.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { loadBalancerCause } from './load-balancer-events.ts'

/** The namespace of the load balancers' Ingresses: that of the Services which they route to. */
export function albNamespace({ INGRESS }: Settings): string {
  return INGRESS === 'nginx' ? 'ingress-nginx' : 'prow'
}

const QUESTION = 'kubectl get ingresses of load balancers'

/** The Ingresses of the load balancers as they are, by name. */
export async function readIngresses(settings: Settings): Promise<Map<string, KubeObject>> {
  const all = await readOnce(QUESTION, () => getObjects('ingresses', '-n', albNamespace(settings)))
  return new Map(all.map((ingress) => [ingress.metadata.name, ingress]))
}

/** The host name of an Ingress's load balancer. */
export function hostname(ingress: KubeObject | undefined): string | undefined {
  const status = ingress?.status as { loadBalancer?: { ingress?: { hostname?: string }[] } } | undefined
  return status?.loadBalancer?.ingress?.[0]?.hostname
}

/** The load balancers of both Ingresses; undefined while one has none. */
export async function readLoadBalancers(settings: Settings): Promise<LoadBalancers | undefined> {
  const ingresses = await readIngresses(settings)
  const [hook, deck] = [hostname(ingresses.get('prow-hook')), hostname(ingresses.get('prow-deck'))]
  return hook && deck ? { hook, deck } : undefined
}

/** What a wait continues after: the API server may be out of reach for a moment. */
const TRANSIENT: (Code | undefined)[] = ['unreachable', 'timeout']

/**
 * Waits within WAIT_SECONDS until both Ingresses have a load balancer, and prints which. Under --plan answers undefined
 * when they have none yet. Throws a Problem with the events of the Ingress that has none, or with the failure of kubectl.
 */
export async function waitForLoadBalancers(settings: Settings): Promise<LoadBalancers | undefined> {
  const found = await withSpinner('waiting for load balancers', async (progress) => {
    const until = Date.now() + settings.WAIT_SECONDS * 1000
    for (;;) {
      forget(QUESTION)
      let failure: Problem | undefined
      try {
        const both = await readLoadBalancers(settings)
        if (both || currentRun().plan) return both
      } catch (error) {
        if (!(error instanceof Problem) || !TRANSIENT.includes(error.code)) throw error
        failure = error
      }
      if (Date.now() > until) throw failure ?? (await noLoadBalancer(settings))
      progress(`waiting for load balancers${failure ? `: ${failure.message}` : ''}`)
      await sleep(Math.min(settings.POLL_SECONDS, 5) * 1000)
    }
  })
  if (!found) {
    after('11-ingress', [`the DNS record of ${settings.PROW_HOST}: its load balancer does not exist yet`])
    return undefined
  }
  const { hook, deck } = found
  await findings([
    passed(`${prowUrl(settings)}/hook is served by ${hook}`),
    ...(deck === hook ? [] : [passed(`Deck is served by ${deck}`)]),
  ])
  return found
}

async function noLoadBalancer(settings: Settings): Promise<Problem> {
  const ingresses = await readIngresses(settings)
  const name = hostname(ingresses.get('prow-hook')) ? 'prow-deck' : 'prow-hook'
  const selector = `involvedObject.name=${name},type=Warning`
  const events: KubeObject[] = []
  // Without them the Problem is still the same.
  await settle(
    getObjects('events', '-n', albNamespace(settings), '--field-selector', selector).then(
      (found) => void events.push(...found),
    ),
  )
  const causes = events.map(({ reason, message }) => `${reason}: ${message}`).slice(-3)
  return new Problem(
    [`Ingress ${name} has no load balancer after ${settings.WAIT_SECONDS} seconds`, ...causes].join('\n'),
    loadBalancerCause(causes, name === 'prow-deck' && settings.DECK_ACCESS.kind === 'internal')?.remedy ??
      `Read the log of the controller: ${kubectlLine('-n', 'kube-system', 'logs', '-l', CONTROLLER_LABEL)}`,
    { code: 'timeout' },
  )
}
