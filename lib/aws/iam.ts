import { Problem } from '../base/problem.ts'
import { currentRun, markWritten } from '../run/context.ts'
import type { Change, Difference } from '../run/result.ts'
import { change } from '../run/task.ts'
import { partition } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { allOrProblem, readAws, writeAws } from './cli.ts'
import { oidcProviderArn } from './eks.ts'
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

// ---- The OIDC provider ------------------------------------------------------------------------------------------

const AUDIENCE = 'sts.amazonaws.com'

interface Provider {
  ClientIDList?: string[]
  Tags?: Tag[]
}

/** The OIDC provider of the cluster in IAM; undefined when there is none. */
export async function readOidcProvider(settings: Settings): Promise<Provider | undefined> {
  const arn = await oidcProviderArn(settings)
  return readAws<Provider>(
    ['iam', 'get-open-id-connect-provider', '--open-id-connect-provider-arn', arn],
    /^NoSuchEntity/,
  )
}

/** Makes IAM trust what the cluster says of its service accounts: the provider, with the audience of STS. */
export async function ensureOidcProvider(settings: Settings): Promise<Change> {
  const { plan } = currentRun()
  const arn = await oidcProviderArn(settings)
  const now = await readOidcProvider(settings)
  const url = `https://${arn.slice(arn.indexOf(':oidc-provider/') + ':oidc-provider/'.length)}`
  if (!now) {
    if (!plan) {
      markWritten()
      await writeAws(
        // IAM finds the thumbprint itself.
        [
          'iam',
          'create-open-id-connect-provider',
          '--url',
          url,
          '--client-id-list',
          AUDIENCE,
          ...tagArguments(settings),
        ],
        arn,
      )
    }
    return change(false, [], url)
  }
  if (now.ClientIDList?.includes(AUDIENCE)) return change(true, [], url)
  if (!plan) {
    markWritten()
    await writeAws(
      [
        'iam',
        'add-client-id-to-open-id-connect-provider',
        '--open-id-connect-provider-arn',
        arn,
        '--client-id',
        AUDIENCE,
      ],
      arn,
    )
  }
  const was = now.ClientIDList ?? []
  const lines = [...was.map((one) => ` ${one}`), `+${AUDIENCE}`]
  return change(true, [{ object: 'OIDC provider', path: 'audiences', lines }], url)
}

// ---- Roles ------------------------------------------------------------------------------------------------------

/** A role for service accounts of the cluster. */
export interface RoleSpec {
  name: string
  /** What it is for, as IAM shows it. */
  description: string
  /** `namespace:name` of the service accounts that may take it. */
  serviceAccounts: string[]
  /** A policy of its own: its name in the role, and the document. */
  policy?: { name: string; document: Policy }
  /** Policies of AWS that will do, the wanted one first. */
  managed?: string[]
}

interface Role {
  Arn: string
  AssumeRolePolicyDocument: unknown
  Tags?: Tag[]
}

/** What IAM says no to while a role made a moment ago is not known everywhere. */
const NEW_ROLE = /^NoSuchEntity/

/** A role of IAM; undefined when there is none. */
export async function readRole(name: string): Promise<Role | undefined> {
  return (await readAws<{ Role: Role }>(['iam', 'get-role', '--role-name', name], /^NoSuchEntity/))?.Role
}

/** The policy that a role holds in itself under a name. */
export async function readPolicy(role: string, policy: string): Promise<Policy | undefined> {
  const found = await readAws<{ PolicyDocument: unknown }>(
    ['iam', 'get-role-policy', '--role-name', role, '--policy-name', policy],
    /^NoSuchEntity/,
  )
  return found && policyOf(found.PolicyDocument)
}

/**
 * Makes the role be as wanted: our statement in its trust, with what others wrote beside it kept; our policy in it as
 * it should be; one of the wanted policies of AWS attached. Throws a Problem when the role is another cluster's.
 */
