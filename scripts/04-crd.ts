// A job is an object of kind ProwJob. The guide's definition is 3.8 MB, more than etcd takes in one request on newer
// versions; ours says the same of the fields that are looked at and lets the pod specification through.

import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply, waitUntilReady } from '../lib/kubernetes/tasks.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Install the definition of ProwJob',
    reads: 'nothing but the settings',
    creates: 'the CustomResourceDefinition prowjobs.prow.k8s.io',
    needs: 'a cluster that answers (01-cluster)',
  },
  async (settings) => {
    await apply([{ name: 'prowjobs.prow.k8s.io', manifests: manifests(settings, 'crd') }])
    await waitUntilReady('CustomResourceDefinition', ['prowjobs.prow.k8s.io'])
  },
)
