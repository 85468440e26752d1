import type { KubeObject } from '../../kubernetes/manifests.ts'
import { labelOf } from '../../kubernetes/objects.ts'
import { stepOf } from '../../kubernetes/ownership.ts'
import { kubectlLine } from '../../run/kubectl-line.ts'
import { rerunLine } from '../../run/rerun.ts'
import type { Evidence } from '../evidence.ts'
import type { Row } from '../row.ts'

interface Policy {
  podSelector?: { matchLabels?: Record<string, string>; matchExpressions?: unknown[] }
  policyTypes?: string[]
  ingress?: unknown[]
  egress?: unknown[]
}

/** A NetworkPolicy that closes a direction for the pods that it selects. */
function closes(policy: KubeObject): string[] {
  const { policyTypes = ['Ingress'], ingress = [], egress = [] } = policy.spec as Policy
  return policyTypes.filter((type) => (type === 'Ingress' ? ingress : egress).length === 0)
}

const isManaged = ({ metadata }: KubeObject) =>
  (metadata.labels as Record<string, string> | undefined)?.['app.kubernetes.io/managed-by'] === 'prow-runbook'

/** Whether another policy opens that direction for all pods of the namespace. */
function isOpened({ objects }: Evidence, policy: KubeObject, type: string): boolean {
  return objects.ofKind('NetworkPolicy', policy.metadata.namespace).some((other) => {
    const { podSelector = {}, ingress = [], egress = [] } = other.spec as Policy
    const rules = type === 'Ingress' ? ingress : egress
    return other !== policy && Object.keys(podSelector).length === 0 && rules.length > 0
  })
}

export const networkRows: Row[] = [
  {
    id: 'PRW-NET-010',
    title: 'no NetworkPolicy cuts Prow off',
    severity: 'error',
    find: (evidence) =>
      ['prow', 'test-pods'].flatMap((namespace) =>
        evidence.objects
          .ofKind('NetworkPolicy', namespace)
          .filter((policy) => !isManaged(policy))
          .flatMap((policy) => {
            const closed = closes(policy).filter((type) => !isOpened(evidence, policy, type))
            // Nothing needs to reach a job pod.
            const matters = namespace === 'prow' ? closed : closed.filter((type) => type === 'Egress')
            if (matters.length === 0) return []
            return [
              {
                object: labelOf(policy),
                message: `NetworkPolicy ${namespace}/${policy.metadata.name} allows no ${matters.join(' and no ').toLowerCase()} traffic of the pods that it selects`,
                evidence: `policyTypes: ${matters.join(', ')}, without a rule`,
                remedy: `Prow's pods talk to each other, to the API server, to GitHub and to the bucket. Add rules that allow it, or remove the policy: ${kubectlLine('-n', namespace, 'describe', 'networkpolicy', policy.metadata.name)}`,
              },
            ]
          }),
      ),
  },
  {
    id: 'PRW-NET-011',
    title: 'every Service has endpoints',
    severity: 'error',
    find: ({ objects }) =>
      objects.ofKind('Service', 'prow').flatMap((service) => {
        const { name } = service.metadata
        const { selector } = service.spec as { selector?: Record<string, string> }
        if (!selector) return []
        const slices = objects
          .ofKind('EndpointSlice', 'prow')
          .filter(
            ({ metadata }) => (metadata.labels as Record<string, string>)?.['kubernetes.io/service-name'] === name,
          )
        const endpoints = slices.flatMap((slice) => (slice.endpoints ?? []) as { conditions?: { ready?: boolean } }[])
        if (endpoints.some(({ conditions }) => conditions?.ready !== false)) return []
        const shown = Object.entries(selector).map(([key, value]) => `${key}=${value}`)
        const selected = objects.ofKind('Deployment', 'prow').filter((one) => isSelected(one, selector))
        const step = rerunLine(stepOf(service) ?? '08-prow')
        return [
          {
            object: labelOf(service),
            message: `Service prow/${name} has no ready endpoint: ${selected.length > 0 ? 'no ready pod has' : 'no Deployment makes pods with'} the labels ${shown.join(', ')}`,
            evidence: `EndpointSlice of ${name}: ${endpoints.length} endpoints, 0 ready`,
            remedy:
              selected.length > 0
                ? `Check its pods: ${kubectlLine('-n', 'prow', 'get', 'pods', '-l', shown.join(','))}`
                : `Run ${step}, which corrects the selector.`,
            // Without its Deployment there is nothing that it could select.
            follows: [
              ...selected.map(labelOf),
              ...(objects.get('Deployment', name, 'prow') ? [] : [`Deployment prow/${name}`]),
            ],
          },
        ]
      }),
  },
]

/** Whether a selector selects the pods of a Deployment. */
function isSelected({ spec }: KubeObject, selector: Record<string, string>): boolean {
  const { labels = {} } =
    (spec as { template: { metadata?: { labels?: Record<string, string> } } }).template.metadata ?? {}
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}
