import { readOidcProvider } from '../aws/iam.ts'
import type { Check } from '../kubernetes/check.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import type { Snapshot } from '../kubernetes/snapshot.ts'
import { isReady } from '../kubernetes/wait.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { type FileName, SECRET_FILES } from './secret-files.ts'

/** The namespaces of Prow and of its jobs. */
export const namespaces: Check[] = ['prow', 'test-pods'].map((name) => ({
  fact: `namespace ${name} exists`,
  failure: `namespace ${name} is missing`,
  step: '02-namespaces',
  passes: (snapshot) => snapshot.has('Namespace', name),
}))

/** Where each file's Secret has to be, with the key that Prow's programs read. */
export function mountedSecrets(
  settings: Settings,
): { file: FileName; secret: string; key: string; namespace: string }[] {
  return (Object.keys(SECRET_FILES) as FileName[])
    .filter((file) => SECRET_FILES[file].wanted(settings))
    .flatMap((file) => {
      const { secret, key, namespace } = SECRET_FILES[file]
      // initupload and sidecar mount the bucket's credentials in the pods of jobs.
      const spaces = file === 's3-credentials' ? ['prow', 'test-pods'] : [namespace]
      return spaces.map((space) => ({ file, secret, key, namespace: space }))
    })
}

/** The Secrets that other settings want and these do not: nothing mounts them. */
export function unwantedSecrets(settings: Settings): { secret: string; namespace: string }[] {
  const files = Object.values(SECRET_FILES).filter((file) => !file.wanted(settings))
  const store = { secret: 'object-store', namespace: 'prow' }
  return [...files, ...(settings.OBJECT_STORE === 'off' ? [store] : [])]
}

/** The Secrets that something mounts, with the key that is read. */
export function secrets(settings: Settings): Check[] {
  return mountedSecrets(settings).map(({ secret, key, namespace }) => ({
    fact: `Secret ${namespace}/${secret} has the key ${key}`,
    failure: `Secret ${namespace}/${secret} with the key ${key} is missing`,
    step: '03-secrets',
    passes: (snapshot) => Boolean((snapshot.get('Secret', secret, namespace)?.data as Record<string, string>)?.[key]),
  }))
}

/** The definition of ProwJob, established. */
export const prowJobCrd: Check = {
  fact: 'the definition of ProwJob is established',
  failure: 'the definition of ProwJob (prowjobs.prow.k8s.io) is missing',
  step: '04-crd',
  passes: (snapshot) => {
    const crd = snapshot.get('CustomResourceDefinition', 'prowjobs.prow.k8s.io')
    return crd !== undefined && isReady(crd)
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
export const serviceAccounts: Check[] = ACCOUNTS.map(([namespace, name]) => ({
  fact: `ServiceAccount ${namespace}/${name} exists`,
  failure: `ServiceAccount ${namespace}/${name} is missing`,
  step: '05-service-accounts',
  passes: (snapshot) => snapshot.has('ServiceAccount', name, namespace),
}))

/** That IAM trusts the cluster: its OIDC provider, with the audience that the service accounts ask for. */
export async function oidcProvider(settings: Settings): Promise<Check> {
  const found = await readOidcProvider(settings)
  return {
    fact: 'IAM has the OIDC provider of the cluster',
    failure: found
      ? 'the OIDC provider of the cluster lacks the audience sts.amazonaws.com'
      : 'IAM has no OIDC provider for the cluster',
    step: '01-cluster',
    passes: () => Boolean(found?.ClientIDList?.includes('sts.amazonaws.com')),
  }
}

/** Prow's configuration. */
export const configMaps: Check[] = [
  ['config', 'config.yaml'],
  ['plugins', 'plugins.yaml'],
  ['job-config', ''],
].map(([name, key]) => ({
  fact: `ConfigMap prow/${name} ${key ? `has the key ${key}` : 'exists'}`,
  failure: `ConfigMap prow/${name} ${key ? `with the key ${key} ` : ''}is missing`,
  step: '06-config',
  passes: (snapshot: Snapshot) => {
    const map = snapshot.get('ConfigMap', name!, 'prow')
    const keys = { ...(map?.data as object), ...(map?.binaryData as object) }
    return map !== undefined && (!key || key in keys)
  },
}))

/** That a Deployment is there and all its pods are ready. */
export function isRunning(name: string, namespace: string, step: string): Check {
  return {
    fact: `${name} is ready`,
    failure: `Deployment ${namespace}/${name} is not ready`,
    step: step,
    passes: (snapshot) => {
      const deployment = snapshot.get('Deployment', name, namespace)
      return deployment !== undefined && isReady(deployment)
    },
  }
}

/** That a claim has a volume. */
export function isBound(name: string, namespace: string): Check {
  return {
    fact: `claim ${name} has a volume`,
    failure: `claim ${namespace}/${name} has no volume`,
    step: '08-prow',
    passes: (snapshot) =>
      (snapshot.get('PersistentVolumeClaim', name, namespace) as KubeObject & { status?: { phase?: string } })?.status
        ?.phase === 'Bound',
  }
}

/** The Services that the way in leads to. */
export const services: Check[] = ['hook', 'deck'].map((name) => ({
  fact: `Service prow/${name} exists`,
  failure: `Service prow/${name} is missing`,
  step: '08-prow',
  passes: (snapshot) => snapshot.has('Service', name, 'prow'),
}))

/** That the host leads to Prow. */
export function ingress(settings: Settings): Check[] {
  const nginx = settings.INGRESS === 'nginx'
  const balanced = settings.TARGET === 'eks'
  const names = [...(nginx ? ['prow'] : []), ...(balanced && !nginx ? ['prow-hook', 'prow-deck'] : [])]
  return names.map((name) => ({
    fact: `Ingress ${name} leads ${prowUrl(settings)}/ to Prow`,
    failure: `Ingress prow/${name} is missing`,
    step: '11-ingress',
    passes: (snapshot) => snapshot.has('Ingress', name, 'prow'),
  }))
}

/** What a component may do is as its manifest says, in each namespace that has a Role for it. */
export const rbac: Check[] = [
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
    fact: `${name} has its Role in ${namespace}`,
    failure: `${name} has no Role or RoleBinding in ${namespace}`,
    step: '08-prow',
    passes: (snapshot: Snapshot) =>
      snapshot.has('Role', name as string, namespace) && snapshot.has('RoleBinding', name as string, namespace),
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
