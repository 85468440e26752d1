import type { Settings } from '../settings/table.ts'
import type { Check } from './check.ts'
import { inputStream, kubectl } from './kubectl.ts'
import { parseObjects } from './snapshot.ts'

interface Permission {
  verb: string
  group?: string
  resource: string
  subresource?: string
  namespace?: string
}

/** A sample of what the runbook does in the cluster: one verb for each kind that a Role may leave out. */
function wanted(settings: Settings): Permission[] {
  const inProw = ['secrets', 'configmaps', 'serviceaccounts', 'services', 'persistentvolumeclaims']
  return [
    { verb: 'create', resource: 'namespaces' },
    { verb: 'create', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
    ...inProw.flatMap((resource) => [
      { verb: 'patch', resource, namespace: 'prow' },
      { verb: 'list', resource, namespace: 'prow' },
    ]),
    { verb: 'patch', resource: 'secrets', namespace: 'test-pods' },
    { verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'prow' },
    { verb: 'patch', group: 'rbac.authorization.k8s.io', resource: 'roles', namespace: 'prow' },
    { verb: 'patch', group: 'rbac.authorization.k8s.io', resource: 'roles', namespace: 'test-pods' },
    { verb: 'patch', group: 'networking.k8s.io', resource: 'ingresses', namespace: 'prow' },
    // 06-config runs checkconfig in a pod and sends it the configuration.
    ...(settings.CHECKCONFIG === 'on'
      ? [
          { verb: 'create', resource: 'pods', namespace: 'prow' },
          { verb: 'create', resource: 'pods', subresource: 'attach', namespace: 'prow' },
        ]
      : []),
  ]
}

const shown = ({ verb, resource, subresource, namespace }: Permission) =>
  `${verb} ${resource}${subresource ? `/${subresource}` : ''}${namespace ? ` in ${namespace}` : ''}`

/** That the operator may do what the runbook does. One request asks for all of it, as `kubectl auth can-i` asks for one. */
export function permissions(settings: Settings): Check[] {
  const asked = wanted(settings)
  return [
    {
      fact: 'you have the permissions that the runbook needs',
      remedy: 'Ask for these permissions; cluster-admin has them all.',
      inspect: async () => {
        const reviews = asked.map((attributes) => ({
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: attributes },
        }))
        const answers = parseObjects(
          await kubectl(['create', '--validate=false', '-o', 'json', '-f', '-'], {
            input: inputStream(reviews),
            comment: `${asked.length} SelfSubjectAccessReviews`,
          }),
        )
        const denied = asked.filter((_, index) => !(answers[index]?.status as { allowed?: boolean })?.allowed)
        return denied.length === 0 || `you are not authorized to ${denied.map(shown).join(', ')}`
      },
    },
  ]
}
