// How traffic comes to Prow: the Ingresses, on EKS their load balancers with certificate, DNS and targets.
import { matchesHost, namesOf, requestLine, validationRecord } from '../../aws/certificate.ts'
import { parseDate } from '../../aws/dates.ts'
import { recordLine } from '../../aws/dns.ts'
import { hasManagedLoadBalancers } from '../../aws/eks.ts'
import { CONTROLLER, CONTROLLER_LABEL } from '../../aws/load-balancer.ts'
import { pointsTo, wantedRecord } from '../../aws/route53.ts'
import { targetProblem } from '../../aws/target-health.ts'
import type { KubeObject } from '../../kubernetes/manifests.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import { isReady } from '../../kubernetes/wait.ts'
import { loadBalancerCause } from '../../prow/load-balancer-events.ts'
import { albNamespace, hostname } from '../../prow/load-balancers.ts'
import { settle } from '../../run/findings.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import type { Settings } from '../../settings/table.ts'
import { balancedIngress } from '../aws-evidence.ts'
import type { Evidence } from '../evidence.ts'
import type { Found, Row } from '../row.ts'
import { OIDC_LABEL } from './aws.ts'

const DAY = 24 * 3600 * 1000
/** For how many days before its end a certificate is a warning; ACM renews its own sixty days before. */
const EXPIRES_SOON = 30
/** The same for an error. */
const EXPIRES_NOW = 7

const run11 = (purpose: string) => `Run ${rerunLine('11-ingress')}, which ${purpose}.`

/** The Ingresses that the settings want, as namespace and name. */
function wantedIngresses(settings: Settings): { namespace: string; name: string }[] {
  if (settings.INGRESS === 'none') return []
  const balanced = ['prow-hook', 'prow-deck'].map((name) => ({ namespace: albNamespace(settings), name }))
  return [
    ...(settings.INGRESS === 'nginx' ? [{ namespace: 'prow', name: 'prow' }] : []),
    ...(settings.TARGET === 'eks' ? balanced : []),
  ]
}

function foundIngresses({ objects, settings }: Evidence): KubeObject[] {
  return wantedIngresses(settings)
    .map(({ namespace, name }) => objects.get('Ingress', name, namespace))
    .filter((one) => one !== undefined)
}

interface IngressSpec {
  rules?: {
    host?: string
    http?: { paths?: { path?: string; backend?: { service?: { name: string; port?: { number?: number } } } }[] }
  }[]
}

/** The load balancers' Ingresses that have no address. */
function withoutAddress(evidence: Evidence): KubeObject[] {
  if (!evidence.aws) return []
  return (['prow-hook', 'prow-deck'] as const)
    .map((name) => balancedIngress(evidence.settings, evidence.objects, name))
    .filter((one) => one !== undefined && !hostname(one)) as KubeObject[]
}

/** How findings name the record of PROW_HOST, and the certificate of the load balancers. */
const recordLabel = ({ settings }: Evidence) => `record ${settings.PROW_HOST}`
const certificateLabel = ({ aws }: Evidence) => `certificate ${aws?.certificate?.arn}`

