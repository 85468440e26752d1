// Who may do what, as far as it can be read: the policies of a role, its permissions boundary, and a bucket's policy.
// Service control policies of the organization cannot be read from an account.
import { allOrProblem, readAws } from './cli.ts'
import { attachedPolicies, readPolicy, readRole } from './iam.ts'
import { type Policy, policyOf, type Statement } from './policy.ts'

/** A policy with the name by which a reader finds it: `inline policy prow-logs`. */
export interface NamedPolicy {
  label: string
  statements: Statement[]
}

/** A role with everything that decides what it may do. */
export interface RoleRights {
  name: string
  arn: string
  trust: Policy
  policies: NamedPolicy[]
  boundary?: NamedPolicy
}

/** Reads a role with all its policies; undefined when it does not exist. `known` is an inline policy that it should have. */
export async function readRoleRights(name: string, known: string): Promise<RoleRights | undefined> {
  const [role, names, first, attached] = await allOrProblem(
    readRole(name),
    readAws<{ PolicyNames: string[] }>(['iam', 'list-role-policies', '--role-name', name], /^NoSuchEntity/),
    readPolicy(name, known),
    attachedPolicies(name),
  )
  if (!role) return undefined
  const others = (names?.PolicyNames ?? []).filter((one) => one !== known)
  const inline = [...(first ? [{ name: known, policy: first }] : [])]
  for (const one of others) {
    const policy = await readPolicy(name, one)
    if (policy) inline.push({ name: one, policy })
  }
  const limit = role.PermissionsBoundary?.PermissionsBoundaryArn
  return {
    name,
    arn: role.Arn,
    trust: policyOf(role.AssumeRolePolicyDocument),
    policies: [
      ...inline.map((one) => ({ label: `inline policy ${one.name}`, statements: one.policy.Statement })),
      ...(await Promise.all(attached.map((arn) => readManagedPolicy('attached policy', arn)))),
    ],
    boundary: limit ? await readManagedPolicy('permissions boundary', limit) : undefined,
  }
}

async function readManagedPolicy(use: string, arn: string): Promise<NamedPolicy> {
  const found = await readAws<{ Policy: { DefaultVersionId: string } }>(['iam', 'get-policy', '--policy-arn', arn])
  const version = ['iam', 'get-policy-version', '--policy-arn', arn, '--version-id', found!.Policy.DefaultVersionId]
  const answer = await readAws<{ PolicyVersion: { Document: unknown } }>(version)
  return { label: `${use} ${arn}`, statements: policyOf(answer!.PolicyVersion.Document).Statement }
}

/** One action on one resource, by its ARN. */
export interface Permission {
  action: string
  resource: string
}

/** What the Allow statements of a policy come to, an action and resource each: `B/*` stands as an object `B/any`. */
export function accessOf(policy: Policy): Permission[] {
  return policy.Statement.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action, Resource }) =>
    list(Action).flatMap((action) =>
      list(Resource).map((resource) => ({ action, resource: resource.replaceAll('*', 'any') })),
    ),
  )
}

/** The policy with a statement that denies an access, with that statement; undefined when none does. */
export function findDeny(
  policies: NamedPolicy[],
  access: Permission,
): { label: string; statement: Statement } | undefined {
  for (const { label, statements } of policies) {
    const statement = statements.find((one) => one.Effect === 'Deny' && covers(one, access))
    if (statement) return { label, statement }
  }
  return undefined
}

/** Whether some policy allows an access. One under a condition counts: whether that is met is not known here. */
export function isAllowed(policies: NamedPolicy[], access: Permission): boolean {
  return policies.some(({ statements }) =>
    statements.some((one) => one.Effect === 'Allow' && covers({ ...one, Condition: undefined }, access)),
  )
}

/** Whether a statement is about an access in every case: one under a condition, such as without TLS, is not. */
function covers(statement: Statement, { action, resource }: Permission): boolean {
  const { Action, NotAction, Resource, NotResource, Condition } = statement as Statement & Record<string, never>
  if (Condition && Object.keys(Condition).length > 0) return false
  const isAction = (pattern: string) => matches(pattern.toLowerCase(), action.toLowerCase())
  const isResource = (pattern: string) => matches(pattern, resource)
  return (
    (NotAction ? !list(NotAction).some(isAction) : list(Action).some(isAction)) &&
    (NotResource ? !list(NotResource).some(isResource) : list(Resource).some(isResource))
  )
}

/** The policy of a bucket as far as it is about a role: its statements for everybody and for this ARN. */
export function statementsAbout(policy: Policy, arn: string): Statement[] {
  return policy.Statement.filter(({ Principal, NotPrincipal }) => {
    if (NotPrincipal) return false
    const named =
      typeof Principal === 'object' && Principal ? list((Principal as { AWS?: string }).AWS) : list(Principal)
    return named.some((one) => one === '*' || one === arn)
  })
}

const list = (value: unknown): string[] => (value === undefined ? [] : [value].flat().map(String))

/** Whether a pattern of a policy, with * and ?, is about a text. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(text)
}
