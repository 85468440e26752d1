import { CONTROLLER, type LoadBalancerController } from '../aws/load-balancer.ts'
import { Problem } from '../base/problem.ts'
import { kubectlLine, tryKubectl } from '../kubernetes/kubectl.ts'
import { type KubeObject, manifests, manifestsWith, type Resource } from '../kubernetes/manifests.ts'
import { getObjects, snapshot } from '../kubernetes/snapshot.ts'
import type { Settings } from '../settings/table.ts'

// ---- The Ingresses ----------------------------------------------------------------------------------------------

export const isInternal = (settings: Settings) => settings.DECK_ACCESS === 'internal'

/** Of the five values that a rule of a load balancer may have, the host and the path take two. */
export const MAX_CIDRS = 3

/** What is wrong with the settings of the way in, before anything is made. `auto`: EKS makes the load balancers. */
export function ingressProblems(settings: Settings, auto: boolean): { message: string; remedy: string }[] {
  const told: [string, string[]][] = [
    ['DECK_ACCESS', /^(internal|public)$/.test(settings.DECK_ACCESS) ? [] : settings.DECK_ACCESS.split(',')],
    ['HOOK_CIDRS', isInternal(settings) ? [] : settings.HOOK_CIDRS],
  ]
  // Whether Auto Mode heeds a condition is told nowhere (aws/containers-roadmap#2556 asks for it), and one that it does
  // not heed would let everybody in.
  if (auto) {
    return told
      .filter(([, list]) => list.length > 0)
      .map(([name]) => ({
        message: `${name} is a list of CIDRs, and EKS Auto Mode may not keep others out on a load balancer for both`,
        remedy:
          name === 'DECK_ACCESS'
            ? 'Set DECK_ACCESS=internal or public; or INGRESS=none, with a way in of your own.'
            : "Leave HOOK_CIDRS empty: what comes without GitHub's signature is refused. Or set DECK_ACCESS=internal.",
      }))
  }
  return told
    .filter(([, list]) => list.length > MAX_CIDRS)
    .map(([name, list]) => ({
      message: `${name} has ${list.length} CIDRs, and a rule of a load balancer takes ${MAX_CIDRS}`,
      remedy: 'Write fewer, wider ones; or DECK_ACCESS=internal, which has a load balancer of its own.',
    }))
}

/** The two Ingresses, one thing each; with Auto Mode their classes before them. */
export function ingressResources(settings: Settings, by: LoadBalancerController, certificate: string) {
  const nginx = settings.INGRESS === 'nginx'
  const auto = by.by === 'auto'
  const shared = !isInternal(settings)
  const source = (cidrs: string[]) =>
    cidrs.length
      ? JSON.stringify([{ field: 'source-ip', sourceIpConfig: { values: cidrs.map((one) => one.trim()) } }])
      : ''
  const http = settings.HTTP_PORT === 'off' ? [] : [{ HTTP: Number(settings.HTTP_PORT) }]
  const named = by.by === 'controller' ? by.class : 'alb'
  // Letters, digits and dashes, 63 at most, the last one no dash.
  const group = `prow-${settings.CLUSTER_NAME.toLowerCase().replace(/[^a-z0-9]/g, '-')}`.slice(0, 63).replace(/-+$/, '')
  const values = {
    ALB_NAMESPACE: nginx ? 'ingress-nginx' : 'prow',
    // A NodePort is what the guide puts its load balancer before; pods themselves take one hop less.
    ALB_TARGET: nginx ? 'instance' : 'ip',
    ALB_HEALTH: nginx ? '/healthz' : '/',
    ALB_LISTEN: JSON.stringify([...http, { HTTPS: settings.HTTPS_PORT }]),
    ALB_CERTIFICATE: certificate,
    ALB_GROUP: shared ? group : '',
    // Auto Mode knows a group by the class alone.
    ALB_GROUP_NAME: shared && !auto ? group : '',
    HOOK_CLASS: auto ? 'prow-hook' : named,
    DECK_CLASS: auto ? 'prow-deck' : named,
    HOOK_SERVICE: nginx ? 'ingress-nginx-controller' : 'hook',
    HOOK_PORT: nginx ? '80' : '8888',
    DECK_SERVICE: nginx ? 'ingress-nginx-controller' : 'deck',
    DECK_PORT: '80',
    DECK_SCHEME: shared ? 'internet-facing' : 'internal',
    HOOK_INBOUND: shared ? '' : settings.HOOK_CIDRS.join(','),
    HOOK_CONDITION: shared ? source(settings.HOOK_CIDRS) : '',
    DECK_CONDITION: /^(internal|public)$/.test(settings.DECK_ACCESS) ? '' : source(settings.DECK_ACCESS.split(',')),
  }
  const from = settings.HOOK_CIDRS.length ? settings.HOOK_CIDRS.join(', ') : 'the internet'
  const who = { internal: 'inside the network', public: 'anybody' }[settings.DECK_ACCESS] ?? settings.DECK_ACCESS
  return [
    ...(auto
      ? [
          {
            name: 'IngressClasses of Auto Mode',
            manifests: manifestsWith(settings, values, 'ingress/auto-classes.yaml'),
          },
        ]
      : []),
    {
      name: 'Ingress prow-hook',
      manifests: manifestsWith(settings, values, 'ingress/alb-hook.yaml'),
      note: `/hook, from ${from}`,
    },
    {
      name: 'Ingress prow-deck',
      manifests: manifestsWith(settings, values, 'ingress/alb-deck.yaml'),
      note: `Deck, for ${who}`,
    },
  ]
}

