// The log bucket, the roles that use it, and what provisions volumes, as AWS has them. The rows on the ServiceAccounts and pods that
// carry the roles are here as well: their source is the cluster.
import { bucketProblems } from '../../aws/bucket.ts'
import { addonProblem, DRIVER } from '../../aws/ebs-csi.ts'
import {
  accessOf,
  findDeny,
  isAllowed,
  type NamedPolicy,
  type Permission,
  type RoleRights,
  statementsAbout,
} from '../../aws/permissions.ts'
import { policyDifferences, samePolicy, trust, withStatement } from '../../aws/policy.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import {
  BUCKET_USERS,
  CONTROLLERS_ROLE,
  JOBS_ROLE,
  newestPods,
  POD_ROLES,
  roleOf,
  usesRoles,
} from '../../prow/pod-roles.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import { partition, roleArn, roleName } from '../../settings/derived.ts'
import { type Evidence, wasNotRead } from '../evidence.ts'
import type { Found, Row } from '../row.ts'

const run05 = () => `Run ${rerunLine('05-service-accounts')}`

/** How findings name the OIDC provider of the cluster. */
export const OIDC_LABEL = 'OIDC provider of the cluster'

/** How findings name the log bucket. */
const bucketLabel = ({ settings }: Evidence) => `bucket ${settings.LOG_BUCKET}`

/** What stops where the bucket cannot be used in a role. */
const CONSEQUENCE: Record<string, string> = {
  [CONTROLLERS_ROLE]: 'crier uploads no results, Deck shows no logs, Tide and statusreconciler keep no history',
  [JOBS_ROLE]: 'job pods cannot upload their logs',
}

const ROLE_NOTE = 'eks.amazonaws.com/role-arn'

/** The ServiceAccounts whose pods use the bucket, with the role of each. */
const ACCOUNTS = [
  ...BUCKET_USERS.map((name) => ({ namespace: 'prow', name, use: CONTROLLERS_ROLE })),
  { namespace: 'test-pods', name: 'prow-jobs', use: JOBS_ROLE },
]

/** The roles that were read and exist, with what each has to be able to do in the bucket. */
function rolesOf(evidence: Evidence): { use: string; role: RoleRights; needed: Permission[] }[] {
  const { aws, settings } = evidence
  // The key is unknown while the bucket is: what it has to allow is then that of the bucket alone.
  return POD_ROLES.flatMap(({ use, policy }) => {
    const role = aws?.roles?.get(use)
    if (!role) return []
    const access = accessOf(policy(partition(settings.AWS_REGION), settings.LOG_BUCKET, aws?.bucket?.key))
    return [{ use, role, needed: access.flatMap((one) => withLogs(one, settings.LOG_BUCKET)) }]
  })
}

/** An access to every object of a bucket, as one below each prefix of logs as well: a Deny may be about those alone. */
function withLogs(access: Permission, bucket: string): Permission[] {
  if (!access.resource.endsWith(`:${bucket}/any`)) return [access]
  return ['logs/any', 'pr-logs/any', 'any'].map((name) => ({
    ...access,
    resource: access.resource.replace(/any$/, name),
  }))
}

const shown = ({ action, resource }: Permission) => `${action} on ${resource.replace(/any$/, '*')}`

