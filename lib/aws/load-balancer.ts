import { Problem, passed } from '../base/problem.ts'
import { onPath, quote, tryRun } from '../base/shell.ts'
import { need } from '../kubernetes/check.ts'
import { manifestsWith } from '../kubernetes/manifests.ts'
import { isManaged } from '../kubernetes/ownership.ts'
import { apply } from '../kubernetes/resources.ts'
import { forgetSnapshot, getObjects, listObjects } from '../kubernetes/snapshot.ts'
import { currentRun, forget, markWritten, readOnce, target } from '../run/context.ts'
import { findings } from '../run/findings.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import type { Change } from '../run/result.ts'
import { change, task } from '../run/task.ts'
import { partition, roleArn, roleName } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { type Cluster, hasManagedLoadBalancers } from './eks.ts'
import { ensureRole, type RoleSpec } from './iam.ts'
import { oidcProvider } from './oidc.ts'
import { loadBalancerPolicy } from './policy.ts'

/** What creates load balancers for Ingresses: EKS Auto Mode, an AWS Load Balancer Controller, or nothing yet. */
export type LoadBalancerController =
  | { kind: 'auto' }
  | { kind: 'installed'; class: string; managed: boolean }
  | { kind: 'none' }

export const CONTROLLER = 'aws-load-balancer-controller'

/** The chart of aws/eks-charts that is installed when there is none; its controller has the same version. */
const CHART = '3.5.0'

/** Where the chart takes the controller's image from, with the tag of its version. */
export const CONTROLLER_IMAGE = `public.ecr.aws/eks/${CONTROLLER}:v${CHART}`

/** The label of everything that belongs to the controller. */
export const CONTROLLER_LABEL = `app.kubernetes.io/name=${CONTROLLER}`

const QUESTION = `kubectl get ${CONTROLLER}`

/**
 * Finds out what creates load balancers in a cluster. Throws a Problem when a controller that the runbook did not install
 * has no IngressClass: it must not be installed over.
 */
export async function findController(cluster: Cluster): Promise<LoadBalancerController> {
  if (hasManagedLoadBalancers(cluster)) return { kind: 'auto' }
  const kinds = 'deployments.apps,serviceaccounts'
  const [classes, objects] = await Promise.all([
    listObjects('IngressClass'),
    readOnce(QUESTION, () => getObjects(kinds, '-A', '-l', CONTROLLER_LABEL)),
  ])
  if (!objects.some(({ kind }) => kind === 'Deployment')) return { kind: 'none' }
  const managed = objects.some((one) => one.kind === 'ServiceAccount' && isManaged(one))
  const names = classes
    .filter(({ spec }) => (spec as { controller?: string }).controller === 'ingress.k8s.aws/alb')
    .map(({ metadata }) => metadata.name)
  const name = names.find((one) => one === 'alb') ?? names[0]
  if (name) return { kind: 'installed', class: name, managed }
  // The class comes last in an installation: the runbook's own was interrupted.
  if (managed) return { kind: 'none' }
  throw new Problem(
    'the AWS Load Balancer Controller is installed, but no IngressClass names it',
    'Create an IngressClass with the controller ingress.k8s.aws/alb, then run the same line.',
  )
}

/** The controller's image where it is another than the chart's own; nodes elsewhere, GovCloud too, reach that one. */
export function controllerImage(settings: Settings): string | undefined {
  // The registries of EKS in China, in its guide under "container image registries for add-ons".
  const registries: Record<string, string> = {
    'cn-north-1': '918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn',
    'cn-northwest-1': '961992271922.dkr.ecr.cn-northwest-1.amazonaws.com.cn',
  }
  if (settings.IMAGE_MIRROR) return `${settings.IMAGE_MIRROR}/eks/${CONTROLLER}:v${CHART}`
  const registry = registries[settings.AWS_REGION]
  return registry && `${registry}/amazon/${CONTROLLER}:v${CHART}`
}

/** The controller's role. */
export function controllerRole(settings: Settings): RoleSpec {
  return {
    name: roleName(settings, 'load-balancer-controller'),
    description: 'The AWS Load Balancer Controller: creates load balancers for Ingresses',
    serviceAccounts: [`kube-system:${CONTROLLER}`],
    policy: { name: 'load-balancers', document: loadBalancerPolicy(partition(settings.AWS_REGION)) },
  }
}