export const ingressRows: Row[] = [
  {
    id: 'PRW-ING-001',
    title: 'every Ingress exists, for PROW_HOST',
    severity: 'error',
    find: ({ objects, settings, unread }) => {
      if (unread.some(({ source }) => /^(ingresses in|namespace prow|the cluster)/.test(source))) return []
      const { PROW_HOST: host } = settings
      return wantedIngresses(settings).flatMap(({ namespace, name }): Found[] => {
        const ingress = objects.get('Ingress', name, namespace)
        const label = objectLabel('Ingress', name, namespace)
        if (!ingress) {
          const lost = name === 'prow-deck' ? 'nobody can open Deck' : 'GitHub cannot deliver webhooks'
          return [{ object: label, message: `${label} does not exist: ${lost}`, remedy: run11('creates it') }]
        }
        const hosts = ((ingress.spec as IngressSpec).rules ?? []).map((rule) => rule.host ?? '*')
        if (hosts.includes(host)) return []
        return [
          {
            object: label,
            message: `${label} is for ${hosts.join(', ') || 'no host'}, not for ${host}`,
            evidence: `spec.rules: ${hosts.join(', ')}`,
            remedy: run11('corrects it'),
          },
        ]
      })
    },
  },
  {
    id: 'PRW-ING-002',
    title: '/hook is routed to hook',
    severity: 'error',
    find: (evidence) =>
      foundIngresses(evidence)
        .filter(({ metadata }) => metadata.name !== 'prow-deck')
        .flatMap((ingress): Found[] => {
          const { rules = [] } = ingress.spec as IngressSpec
          const rule = rules.find((one) => one.host === evidence.settings.PROW_HOST)
          if (!rule) return []
          // ingress-nginx behind a load balancer has the paths.
          const behind = ingress.metadata.namespace === 'prow' ? 'hook' : 'ingress-nginx-controller'
          const path = rule.http?.paths?.find((one) => one.path === '/hook')
          const service = path?.backend?.service
          if (service?.name === behind) return []
          return [
            {
              object: labelOf(ingress),
              message: `${labelOf(ingress)} routes /hook ${service ? `to Service ${service.name}` : 'nowhere'}: no delivery of GitHub reaches hook`,
              evidence: path
                ? `path ${path.path}: Service ${service?.name} port ${service?.port?.number}`
                : `paths: ${(rule.http?.paths ?? []).map((one) => one.path).join(', ')}`,
              remedy: run11('corrects it'),
            },
          ]
        }),
  },
  {
    // Each cause has an id of its own: PRW-ING-010 to -015.
    id: 'PRW-ING-019',
    title: 'every Ingress has its load balancer',
    severity: 'error',
    find: (evidence) => withoutAddress(evidence).map((ingress) => noLoadBalancer(evidence, ingress)),
  },
  {
    id: 'PRW-ING-020',
    title: 'the certificate exists and is issued',
    severity: 'error',
    find: (evidence) => {
      const { aws, settings } = evidence
      if (!aws?.certificate) return []
      const { arn, found } = aws.certificate
      const object = certificateLabel(evidence)
      if (!found) {
        return [
          {
            object,
            message: `ACM no longer has the certificate that the load balancers use: ${arn}`,
            evidence: `aws acm describe-certificate --certificate-arn ${arn}: ResourceNotFoundException`,
            remedy: `Request another one, create the DNS record that it asks for, then run ${rerunLine('11-ingress')}:\n${requestLine(settings)}`,
          },
        ]
      }
      if (!matchesHost(settings.PROW_HOST, namesOf(found))) {
        return [
          {
            object,
            message: `the certificate of the load balancers is for ${namesOf(found).join(', ')}, not for ${settings.PROW_HOST}`,
            evidence: arn,
            remedy: run11('takes one that matches; CERTIFICATE_ARN names it'),
          },
        ]
      }
      if (found.Status === 'ISSUED') return []
      const record = validationRecord(found)
      return [
        {
          object,
          message: `the certificate of ${settings.PROW_HOST} is ${found.Status}${found.Status === 'PENDING_VALIDATION' ? ': ACM waits for its DNS record' : ''}`,
          evidence: `Status: ${found.Status}`,
          remedy:
            found.Status === 'PENDING_VALIDATION' && record
              ? `Create this record in the DNS of ${settings.PROW_HOST}:\n${record}`
              : `Request another one, then run ${rerunLine('11-ingress')}:\n${requestLine(settings)}`,
        },
      ]
    },
  },
  {
    id: 'PRW-ING-021',
    title: 'the certificate is valid for 30 days or more, and is renewed',
    severity: 'warning',
    find: (evidence) => findExpiring(evidence, (days) => days >= EXPIRES_NOW),
  },
  {
    id: 'PRW-ING-022',
    title: 'the certificate does not end within a week',
    severity: 'error',
    find: (evidence) => findExpiring(evidence, (days) => days < EXPIRES_NOW),
  },
  {
    id: 'PRW-ING-030',
    title: 'PROW_HOST has its record',
    severity: 'error',
    find: async (evidence) => {
      const { aws, settings } = evidence
      if (!aws?.dns?.records) return []
      const { records, target } = aws.dns
      const { PROW_HOST: host, HOSTED_ZONE: zone } = settings
      const found: Found[] = []
      // One that somebody else created is a Problem of its own.
      const problems = await settle(
        (async () => {
          if (!wantedRecord(settings, records, target)) return
          const other = records.map(pointsTo).find(Boolean)
          found.push({
            id: other ? 'PRW-ING-031' : 'PRW-ING-030',
            object: recordLabel(evidence),
            message: other
              ? `${host} points to ${other} in Route 53, not to the load balancer ${target}`
              : `${host} has no record in the zone ${zone}: GitHub and people do not find Prow`,
            evidence: records.map((one) => `${one.Type} ${pointsTo(one)}`).join(', ') || `no record of ${host}`,
            remedy: run11('writes the record'),
            follows: [objectLabel('Ingress', 'prow-hook', albNamespace(settings))],
          })
        })(),
      )
      return [
        ...found,
        ...problems.map(({ message, remedy }) => ({
          id: 'PRW-ING-031',
          object: recordLabel(evidence),
          message,
          remedy,
        })),
      ]
    },
  },
  {
    id: 'PRW-ING-032',
    title: 'PROW_HOST resolves to its load balancer',
    severity: 'warning',
    find: (evidence) => {
      const { aws, settings } = evidence
      if (!aws?.dns) return []
      const { host: of, balancer: to, target, records } = aws.dns
      // Where the load balancer itself is not resolved, this machine's resolver decides nothing.
      if (to.addresses.length === 0 || of.addresses.some((address) => to.addresses.includes(address))) return []
      const { PROW_HOST: host, HOSTED_ZONE: zone } = settings
      if (of.error && of.error !== 'ENOTFOUND') return []
      return [
        {
          object: recordLabel(evidence),
          message:
            of.addresses.length > 0
              ? `${host} resolves to ${of.addresses.join(', ')}, not to ${target}`
              : `${host} does not resolve`,
          evidence: `${host}: ${of.addresses.join(', ') || of.error}; ${target}: ${to.addresses.join(', ')}`,
          remedy: records
            ? `A new record takes some minutes. If it stays, the domain is not delegated to the zone ${zone}: compare the NS records of the domain with those of the zone.`
            : recordLine(settings, target),
          follows: [recordLabel(evidence)],
        },
      ]
    },
  },
  {
    id: 'PRW-ING-040',
    title: 'the load balancers reach healthy targets',
    severity: 'error',
    find: ({ aws, settings }) =>
      (aws?.targets ?? []).flatMap(({ service, arn, targets = [] }): Found[] => {
        const states = targets.map(({ TargetHealth }) => TargetHealth.State)
        // A target that is being registered is no fault yet.
        if (states.some((state) => state === 'healthy' || state === 'initial')) return []
        const failing = targets.find(({ TargetHealth }) => TargetHealth.State === 'unhealthy') ?? targets[0]
        const { cause, remedy } = failing
          ? targetProblem(failing)
          : { cause: 'it has no target', remedy: run11('corrects the Ingress') }
        const { State, Reason, Description } = failing?.TargetHealth ?? {}
        const namespace = albNamespace(settings)
        return [
          {
            object: `target group of ${service}`,
            message: `the load balancer has no healthy target for Service ${namespace}/${service}, and answers 502 or 503: ${cause}`,
            evidence: failing
              ? [`${failing.Target.Id}:${failing.Target.Port}`, State, Reason, Description].filter(Boolean).join(' ')
              : `${arn}: no targets`,
            remedy,
            follows: [objectLabel('Service', service, namespace), objectLabel('Deployment', service, namespace)],
          },
        ]
      }),
  },
]

