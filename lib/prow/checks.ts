import type { Check } from '../kubernetes/check.ts'
import { objectName } from '../kubernetes/difference.ts'
import { manifests } from '../kubernetes/manifests.ts'
import type { Snapshot } from '../kubernetes/snapshot.ts'
import { isReady } from '../kubernetes/wait.ts'
import type { Settings } from '../settings/table.ts'
import { rbacProblem } from './rbac-problem.ts'

/** The components of Prow, in the order of the guide's file. Their folders in manifests/ and Deployments are named so. */
export const COMPONENTS = [
  'hook',
  'sinker',
  'deck',
  'horologium',
  'tide',
  'statusreconciler',
  'ghproxy',
  'prow-controller-manager',
  'crier',
]

/** That an object exists. */
function exists(kind: string, name: string, namespace: string, step: string): Check {
  const shown = `${kind} ${namespace ? `${namespace}/` : ''}${name}`
  return {
    fact: `${shown} exists`,
    step,
    inspect: (snapshot) => snapshot.has(kind, name, namespace) || `${shown} does not exist`,
  }
}

/** The namespaces of Prow and of its jobs. */
export const namespaces: Check[] = ['prow', 'test-pods'].map((name) => ({
  fact: `namespace ${name} exists`,
  step: '02-namespaces',
  inspect: (snapshot) => {
    const namespace = snapshot.get('Namespace', name)
    if (!namespace) return `namespace ${name} does not exist`
    return !namespace.metadata.deletionTimestamp || `namespace ${name} is being deleted`
  },
}))

/** That the ProwJob CRD is established. */
export const prowJobCrd: Check = {
  fact: 'the ProwJob CRD is established',
  step: '04-crd',
  inspect: (snapshot) => {
    const crd = snapshot.get('CustomResourceDefinition', 'prowjobs.prow.k8s.io')
    if (!crd) return 'the ProwJob CRD (prowjobs.prow.k8s.io) does not exist'
    return isReady(crd) || 'the ProwJob CRD is not established'
  },
}

/** The service accounts of the components, of which ghproxy needs none, and that of job pods. */
export const serviceAccounts: Check[] = [
  ...COMPONENTS.filter((name) => name !== 'ghproxy').map((name) =>
    exists('ServiceAccount', name, 'prow', '05-service-accounts'),
  ),
  exists('ServiceAccount', 'prow-jobs', 'test-pods', '05-service-accounts'),
]

/** Prow's configuration: the ConfigMaps with the keys that the components read. */
export const configMaps: Check[] = [
  ['config', 'config.yaml'],
  ['plugins', 'plugins.yaml'],
  ['job-config', ''],
].map(([name, key]) => ({
  fact: `ConfigMap prow/${name} ${key ? `has the key ${key}` : 'exists'}`,
  step: '06-config',
  inspect: (snapshot: Snapshot) => {
    const map = snapshot.get('ConfigMap', name!, 'prow')
    if (!map) return `ConfigMap prow/${name} does not exist`
    return (
      !key ||
      key in { ...(map.data as object), ...(map.binaryData as object) } ||
      `ConfigMap prow/${name} has no key ${key}`
    )
  },
}))

/** That a Deployment exists and all its pods are ready. */
export function isRunning(name: string, namespace: string, step: string): Check {
  return {
    fact: `${name} is ready`,
    step,
    inspect: (snapshot) => {
      const deployment = snapshot.get('Deployment', name, namespace)
      if (!deployment) return `Deployment ${namespace}/${name} does not exist`
      if ((deployment.spec as { replicas?: number }).replicas === 0)
        return `Deployment ${namespace}/${name} is scaled to 0 replicas`
      return isReady(deployment) || `Deployment ${namespace}/${name} is not ready`
    },
  }
}

/** That a PersistentVolumeClaim has a volume. */
export function isBound(name: string, namespace: string): Check {
  return {
    fact: `PVC ${name} is bound to a volume`,
    step: '08-prow',
    inspect: (snapshot) => {
      const claim = snapshot.get('PersistentVolumeClaim', name, namespace)
      if (!claim) return `PVC ${namespace}/${name} does not exist`
      const { phase = 'Pending' } = (claim.status ?? {}) as { phase?: string }
      return phase === 'Bound' || `PVC ${namespace}/${name} is ${phase}`
    },
  }
}

/** The Services that traffic is routed to. */
export const services: Check[] = ['hook', 'deck'].map((name) => exists('Service', name, 'prow', '08-prow'))

/**
 * That what a component may do is as its manifests have it: a Role with other rules, or a RoleBinding to another Role or
 * account, exists as well but does not serve.
 */
export const rbac = (settings: Settings): Check[] =>
  COMPONENTS.flatMap((component) =>
    manifests(settings, component)
      .map(({ object }) => object)
      .filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding')
      .map((wanted): Check => {
        const shown = objectName(wanted)
        return {
          fact: `${shown} is as ${component} needs it`,
          step: '08-prow',
          inspect: (snapshot) => {
            const { name, namespace } = wanted.metadata
            const found = snapshot.get(wanted.kind, name, namespace)
            if (!found) return `${shown} does not exist`
            return rbacProblem(found, wanted, component) ?? true
          },
        }
      }),
  )