export async function ensureRole(settings: Settings, wanted: RoleSpec): Promise<Change> {
  const { plan } = currentRun()
  const { name } = wanted
  const provider = await oidcProviderArn(settings)
  const ours = trust(provider, wanted.serviceAccounts)
  const [role, policy, attached] = await allOrProblem(
    readRole(name),
    wanted.policy ? readPolicy(name, wanted.policy.name) : Promise.resolve(undefined),
    wanted.managed ? readAttached(name) : Promise.resolve(undefined),
  )
  const owner = tagValue(role?.Tags, TAG_CLUSTER)
  if (role && owner && owner !== clusterArn(settings)) {
    throw new Problem(
      `role ${name} belongs to another cluster, ${owner}`,
      'Set ROLE_PREFIX, so that the roles of this cluster have names of their own.',
    )
  }
  const before = role ? policyOf(role.AssumeRolePolicyDocument) : undefined
  const after = withStatement(before, ours)
  const object = `role ${name}`
  const changes: Difference[] = []
  const write = async (args: string[], again?: RegExp) => {
    if (plan) return
    markWritten()
    await writeAws(['iam', ...args], name, again)
  }

  if (!role) {
    await write([
      'create-role',
      '--role-name',
      name,
      '--description',
      wanted.description,
      '--assume-role-policy-document',
      JSON.stringify(after),
      ...tagArguments(settings),
    ])
  } else if (!samePolicy(before, after)) {
    changes.push(...policyDifferences(object, 'trust', before, after))
    await write(['update-assume-role-policy', '--role-name', name, '--policy-document', JSON.stringify(after)])
  }
  const missing = Object.entries(tagsFor(settings)).filter(([key, value]) => tagValue(role?.Tags, key) !== value)
  const adopted = role !== undefined && tagValue(role.Tags, TAG) !== TAG_VALUE
  if (role && missing.length > 0) {
    if (adopted) missing.push([TAG_ADOPTED, 'true'])
    for (const [key, value] of missing) {
      changes.push({ object, path: `tag ${key}`, before: tagValue(role.Tags, key), after: value })
    }
    const tags = missing.map(([key, value]) => `Key=${key},Value=${value}`)
    await write(['tag-role', '--role-name', name, '--tags', ...tags])
  }
  if (wanted.policy && !(policy && samePolicy(policy, wanted.policy.document))) {
    const { name: called, document } = wanted.policy
    changes.push(...policyDifferences(object, `policy ${called}`, policy, document))
    await write(
      ['put-role-policy', '--role-name', name, '--policy-name', called, '--policy-document', JSON.stringify(document)],
      NEW_ROLE,
    )
  }
  const managed = wanted.managed ?? []
  const held = attached?.map((one) => one.PolicyArn) ?? []
  if (managed.length > 0 && !managed.some((arn) => held.includes(arn))) {
    changes.push({ object, path: 'attached policy', after: managed[0] })
    if (!plan) await attach(name, managed, write)
  }
  return change(role !== undefined, changes, adopted ? 'was there, adopted' : undefined)
}

async function readAttached(name: string): Promise<{ PolicyArn: string }[]> {
  const found = await readAws<{ AttachedPolicies: { PolicyArn: string }[] }>(
    ['iam', 'list-attached-role-policies', '--role-name', name],
    /^NoSuchEntity/,
  )
  return found?.AttachedPolicies ?? []
}

// Not every partition has every policy of AWS: the first that is there.
async function attach(
  name: string,
  arns: string[],
  write: (args: string[], again?: RegExp) => Promise<void>,
): Promise<void> {
  for (const [index, arn] of arns.entries()) {
    try {
      return await write(['attach-role-policy', '--role-name', name, '--policy-arn', arn])
    } catch (error) {
      const last = index === arns.length - 1
      if (last || !(error instanceof Problem) || !/NoSuchEntity/.test(error.message)) throw error
    }
  }
}

/** The ARN of one of our roles. */
export function roleArn(settings: Settings, name: string): string {
  return `arn:${partition(settings.AWS_REGION)}:iam::${settings.AWS_ACCOUNT_ID}:role/${name}`
}
