// Prow itself: nine components, each with its RBAC, a folder each in manifests/. They are applied together and then
// waited for; what is not ready in time is reported with its cause.
import { type Checks, need } from '../lib/kubernetes/check.ts'
import { manifests, secret } from '../lib/kubernetes/manifests.ts'
import { apply, prune, waitLater } from '../lib/kubernetes/resources.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { storageClass } from '../lib/kubernetes/storage.ts'
import {
  COMPONENTS,
  configMaps,
  isBound,
  isRunning,
  namespaces,
  prowJobCrd,
  rbac,
  serviceAccounts,
} from '../lib/prow/checks.ts'
import { imageMirrors } from '../lib/prow/images.ts'
import { secretChecks, unwantedSecrets } from '../lib/prow/mounted-secrets.ts'
import { ensurePodRoles, podRoles, usesRoles } from '../lib/prow/pod-roles.ts'
import { restartConsumers, restarts } from '../lib/prow/restarts.ts'
import { skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

export const prerequisites: Checks = imageMirrors

export const checks: Checks = (settings) => [
  ...rbac(settings),
  ...COMPONENTS.map((name) => isRunning(name, 'prow', '08-prow')),
  isBound('ghproxy', 'prow'),
  ...(settings.OBJECT_STORE === 'on'
    ? [isRunning('object-store', 'prow', '08-prow'), isBound('object-store', 'prow')]
    : []),
  ...restarts,
  ...podRoles(settings),
]

export default await step(
  import.meta,
  {
    title: 'Install the components of Prow',
    reads: 'only the settings',
    creates: 'Deployments, Services, Roles and the PersistentVolumeClaim of ghproxy, in prow and test-pods',
    needs: '02-namespaces, 03-secrets, 04-crd, 05-service-accounts, 06-config, a StorageClass',
  },
  async (settings) => {
    await need(namespaces, secretChecks, prowJobCrd, serviceAccounts, configMaps, storageClass)
    const component = (name: string) => ({ name, manifests: manifests(settings, name) })

    // Tide and horologium start when the object store does: manifests/tide/deployment.yaml.
    const store = settings.OBJECT_STORE === 'on'
    await apply(store && component('object-store'), ...COMPONENTS.map(component))
    if (!store) {
      skipped('object-store', 'OBJECT_STORE=off: logs go to the bucket in secrets/s3-credentials')
      // Its PVC stays: it holds the logs so far.
      const old = manifests(settings, 'object-store').filter(({ object }) => object.kind !== 'PersistentVolumeClaim')
      await prune({ name: 'object-store', manifests: old })
    }
    // A Secret that the settings no longer want is removed when nothing mounts it any more, which is now.
    await prune(
      ...unwantedSecrets(settings).map(({ namespace, secret: name }) => ({
        name: `${name} in ${namespace}`,
        manifests: [secret(namespace, name, {})],
      })),
    )
    await restartConsumers()
    if (usesRoles(settings) && (await snapshot()).has('Deployment', 'crier', 'prow'))
      await task('role in the pods', (progress) => ensurePodRoles(settings, progress))
    await waitLater('Deployment', [...(store ? ['object-store'] : []), ...COMPONENTS], 'prow')
  },
)