/** Installs the controller or corrects the runbook's own, with its role and ServiceAccount. Any other is left as it is. */
export async function ensureController(
  settings: Settings,
  cluster: Cluster,
  controller: LoadBalancerController,
): Promise<void> {
  if (controller.kind === 'auto') return findings(passed('EKS Auto Mode creates load balancers itself'))
  const installed = controller.kind === 'installed'
  const found = installed ? `the AWS Load Balancer Controller is installed (class ${controller.class})` : ''
  if (installed && !controller.managed) return findings(passed(found, 'not by the runbook: left as it is'))
  await need(oidcProvider)
  const role = controllerRole(settings)
  await task(`role ${role.name}`, () => ensureRole(settings, role))
  const values = { CONTROLLER_ROLE_ARN: roleArn(settings, role.name) }
  await apply({
    name: 'ServiceAccount of the controller',
    manifests: manifestsWith(settings, values, 'ingress/controller-account.yaml'),
  })
  if (installed) return findings(passed(found))
  await task('AWS Load Balancer Controller', () => installController(settings, cluster))
  forgetSnapshot()
  forget(QUESTION)
}

/** The arguments of helm that install the controller into the cluster of its kubeconfig. */
export function helmArguments(settings: Settings, cluster: Cluster): string[] {
  const values: Record<string, string | undefined> = {
    clusterName: settings.CLUSTER_NAME,
    region: settings.AWS_REGION,
    vpcId: cluster.resourcesVpcConfig.vpcId,
    'serviceAccount.create': 'false',
    'serviceAccount.name': CONTROLLER,
    // Prow's Ingresses use none of them, the role has no permission for them, and China has no Shield.
    enableShield: 'false',
    enableWaf: 'false',
    enableWafv2: 'false',
    // By default the controller takes over every new Service of type LoadBalancer, and while it is down no Service at
    // all can be created.
    enableServiceMutatorWebhook: 'false',
    'image.repository': controllerImage(settings)?.slice(0, -`:v${CHART}`.length),
  }
  return [
    'upgrade',
    '--install',
    CONTROLLER,
    CONTROLLER,
    '--repo',
    'https://aws.github.io/eks-charts',
    '--version',
    CHART,
    '--namespace',
    'kube-system',
    ...Object.entries(values).flatMap(([name, value]) => (value ? ['--set', `${name}=${value}`] : [])),
    '--wait',
    '--timeout',
    `${settings.WAIT_SECONDS}s`,
  ]
}

/** A helm line for the reader that works as typed: the target lock's environment is not theirs. */
function helmLine(...args: string[]): string {
  const { kubeconfig, context } = target()
  return ['helm', ...args, '--kubeconfig', kubeconfig, '--kube-context', context].map(quote).join(' ')
}

/** Installs the controller with helm; without helm throws a Problem ('missing-program') with the line to type elsewhere. */
async function installController(settings: Settings, cluster: Cluster): Promise<Change> {
  const { plan } = currentRun()
  const args = helmArguments(settings, cluster)
  if (!onPath('helm')) {
    if (plan) return change(false, [], 'helm is not on PATH: install it before')
    throw new Problem(
      'the AWS Load Balancer Controller is not installed, and helm is not on PATH',
      [
        'Its role and its ServiceAccount exist. Install helm and run the same line again, or type where helm is:',
        helmLine(...args),
        'INGRESS=none needs no controller.',
      ].join('\n'),
      { code: 'missing-program' },
    )
  }
  if (plan) return change(false, [], `by helm, chart ${CHART}`)
  markWritten()
  // helm has a limit of its own, and prints what it waited for when that is over.
  const { stderr, exitCode } = await tryRun('helm', args, { timeout: settings.WAIT_SECONDS + 60 })
  if (exitCode === 0) return change(false, [], `by helm, chart ${CHART}`)
  throw new Problem(
    `helm could not install the AWS Load Balancer Controller: ${stderr.trim().split('\n').at(-1)}`,
    // The state of a release whose helm was killed.
    /another operation .* is in progress/.test(stderr)
      ? `An installation was interrupted. Remove what it created, then run the same line: ${helmLine('uninstall', CONTROLLER, '-n', 'kube-system')}`
      : `Check ${kubectlLine('-n', 'kube-system', 'get', 'pods', '-l', CONTROLLER_LABEL)}`,
  )
}
