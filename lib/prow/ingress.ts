import type { LoadBalancerController } from '../aws/load-balancer.ts'
import { type Finding, failed } from '../base/problem.ts'
import type { Check } from '../kubernetes/check.ts'
import { type KubeObject, manifests, manifestsWith, type Resource } from '../kubernetes/manifests.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { ingressNginx } from './ingress-nginx.ts'
import { albNamespace, hostname, readIngresses } from './load-balancers.ts'

/** Of the five values that a rule of a load balancer may have, the host and the path take two. */
export const MAX_CIDRS = 3

const isInternal = ({ DECK_ACCESS }: Settings) => DECK_ACCESS.kind === 'internal'

/** What the settings ask of the load balancers that these cannot do. `auto`: EKS Auto Mode creates them. */
export function ingressProblems(settings: Settings, auto: boolean): Finding[] {
  const lists: [name: 'DECK_ACCESS' | 'HOOK_CIDRS', cidrs: string[]][] = [
    ['DECK_ACCESS', settings.DECK_ACCESS.cidrs],
    ['HOOK_CIDRS', isInternal(settings) ? [] : settings.HOOK_CIDRS],
  ]
  // AWS does not document whether Auto Mode supports conditions (aws/containers-roadmap#2556 asks for them), and one
  // that it ignores would admit everybody.
  if (auto) {
    const remedies = {
      DECK_ACCESS: 'Set DECK_ACCESS to internal or public, or set INGRESS=none and route to Prow yourself.',
      HOOK_CIDRS:
        "Leave HOOK_CIDRS empty: hook rejects requests without GitHub's signature. Or set DECK_ACCESS=internal.",
    }
    return lists
      .filter(([, cidrs]) => cidrs.length > 0)
      .map(([name]) =>
        failed(
          `${name} is a list of CIDRs, which EKS Auto Mode may not enforce on a load balancer for hook and Deck`,
          remedies[name],
        ),
      )
  }
  return lists
    .filter(([, cidrs]) => cidrs.length > MAX_CIDRS)
    .map(([name, cidrs]) =>
      failed(
        `${name} has ${cidrs.length} CIDRs, and a rule of a load balancer takes ${MAX_CIDRS}`,
        'Use fewer, wider ones, or set DECK_ACCESS=internal, which gives Deck a load balancer of its own.',
      ),
    )
}

/** The name of the group by which both Ingresses share a load balancer: letters, digits and dashes, 63 at most. */
function groupName({ CLUSTER_NAME: cluster }: Settings): string {
  return `prow-${cluster.toLowerCase().replace(/[^a-z0-9]/g, '-')}`.slice(0, 63).replace(/-+$/, '')
}

/** The Ingresses of hook and Deck for load balancers of AWS, one resource each; for Auto Mode after their IngressClasses. */
export function ingressResources(
  settings: Settings,
  controller: LoadBalancerController,
  certificate: string,
): Resource[] {
  const { HOOK_CIDRS, DECK_ACCESS: access } = settings
  const nginx = settings.INGRESS === 'nginx'
  const auto = controller.kind === 'auto'
  const shared = !isInternal(settings)
  const fromSources = (cidrs: string[]) =>
    cidrs.length > 0 ? JSON.stringify([{ field: 'source-ip', sourceIpConfig: { values: cidrs } }]) : ''
  const http = settings.HTTP_PORT === 'off' ? [] : [{ HTTP: Number(settings.HTTP_PORT) }]
  const ingressClass = controller.kind === 'installed' ? controller.class : 'alb'
  const group = shared ? groupName(settings) : ''
  const values = {
    ALB_NAMESPACE: albNamespace(settings),
    // ingress-nginx answers on node ports, as in the guide; Prow's pods are reached without that hop.
    ALB_TARGET: nginx ? 'instance' : 'ip',
    ALB_HEALTH: nginx ? '/healthz' : '/',
    ALB_LISTEN: JSON.stringify([...http, { HTTPS: settings.HTTPS_PORT }]),
    ALB_CERTIFICATE: certificate,
    ALB_GROUP: group,
    // Auto Mode takes the group from the class.
    ALB_GROUP_NAME: auto ? '' : group,
    HOOK_CLASS: auto ? 'prow-hook' : ingressClass,
    DECK_CLASS: auto ? 'prow-deck' : ingressClass,
    HOOK_SERVICE: nginx ? 'ingress-nginx-controller' : 'hook',
    HOOK_PORT: nginx ? '80' : '8888',
    DECK_SERVICE: nginx ? 'ingress-nginx-controller' : 'deck',
    DECK_PORT: '80',
    DECK_SCHEME: shared ? 'internet-facing' : 'internal',
    HOOK_INBOUND: shared ? '' : HOOK_CIDRS.join(','),
    HOOK_CONDITION: shared ? fromSources(HOOK_CIDRS) : '',
    DECK_CONDITION: fromSources(access.cidrs),
  }
  const resource = (name: string, file: string, note?: string): Resource => ({
    name,
    manifests: manifestsWith(settings, values, `ingress/${file}.yaml`),
    note,
  })
  const people = { internal: 'the internal network', public: 'the internet', cidrs: access.cidrs.join(', ') }
  return [
    ...(auto ? [resource('IngressClasses of Auto Mode', 'auto-classes')] : []),
    resource('Ingress prow-hook', 'alb-hook', `/hook, from ${HOOK_CIDRS.join(', ') || 'the internet'}`),
    resource('Ingress prow-deck', 'alb-deck', `Deck, from ${people[access.kind]}`),
  ]
}

