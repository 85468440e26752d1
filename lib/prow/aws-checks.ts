import { bucketProblems, readBucket } from '../aws/bucket.ts'
import { findCertificate, notIssued } from '../aws/certificate.ts'
import { inspectHost } from '../aws/dns.ts'
import { addonProblem, DRIVER, driverRole, findVolumeSource, otherIdentity } from '../aws/ebs-csi.ts'
import { callerIdentity, eksCluster, hasManagedLoadBalancers } from '../aws/eks.ts'
import { findRole } from '../aws/iam.ts'
import { encryptionKey } from '../aws/kms.ts'
import { findController } from '../aws/load-balancer.ts'
import { readOidcProvider } from '../aws/oidc.ts'
import { findZones, recordsOf } from '../aws/route53.ts'
import { type Finding, failed, passed, warning } from '../base/problem.ts'
import { onPath } from '../base/shell.ts'
import type { Check, Checks } from '../kubernetes/check.ts'
import { type Findings, settle } from '../run/findings.ts'
import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/table.ts'
import { ingressProblems } from './ingress.ts'
import { readLoadBalancers } from './load-balancers.ts'
import { usesRoles } from './pod-roles.ts'

/** Findings about what somebody can still provide before `step` runs: what would fail there is a warning now. */
export async function untilStep(step: string, read: Findings | Promise<Findings>): Promise<Finding[]> {
  return (await settle(read)).map((one) =>
    one.outcome === 'failed'
      ? warning(`${step} will stop: ${one.message.split('\n')[0]}`, one.remedy.replaceAll('\n', ' '))
      : one,
  )
}

/** Who the credentials are, and that the AWS side of the cluster can be read. */
export const awsAccount: Check[] = [
  {
    fact: 'AWS knows the caller and the cluster',
    inspect: async (_, settings) => {
      const [{ Arn }, { name, status }] = await Promise.all([callerIdentity(), eksCluster(settings)])
      return passed(`AWS: you are ${Arn}, cluster ${name} is ${status}`)
    },
  },
  {
    fact: 'the OIDC provider can be read',
    inspect: async (_, settings) =>
      passed(`OIDC provider: ${(await readOidcProvider(settings)) ? 'exists' : 'will be created'}`),
  },
]

/** That LOG_BUCKET is free, or a bucket of this account and region whose encryption key is known. */
export const bucketName: Check = {
  fact: 'LOG_BUCKET can be used',
  inspect: async (_, settings) => {
    const bucket = await readBucket(settings)
    // Before anything is written: the policies of the roles name the key.
    if (usesRoles(settings)) await encryptionKey(settings)
    return passed(`bucket ${settings.LOG_BUCKET}: ${bucket ? `exists, in ${bucket.region}` : 'will be created'}`)
  },
}

/** That the log bucket is private, encrypted, and deletes old logs. */
export const logBucket: Check = {
  fact: 'the log bucket is private, encrypted and expires logs',
  step: '05-service-accounts',
  inspect: async (_, settings) => {
    const problems = bucketProblems(settings, await readBucket(settings))
    return problems.length === 0 || problems.map((problem) => failed(problem, correct('05-service-accounts')))
  },
}

const correct = (step: string) => `Run ${rerunLine(step)}; with --plan it prints what differs.`

/** What will provision volumes. */
export const volumeDriverState: Check = {
  fact: 'the EBS CSI driver can be installed',
  inspect: async (_, settings) => {
    const source = await findVolumeSource(settings)
    if (source.kind === 'auto') return passed('volumes: EKS Auto Mode provisions them')
    if (source.kind === 'self-managed') return passed(`volumes: ${DRIVER} is installed without the add-on`)
    const { addon } = source
    if (!otherIdentity(settings, addon)) await findRole(settings, driverRole(settings))
    if (!addon) return passed(`add-on ${DRIVER}: will be created`)
    const message = `add-on ${DRIVER}: ${addon.status}`
    return addon.status === 'ACTIVE' ? passed(message) : warning(message, '07-ebs-csi waits for it or corrects it')
  },
}

