// Prow itself: nine components, each with its account's rights, one folder each in manifests/. They are made together
// and then waited for; what is not ready in time is told with its cause.

import { need } from '../lib/kubernetes/check.ts'
import { storageClassCheck } from '../lib/kubernetes/cluster.ts'
import { manifests, secret } from '../lib/kubernetes/manifests.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { apply, prune, waitLater, waitUntilReady } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { ensurePodRoles, usesRoles } from '../lib/prow/pod-roles.ts'
import { restartConsumers } from '../lib/prow/restarts.ts'
import { skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Install the components of Prow',
    reads: 'nothing but the settings',
    creates: 'Deployments, Services, Roles and the claim of ghproxy, in prow and test-pods',
    needs: '02-namespaces, 03-secrets, 04-crd, 05-service-accounts, 06-config, a StorageClass',
  },
  async (settings) => {
    await need(
      checks.namespaces,
      checks.secrets(settings),
      checks.prowJobCrd,
      checks.serviceAccounts,
      checks.configMaps,
    )
    await need(await storageClassCheck(settings))
    const store = settings.OBJECT_STORE === 'on'
    const thing = (name: string) => ({ name, manifests: manifests(settings, name) })

    // Tide reads its history in the store when it starts, and ends if it cannot; horologium starts jobs at once, whose
    // logs would be lost. The others come up beside it.
    const after = store ? ['tide', 'horologium'] : []
    const first = checks.COMPONENTS.filter((name) => !after.includes(name))
    await apply([...(store ? ['object-store'] : []), ...first].map(thing))
    if (store) {
      await waitUntilReady('Deployment', ['object-store'], 'prow')
      await apply(after.map(thing))
    } else {
      skipped('object-store', 'OBJECT_STORE=off: logs go to the bucket in secrets/s3-credentials')
      // Its claim stays: the logs so far are on it.
      const old = manifests(settings, 'object-store').filter((one) => one.object.kind !== 'PersistentVolumeClaim')
      await prune([{ name: 'object-store', manifests: old }])
    }
    // A token that the settings no longer want goes when nothing mounts it any more, which is now.
    await prune(
      checks.unwantedSecrets(settings).map(({ namespace, secret: name }) => ({
        name: `${name} in ${namespace}`,
        manifests: [secret(namespace, name, {})],
      })),
    )
    await restartConsumers(new Map())
    const made = (await snapshot()).has('Deployment', 'crier', 'prow')
    if (usesRoles(settings) && made) await task('role in the pods', (say) => ensurePodRoles(settings, say))
    await waitLater('Deployment', checks.COMPONENTS, 'prow')
  },
)
