import { Problem } from '../base/problem.ts'
import { currentRun } from '../run/context.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { allOrProblem, readAws, writeAws } from './cli.ts'
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
}

/** What IAM answers while a role created a moment ago is not known everywhere. For a policy the message is another. */
const NEW_ROLE = /^NoSuchEntity: The role /

/** A role of IAM; undefined when there is none. */
export async function readRole(name: string): Promise<Role | undefined> {
  return (await readAws<{ Role: Role }>(['iam', 'get-role', '--role-name', name], /^NoSuchEntity/))?.Role
}

async function readPolicy(role: string, policy: string): Promise<Policy | undefined> {
  const args = ['iam', 'get-role-policy', '--role-name', role, '--policy-name', policy]
  const found = await readAws<{ PolicyDocument: unknown }>(args, /^NoSuchEntity/)
  return found && policyOf(found.PolicyDocument)
}

/** The ARNs of the managed policies that are attached to a role; none when there is no role. */
export async function attachedPolicies(name: string): Promise<string[]> {
  const args = ['iam', 'list-attached-role-policies', '--role-name', name]
  const found = await readAws<{ AttachedPolicies: { PolicyArn: string }[] }>(args, /^NoSuchEntity/)
  return found?.AttachedPolicies.map(({ PolicyArn }) => PolicyArn) ?? []
}

/** A role as it is, beside what its trust policy has to be. */
interface State {
  role?: Role
  trust: { before?: Policy; after: Policy }
  policy?: Policy
  attached: string[]
}

async function readState(settings: Settings, { name, serviceAccounts, policy, managed }: RoleSpec): Promise<State> {
  const [provider, role, document, attached] = await allOrProblem(
    oidcProviderArn(settings),
    readRole(name),
    policy ? readPolicy(name, policy.name) : Promise.resolve(undefined),
    managed ? attachedPolicies(name) : Promise.resolve([]),
  )
  const before = role && policyOf(role.AssumeRolePolicyDocument)
  const after = withStatement(before, trust(provider, serviceAccounts))
  return { role, trust: { before, after }, policy: document, attached }
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

/**
 * Creates or corrects a role: the runbook's statement in its trust policy, beside which others are kept; its inline
 * policy; one of its managed policies. Throws a Problem when the role belongs to another cluster.
 */
export async function ensureRole(settings: Settings, wanted: RoleSpec): Promise<Change> {
  const { name, policy, managed } = wanted
  const state = await readState(settings, wanted)
  const { role, trust } = state
  const owner = tagValue(role?.Tags, TAG_CLUSTER)
  if (role && owner && owner !== clusterArn(settings)) {
    throw new Problem(
      `role ${name} belongs to another cluster, ${owner}`,
      'Set ROLE_PREFIX, so that the roles of this cluster have names of their own.',
    )
  }
  const differences: Difference[] = []
  const write = async (operation: string, ...args: string[]) => {
    if (!currentRun().plan) await writeAws(['iam', operation, '--role-name', name, ...args], name, NEW_ROLE)
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
