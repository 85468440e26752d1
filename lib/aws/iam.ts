import { Problem } from '../base/problem.ts'
import { currentRun } from '../run/context.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { allOrProblem, readAws, rememberAws, writeAws } from './cli.ts'
import { oidcProviderArn } from './oidc.ts'
import { type Policy, policyDifferences, policyOf, samePolicy, trust, withStatement } from './policy.ts'
import {
  clusterArn,
  TAG,
  TAG_ADOPTED,
  TAG_CLUSTER,
  TAG_VALUE,
  type Tag,
  tagArguments,
  tagsFor,
  tagValue,
} from './tags.ts'

/** A role for service accounts of the cluster. */
export interface RoleSpec {
  name: string
  /** What it is for, as IAM shows it. */
  description: string
  /** The service accounts that may assume it, as `namespace:name`. */
  serviceAccounts: string[]
  /** Its inline policy. */
  policy?: { name: string; document: Policy }
  /** ARNs of AWS managed policies, one of which has to be attached: the first that the partition has. */
  managed?: string[]
}

interface Role {
  Arn: string
  AssumeRolePolicyDocument: unknown
  Tags?: Tag[]
  PermissionsBoundary?: { PermissionsBoundaryArn: string }
}

/** What IAM answers while a role created a moment ago is not known everywhere. For a policy the message is another. */
const NEW_ROLE = /^NoSuchEntity: The role /

/** A role of IAM; undefined when there is none. */
export async function readRole(name: string): Promise<Role | undefined> {
  return (await readAws<{ Role: Role }>(roleArguments(name), /^NoSuchEntity/))?.Role
}

const roleArguments = (name: string) => ['iam', 'get-role', '--role-name', name]

/** An inline policy of a role; undefined when the role has none of that name. */
export async function readPolicy(role: string, policy: string): Promise<Policy | undefined> {
  const found = await readAws<{ PolicyDocument: unknown }>(policyArguments(role, policy), /^NoSuchEntity/)
  return found && policyOf(found.PolicyDocument)
}

const policyArguments = (role: string, policy: string) => [
  'iam',
  'get-role-policy',
  '--role-name',
  role,
  '--policy-name',
  policy,
]

/** The ARNs of the managed policies that are attached to a role; none when there is no role. */
export async function attachedPolicies(name: string): Promise<string[]> {
  const args = ['iam', 'list-attached-role-policies', '--role-name', name]
  const found = await readAws<{ AttachedPolicies: { PolicyArn: string }[] }>(args, /^NoSuchEntity/)
  return found?.AttachedPolicies.map(({ PolicyArn }) => PolicyArn) ?? []
}

/** A role as it is; without a role there is no more. */
interface Found {
  role?: Role
  policy?: Policy
  attached: string[]
}

/** The same, beside what its trust policy has to be. */
interface State extends Found {
  trust: { before?: Policy; after: Policy }
}

async function read({ name, policy, managed }: RoleSpec): Promise<Found> {
  const role = await readRole(name)
  if (!role) return { attached: [] }
  const [document, attached] = await allOrProblem(
    policy ? readPolicy(name, policy.name) : Promise.resolve(undefined),
    managed ? attachedPolicies(name) : Promise.resolve([]),
  )
  return { role, policy: document, attached }
}

async function readState(settings: Settings, wanted: RoleSpec): Promise<State> {
  const [provider, found] = await allOrProblem(oidcProviderArn(settings), read(wanted))
  const before = found.role && policyOf(found.role.AssumeRolePolicyDocument)
  return { ...found, trust: { before, after: withStatement(before, trust(provider, wanted.serviceAccounts)) } }
}

const hasPolicy = ({ policy: wanted }: RoleSpec, { policy }: State) =>
  !wanted || (policy !== undefined && samePolicy(policy, wanted.document))

const hasManaged = ({ managed }: RoleSpec, { attached }: State) =>
  !managed || managed.some((arn) => attached.includes(arn))

/** What a role lacks, a message each: it does not exist, lets in others, or allows more or less than it has to. */
export async function roleProblems(settings: Settings, wanted: RoleSpec): Promise<string[]> {
  const { name, serviceAccounts, policy, managed } = wanted
  const state = await readState(settings, wanted)
  if (!state.role) return [`role ${name} does not exist`]
  return [
    samePolicy(state.trust.before, state.trust.after)
      ? ''
      : `the trust policy of role ${name} differs: ${serviceAccounts.join(', ')} cannot assume it`,
    hasPolicy(wanted, state) ? '' : `policy ${policy?.name} of role ${name} ${state.policy ? 'differs' : 'is missing'}`,
    hasManaged(wanted, state) ? '' : `role ${name} has no ${managed?.map((arn) => arn.split('/').at(-1)).join(' or ')}`,
  ].filter(Boolean)
}

