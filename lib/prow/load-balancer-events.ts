import { CONTROLLER } from '../aws/load-balancer.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import { rerunLine } from '../run/rerun.ts'

/** Why the controller creates no load balancer for an Ingress, by its events. */
export interface LoadBalancerCause {
  /** The id of the doctor's finding. */
  id: string
  cause: string
  remedy: string
  /** The event that it was read from. */
  event: string
}

interface Meaning {
  id: string
  pattern: RegExp
  cause: (event: string) => string
  remedy: (event: string, internal: boolean) => string
}

const account = () => kubectlLine('-n', 'kube-system', 'get', 'serviceaccount', CONTROLLER, '-o', 'yaml')

// In the order of what the controller needs: without credentials it finds no subnets either, and an event about subnets
// then contains why. A row therefore stands before those whose words its message may contain.
const MEANINGS: Meaning[] = [
  {
    id: 'PRW-ING-010',
    pattern:
      /NoCredentialProviders|failed to refresh cached credentials|EC2 IMDS|WebIdentity|InvalidIdentityToken|InvalidClientTokenId|ExpiredToken|get credentials/i,
    cause: () => 'the controller has no credentials of AWS: its role cannot be assumed',
    remedy: () =>
      `Run ${rerunLine('11-ingress')}, which corrects the role when the runbook created it. Of another controller check the role that its ServiceAccount names, and the trust policy of that role: ${account()}`,
  },
  {
    id: 'PRW-ING-011',
    pattern: /AccessDenied|not authorized|UnauthorizedOperation|Forbidden/i,
    cause: (event) => {
      const action =
        /perform:? ([\w-]+:\w+)/.exec(event)?.[1] ??
        /calling the (\w+) operation|operation error [^:]+: (\w+)/.exec(event)?.slice(1).find(Boolean)
      return `the role of the controller lacks a permission${action ? `, ${action}` : ''}`
    },
    remedy: () =>
      `Run ${rerunLine('11-ingress')}, which corrects the role when the runbook created it. To that of another controller add the permission; its ServiceAccount names it: ${account()}`,
  },
  {
    id: 'PRW-ING-012',
    pattern: /certificate/i,
    cause: () => 'the load balancer cannot use the certificate',
    remedy: () => 'Make CERTIFICATE_ARN name one that is ISSUED, in this region and for PROW_HOST, or leave it empty.',
  },
  {
    id: 'PRW-ING-014',
    pattern: /TooMany|LimitExceeded|quota|not enough IP|free addresses|InsufficientFreeAddresses/i,
    cause: (event) =>
      /IP|addresses/i.test(event) ? 'a subnet has too few free addresses' : 'a limit of the account is reached',
    remedy: (event) =>
      /IP|addresses/i.test(event)
        ? 'A load balancer needs 8 free addresses in each of its subnets: free some, or tag another subnet of that zone.'
        : 'Remove load balancers, target groups or rules that nothing needs, or have the quota raised (Service Quotas, Elastic Load Balancing).',
  },
  {
    id: 'PRW-ING-013',
    pattern: /subnet/i,
    cause: () => 'the controller finds no subnets for the load balancer',
    remedy: (_, internal) =>
      `Tag two subnets or more with kubernetes.io/role/${internal ? 'internal-elb' : 'elb'}=1, in two zones, with 8 free addresses each.`,
  },
  {
    id: 'PRW-ING-015',
    pattern: /conflict/i,
    cause: () => 'Ingresses of one group contradict each other',
    remedy: () =>
      `Run ${rerunLine('11-ingress')}, which gives Prow's own the same values; others of the group have to follow.`,
  },
]

/** The cause that the newest of an Ingress's events show; undefined when none is known. `internal`: for inside the network. */
export function loadBalancerCause(events: string[], internal: boolean): LoadBalancerCause | undefined {
  for (const { id, pattern, cause, remedy } of MEANINGS) {
    const event = events.find((one) => pattern.test(one))
    if (event) return { id, cause: cause(event), remedy: remedy(event, internal), event }
  }
  return undefined
}