/**
 * What another INGRESS has created and this one does not want. The load balancers are removed with their Ingresses;
 * ingress-nginx stays, because others may use it by now.
 */
export function unwantedIngresses(settings: Settings, auto: boolean): Resource[] {
  const eks = settings.TARGET === 'eks'
  const resources = (['nginx', 'alb'] as const)
    .filter((other) => other !== settings.INGRESS)
    .map((other) => ({
      name: `Ingresses of INGRESS=${other}`,
      manifests: [
        ...(other === 'nginx' ? manifests(settings, 'ingress/nginx.yaml') : []),
        ...(eks ? ingressResources({ ...settings, INGRESS: other }, { kind: 'none' }, 'none') : []).flatMap(
          (resource) => resource.manifests,
        ),
      ],
    }))
    .filter((resource) => resource.manifests.length > 0)
  if (!auto || settings.INGRESS !== 'none') return resources
  // Last: Auto Mode reads the classes to remove the load balancers.
  const [classes] = ingressResources(settings, { kind: 'auto' }, 'none')
  return [...resources, classes!]
}

/** That each Ingress exists and routes PROW_HOST, that those for load balancers have one, and that ingress-nginx is ready. */
export function ingresses(settings: Settings): Check[] {
  if (settings.INGRESS === 'none') return []
  const routes = `routes ${prowUrl(settings)}/ to Prow`
  const nginx: Check = {
    fact: `Ingress prow ${routes}`,
    step: '11-ingress',
    inspect: (snapshot) => ingressProblem(settings, 'prow/prow', snapshot.get('Ingress', 'prow', 'prow')) ?? true,
  }
  const balanced = ['prow-hook', 'prow-deck'].map((name): Check => {
    const shown = `${albNamespace(settings)}/${name}`
    return {
      fact: `Ingress ${name} ${routes}`,
      step: '11-ingress',
      inspect: async () => {
        const ingress = (await readIngresses(settings)).get(name)
        const problem = ingressProblem(settings, shown, ingress)
        return problem ?? (hostname(ingress) !== undefined || `Ingress ${shown} has no load balancer`)
      },
    }
  })
  return [
    ...(settings.INGRESS === 'nginx' ? [ingressNginx, nginx] : []),
    ...(settings.TARGET === 'eks' ? balanced : []),
  ]
}

function ingressProblem({ PROW_HOST: host }: Settings, shown: string, ingress?: KubeObject): string | undefined {
  if (!ingress) return `Ingress ${shown} does not exist`
  const { rules = [] } = ingress.spec as { rules?: { host?: string }[] }
  if (rules.some((rule) => rule.host === host)) return undefined
  return `Ingress ${shown} is for ${rules.map((rule) => rule.host ?? '*').join(', ') || 'no host'}, not for ${host}`
}
