import { readProvider } from '../aws/iam.ts'
import type { Check } from '../kubernetes/check.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import type { World } from '../kubernetes/snapshot.ts'
import { ready } from '../kubernetes/wait.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { FILES, type FileName } from './secret-files.ts'

/** The namespaces of Prow and of its jobs. */
export const namespaces: Check[] = ['prow', 'test-pods'].map((name) => ({
  says: `namespace ${name} exists`,
  otherwise: `namespace ${name} is missing`,
  madeBy: '02-namespaces',
  holds: (world) => world.has('Namespace', name),
}))

/** Where each file's Secret has to be, with the key that Prow's programs read. */
export function secretPlaces(settings: Settings): { file: FileName; secret: string; key: string; namespace: string }[] {
  return (Object.keys(FILES) as FileName[])
    .filter((file) => FILES[file].wanted(settings))
    .flatMap((file) => {
      const { secret, key, namespace } = FILES[file]
      // initupload and sidecar mount the bucket's credentials in the pods of jobs.
      const spaces = file === 's3-credentials' ? ['prow', 'test-pods'] : [namespace]
      return spaces.map((space) => ({ file, secret, key, namespace: space }))
    })
}

/** The Secrets that other settings want and these do not: nothing mounts them. */
export function secretsUnwanted(settings: Settings): { secret: string; namespace: string }[] {
  const files = Object.values(FILES).filter((file) => !file.wanted(settings))
  const store = { secret: 'object-store', namespace: 'prow' }
  return [...files, ...(settings.OBJECT_STORE === 'off' ? [store] : [])]
}

/** The Secrets that something mounts, with the key that is read. */
export function secrets(settings: Settings): Check[] {
  return secretPlaces(settings).map(({ secret, key, namespace }) => ({
    says: `Secret ${namespace}/${secret} has the key ${key}`,
    otherwise: `Secret ${namespace}/${secret} with the key ${key} is missing`,
    madeBy: '03-secrets',
    holds: (world) => Boolean((world.get('Secret', secret, namespace)?.data as Record<string, string>)?.[key]),
  }))
}

/** The definition of ProwJob, established. */
export const definition: Check = {
  says: 'the definition of ProwJob is established',
  otherwise: 'the definition of ProwJob (prowjobs.prow.k8s.io) is missing',
  madeBy: '04-crd',
  holds: (world) => {
    const crd = world.get('CustomResourceDefinition', 'prowjobs.prow.k8s.io')
    return crd !== undefined && ready(crd)
  },
}

/** Who the components are. ghproxy needs nobody. */
const ACCOUNTS: [namespace: string, name: string][] = [
  ...['crier', 'deck', 'hook', 'horologium', 'prow-controller-manager', 'sinker', 'statusreconciler', 'tide'].map(
    (name): [string, string] => ['prow', name],
  ),
  ['test-pods', 'prow-jobs'],
]

/** The service accounts. */
export const accounts: Check[] = ACCOUNTS.map(([namespace, name]) => ({
  says: `ServiceAccount ${namespace}/${name} exists`,
  otherwise: `ServiceAccount ${namespace}/${name} is missing`,
  madeBy: '05-service-accounts',
  holds: (world) => world.has('ServiceAccount', name, namespace),
}))

/** That IAM trusts the cluster: its OIDC provider, with the audience that the service accounts ask for. */
export async function provider(settings: Settings): Promise<Check> {
  const found = await readProvider(settings)
  return {
    says: 'IAM has the OIDC provider of the cluster',
    otherwise: found
      ? 'the OIDC provider of the cluster lacks the audience sts.amazonaws.com'
      : 'IAM has no OIDC provider for the cluster',
    madeBy: '01-cluster',
    holds: () => Boolean(found?.ClientIDList?.includes('sts.amazonaws.com')),
  }
}

/** Prow's configuration. */
export const config: Check[] = [
  ['config', 'config.yaml'],
  ['plugins', 'plugins.yaml'],
  ['job-config', ''],
].map(([name, key]) => ({
  says: `ConfigMap prow/${name} ${key ? `has the key ${key}` : 'exists'}`,
  otherwise: `ConfigMap prow/${name} ${key ? `with the key ${key} ` : ''}is missing`,
  madeBy: '06-config',
  holds: (world: World) => {
    const map = world.get('ConfigMap', name!, 'prow')
    const keys = { ...(map?.data as object), ...(map?.binaryData as object) }
    return map !== undefined && (!key || key in keys)
  },
}))

/** That a Deployment is there and all its pods are ready. */
export function running(name: string, namespace: string, madeBy: string): Check {
  return {
    says: `${name} is ready`,
    otherwise: `Deployment ${namespace}/${name} is not ready`,
    madeBy,
    holds: (world) => {
      const deployment = world.get('Deployment', name, namespace)
      return deployment !== undefined && ready(deployment)
    },
  }
}

/** That a claim has a volume. */
export function bound(name: string, namespace: string): Check {
  return {
    says: `claim ${name} has a volume`,
    otherwise: `claim ${namespace}/${name} has no volume`,
    madeBy: '08-prow',
    holds: (world) =>
      (world.get('PersistentVolumeClaim', name, namespace) as KubeObject & { status?: { phase?: string } })?.status
        ?.phase === 'Bound',
  }
}

/** The Services that the way in leads to. */
export const services: Check[] = ['hook', 'deck'].map((name) => ({
  says: `Service prow/${name} exists`,
  otherwise: `Service prow/${name} is missing`,
  madeBy: '08-prow',
  holds: (world) => world.has('Service', name, 'prow'),
}))

/** That the host leads to Prow. */
export function ingress(settings: Settings): Check[] {
  const nginx = settings.INGRESS === 'nginx'
  const balanced = settings.TARGET === 'eks'
  const names = [...(nginx ? ['prow'] : []), ...(balanced && !nginx ? ['prow-hook', 'prow-deck'] : [])]
  return names.map((name) => ({
    says: `Ingress ${name} leads ${prowUrl(settings)}/ to Prow`,
    otherwise: `Ingress prow/${name} is missing`,
    madeBy: '11-ingress',
    holds: (world) => world.has('Ingress', name, 'prow'),
  }))
}

/** What a component may do is as its manifest says, in each namespace that has a Role for it. */
export const rights: Check[] = [
  ['hook', ['prow']],
  ['deck', ['prow', 'test-pods']],
  ['tide', ['prow']],
  ['horologium', ['prow']],
  ['sinker', ['prow', 'test-pods']],
  ['crier', ['prow', 'test-pods']],
  ['prow-controller-manager', ['prow', 'test-pods']],
  ['statusreconciler', ['prow']],
].flatMap(([name, spaces]) =>
  (spaces as string[]).map((namespace) => ({
    says: `${name} has its Role in ${namespace}`,
    otherwise: `${name} has no Role or RoleBinding in ${namespace}`,
    madeBy: '08-prow',
    holds: (world: World) =>
      world.has('Role', name as string, namespace) && world.has('RoleBinding', name as string, namespace),
  })),
)

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
