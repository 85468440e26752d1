import { isDeepStrictEqual } from 'node:util'
import { objectName } from '../kubernetes/difference.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'

interface Rule {
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
  verbs?: string[]
}

interface Rbac {
  rules?: Rule[]
  roleRef?: { kind: string; name: string }
  subjects?: { kind: string; name: string; namespace?: string }[]
}

/** What a component does not do any more without a permission: the first row that fits a `verb resource` counts. */
const CONSEQUENCES: [component: string, permission: RegExp, consequence: string][] = [
  ['', / leases\b/, 'it cannot become the leader, and does nothing'],
  ['hook', / prowjobs$/, 'no comment or push starts a job'],
  ['hook', / configmaps$/, 'merged configuration is not applied (config-updater)'],
  ['prow-controller-manager', /^create pods$/, 'jobs stay in the state triggered'],
  ['prow-controller-manager', / pods$/, 'jobs stay in the state triggered or pending'],
  ['prow-controller-manager', / prowjobs$/, 'jobs do not change their state'],
  ['crier', / pods$/, 'results are not uploaded, and pods hang while being deleted'],
  ['crier', / prowjobs$/, 'results are not reported to GitHub'],
  ['sinker', / (pods|prowjobs)$/, 'pods and ProwJobs that are over stay for ever'],
  ['horologium', / prowjobs$/, 'periodic jobs do not start'],
  ['tide', / prowjobs$/, 'Tide starts no tests before a merge, and merges nothing'],
  ['deck', / prowjobs$/, 'Deck shows no jobs'],
  ['deck', / pods\/log$/, 'Deck shows no logs of running jobs'],
  ['statusreconciler', / prowjobs$/, 'a changed configuration starts no jobs'],
]

/**
 * How a Role or RoleBinding differs from the manifest of a component, with what it does not do because of that;
 * undefined when it does not differ.
 */
export function rbacProblem(found: KubeObject, wanted: KubeObject, component: string): string | undefined {
  if (isDeepStrictEqual(essential(found), essential(wanted))) return undefined
  const differs = `${objectName(wanted)} differs from the manifest of ${component}`
  if (wanted.kind === 'RoleBinding') {
    const names = ((found as KubeObject & Rbac).subjects ?? []).map(({ kind, name }) => `${kind} ${name}`)
    return `${differs}: it grants ${(found as KubeObject & Rbac).roleRef?.name} to ${names.join(', ') || 'nobody'}`
  }
  const [now, before] = [permissions(found), permissions(wanted)]
  const lacking = [...before].filter((one) => !now.has(one))
  if (lacking.length === 0) return `${differs}: it allows more`
  const consequences = lacking.map((one) => consequence(component, one)).filter((one) => one !== undefined)
  return `${differs}: it lacks ${lacking.join(', ')}${consequences.length > 0 ? `; ${[...new Set(consequences)].join('; ')}` : ''}`
}

function consequence(component: string, permission: string): string | undefined {
  return CONSEQUENCES.find(([name, pattern]) => (name === '' || name === component) && pattern.test(permission))?.[2]
}

/** What a Role allows, as `verb resource` each. */
function permissions(role: KubeObject & Rbac): Set<string> {
  return new Set(
    (role.rules ?? []).flatMap(({ resources = [], verbs = [], resourceNames = [] }) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => `${verb} ${resource}${resourceNames.length > 0 ? ` ${resourceNames.join(' ')}` : ''}`),
      ),
    ),
  )
}

function essential({ rules, roleRef, subjects }: KubeObject & Rbac): unknown[] {
  return [
    rules,
    roleRef?.kind,
    roleRef?.name,
    subjects?.map(({ kind, name, namespace }) => `${kind} ${namespace}/${name}`).sort(),
  ]
}
