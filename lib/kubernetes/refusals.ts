import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'

/** Why the API server refuses to create or change an object, in its own words. */
export interface Refusal {
  id: string
  pattern: RegExp
  remedy: (message: string) => string
  /** Whether waiting cannot help. */
  lasting?: true
}

const nameIn = (message: string, pattern: RegExp) => pattern.exec(message)?.[1]

/**
 * Refusals by admission, of which most contain the word "forbidden" but none is about the rights of the user. They hold
 * for kubectl as for the controllers that create pods. The first row that fits counts.
 */
export const REFUSALS: Refusal[] = [
  {
    id: 'PRW-ADM-001',
    pattern: /because it is being terminated/,
    remedy: (message) => {
      const name = nameIn(message, /namespace "?([\w-]+)"? because/) ?? 'prow'
      return `The namespace is being deleted. Wait for its end, then run ${rerunLine('02-namespaces')}. If it hangs, its conditions say why: ${kubectlLine('get', 'namespace', name, '-o', 'yaml')}`
    },
  },
  {
    id: 'PRW-ADM-002',
    pattern: /exceeded quota|failed quota/,
    remedy: (message) => {
      const quota = nameIn(message, /(?:exceeded|failed) quota: ([\w.-]+)/)
      const must = nameIn(message, /must specify ([\w.,-]+)/)
      return must
        ? `ResourceQuota ${quota} admits only pods that set ${must}. Add a LimitRange with defaults to the namespace.`
        : `Raise ResourceQuota ${quota ?? ''} of the namespace: ${kubectlLine('describe', 'resourcequota', quota ?? '', '-A')}`
    },
  },
  {
    id: 'PRW-ADM-003',
    pattern: /(?:maximum|minimum) (?:cpu|memory|[\w.-]+) usage per|limit to request ratio/,
    remedy: () =>
      `A LimitRange of the namespace allows no container of this size. Change it: ${kubectlLine('get', 'limitrange', '-A')}`,
  },
  {
    id: 'PRW-ADM-004',
    pattern: /violates PodSecurity/,
    remedy: () => 'The namespace admits no such pod. See POD_SECURITY and JOB_POD_SECURITY.',
    lasting: true,
  },
  {
    id: 'PRW-ADM-005',
    pattern: /ValidatingAdmissionPolicy|admission webhook "[^"]+" denied the request/,
    remedy: (message) => {
      const by =
        nameIn(message, /ValidatingAdmissionPolicy '([^']+)'/) ?? nameIn(message, /admission webhook "([^"]+)" denied/)
      return `A policy of the cluster (${by}) denies it, for the reason above. Ask its owners for an exception for the namespaces prow and test-pods.`
    },
    lasting: true,
  },
  {
    id: 'PRW-ADM-006',
    pattern: /serviceaccounts? "[^"]+" not found|error looking up service account/,
    remedy: () => `Run ${rerunLine('05-service-accounts')}.`,
    lasting: true,
  },
  {
    id: 'PRW-ADM-007',
    pattern: /no PriorityClass with name/,
    remedy: () => 'Create the PriorityClass, or take it from the pod.',
    lasting: true,
  },
  {
    id: 'PRW-ADM-008',
    pattern: /failed calling webhook "[^"]*".*x509/s,
    remedy: (message) => {
      const name = nameIn(message, /failed calling webhook "([^"]+)"/) ?? ''
      const lbc = /elbv2\.k8s\.aws/.test(name)
      return lbc
        ? `The AWS Load Balancer Controller answers with a certificate of another CA than its webhook names. Restart it: ${kubectlLine('-n', 'kube-system', 'rollout', 'restart', 'deployment/aws-load-balancer-controller')}; if that does not help, install it again.`
        : `The webhook answers with a certificate of another CA than its configuration names. Restart what serves it, or renew its caBundle: ${kubectlLine('get', 'validatingwebhookconfigurations,mutatingwebhookconfigurations')}`
    },
  },
  {
    id: 'PRW-ADM-009',
    pattern: /failed calling webhook "validate\.nginx/,
    remedy: () =>
      'The admission webhook of ingress-nginx does not answer. Check its pods in ingress-nginx, or set NGINX_ADMISSION=off.',
  },
  {
    id: 'PRW-ADM-010',
    pattern: /failed calling webhook "\w+\.elbv2\.k8s\.aws/,
    remedy: () =>
      'The AWS Load Balancer Controller does not answer. Check its pods in kube-system, and that the security group of the nodes admits the control plane on port 9443.',
  },
  {
    id: 'PRW-ADM-011',
    pattern: /failed calling webhook/,
    remedy: () => 'An admission webhook of the cluster does not answer. Restore it, then run the step again.',
  },
]

/** The refusal that a message of the API server is; undefined when it is none of admission. */
export function refusalOf(message: string): Refusal | undefined {
  return REFUSALS.find(({ pattern }) => pattern.test(message))
}