export const awsRows: Row[] = [
  {
    id: 'PRW-AWS-001',
    title: 'the log bucket exists',
    severity: 'error',
    find: (evidence) => {
      const { aws, settings } = evidence
      if (!aws?.bucket || aws.bucket.region) return []
      return [
        {
          object: bucketLabel(evidence),
          message: `bucket ${settings.LOG_BUCKET} does not exist: no job can upload its log, and the logs that it had are lost`,
          evidence: `aws s3api get-bucket-location --bucket ${settings.LOG_BUCKET}: NoSuchBucket`,
          remedy: `${run05()}, which creates it, empty.`,
        },
      ]
    },
  },
  {
    id: 'PRW-AWS-002',
    title: 'the log bucket is in the region of the cluster',
    severity: 'error',
    find: (evidence) => {
      const { aws, settings } = evidence
      const region = aws?.bucket?.region
      if (!region || region === settings.AWS_REGION) return []
      return [
        {
          object: bucketLabel(evidence),
          message: `bucket ${settings.LOG_BUCKET} is in ${region}, and Prow's components ask for it in ${settings.AWS_REGION}`,
          evidence: `LocationConstraint: ${region}`,
          remedy: `A bucket cannot be moved. Set LOG_BUCKET to another name, then run: ${rerunLine('05-service-accounts')}`,
        },
      ]
    },
  },
  {
    id: 'PRW-AWS-003',
    title: 'the log bucket is private, encrypted and expires logs',
    severity: 'warning',
    find: (evidence) => {
      const { bucket } = evidence.aws?.bucket ?? {}
      if (!bucket) return []
      const problems = bucketProblems(evidence.settings, bucket)
      if (problems.length === 0) return []
      return [
        {
          object: bucketLabel(evidence),
          message: problems.join('\n'),
          remedy: `${run05()}, which corrects it; with --plan it prints what differs.`,
        },
      ]
    },
  },
  {
    id: 'PRW-AWS-004',
    title: 'no statement of the bucket policy denies the roles',
    severity: 'error',
    find: (evidence) => {
      const { policy } = evidence.aws?.bucket ?? {}
      if (!policy) return []
      return rolesOf(evidence).flatMap(({ use, role, needed }) => {
        const statements = statementsAbout(policy, role.arn)
        return denied([{ label: 'bucket policy', statements }], needed, (deny, access) => ({
          object: bucketLabel(evidence),
          message: `the policy of bucket ${evidence.settings.LOG_BUCKET} denies ${shown(access)}: ${CONSEQUENCE[use]}`,
          evidence: deny,
          remedy: `Whoever wrote that statement has to except ${role.arn}. The policy: aws s3api get-bucket-policy --bucket ${evidence.settings.LOG_BUCKET} --query Policy --output text`,
        }))
      })
    },
  },
  {
    id: 'PRW-AWS-010',
    title: 'IAM trusts the tokens of the cluster',
    severity: 'error',
    find: ({ aws, settings }) => {
      if (!aws?.oidc) return []
      const { arn, audiences } = aws.oidc
      if (audiences?.includes('sts.amazonaws.com')) return []
      return [
        {
          object: OIDC_LABEL,
          message: audiences
            ? `the OIDC provider of cluster ${settings.CLUSTER_NAME} lacks the audience sts.amazonaws.com: no pod can assume its role`
            : `IAM has no OIDC provider for cluster ${settings.CLUSTER_NAME}: no pod can assume its role`,
          evidence: audiences ? `ClientIDList: ${audiences.join(', ') || '(none)'}` : `${arn}: NoSuchEntity`,
          remedy: `Run ${rerunLine('01-cluster')}, which creates or corrects it.`,
        },
      ]
    },
  },
  {
    id: 'PRW-AWS-011',
    title: 'the roles of the pods exist',
    severity: 'error',
    find: ({ aws, settings }) =>
      [...(aws?.roles ?? [])]
        .filter(([, role]) => !role)
        .map(([use]) => ({
          object: `role ${roleName(settings, use)}`,
          message: `role ${roleName(settings, use)} does not exist: ${CONSEQUENCE[use]}`,
          evidence: `aws iam get-role --role-name ${roleName(settings, use)}: NoSuchEntity`,
          remedy: `${run05()}, which creates it.`,
        })),
  },
  {
    id: 'PRW-AWS-012',
    title: 'the trust policies of the roles admit their ServiceAccounts',
    severity: 'error',
    find: (evidence) => {
      const provider = evidence.aws?.oidc?.arn
      if (!provider) return []
      return rolesOf(evidence).flatMap(({ use, role }): Found[] => {
        const accounts = POD_ROLES.find((one) => one.use === use)!.serviceAccounts
        const wanted = withStatement(role.trust, trust(provider, accounts))
        if (samePolicy(role.trust, wanted)) return []
        const lines = policyDifferences('', '', role.trust, wanted)[0]?.lines ?? []
        const differing = lines.filter((line) => /^[-+]/.test(line)).map((line) => `${line[0]} ${line.slice(1).trim()}`)
        return [
          {
            object: `role ${role.name}`,
            message: `the trust policy of role ${role.name} does not admit ${accounts.join(', ')} of this cluster: ${CONSEQUENCE[use]}`,
            evidence: differing.slice(0, 4).join('  '),
            remedy: `${run05()}, which corrects it; with --plan it prints what differs.`,
          },
        ]
      })
    },
  },
  {
    id: 'PRW-AWS-013',
    title: 'no policy denies the roles what they need',
    severity: 'error',
    find: (evidence) =>
      rolesOf(evidence).flatMap(({ use, role, needed }) =>
        denied(role.policies, needed, (deny, access, label) => ({
          object: `role ${role.name}`,
          message: `${label} of role ${role.name} denies ${shown(access)}: ${CONSEQUENCE[use]}`,
          evidence: deny,
          remedy: removal(role.name, label),
        })),
      ),
  },
  {
    id: 'PRW-AWS-014',
    title: 'no permissions boundary limits the roles too far',
    severity: 'error',
    find: (evidence) =>
      rolesOf(evidence).flatMap(({ use, role, needed }) => {
        const { boundary } = role
        if (!boundary) return []
        const lacking = needed.filter((access) => !isAllowed([boundary], access) || findDeny([boundary], access))
        if (lacking.length === 0) return []
        return [
          {
            object: `role ${role.name}`,
            message: `the ${boundary.label} of role ${role.name} does not allow ${shown(lacking[0]!)}: ${CONSEQUENCE[use]}`,
            evidence: lacking.map(shown).join(', '),
            remedy: `Whoever manages that boundary has to allow this in it; a policy of the role cannot. If nothing requires it: aws iam delete-role-permissions-boundary --role-name ${role.name}`,
          },
        ]
      }),
  },
  {
    id: 'PRW-AWS-015',
    title: 'the roles allow what their pods do in the bucket',
    severity: 'error',
    find: (evidence) =>
      rolesOf(evidence).flatMap(({ use, role, needed }) => {
        const lacking = needed.filter((access) => !isAllowed(role.policies, access))
        if (lacking.length === 0) return []
        const key = lacking.every(({ action }) => action.startsWith('kms:')) ? lacking[0]!.resource : undefined
        return [
          {
            id: key ? 'PRW-AWS-016' : 'PRW-AWS-015',
            object: `role ${role.name}`,
            message: key
              ? `role ${role.name} may not use the KMS key that encrypts bucket ${evidence.settings.LOG_BUCKET}: ${CONSEQUENCE[use]}`
              : `role ${role.name} lacks ${[...new Set(lacking.map(({ action }) => action))].join(', ')}: ${CONSEQUENCE[use]}`,
            evidence: `no policy allows ${lacking.map(shown).join(', ')}`,
            remedy: `${run05()}, which adds it.${key ? ` The policy of the key itself must let IAM decide: aws kms get-key-policy --key-id ${key} --policy-name default` : ''}`,
          },
        ]
      }),
  },
  {
    id: 'PRW-AWS-020',
    title: 'the ServiceAccounts name their roles',
    severity: 'error',
    find: (evidence) => {
      const { objects, settings } = evidence
      if (!usesRoles(settings)) return []
      return ACCOUNTS.flatMap(({ namespace, name, use }): Found[] => {
        const account = objects.get('ServiceAccount', name, namespace)
        const wanted = roleArn(settings, roleName(settings, use))
        const named = account?.metadata.annotations?.[ROLE_NOTE]
        if (!account || named === wanted) return []
        return [
          {
            object: labelOf(account),
            message: `ServiceAccount ${namespace}/${name} ${named ? 'names another role' : 'names no role'}: its pods act as their node, and ${CONSEQUENCE[use]}`,
            evidence: `annotation ${ROLE_NOTE}: ${named ?? '(none)'}, not ${wanted}`,
            remedy: `${run05()}, then ${rerunLine('08-prow')}, which restarts pods that are older than the annotation.`,
          },
        ]
      })
    },
  },
  {
    id: 'PRW-AWS-021',
    title: 'the pods that use the bucket have their role',
    severity: 'error',
    find: (evidence) => {
      const { objects, settings } = evidence
      if (!usesRoles(settings) || wasNotRead(evidence, 'pods')) return []
      const wanted = roleArn(settings, roleName(settings, CONTROLLERS_ROLE))
      const pods = newestPods(objects.ofKind('Pod', 'prow'))
      return BUCKET_USERS.flatMap((name): Found[] => {
        const pod = pods.get(name)
        if (!pod || roleOf(pod) === wanted) return []
        return [
          {
            object: objectLabel('Deployment', name, 'prow'),
            message: `the pods of ${name} have no AWS_ROLE_ARN of their ServiceAccount: they use the bucket with the role of their node`,
            evidence: `AWS_ROLE_ARN: ${roleOf(pod) || '(none)'}`,
            remedy: `EKS injects it when a pod is created: run ${rerunLine('08-prow')}, which restarts these pods. If it stays, the webhook is missing: ${kubectlLine('get', 'mutatingwebhookconfiguration', 'pod-identity-webhook')}`,
            follows: [objectLabel('ServiceAccount', name, 'prow')],
          },
        ]
      })
    },
  },
  {
    id: 'PRW-AWS-030',
    title: 'something provisions volumes',
    severity: 'error',
    find: ({ aws, settings }) => {
      if (aws?.volumes?.source.kind !== 'add-on') return []
      const { source, roleProblems } = aws.volumes
      const object = `add-on ${DRIVER}`
      if (!source.addon) {
        return [
          {
            object,
            message: `cluster ${settings.CLUSTER_NAME} has no add-on ${DRIVER}, and no other driver: no new volume is created`,
            evidence: `aws eks describe-addon --addon-name ${DRIVER}: ResourceNotFoundException`,
            remedy: `Run ${rerunLine('07-ebs-csi')}, which installs it.`,
          },
        ]
      }
      const { addon } = source
      // It works while it is created or updated, or will in a moment.
      if (addon.status === 'ACTIVE' || /ING$/.test(addon.status)) return []
      const [finding] = addonProblem(settings, addon, roleProblems.length === 0).findings
      return [
        {
          object,
          message: [finding!.message, ...roleProblems].join('\n'),
          evidence: `status: ${addon.status}`,
          remedy: finding!.remedy,
          follows: [OIDC_LABEL],
        },
      ]
    },
  },
]

/** A finding for the first access that a policy denies. */
function denied(
  policies: NamedPolicy[],
  needed: Permission[],
  found: (deny: string, access: Permission, label: string) => Found,
): Found[] {
  for (const access of needed) {
    const deny = findDeny(policies, access)
    if (deny) return [found(JSON.stringify(deny.statement), access, deny.label)]
  }
  return []
}

function removal(role: string, label: string): string {
  const name = label.split(' ').at(-1)!
  const line = label.startsWith('inline')
    ? `aws iam delete-role-policy --role-name ${role} --policy-name ${name}`
    : `aws iam detach-role-policy --role-name ${role} --policy-arn ${name}`
  return `Ask whoever added it to except this bucket. If nothing requires it: ${line}`
}
