import { type Finding, Problem, passed, warning } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import { readAws } from './cli.ts'
import { readDaily } from './daily.ts'
import { parseDate } from './dates.ts'
import { usesMfa } from './profile.ts'

/** Who the credentials are. */
export interface Caller {
  Account: string
  Arn: string
}

/** A cluster as `aws eks describe-cluster` answers it: the fields that the runbook reads. */
export interface Cluster {
  name: string
  arn: string
  version: string
  status: string
  endpoint: string
  certificateAuthority: { data: string }
  identity?: { oidc?: { issuer?: string } }
  accessConfig?: { authenticationMode?: string }
  resourcesVpcConfig: { vpcId?: string; endpointPublicAccess?: boolean; publicAccessCidrs?: string[] }
  computeConfig?: { enabled?: boolean }
  storageConfig?: { blockStorage?: { enabled?: boolean } }
  kubernetesNetworkConfig?: { elasticLoadBalancing?: { enabled?: boolean } }
}

/** For how many seconds an MFA code may be typed. */
const TYPING = 300

/**
 * Who the credentials are. Where aws asks for an MFA code this has to end before another call begins: a code is valid
 * once, and aws keeps the session that it gave for the calls that follow.
 */
export async function callerIdentity(): Promise<Caller> {
  const asks = usesMfa() && process.stdin.isTTY
  const options = asks ? { terminal: true, timeout: TYPING } : {}
  return (await readAws<Caller>(['sts', 'get-caller-identity'], undefined, options))!
}

/** The cluster of the settings; undefined when there is none of that name in the region. */
export async function describeCluster(settings: Settings): Promise<Cluster | undefined> {
  const args = ['eks', 'describe-cluster', '--name', settings.CLUSTER_NAME]
  return (await readAws<{ cluster: Cluster }>(args, /^ResourceNotFoundException/))?.cluster
}

/** The cluster of the settings. Throws a Problem when EKS has none of that name. */
export async function eksCluster(settings: Settings): Promise<Cluster> {
  const found = await describeCluster(settings)
  if (!found) throw new Problem(`EKS has no cluster ${settings.CLUSTER_NAME}`, 'Set CLUSTER_NAME to one that it has.')
  return found
}

/** Whether EKS itself provisions volumes, as Auto Mode does. */
export function hasManagedStorage({ storageConfig, computeConfig }: Cluster): boolean {
  return Boolean(storageConfig?.blockStorage?.enabled ?? computeConfig?.enabled)
}

/** Whether EKS itself creates load balancers for Ingresses, as Auto Mode does. */
export function hasManagedLoadBalancers({ kubernetesNetworkConfig, computeConfig }: Cluster): boolean {
  return Boolean(kubernetesNetworkConfig?.elasticLoadBalancing?.enabled ?? computeConfig?.enabled)
}

/** The IAM principal of a caller: EKS knows an assumed role by the role, not by its session. */
export function principalArn(arn: string): string {
  const session = /^arn:([\w-]+):sts::(\d+):assumed-role\/([^/]+)\//.exec(arn)
  return session ? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}` : arn
}

/** A Kubernetes version in EKS's list. */
export interface ClusterVersion {
  clusterVersion: string
  endOfStandardSupportDate?: string | number
  endOfExtendedSupportDate?: string | number
}

/** Until when EKS supports the cluster's Kubernetes version; undefined when EKS does not answer that. */
export async function supportStatus(settings: Settings): Promise<Finding | undefined> {
  const { version } = await eksCluster(settings)
  const args = ['eks', 'describe-cluster-versions', '--cluster-versions', version]
  try {
    const answer = await readDaily<{ clusterVersions: ClusterVersion[] }>(settings, args)
    return supportFinding(version, answer?.clusterVersions ?? [], new Date())
  } catch (error) {
    // An older aws does not have the command, and the caller may not be authorized: nothing depends on the answer.
    if (error instanceof Problem && error.code !== 'interrupted') return undefined
    throw error
  }
}

/** For how many days the end of standard support is announced. */
const ANNOUNCED = 60

/** Until when `version` is supported, out of EKS's list of versions, as seen at `now`. */
export function supportFinding(version: string, versions: ClusterVersion[], now: Date): Finding | undefined {
  const found = versions.find(({ clusterVersion }) => clusterVersion === version)
  const standard = parseDate(found?.endOfStandardSupportDate)
  if (!standard) return undefined
  const extended = parseDate(found?.endOfExtendedSupportDate)?.toISOString().slice(0, 10) ?? 'an unknown day'
  if (standard < now) {
    return warning(
      `EKS ${version} is in extended support, which costs extra, until ${extended}`,
      'Plan the upgrade: AWS upgrades the cluster by itself when extended support ends.',
    )
  }
  const message = `EKS ${version} has standard support until ${standard.toISOString().slice(0, 10)}`
  const soon = standard.getTime() - now.getTime() < ANNOUNCED * 24 * 3600 * 1000
  return soon
    ? warning(message, `Plan the upgrade: extended support, which costs extra, then ends ${extended}.`)
    : passed(message)
}