function findExpiring(evidence: Evidence, isMeant: (days: number) => boolean): Found[] {
  const { aws, now, settings } = evidence
  const { arn, found } = aws?.certificate ?? {}
  const end = parseDate(found?.NotAfter)
  if (!found || !end || found.Status !== 'ISSUED') return []
  const days = Math.floor((end.getTime() - now.getTime()) / DAY)
  const renewal = found.RenewalSummary?.RenewalStatus
  const blocked = renewal === 'FAILED' || renewal === 'PENDING_VALIDATION'
  // While ACM renews it by itself there is time; what it imported it never renews.
  if ((days >= EXPIRES_SOON && !blocked) || !isMeant(days)) return []
  const record = validationRecord(found)
  const until = end.toISOString().slice(0, 10)
  const imported = found.Type === 'IMPORTED'
  return [
    {
      object: certificateLabel(evidence),
      message: `the certificate of ${settings.PROW_HOST} ${days < 0 ? `expired on ${until}` : `is valid until ${until}, ${days} days`}${blocked ? ', and ACM cannot renew it' : imported ? ', and was imported: ACM does not renew it' : ''}`,
      evidence: [
        `NotAfter: ${until}`,
        renewal && `RenewalStatus: ${renewal}`,
        found.RenewalSummary?.RenewalStatusReason,
      ]
        .filter(Boolean)
        .join(', '),
      remedy: imported
        ? `Import the new one under the same ARN: aws acm import-certificate --certificate-arn ${arn} --certificate fileb://CERTIFICATE --private-key fileb://KEY`
        : record
          ? `ACM renews it while this record is in the DNS of ${settings.PROW_HOST}; create it again:\n${record}`
          : `See why it is not renewed: aws acm describe-certificate --certificate-arn ${arn}`,
    },
  ]
}

