import { execFileSync } from 'node:child_process'
import type { KubeObject } from '../../lib/kubernetes/manifests.ts'

const KINDS =
  'namespaces,customresourcedefinitions,serviceaccounts,secrets,configmaps,roles,rolebindings,clusterroles,' +
  'clusterrolebindings,ingressclasses,services,persistentvolumeclaims,deployments,jobs,cronjobs,ingresses'

/** What the runbook manages in a cluster as one List that another cluster takes, in an order in which it can be applied. */
export function managedObjects(env: NodeJS.ProcessEnv): string {
  const args = ['get', KINDS, '-A', '-l', 'app.kubernetes.io/managed-by=prow-runbook', '-o', 'json']
  const { items } = JSON.parse(execFileSync('kubectl', args, { env, encoding: 'utf8', maxBuffer: 2 ** 28 }))
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: (items as KubeObject[]).map(asManifest) })
}

/** An object without what the API server and its controllers have filled in. */
function asManifest({ apiVersion, kind, metadata, status: _status, ...rest }: KubeObject): KubeObject {
  const { name, namespace, labels } = metadata
  const object = structuredClone({ apiVersion, kind, metadata: { name, namespace, labels }, ...rest }) as KubeObject
  const spec = object.spec as Record<string, unknown> & { template?: { metadata?: { labels?: object } } }
  if (kind === 'Service') for (const field of ['clusterIP', 'clusterIPs']) delete spec[field]
  if (kind === 'PersistentVolumeClaim') delete spec.volumeName
  if (kind === 'Job') {
    delete spec.selector
    if (spec.template?.metadata) spec.template.metadata.labels = {}
  }
  // What protects its group from being taken.
  if (kind === 'CustomResourceDefinition') object.metadata.annotations = metadata.annotations
  return object
}
