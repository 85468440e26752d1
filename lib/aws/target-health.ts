import { readAws } from './cli.ts'

/** A target of a load balancer as `aws elbv2 describe-target-health` answers it. */
export interface TargetState {
  Target: { Id: string; Port?: number }
  TargetHealth: { State: string; Reason?: string; Description?: string }
}

/** The targets of a target group and how they are; undefined when there is no such group. */
export async function readTargets(arn: string): Promise<TargetState[] | undefined> {
  const args = ['elbv2', 'describe-target-health', '--target-group-arn', arn]
  const answer = await readAws<{ TargetHealthDescriptions: TargetState[] }>(args, /^TargetGroupNotFound/)
  return answer?.TargetHealthDescriptions
}

/** What a reason code of a target means, and what to do; the codes are those of the API of Elastic Load Balancing. */
export function targetProblem({ TargetHealth: { State, Reason = '', Description = '' } }: TargetState): {
  cause: string
  remedy: string
} {
  const known: Record<string, [cause: string, remedy: string]> = {
    'Target.ResponseCodeMismatch': [
      'the health check gets another status code than it expects',
      'The health check path has to be one that answers 200: / for hook and Deck (GET /hook is answered with 405).',
    ],
    'Target.Timeout': [
      'the health check gets no answer in time',
      'A security group or a NetworkPolicy keeps the load balancer from the pods, or they are overloaded. The security groups of the nodes must admit that of the load balancer on the port of the pods.',
    ],
    'Target.FailedHealthChecks': [
      'the connection of the health check fails',
      'Nothing listens on that port of the pod, or a security group rejects the connection.',
    ],
    'Target.IpUnusable': [
      'its address is in use by the load balancer itself',
      'Delete the pod: the next one gets another address.',
    ],
    'Target.NotInUse': [
      'the target group is used by no listener, or the load balancer is not in the zone of the target',
      'The subnets of the load balancer have to be in every zone that has nodes: tag one in each.',
    ],
    'Target.NotRegistered': ['the pod is not registered', 'The controller registers pods: read its log.'],
    'Elb.InternalError': [
      'the load balancer has an internal error',
      'Wait some minutes; if it stays, ask AWS Support.',
    ],
  }
  const [cause, remedy] = known[Reason] ?? [
    Description || `its state is ${State}`,
    'Look at the target group in the EC2 console, and at the log of the pod.',
  ]
  return { cause, remedy }
}
