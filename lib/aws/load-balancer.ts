import { Problem } from '../base/problem.ts'
import { onPath, quote, tryRun } from '../base/shell.ts'
import { listObjects } from '../kubernetes/cluster.ts'
import { kubectlLine, kubectlTarget } from '../kubernetes/kubectl.ts'
import { getObjects } from '../kubernetes/snapshot.ts'
import { currentRun, markWritten } from '../run/context.ts'
import type { Change } from '../run/result.ts'
import { change } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { type Cluster, hasManagedLoadBalancers } from './eks.ts'

// ---- The AWS Load Balancer Controller ---------------------------------------------------------------------------

/** What makes load balancers of Ingresses: EKS itself, a controller that is there, or nothing yet. */
export type LoadBalancerController =
  | { by: 'auto' }
  | { by: 'controller'; class: string; managed: boolean }
  | { by: 'nothing' }

export const CONTROLLER = 'aws-load-balancer-controller'

/** The chart of aws/eks-charts that is installed when there is none; its controller has the same version. */
const CHART = '3.5.0'

/** Looks for what makes load balancers of Ingresses. */
export async function findController(about: Cluster): Promise<LoadBalancerController> {
  if (hasManagedLoadBalancers(about)) return { by: 'auto' }
  const classes = (await listObjects('IngressClass')).filter(
    (one) => (one.spec as { controller?: string }).controller === 'ingress.k8s.aws/alb',
  )
  const deployments = await getObjects(
    'deployments.apps,serviceaccounts',
    '-A',
    '-l',
    `app.kubernetes.io/name=${CONTROLLER}`,
  )
  const running = deployments.find((one) => one.kind === 'Deployment')
  if (!running) return { by: 'nothing' }
  const ours = deployments.some(
    (one) => one.kind === 'ServiceAccount' && one.metadata.labels?.['app.kubernetes.io/managed-by'] === 'prow-runbook',
  )
  const name = classes.find((one) => one.metadata.name === 'alb') ?? classes[0]
  // The class comes last in an installation: ours was cut off. Over somebody else's helm must not write.
  if (!name && ours) return { by: 'nothing' }
  if (!name) {
    throw new Problem(
      'the AWS Load Balancer Controller is there, and no IngressClass leads to it',
      'Make an IngressClass with the controller ingress.k8s.aws/alb, then run the same line.',
    )
  }
  return { by: 'controller', class: name.metadata.name, managed: ours }
}

/** Where the chart takes the controller's image from, with the tag of its version. */
export const CONTROLLER_IMAGE = `public.ecr.aws/eks/${CONTROLLER}:v${CHART}`

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

/** The arguments of helm that install the controller. */
export function helmArguments(settings: Settings, about: Cluster): string[] {
  const { kubeconfig, context } = kubectlTarget()
  const region = settings.AWS_REGION
  const values: Record<string, string | undefined> = {
    clusterName: settings.CLUSTER_NAME,
    region,
    vpcId: about.resourcesVpcConfig.vpcId,
    'serviceAccount.create': 'false',
    'serviceAccount.name': CONTROLLER,
    // Our Ingresses use none of them, the role has no right to them, and China has no Shield.
    enableShield: 'false',
    enableWaf: 'false',
    enableWafv2: 'false',
    // By default the controller takes every new Service of type LoadBalancer for its own, and while it is down no
    // Service at all can be made.
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
    '--kubeconfig',
    kubeconfig,
    '--kube-context',
    context,
    ...Object.entries(values).flatMap(([name, value]) => (value ? ['--set', `${name}=${value}`] : [])),
    '--wait',
    '--timeout',
    `${settings.WAIT_SECONDS}s`,
  ]
}

/** Installs the controller with helm; without helm throws a Problem with the lines to type where helm is. */
export async function installController(settings: Settings, about: Cluster): Promise<Change> {
  const { plan } = currentRun()
  const args = helmArguments(settings, about)
  if (!onPath('helm')) {
    if (plan) return change(false, [], 'helm is not on PATH: a person has to install it')
    throw new Problem(
      'the AWS Load Balancer Controller is not in the cluster, and helm is not on PATH',
      [
        'Its role and its service account are made. Install helm and run the same line again, or type where helm is:',
        ['helm', ...args].map(quote).join(' '),
        'INGRESS=nginx or INGRESS=none do without it.',
      ].join('\n'),
    )
  }
  if (plan) return change(false, [], `by helm, chart ${CHART}`)
  markWritten()
  const ended = await tryRun('helm', args)
  if (ended.exitCode !== 0) {
    const said = ended.stderr.trim().split('\n').at(-1) ?? ''
    const { kubeconfig, context } = kubectlTarget()
    const uninstall = [
      'uninstall',
      CONTROLLER,
      '-n',
      'kube-system',
      '--kubeconfig',
      kubeconfig,
      '--kube-context',
      context,
    ]
    throw new Problem(
      `helm could not install the AWS Load Balancer Controller: ${said}`,
      // What helm leaves when it is killed.
      /another operation .* is in progress/.test(said)
        ? `An installation was cut off. Remove what it left, then run the same line: ${['helm', ...uninstall].map(quote).join(' ')}`
        : `See ${kubectlLine('-n', 'kube-system', 'get', 'pods', '-l', `app.kubernetes.io/name=${CONTROLLER}`)}`,
    )
  }
  return change(false, [], `by helm, chart ${CHART}`)
}
