// What the doctor reads of AWS: the log bucket and the roles that use it, what provisions volumes, and how traffic reaches
// Prow: certificate, DNS, targets of the load balancers. Every part is a source of its own: one that is denied hides
// no other. Some reads depend on the objects of the cluster, the others begin beside them.
import { type Bucket, bucketRegion, readBucket, readBucketPolicy } from '../aws/bucket.ts'
import { type AcmCertificate, readCertificate } from '../aws/certificate.ts'
import { type Resolved, resolveName } from '../aws/dns.ts'
import { driverRole, findVolumeSource, type VolumeSource } from '../aws/ebs-csi.ts'
import { type Cluster, eksCluster } from '../aws/eks.ts'
import { roleProblems } from '../aws/iam.ts'
import { encryptionKey } from '../aws/kms.ts'
import { oidcProviderArn, readOidcProvider } from '../aws/oidc.ts'
import { type RoleRights, readRoleRights } from '../aws/permissions.ts'
import type { Policy } from '../aws/policy.ts'
import { findZones, type RecordSet, recordsOf } from '../aws/route53.ts'
import { readTargets, type TargetState } from '../aws/target-health.ts'
import type { Objects } from '../kubernetes/objects.ts'
import { albNamespace, hostname } from '../prow/load-balancers.ts'
import { POD_ROLES, usesRoles } from '../prow/pod-roles.ts'
import { roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

/** The log bucket. */
export interface BucketEvidence {
  /** Undefined when nobody has a bucket of that name. */
  region?: string
  /** Undefined also when it is in another region. */
  bucket?: Bucket
  policy?: Policy
  /** The ARN of the KMS key that it is encrypted with. */
  key?: string
}

/** How PROW_HOST is resolved: by this machine and, where that is not right, by Route 53. */
export interface DnsEvidence {
  host: Resolved
  balancer: Resolved
  /** The DNS name of the load balancer that hook is behind. */
  target: string
  /** The records of PROW_HOST in the public zone; undefined without HOSTED_ZONE, and where they need not be read. */
  records?: RecordSet[]
}

/** The targets of a Service behind a load balancer; undefined when the target group does not exist. */
export interface TargetGroup {
  service: string
  arn: string
  targets?: TargetState[]
}

/** What was read of AWS; a field that is undefined was not read, and the reason is among the unread sources. */
export interface AwsEvidence {
  cluster: Cluster
  oidc?: { arn: string; audiences?: string[] }
  bucket?: BucketEvidence
  /** By use; a role that does not exist has none. Undefined with IDENTITY=keys. */
  roles?: Map<string, RoleRights | undefined>
  volumes?: { source: VolumeSource /** What the role of a driver that does not work lacks. */; roleProblems: string[] }
  /** The certificate that the Ingresses name. */
  certificate?: { arn: string; found?: AcmCertificate }
  dns?: DnsEvidence
  targets?: TargetGroup[]
}

type Tolerant = <T>(source: string, read: () => Promise<T>) => Promise<T | undefined>

/** Reads AWS; `objects` are those of the cluster, once they are read. */
export async function readAwsEvidence(
  settings: Settings,
  objects: Promise<Objects>,
  tolerant: Tolerant,
): Promise<AwsEvidence | undefined> {
  const cluster = await tolerant('cluster in EKS', () => eksCluster(settings))
  if (!cluster) return undefined
  const balanced = settings.INGRESS !== 'none'
  const [oidc, bucket, roles, volumes, certificate, dns, targets] = await Promise.all([
    usesRoles(settings) ? tolerant('OIDC provider in IAM', () => readOidc(settings)) : undefined,
    tolerant(`bucket ${settings.LOG_BUCKET}`, () => readBucketEvidence(settings)),
    usesRoles(settings) ? tolerant('roles in IAM', () => readRoles(settings)) : undefined,
    tolerant('EBS CSI driver in EKS', async () => {
      // Whether a driver was installed without EKS is in the cluster.
      await objects
      return readVolumes(settings)
    }),
    balanced ? tolerant('certificate in ACM', async () => readIngressCertificate(settings, await objects)) : undefined,
    balanced ? tolerant(`DNS of ${settings.PROW_HOST}`, async () => readDns(settings, await objects)) : undefined,
    balanced
      ? tolerant('targets of the load balancers', async () => readTargetGroups(settings, await objects))
      : undefined,
  ])
  return { cluster, oidc, bucket, roles, volumes, certificate, dns, targets }
}

async function readOidc(settings: Settings): Promise<AwsEvidence['oidc']> {
  const [arn, provider] = await Promise.all([oidcProviderArn(settings), readOidcProvider(settings)])
  return { arn, audiences: provider && (provider.ClientIDList ?? []) }
}

async function readBucketEvidence(settings: Settings): Promise<BucketEvidence> {
  const region = await bucketRegion(settings)
  if (region !== settings.AWS_REGION) return { region }
  const [bucket, policy] = await Promise.all([readBucket(settings), readBucketPolicy(settings)])
  return { region, bucket, policy, key: await encryptionKey(settings) }
}

async function readRoles(settings: Settings): Promise<Map<string, RoleRights | undefined>> {
  const read = async ({ use }: (typeof POD_ROLES)[number]) =>
    [use, await readRoleRights(roleName(settings, use), 'prow-logs')] as const
  return new Map(await Promise.all(POD_ROLES.map(read)))
}

async function readVolumes(settings: Settings): Promise<AwsEvidence['volumes']> {
  const source = await findVolumeSource(settings)
  const failed = source.kind === 'add-on' && source.addon && source.addon.status !== 'ACTIVE'
  return { source, roleProblems: failed ? await roleProblems(settings, driverRole(settings)) : [] }
}

/** An Ingress for a load balancer. */
export function balancedIngress(settings: Settings, objects: Objects, name: 'prow-hook' | 'prow-deck') {
  return objects.get('Ingress', name, albNamespace(settings))
}

async function readIngressCertificate(settings: Settings, objects: Objects): Promise<AwsEvidence['certificate']> {
  const ingress = balancedIngress(settings, objects, 'prow-hook')
  const arn = ingress?.metadata.annotations?.['alb.ingress.kubernetes.io/certificate-arn']
  // A server certificate of IAM, as some have in China, is not in ACM.
  return arn?.includes(':acm:') ? { arn, found: await readCertificate(arn) } : undefined
}

async function readDns(settings: Settings, objects: Objects): Promise<DnsEvidence | undefined> {
  const target = hostname(balancedIngress(settings, objects, 'prow-hook'))
  if (!target) return undefined
  const [host, balancer] = await Promise.all([resolveName(settings.PROW_HOST), resolveName(target)])
  const isRight = host.addresses.some((address) => balancer.addresses.includes(address))
  const zones = isRight ? undefined : await findZones(settings)
  return { host, balancer, target, records: zones && (await recordsOf(settings, zones.public)) }
}

/** The controller notes each target group in a TargetGroupBinding beside the Service; other applications have theirs. */
function readTargetGroups(settings: Settings, objects: Objects): Promise<TargetGroup[]> {
  const services = settings.INGRESS === 'nginx' ? ['ingress-nginx-controller'] : ['hook', 'deck']
  const bindings = objects.ofKind('TargetGroupBinding', albNamespace(settings)).map(({ spec }) => {
    const { targetGroupARN: arn, serviceRef } = spec as { targetGroupARN: string; serviceRef: { name: string } }
    return { arn, service: serviceRef.name }
  })
  const own = bindings.filter(({ service }) => services.includes(service))
  return Promise.all(own.map(async (one) => ({ ...one, targets: await readTargets(one.arn) })))
}
