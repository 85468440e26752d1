import { type Cluster, hasManagedLoadBalancers } from '../aws/eks.ts'
import { type KubeObject, manifests } from '../kubernetes/manifests.ts'
import type { Settings } from '../settings/table.ts'
import { COMPONENTS } from './checks.ts'
import { ingressResources } from './ingress.ts'
import { usesLabelSync } from './labels.ts'

/**
 * The objects that the steps apply and keep as they are, apart from Secrets and ConfigMaps, whose content is the reader's.
 * What they are made of is in the settings; of an Ingress for a load balancer also in the one that exists (`found`):
 * the class of the controller and the certificate, which 11-ingress finds out.
 */
export function installedObjects(settings: Settings, cluster: Cluster | undefined, found: KubeObject[]): KubeObject[] {
  const always = manifests(
    settings,
    'namespaces',
    'service-accounts',
    ...COMPONENTS,
    ...(settings.OBJECT_STORE === 'on' ? ['object-store'] : []),
    ...(settings.PUSHGATEWAY === 'on' ? ['pushgateway'] : []),
    ...(usesLabelSync(settings) ? ['labels/label-sync-cronjob.yaml'] : []),
    ...(settings.INGRESS === 'nginx' ? ['ingress/nginx.yaml'] : []),
  )
  const [ingress] = found.filter(({ kind, metadata }) => kind === 'Ingress' && metadata.name === 'prow-hook')
  const certificate = ingress?.metadata.annotations?.['alb.ingress.kubernetes.io/certificate-arn']
  const name = (ingress?.spec as { ingressClassName?: string } | undefined)?.ingressClassName
  if (settings.INGRESS === 'none' || !cluster || !certificate || !name) return always.map(({ object }) => object)
  const balanced = ingressResources(
    settings,
    hasManagedLoadBalancers(cluster) ? { kind: 'auto' } : { kind: 'installed', class: name, managed: false },
    certificate,
  )
  return [...always, ...balanced.flatMap((one) => one.manifests)].map(({ object }) => object)
}