/**
 * What another INGRESS has made and this one does not want. Its load balancers go with their Ingresses; ingress-nginx
 * stays, as others may be using it by now.
 */
export function unwantedIngresses(settings: Settings, auto: boolean): Resource[] {
  const eks = settings.TARGET === 'eks'
  const things = (['nginx', 'alb'] as const)
    .filter((other) => other !== settings.INGRESS)
    .map((other) => {
      const balanced = eks ? ingressResources({ ...settings, INGRESS: other }, { by: 'nothing' }, 'none') : []
      return {
        name: `Ingresses of INGRESS=${other}`,
        manifests: [
          ...(other === 'nginx' ? manifests(settings, 'ingress/nginx.yaml') : []),
          ...balanced.flatMap((thing) => thing.manifests),
        ],
      }
    })
    .filter((thing) => thing.manifests.length > 0)
  if (!auto || settings.INGRESS !== 'none') return things
  // Last: what takes the load balancers away still reads them.
  const [classes] = ingressResources(settings, { by: 'auto' }, 'none')
  return [...things, classes!]
}

function hostname(ingress: KubeObject | undefined): string | undefined {
  const status = ingress?.status as { loadBalancer?: { ingress?: { hostname?: string }[] } } | undefined
  return status?.loadBalancer?.ingress?.[0]?.hostname
}

/** Waits until an Ingress has an address, and answers it; on the limit throws a Problem with what the events say. */
export async function waitForLoadBalancer(
  settings: Settings,
  name: string,
  say: (text: string) => void,
): Promise<string> {
  const namespace = settings.INGRESS === 'nginx' ? 'ingress-nginx' : 'prow'
  const known = hostname((await snapshot()).get('Ingress', name, namespace))
  if (known) return known
  say(`waiting for the address of Ingress ${name}`)
  const path = '{.status.loadBalancer.ingress[0].hostname}'
  const args = ['-n', namespace, 'wait', `ingress/${name}`, `--for=jsonpath=${path}`, '-o', `jsonpath=${path}`]
  const ended = await tryKubectl([...args, `--timeout=${settings.WAIT_SECONDS}s`])
  if (ended.exitCode === 0 && ended.stdout.trim()) return ended.stdout.trim()
  const events = await getObjects(
    'events',
    '-n',
    namespace,
    '--field-selector',
    `involvedObject.name=${name},type=Warning`,
  )
  const said = events.map((event) => `${event.reason}: ${event.message}`).slice(-3)
  const remedies: [RegExp, string][] = [
    [
      /subnet/i,
      `Tag two subnets or more: kubernetes.io/role/${name === 'prow-deck' && isInternal(settings) ? 'internal-elb' : 'elb'}=1, in two zones, with 8 free addresses each.`,
    ],
    [/certificate/i, 'See that CERTIFICATE_ARN is in this region and ISSUED.'],
    [
      /AccessDenied|not authorized|UnauthorizedOperation/i,
      'The role of the controller lacks a right; run the step again when it is ours.',
    ],
  ]
  throw new Problem(
    [`Ingress ${name} has no load balancer after ${settings.WAIT_SECONDS} seconds`, ...said].join('\n'),
    remedies.find(([looks]) => said.some((one) => looks.test(one)))?.[1] ??
      `Read why: ${kubectlLine('-n', 'kube-system', 'logs', '-l', `app.kubernetes.io/name=${CONTROLLER}`)}`,
  )
}
