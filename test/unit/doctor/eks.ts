// An installation on EKS in which nothing is wrong, as the doctor reads it; tests change what they are about.
import { type Bucket, expiryRules } from '../../../lib/aws/bucket.ts'
import type { Cluster } from '../../../lib/aws/eks.ts'
import type { RoleRights } from '../../../lib/aws/permissions.ts'
import { controllersPolicy, jobsPolicy, type Policy, type Statement, trust } from '../../../lib/aws/policy.ts'
import type { AwsEvidence } from '../../../lib/doctor/aws-evidence.ts'
import type { Evidence } from '../../../lib/doctor/evidence.ts'
import { fold } from '../../../lib/doctor/fold.ts'
import { diagnosisOf, type Row } from '../../../lib/doctor/row.ts'
import type { KubeObject } from '../../../lib/kubernetes/manifests.ts'
import { Objects } from '../../../lib/kubernetes/objects.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { BUCKET_USERS } from '../../../lib/prow/pod-roles.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { PRIVATE } from '../aws/answers.ts'
import { EKS, settings as make } from '../world.ts'

export const SETTINGS = make({ ...EKS, HOSTED_ZONE: 'example.com' })
setRun({ ...newRun(SETTINGS), target: { kubeconfig: 'kubeconfig', context: 'prow', server: 'https://k' } })

export const NOW = new Date('2026-11-25T12:00:00Z')
export const BALANCER = 'k8s-prow-hook.eu-central-1.elb.amazonaws.com'
export const CERTIFICATE = 'arn:aws:acm:eu-central-1:123456789012:certificate/1'
export const PROVIDER = 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/A'
export const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/k'
const arn = (use: string) => `arn:aws:iam::123456789012:role/prow-${use}`

const role = (use: string, accounts: string[], policy: Policy): RoleRights => ({
  name: `prow-${use}`,
  arn: arn(use),
  trust: { Version: '2012-10-17', Statement: [trust(PROVIDER, accounts)] },
  policies: [{ label: 'inline policy prow-logs', statements: policy.Statement }],
})

/** The role of a use, with further statements in a policy of that label. */
export function withPolicy(role: RoleRights, label: string, ...statements: Statement[]): RoleRights {
  return { ...role, policies: [...role.policies, { label, statements }] }
}

export function roles(key?: string): Map<string, RoleRights> {
  return new Map([
    [
      'prow-controllers',
      role(
        'prow-controllers',
        BUCKET_USERS.map((name) => `prow:${name}`),
        controllersPolicy('aws', 'my-logs', key),
      ),
    ],
    ['prow-jobs', role('prow-jobs', ['test-pods:prow-jobs'], jobsPolicy('aws', 'my-logs', key))],
  ])
}

export const BUCKET: Bucket = {
  region: 'eu-central-1',
  encrypted: true,
  access: PRIVATE,
  ownership: 'BucketOwnerEnforced',
  rules: expiryRules(90),
}

export function aws(more: Partial<AwsEvidence> = {}): AwsEvidence {
  return {
    cluster: { name: 'prow', arn: 'a', resourcesVpcConfig: {} } as Cluster,
    oidc: { arn: PROVIDER, audiences: ['sts.amazonaws.com'] },
    bucket: { region: 'eu-central-1', bucket: BUCKET },
    roles: roles(),
    volumes: { source: { kind: 'add-on', addon: { status: 'ACTIVE', addonVersion: 'v1' } }, roleProblems: [] },
    certificate: {
      arn: CERTIFICATE,
      found: {
        CertificateArn: CERTIFICATE,
        DomainName: 'prow.example.com',
        Status: 'ISSUED',
        Type: 'AMAZON_ISSUED',
        NotAfter: '2027-06-01T00:00:00Z',
      },
    },
    dns: { host: { addresses: ['192.0.2.1'] }, balancer: { addresses: ['192.0.2.1'] }, target: BALANCER },
    targets: [
      {
        service: 'hook',
        arn: 'tg/hook',
        targets: [{ Target: { Id: '10.0.0.1' }, TargetHealth: { State: 'healthy' } }],
      },
    ],
    ...more,
  }
}

export function ingress(
  name: 'prow-hook' | 'prow-deck',
  change: { service?: string; host?: string; address?: string } = {},
) {
  const { service = name.slice(5), host = 'prow.example.com', address = BALANCER } = change
  const path = name === 'prow-hook' ? '/hook' : '/'
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace: 'prow', annotations: { 'alb.ingress.kubernetes.io/certificate-arn': CERTIFICATE } },
    spec: {
      rules: [{ host, http: { paths: [{ path, backend: { service: { name: service, port: { number: 80 } } } }] } }],
    },
    status: { loadBalancer: { ingress: address ? [{ hostname: address }] : [] } },
  }
}

/** The ServiceAccounts and pods that have the roles, the Ingresses, and their controller. */
export function cluster(): KubeObject[] {
  const account = (namespace: string, name: string, use: string) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, annotations: { 'eks.amazonaws.com/role-arn': arn(use) } },
  })
  const env = [{ name: 'AWS_ROLE_ARN', value: arn('prow-controllers') }]
  return [
    ...BUCKET_USERS.map((name) => account('prow', name, 'prow-controllers')),
    account('test-pods', 'prow-jobs', 'prow-jobs'),
    ...BUCKET_USERS.map((name) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${name}-1`,
        namespace: 'prow',
        labels: { app: name },
        creationTimestamp: '2026-11-20T00:00:00Z',
      },
      spec: { containers: [{ name, env }] },
    })),
    ingress('prow-hook'),
    ingress('prow-deck'),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'aws-load-balancer-controller',
        namespace: 'kube-system',
        generation: 1,
        labels: { 'app.kubernetes.io/name': 'aws-load-balancer-controller' },
      },
      spec: { replicas: 1 },
      status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 },
    },
  ]
}

/** The objects of a cluster with some in place of those with the same names; those whose value is undefined are left out. */
export function changed(...objects: KubeObject[]): KubeObject[] {
  const named = (one: KubeObject) => `${one.kind}/${one.metadata.namespace}/${one.metadata.name}`
  const names = objects.map(named)
  return [...cluster().filter((one) => !names.includes(named(one))), ...objects]
}

export function evidence(given: { aws?: AwsEvidence; objects?: KubeObject[] } = {}): Evidence {
  const objects = new Objects(given.objects ?? cluster())
  return { settings: SETTINGS, now: NOW, objects, snapshot: new Snapshot(), aws: given.aws ?? aws(), unread: [] }
}

/** What rows find, as it is shown: the root causes. */
export async function diagnose(rows: Row[], given: Evidence) {
  const found = await Promise.all(rows.map(async (row) => (await row.find(given)).map((one) => diagnosisOf(row, one))))
  return fold(found.flat())
}
