import { readBucket } from '../aws/bucket.ts'
import { findCertificate } from '../aws/certificate.ts'
import { findZones } from '../aws/dns.ts'
import { readDriver } from '../aws/ebs-csi.ts'
import { callerIdentity, eksCluster, hasManagedLoadBalancers, hasManagedStorage, oidcProviderArn } from '../aws/eks.ts'
import { readOidcProvider, readPolicy, readRole } from '../aws/iam.ts'
import { findController } from '../aws/load-balancer.ts'
import {
  controllersPolicy,
  jobsPolicy,
  type Policy,
  policyOf,
  samePolicy,
  trust,
  withStatement,
} from '../aws/policy.ts'
import { type Finding, Problem } from '../base/problem.ts'
import { onPath } from '../base/shell.ts'
import { type Check, reportChecks } from '../kubernetes/check.ts'
import { hasSelfManagedDriver } from '../kubernetes/cluster.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Ahead } from '../run/result.ts'
import { partition, roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { checkMirrors } from './images.ts'
import { ingressProblems } from './ingress.ts'

/** What the later steps will need of AWS, all looked at side by side. Makes nothing. */
export async function preflightAws(settings: Settings): Promise<Ahead[]> {
  const balanced = settings.INGRESS !== 'none'
  const about = await eksCluster(settings)
  const one = async (
    step: string,
    stops: boolean,
    work: () => Promise<string | Ahead | undefined>,
  ): Promise<Ahead[]> => {
    try {
      const says = await work()
      if (says === undefined) return []
      return [typeof says === 'string' ? { outcome: 'holds', message: says } : says]
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      // What only a person can bring may come until its step.
      return error.findings.map((fault) => ({
        outcome: stops ? 'failed' : 'warning',
        message: `${stops ? '' : `${step} will stop: `}${fault.message.split('\n')[0]}`,
        finding: fault,
      }))
    }
  }
  const found = await Promise.all([
    one(
      '01-cluster',
      true,
      async () => `AWS: you are ${(await callerIdentity()).Arn}, cluster ${about.name} is ${about.status}`,
    ),
    one('01-cluster', true, async () => {
      const provider = await readOidcProvider(settings)
      return `OIDC provider: ${provider ? 'there' : 'to be made'}`
    }),
    one('05-service-accounts', true, async () => {
      const bucket = await readBucket(settings)
      return `bucket ${settings.LOG_BUCKET}: ${bucket ? `there, in ${bucket.region}` : 'to be made'}`
    }),
    one('07-ebs-csi', true, async () => {
      if (hasManagedStorage(about)) return 'volumes: EKS Auto Mode makes them'
      const addon = await readDriver(settings)
      if (addon) {
        const says = `add-on aws-ebs-csi-driver: ${addon.status}`
        return addon.status === 'ACTIVE'
          ? says
          : { outcome: 'warning', message: `${says}, which 07-ebs-csi looks into` }
      }
      return `add-on aws-ebs-csi-driver: ${(await hasSelfManagedDriver()) ? 'a driver installed by hand is there' : 'to be made'}`
    }),
    one('08-prow', true, () => checkMirrors(settings)).then((lines) =>
      // Who may not look may yet have them all.
      lines.map((line) =>
        line.outcome === 'failed' && /^you may not/.test(line.message)
          ? { ...line, outcome: 'warning' as const, message: `images in ECR were not looked for: ${line.message}` }
          : line,
      ),
    ),
    ...(balanced
      ? [
          one('11-ingress', true, async () => {
            const message = ingressProblems(settings, hasManagedLoadBalancers(about))
            if (message.length > 0) throw Problem.all(message)
            const by = await findController(about)
            if (by.by === 'auto') return 'load balancers: EKS Auto Mode makes them'
            if (by.by === 'controller') return `load balancers: the controller is there, class ${by.class}`
            if (onPath('helm')) return 'load balancers: the controller is to be installed, by helm'
            throw new Problem(
              'there is no AWS Load Balancer Controller, and no helm to install it with',
              'Install helm before that, or set INGRESS=none.',
            )
          }).then((lines) =>
            // The controller can be installed any time before; wrong settings cannot be right later.
            lines.map((line) =>
              line.outcome === 'failed' && /helm/.test(line.message)
                ? { ...line, outcome: 'warning' as const, message: `11-ingress will stop: ${line.message}` }
                : line,
            ),
          ),
          one('11-ingress', false, async () => {
            const { arn, status } = await findCertificate(settings)
            return status === 'ISSUED'
              ? `certificate: ${arn}`
              : { outcome: 'warning', message: `11-ingress will wait: the certificate ${arn} is ${status}` }
          }),
          one('11-ingress', false, async () => {
            if (settings.HOSTED_ZONE) return `zone: ${(await findZones(settings)).outside?.Name}`
            return {
              outcome: 'warning',
              message: `11-ingress will wait until ${settings.PROW_HOST} leads to its load balancer: HOSTED_ZONE is empty`,
            }
          }),
        ]
      : []),
  ])
  const lines = found.flat()
  return lines.filter((line, index) => lines.findIndex((other) => other.message === line.message) === index)
}

/** Every fact of AWS that the steps have made, looked at once more. */
export async function reportAwsChecks(settings: Settings): Promise<Finding[]> {
  const part = partition(settings.AWS_REGION)
  const irsa = settings.IDENTITY === 'irsa'
  const [about, provider, bucket, addon, byHand, arn] = await Promise.all([
    eksCluster(settings),
    readOidcProvider(settings),
    readBucket(settings),
    readDriver(settings),
    hasSelfManagedDriver(),
    oidcProviderArn(settings),
  ])
  const roles: [string, string[], Policy][] = irsa
    ? [
        [
          roleName(settings, 'prow-controllers'),
          ['prow:crier', 'prow:deck', 'prow:tide', 'prow:statusreconciler'],
          controllersPolicy(part, settings.LOG_BUCKET, bucket?.key),
        ],
        [roleName(settings, 'prow-jobs'), ['test-pods:prow-jobs'], jobsPolicy(part, settings.LOG_BUCKET, bucket?.key)],
      ]
    : []
  const rows: Check[] = [
    row(
      'IAM has the OIDC provider of the cluster',
      '01-cluster',
      Boolean(provider?.ClientIDList?.includes('sts.amazonaws.com')),
    ),
    row(`bucket ${settings.LOG_BUCKET} is there, private and cleans itself`, '05-service-accounts', privately(bucket)),
    row(
      'something makes volumes',
      '07-ebs-csi',
      hasManagedStorage(about) || addon?.status === 'ACTIVE' || (!addon && byHand),
    ),
    ...(await Promise.all(
      roles.map(async ([name, accounts, document]) => {
        const [role, policy] = await Promise.all([readRole(name), readPolicy(name, 'prow-logs')])
        const now = role && policyOf(role.AssumeRolePolicyDocument)
        const right =
          now !== undefined &&
          samePolicy(now, withStatement(now, trust(arn, accounts))) &&
          policy !== undefined &&
          samePolicy(policy, document)
        return row(`role ${name} may do what it should, for whom it should`, '05-service-accounts', right)
      }),
    )),
  ]
  return reportChecks('AWS', rows)
}

function privately(bucket: Awaited<ReturnType<typeof readBucket>>): boolean {
  return Boolean(
    bucket?.access &&
      Object.values(bucket.access).every(Boolean) &&
      ['prow-runbook-logs', 'prow-runbook-pr-logs'].every((id) => bucket.rules.some((rule) => rule.ID === id)),
  )
}

function row(says: string, madeBy: string, right: boolean): Check {
  return {
    fact: says,
    failure: `not so: ${says}`,
    remedy: `Run ${rerunLine(madeBy)}: --plan tells what differs.`,
    step: madeBy,
    passes: () => right,
  }
}