/** Why an Ingress has no load balancer, by its events and the controller. */
function noLoadBalancer(evidence: Evidence, ingress: KubeObject): Found {
  const { aws, objects, settings } = evidence
  const { name } = ingress.metadata
  const label = labelOf(ingress)
  const internal = name === 'prow-deck' && settings.DECK_ACCESS.kind === 'internal'
  const events = objects.events(ingress).map(({ reason, message }) => `${reason}: ${message}`)
  const known = loadBalancerCause(events, internal)
  const controllers = objects
    .ofKind('Deployment')
    .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === CONTROLLER)
  const found = (id: string, cause: string, remedy: string, line?: string): Found => ({
    id,
    object: label,
    message: `${label} has no load balancer: ${cause}`,
    remedy,
    evidence: line,
    follows: [certificateLabel(evidence), OIDC_LABEL],
  })
  const auto = aws !== undefined && hasManagedLoadBalancers(aws.cluster)
  if (!auto && controllers.length === 0)
    return found('PRW-ING-016', 'the AWS Load Balancer Controller is not installed', run11('installs it'))
  if (!auto && !controllers.some(isReady)) {
    const where = controllers[0]!.metadata.namespace ?? ''
    return found(
      'PRW-ING-017',
      `the controller, Deployment ${where}/${controllers[0]!.metadata.name}, is not ready`,
      `See why: ${kubectlLine('-n', where, 'describe', 'pods', '-l', CONTROLLER_LABEL)}`,
    )
  }
  if (known) return found(known.id, known.cause, known.remedy, known.event)
  return found(
    'PRW-ING-019',
    events[0] ?? 'no event of it shows why',
    `Read the log of the controller: ${kubectlLine('-n', 'kube-system', 'logs', '-l', CONTROLLER_LABEL)}`,
    events[0],
  )
}
