import { lookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import { onPath, quote, tryRun } from '../base/shell.ts'
import { list } from '../kubernetes/cluster.ts'
import { kubectlLine, kubectlTarget, read, type Thing, tryKubectl, world } from '../kubernetes/kubectl.ts'
import { type KubeObject, manifests, manifestsWith } from '../kubernetes/manifests.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/settings.ts'
import { current, writes } from '../step.ts'
import { change, forgetAws, look } from './cli.ts'
import { type Cluster, ownBalancers } from './eks.ts'
import { type Became, became } from './iam.ts'

// ---- The AWS Load Balancer Controller ---------------------------------------------------------------------------

/** What makes load balancers of Ingresses: EKS itself, a controller that is there, or nothing yet. */
export type Balancers = { by: 'auto' } | { by: 'controller'; class: string; ours: boolean } | { by: 'nothing' }

const CONTROLLER = 'aws-load-balancer-controller'
/** The chart of aws/eks-charts that is installed when there is none; its controller has the same version. */
const CHART = '3.5.0'

/** Looks for what makes load balancers of Ingresses. */
export async function balancers(about: Cluster): Promise<Balancers> {
  if (ownBalancers(about)) return { by: 'auto' }
  const classes = (await list('IngressClass')).filter(
    (one) => (one.spec as { controller?: string }).controller === 'ingress.k8s.aws/alb',
  )
  const deployments = await read('deployments.apps,serviceaccounts', '-A', '-l', `app.kubernetes.io/name=${CONTROLLER}`)
  const running = deployments.find((one) => one.kind === 'Deployment')
  if (!running) return { by: 'nothing' }
  const ours = deployments.some(
    (one) => one.kind === 'ServiceAccount' && one.metadata.labels?.['app.kubernetes.io/managed-by'] === 'prow-runbook',
  )
  const name = classes.find((one) => one.metadata.name === 'alb') ?? classes[0]
  // The class comes last in an installation: ours was cut off. Over somebody else's helm must not write.
  if (!name && ours) return { by: 'nothing' }
  if (!name) {
    throw new Problem(
      'the AWS Load Balancer Controller is there, and no IngressClass leads to it',
      'Make an IngressClass with the controller ingress.k8s.aws/alb, then run the same line.',
    )
  }
  return { by: 'controller', class: name.metadata.name, ours }
}

/** Where the chart takes the controller's image from, with the tag of its version. */
export const CONTROLLER_IMAGE = `public.ecr.aws/eks/${CONTROLLER}:v${CHART}`

/** The controller's image where it is another than the chart's own; nodes elsewhere, GovCloud too, reach that one. */
export function controllerImage(settings: Settings): string | undefined {
  // The registries of EKS in China, in its guide under "container image registries for add-ons".
  const registries: Record<string, string> = {
    'cn-north-1': '918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn',
    'cn-northwest-1': '961992271922.dkr.ecr.cn-northwest-1.amazonaws.com.cn',
  }
  if (settings.IMAGE_MIRROR) return `${settings.IMAGE_MIRROR}/eks/${CONTROLLER}:v${CHART}`
  const registry = registries[settings.AWS_REGION]
  return registry && `${registry}/amazon/${CONTROLLER}:v${CHART}`
}

/** The arguments of helm that install the controller. */
export function helmArguments(settings: Settings, about: Cluster): string[] {
  const { kubeconfig, context } = kubectlTarget()
  const region = settings.AWS_REGION
  const values: Record<string, string | undefined> = {
    clusterName: settings.CLUSTER_NAME,
    region,
    vpcId: about.resourcesVpcConfig.vpcId,
    'serviceAccount.create': 'false',
    'serviceAccount.name': CONTROLLER,
    // Our Ingresses use none of them, the role has no right to them, and China has no Shield.
    enableShield: 'false',
    enableWaf: 'false',
    enableWafv2: 'false',
    // By default the controller takes every new Service of type LoadBalancer for its own, and while it is down no
    // Service at all can be made.
    enableServiceMutatorWebhook: 'false',
    'image.repository': controllerImage(settings)?.slice(0, -`:v${CHART}`.length),
  }
  return [
    'upgrade',
    '--install',
    CONTROLLER,
    CONTROLLER,
    '--repo',
    'https://aws.github.io/eks-charts',
    '--version',
    CHART,
    '--namespace',
    'kube-system',
    '--kubeconfig',
    kubeconfig,
    '--kube-context',
    context,
    ...Object.entries(values).flatMap(([name, value]) => (value ? ['--set', `${name}=${value}`] : [])),
    '--wait',
    '--timeout',
    `${settings.WAIT_SECONDS}s`,
  ]
}

/** Installs the controller with helm; without helm throws a Problem with the lines to type where helm is. */
export async function installController(settings: Settings, about: Cluster): Promise<Became> {
  const { plan } = current()
  const args = helmArguments(settings, about)
  if (!onPath('helm')) {
    if (plan) return became(false, [], 'helm is not on PATH: a person has to install it')
    throw new Problem(
      'the AWS Load Balancer Controller is not in the cluster, and helm is not on PATH',
      [
        'Its role and its service account are made. Install helm and run the same line again, or type where helm is:',
        ['helm', ...args].map(quote).join(' '),
        'INGRESS=nginx or INGRESS=none do without it.',
      ].join('\n'),
    )
  }
  if (plan) return became(false, [], `by helm, chart ${CHART}`)
  writes()
  const ended = await tryRun('helm', args)
  if (ended.exitCode !== 0) {
    const said = ended.stderr.trim().split('\n').at(-1) ?? ''
    const { kubeconfig, context } = kubectlTarget()
    const uninstall = [
      'uninstall',
      CONTROLLER,
      '-n',
      'kube-system',
      '--kubeconfig',
      kubeconfig,
      '--kube-context',
      context,
    ]
    throw new Problem(
      `helm could not install the AWS Load Balancer Controller: ${said}`,
      // What helm leaves when it is killed.
      /another operation .* is in progress/.test(said)
        ? `An installation was cut off. Remove what it left, then run the same line: ${['helm', ...uninstall].map(quote).join(' ')}`
        : `See ${kubectlLine('-n', 'kube-system', 'get', 'pods', '-l', `app.kubernetes.io/name=${CONTROLLER}`)}`,
    )
  }
  return became(false, [], `by helm, chart ${CHART}`)
}

// ---- The Ingresses ----------------------------------------------------------------------------------------------

const inside = (settings: Settings) => settings.DECK_ACCESS === 'internal'
/** Of the five values that a rule of a load balancer may have, the host and the path take two. */
const CIDRS = 3

/** What is wrong with the settings of the way in, before anything is made. `auto`: EKS makes the load balancers. */
export function edgeFaults(settings: Settings, auto: boolean): { wrong: string; remedy: string }[] {
  const told: [string, string[]][] = [
    ['DECK_ACCESS', /^(internal|public)$/.test(settings.DECK_ACCESS) ? [] : settings.DECK_ACCESS.split(',')],
    ['HOOK_CIDRS', inside(settings) ? [] : settings.HOOK_CIDRS],
  ]
  // Whether Auto Mode heeds a condition is told nowhere (aws/containers-roadmap#2556 asks for it), and one that it does
  // not heed would let everybody in.
  if (auto) {
    return told
      .filter(([, list]) => list.length > 0)
      .map(([name]) => ({
        wrong: `${name} is a list of CIDRs, and EKS Auto Mode may not keep others out on a load balancer for both`,
        remedy:
          name === 'DECK_ACCESS'
            ? 'Set DECK_ACCESS=internal or public; or INGRESS=none, with a way in of your own.'
            : "Leave HOOK_CIDRS empty: what comes without GitHub's signature is refused. Or set DECK_ACCESS=internal.",
      }))
  }
  return told
    .filter(([, list]) => list.length > CIDRS)
    .map(([name, list]) => ({
      wrong: `${name} has ${list.length} CIDRs, and a rule of a load balancer takes ${CIDRS}`,
      remedy: 'Write fewer, wider ones; or DECK_ACCESS=internal, which has a load balancer of its own.',
    }))
}

/** The two Ingresses, one thing each; with Auto Mode their classes before them. */
export function edgeThings(settings: Settings, by: Balancers, certificate: string) {
  const nginx = settings.INGRESS === 'nginx'
  const auto = by.by === 'auto'
  const shared = !inside(settings)
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
export function unwanted(settings: Settings, auto: boolean): Thing[] {
  const eks = settings.TARGET === 'eks'
  const things = (['nginx', 'alb'] as const)
    .filter((other) => other !== settings.INGRESS)
    .map((other) => {
      const balanced = eks ? edgeThings({ ...settings, INGRESS: other }, { by: 'nothing' }, 'none') : []
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
  const [classes] = edgeThings(settings, { by: 'auto' }, 'none')
  return [...things, classes!]
}

function hostname(ingress: KubeObject | undefined): string | undefined {
  const status = ingress?.status as { loadBalancer?: { ingress?: { hostname?: string }[] } } | undefined
  return status?.loadBalancer?.ingress?.[0]?.hostname
}

/** Waits until an Ingress has an address, and answers it; on the limit throws a Problem with what the events say. */
export async function address(settings: Settings, name: string, say: (text: string) => void): Promise<string> {
  const namespace = settings.INGRESS === 'nginx' ? 'ingress-nginx' : 'prow'
  const known = hostname((await world()).get('Ingress', name, namespace))
  if (known) return known
  say(`waiting for the address of Ingress ${name}`)
  const path = '{.status.loadBalancer.ingress[0].hostname}'
  const args = ['-n', namespace, 'wait', `ingress/${name}`, `--for=jsonpath=${path}`, '-o', `jsonpath=${path}`]
  const ended = await tryKubectl([...args, `--timeout=${settings.WAIT_SECONDS}s`])
  if (ended.exitCode === 0 && ended.stdout.trim()) return ended.stdout.trim()
  const events = await read('events', '-n', namespace, '--field-selector', `involvedObject.name=${name},type=Warning`)
  const said = events.map((event) => `${event.reason}: ${event.message}`).slice(-3)
  const remedies: [RegExp, string][] = [
    [
      /subnet/i,
      `Tag two subnets or more: kubernetes.io/role/${name === 'prow-deck' && inside(settings) ? 'internal-elb' : 'elb'}=1, in two zones, with 8 free addresses each.`,
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

// ---- The certificate --------------------------------------------------------------------------------------------

interface Certificate {
  CertificateArn: string
  DomainName: string
  Status: string
  SubjectAlternativeNames?: string[]
  DomainValidationOptions?: { ResourceRecord?: { Name: string; Type: string; Value: string } }[]
}

/** Whether a certificate for these names is one for the host: a star stands for one label. */
export function covers(host: string, names: string[]): boolean {
  return names.some(
    (name) => name === host || (name.startsWith('*.') && name.slice(1) === host.slice(host.indexOf('.'))),
  )
}

const KEYS = 'RSA_1024,RSA_2048,RSA_3072,RSA_4096,EC_prime256v1,EC_secp384r1,EC_secp521r1'

/** The certificate for PROW_HOST: the one that is named, or one that ACM has. Throws a Problem that says how to get one. */
export async function findCertificate(settings: Settings): Promise<{ arn: string; status: string; validate?: string }> {
  const { CERTIFICATE_ARN: named, PROW_HOST: host, AWS_REGION: region } = settings
  // One of IAM, as some have in China: there is nothing to wait for.
  if (named && named.split(':')[2] === 'iam') return { arn: named, status: 'ISSUED' }
  if (named && named.split(':')[3] !== region) {
    throw new Problem(
      `CERTIFICATE_ARN is of ${named.split(':')[3]}, and a load balancer in ${region} takes one of ${region} only`,
      `Request one there: ${requestLine(settings)}`,
    )
  }
  if (named) {
    const one = await describe(named)
    const names = [...new Set([one.DomainName, ...(one.SubjectAlternativeNames ?? [])])]
    if (covers(host, names)) return judged(one)
    throw new Problem(
      `the certificate in CERTIFICATE_ARN is for ${names.join(', ')}, not for ${host}`,
      `Name another, or request one: ${requestLine(settings)}`,
    )
  }
  // Without the kinds of keys ACM lists RSA of 2048 bits alone.
  const listed = await look<{
    CertificateSummaryList: (Certificate & { SubjectAlternativeNameSummaries?: string[] })[]
  }>(['acm', 'list-certificates', '--includes', `keyTypes=${KEYS}`])
  const fitting = (listed?.CertificateSummaryList ?? []).filter((one) =>
    covers(host, [one.DomainName, ...(one.SubjectAlternativeNameSummaries ?? [])]),
  )
  const found =
    fitting.find((one) => one.Status === 'ISSUED') ?? fitting.find((one) => one.Status === 'PENDING_VALIDATION')
  if (!found)
    throw new Problem(
      `ACM has no certificate for ${host} in ${region}`,
      `Request one, make the record that it asks for, then run the same line:\n${requestLine(settings)}`,
    )
  return found.Status === 'ISSUED'
    ? { arn: found.CertificateArn, status: 'ISSUED' }
    : judged(await describe(found.CertificateArn))
}

function requestLine({ PROW_HOST: host, AWS_REGION: region }: Settings): string {
  return `aws acm request-certificate --domain-name ${host} --validation-method DNS --region ${region}`
}

async function describe(arn: string): Promise<Certificate> {
  const found = await look<{ Certificate: Certificate }>(
    ['acm', 'describe-certificate', '--certificate-arn', arn],
    /^ResourceNotFoundException/,
  )
  if (!found)
    throw new Problem(
      `ACM has no certificate ${arn}`,
      'Correct CERTIFICATE_ARN, or leave it empty: it is then looked for.',
    )
  return found.Certificate
}

function judged(one: Certificate): { arn: string; status: string; validate?: string } {
  if (one.Status !== 'ISSUED' && one.Status !== 'PENDING_VALIDATION') {
    throw new Problem(`the certificate ${one.CertificateArn} is ${one.Status}`, 'Request another one.')
  }
  const record = one.DomainValidationOptions?.map((option) => option.ResourceRecord).find(Boolean)
  const validate = record && `${record.Name} ${record.Type} ${record.Value}`
  return { arn: one.CertificateArn, status: one.Status, validate }
}

/** The ARN of the certificate once it is ISSUED, waited for within WAIT_SECONDS. */
export async function issued(settings: Settings, say: (text: string) => void): Promise<string> {
  const until = Date.now() + settings.WAIT_SECONDS * 1000
  for (;;) {
    const { arn, status, validate } = await findCertificate(settings)
    if (status === 'ISSUED') return arn
    say(`the certificate is ${status}; it waits for the record ${validate}`)
    if (Date.now() > until) {
      throw new Problem(
        `the certificate ${arn} is not issued: ACM waits for a record`,
        `Make this record in the DNS of ${settings.PROW_HOST}, then run the same line:\n${validate}`,
      )
    }
    await sleep(settings.POLL_SECONDS * 1000)
    forgetAws('acm')
  }
}

// ---- DNS --------------------------------------------------------------------------------------------------------

interface RecordSet {
  Name: string
  Type: string
  TTL?: number
  ResourceRecords?: { Value: string }[]
  AliasTarget?: { DNSName: string }
}

interface Zone {
  Id: string
  Name: string
  Config?: { PrivateZone?: boolean }
}

/** The zones of HOSTED_ZONE: the one on the internet and, where there is one, the one inside the network. */
export async function zones(settings: Settings): Promise<{ outside?: Zone; within?: Zone }> {
  const name = `${settings.HOSTED_ZONE}.`
  const listed = await look<{ HostedZones: Zone[] }>([
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
  const listed = await look<{ ResourceRecordSets: RecordSet[] }>([
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
export async function ensureRecord(settings: Settings, zone: Zone, target: string): Promise<Became> {
  const { plan } = current()
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
  if (clean(alias?.AliasTarget?.DNSName) === target.toLowerCase()) return became(true, [], target)
  const other = there.find((one) => ['A', 'AAAA'].includes(one.Type))
  if (other && !(apex && other.AliasTarget)) {
    throw new Problem(
      `${host} has a record of type ${other.Type} in Route 53 that leads elsewhere`,
      `Remove it when nothing needs it, or make it lead to ${target}; then run the same line.`,
    )
  }
  const is = now?.ResourceRecords?.[0]?.Value
  if (!apex && clean(is) === target.toLowerCase()) return became(true, [], target)
  const set = apex
    ? { Name: host, Type: 'A', AliasTarget: { ...(await aliasTarget(target)), EvaluateTargetHealth: false } }
    : { Name: host, Type: 'CNAME', TTL: 300, ResourceRecords: [{ Value: target }] }
  const was = is ?? alias?.AliasTarget?.DNSName
  const changes = [{ object, path: set.Type, was, is: target }]
  if (!plan) {
    writes()
    const batch = JSON.stringify({ Comment: 'Prow', Changes: [{ Action: 'UPSERT', ResourceRecordSet: set }] })
    await change(['route53', 'change-resource-record-sets', '--hosted-zone-id', id, '--change-batch', batch], id)
  }
  return became(there.length > 0, changes, target)
}

// The apex of a zone takes no CNAME.
async function aliasTarget(target: string): Promise<{ DNSName: string; HostedZoneId: string }> {
  const listed = await look<{ LoadBalancers: { DNSName: string; CanonicalHostedZoneId: string }[] }>([
    'elbv2',
    'describe-load-balancers',
  ])
  const found = listed?.LoadBalancers.find((one) => one.DNSName.toLowerCase() === target.toLowerCase())
  if (!found) throw new Problem(`no load balancer has the address ${target}`, 'Run the same line again in a minute.')
  return { DNSName: target, HostedZoneId: found.CanonicalHostedZoneId }
}

/** Waits within WAIT_SECONDS until the host leads to a load balancer; then throws a Problem with the record to make. */
export async function leads(settings: Settings, target: string, say: (text: string) => void): Promise<void> {
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
