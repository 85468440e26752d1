import { coversEverything } from '../base/cidr.ts'
import { Problem } from '../base/problem.ts'
import { isTransient } from '../kubernetes/errors.ts'
import type { Settings } from '../settings/table.ts'
import type { Cluster } from './eks.ts'

/** What kubectl prints when nothing answers at an address; a refused connection was answered. */
const NO_ANSWER = /i\/o timeout|no such host|no route to host|deadline exceeded|Client\.Timeout|TLS handshake timeout/

/**
 * Why an EKS cluster cannot be reached from this machine, when its endpoint admits only some networks; undefined when
 * kubectl failed for another reason, or the endpoint is open to everybody.
 */
export function endpointProblem(
  { CLUSTER_NAME: name, AWS_REGION: region }: Settings,
  { resourcesVpcConfig: { vpcId, endpointPublicAccess, publicAccessCidrs: cidrs = [] } }: Cluster,
  stderr: string,
): Problem | undefined {
  if (!NO_ANSWER.test(stderr) || !isTransient(stderr)) return undefined
  const update = (access: string) =>
    `aws eks update-cluster-config --name ${name} --region ${region} --resources-vpc-config ${access}`
  if (endpointPublicAccess === false) {
    return new Problem(
      `the API server of cluster ${name} does not answer: its endpoint is private, for VPC ${vpcId} only`,
      `Connect to that network (VPN, bastion, CloudShell in the VPC), then run the same line. Or open the endpoint to one address:\n${update('endpointPublicAccess=true,publicAccessCidrs=YOUR_ADDRESS/32')}`,
      { code: 'unreachable' },
    )
  }
  if (cidrs.length === 0 || coversEverything(cidrs)) return undefined
  return new Problem(
    `the API server of cluster ${name} does not answer: its endpoint admits ${cidrs.join(', ')}`,
    `curl https://checkip.amazonaws.com prints the address of this machine. Connect to a network that is admitted, or add it:\n${update(`publicAccessCidrs=${[...cidrs, 'YOUR_ADDRESS/32'].join(',')}`)}`,
    { code: 'unreachable' },
  )
}