/** Reads a role before anything is written, and answers whether it exists. Throws a Problem when another cluster has it. */
export async function findRole(settings: Settings, wanted: RoleSpec): Promise<boolean> {
  const { role } = await read(wanted)
  refuseOther(settings, wanted, role)
  return role !== undefined
}

function refuseOther(settings: Settings, { name }: RoleSpec, role: Role | undefined): void {
  const owner = tagValue(role?.Tags, TAG_CLUSTER)
  if (!owner || owner === clusterArn(settings)) return
  throw new Problem(
    `role ${name} belongs to another cluster, ${owner}`,
    'Set ROLE_PREFIX, so that the roles of this cluster have names of their own.',
  )
}

/** The commands that read what a write changes. */
const READ_BY: Record<string, string> = {
  'put-role-policy': 'get-role-policy',
  'attach-role-policy': 'list-attached-role-policies',
}

/**
 * Creates or corrects a role: the runbook's statement in its trust policy, beside which others are kept; its inline
 * policy; one of its managed policies. Throws a Problem when the role belongs to another cluster.
 */
export async function ensureRole(settings: Settings, wanted: RoleSpec): Promise<Change> {
  const { name, policy, managed } = wanted
  const state = await readState(settings, wanted)
  const { role, trust } = state
  refuseOther(settings, wanted, role)
  const differences: Difference[] = []
  const write = async (operation: string, ...args: string[]) => {
    if (currentRun().plan) return
    const about = `iam ${READ_BY[operation] ?? 'get-role'} --role-name ${name}`
    const answer = await writeAws<{ Role?: Role }>(['iam', operation, '--role-name', name, ...args], about, NEW_ROLE)
    // The answer is the role as IAM has it, trust policy and tags included.
    if (operation === 'create-role' && answer.Role?.AssumeRolePolicyDocument) rememberAws(roleArguments(name), answer)
  }
  const document = JSON.stringify(trust.after)
  if (!role) {
    const about = ['--description', wanted.description, ...tagArguments(settings)]
    await write('create-role', '--assume-role-policy-document', document, ...about)
  } else if (!samePolicy(trust.before, trust.after)) {
    differences.push(...policyDifferences(`role ${name}`, 'trust', trust.before, trust.after))
    await write('update-assume-role-policy', '--policy-document', document)
  }
  const adopted = role !== undefined && tagValue(role.Tags, TAG) !== TAG_VALUE
  if (role) differences.push(...(await ensureTags(settings, wanted, role, adopted, write)))
  if (policy && !hasPolicy(wanted, state)) {
    differences.push(...policyDifferences(`role ${name}`, `policy ${policy.name}`, state.policy, policy.document))
    await write('put-role-policy', '--policy-name', policy.name, '--policy-document', JSON.stringify(policy.document))
    if (!currentRun().plan) rememberAws(policyArguments(name, policy.name), { PolicyDocument: policy.document })
  }
  if (managed && !hasManaged(wanted, state)) {
    const attached = await attach(managed, write)
    differences.push({ object: `role ${name}`, path: 'attached policy', after: attached })
  }
  return change(role !== undefined, differences, adopted ? 'existed, adopted' : undefined)
}

type Write = (operation: string, ...args: string[]) => Promise<void>

async function ensureTags(
  settings: Settings,
  { name }: RoleSpec,
  { Tags }: Role,
  adopted: boolean,
  write: Write,
): Promise<Difference[]> {
  const missing = Object.entries(tagsFor(settings)).filter(([key, value]) => tagValue(Tags, key) !== value)
  if (missing.length === 0) return []
  if (adopted) missing.push([TAG_ADOPTED, 'true'])
  await write('tag-role', '--tags', ...missing.map(([key, value]) => `Key=${key},Value=${value}`))
  return missing.map(([key, after]) => ({
    object: `role ${name}`,
    path: `tag ${key}`,
    before: tagValue(Tags, key),
    after,
  }))
}

// A partition may not have the newest of them.
async function attach(arns: string[], write: Write): Promise<string | undefined> {
  for (const [index, arn] of arns.entries()) {
    try {
      await write('attach-role-policy', '--policy-arn', arn)
      return arn
    } catch (error) {
      const last = index === arns.length - 1
      if (last || !(error instanceof Problem) || error.code !== 'not-found') throw error
    }
  }
  return undefined
}