/** That something provisions volumes: EKS itself, a self-managed driver, or the add-on, which has to be ACTIVE. */
export const volumeDriver: Check = {
  fact: 'volumes are provisioned by EKS Auto Mode or the EBS CSI driver',
  step: '07-ebs-csi',
  inspect: async (_, settings) => {
    const source = await findVolumeSource(settings)
    if (source.kind !== 'add-on' || source.addon?.status === 'ACTIVE') return true
    return source.addon ? addonProblem(settings, source.addon).findings : `the cluster has no add-on ${DRIVER}`
  },
}

/** What load balancers on EKS need: settings that they can do, a controller, a certificate, and DNS. */
export const loadBalancerNeeds: Checks = (settings) =>
  settings.TARGET === 'eks' && settings.INGRESS !== 'none' ? LOAD_BALANCER_NEEDS : []

const LOAD_BALANCER_NEEDS: Check[] = [
  {
    fact: 'load balancers can do what the settings ask of them',
    inspect: async (_, settings) => ingressProblems(settings, hasManagedLoadBalancers(await eksCluster(settings))),
  },
  {
    fact: 'load balancers are created for Ingresses',
    inspect: async (_, settings) => {
      const controller = await findController(await eksCluster(settings))
      if (controller.kind === 'auto') return passed('load balancers: EKS Auto Mode creates them')
      if (controller.kind === 'installed')
        return passed(`load balancers: the controller is installed, class ${controller.class}`)
      if (onPath('helm')) return passed('load balancers: helm will install the controller')
      const message = 'the AWS Load Balancer Controller is not installed, and helm is not on PATH'
      return untilStep('11-ingress', failed(message, 'Install helm before that, or set INGRESS=none.'))
    },
  },
  {
    fact: 'PROW_HOST has a certificate',
    inspect: (_, settings) => untilStep('11-ingress', certificateState(settings)),
  },
  {
    fact: 'PROW_HOST can point to a load balancer',
    inspect: (_, settings) => untilStep('11-ingress', zoneState(settings)),
  },
]

async function certificateState(settings: Settings): Promise<Finding> {
  const { arn, status, validation } = await findCertificate(settings)
  if (status === 'ISSUED') return passed(`certificate: ${arn}`)
  const remedy = `create its DNS record now: ${validation ?? 'aws acm describe-certificate shows it'}`
  return warning(`11-ingress will wait: the certificate ${arn} is ${status}`, remedy)
}

async function zoneState(settings: Settings): Promise<Finding> {
  const zones = await findZones(settings)
  if (zones) {
    const records = await recordsOf(settings, zones.public)
    const state = records.length > 0 ? 'has a record' : 'its record will be created'
    return passed(`zone: ${zones.public.Name} (${settings.PROW_HOST} ${state})`)
  }
  return warning(
    `11-ingress will wait until ${settings.PROW_HOST} points to its load balancer: HOSTED_ZONE is empty`,
    'it prints the record to create',
  )
}

/** On EKS, that the certificate of PROW_HOST is issued and for that host, and that the host points to its load balancers. */
export function publicHost(settings: Settings): Check[] {
  if (settings.TARGET !== 'eks' || settings.INGRESS === 'none') return []
  const { PROW_HOST: host } = settings
  return [
    {
      fact: `the certificate for ${host} is issued`,
      step: '11-ingress',
      inspect: async () => {
        const certificate = await findCertificate(settings)
        return certificate.status === 'ISSUED' || notIssued(settings, certificate).findings
      },
    },
    {
      fact: `${host} points to its load balancers`,
      step: '11-ingress',
      inspect: async () => {
        const balancers = await readLoadBalancers(settings)
        // The rows of the Ingresses report that.
        return balancers ? inspectHost(settings, balancers) : []
      },
    },
  ]
}
