import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KubeObject, manifests } from '../../../lib/kubernetes/manifests.ts'
import { COMPONENTS } from '../../../lib/prow/checks.ts'
import { rbacProblem } from '../../../lib/prow/rbac-problem.ts'
import { EKS, settings } from '../world.ts'

type Role = KubeObject & { rules: { resources: string[]; verbs: string[] }[] }

const all = COMPONENTS.flatMap((component) =>
  manifests(settings(EKS), component)
    .map(({ object }) => ({ component, object }))
    .filter(({ object }) => object.kind === 'Role' || object.kind === 'RoleBinding'),
)
const roleOf = (component: string, namespace: string) =>
  all.find(
    ({ object }) =>
      object.kind === 'Role' && object.metadata.name === component && object.metadata.namespace === namespace,
  )!.object

/** The problem of a role without a verb on a resource. */
function without(component: string, namespace: string, resource: string, verb: string): string | undefined {
  const wanted = roleOf(component, namespace)
  const role = structuredClone(wanted) as Role
  for (const rule of role.rules)
    if (rule.resources.includes(resource)) rule.verbs = rule.verbs.filter((one) => one !== verb)
  return rbacProblem(role, wanted, component)
}

test('what is as its manifest has it is no problem', () => {
  for (const { component, object } of all)
    assert.equal(rbacProblem(structuredClone(object), object, component), undefined)
})

test('a permission that is missing has its consequence', () => {
  assert.match(
    without('prow-controller-manager', 'test-pods', 'pods', 'create')!,
    /Role test-pods\/prow-controller-manager .*: it lacks create pods; jobs stay in the state triggered$/,
  )
  assert.match(
    without('sinker', 'prow', 'leases', 'update')!,
    /update leases prow-sinker-leaderlock; it cannot become the leader/,
  )
  assert.match(without('hook', 'prow', 'configmaps', 'get')!, /get configmaps; merged configuration is not applied/)
  assert.match(without('crier', 'test-pods', 'pods', 'patch')!, /pods hang while being deleted$/)
  assert.match(without('horologium', 'prow', 'prowjobs', 'create')!, /periodic jobs do not start$/)
})

test('all that is missing is named once, and what is allowed beyond the manifest', () => {
  const wanted = roleOf('tide', 'prow')
  const empty = { ...structuredClone(wanted), rules: [] }
  const text = rbacProblem(empty, wanted, 'tide')!
  assert.match(text, /lacks create prowjobs, get prowjobs, list prowjobs, watch prowjobs; Tide starts no tests/)
  assert.equal(text.match(/Tide starts/g)?.length, 1)
  const more = structuredClone(wanted) as Role
  more.rules[0]!.verbs.push('delete')
  assert.match(rbacProblem(more, wanted, 'tide')!, /: it allows more$/)
})
