// A job is an object of kind ProwJob. The guide's CRD is 3.8 MB, more than etcd takes in one request on newer versions;
// ours describes the same fields that are validated and lets the pod specification through.
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply, waitLater } from '../lib/kubernetes/resources.ts'
import { prowJobCrd } from '../lib/prow/checks.ts'
import { step } from '../lib/step.ts'

export const checks = [prowJobCrd]

export default await step(
  import.meta,
  {
    title: 'Install the ProwJob CRD',
    reads: 'only the settings',
    creates: 'the CustomResourceDefinition prowjobs.prow.k8s.io',
    needs: 'a cluster that answers (01-cluster)',
  },
  async (settings) => {
    // kubectl apply --server-side -f prowjob_customresourcedefinition.yaml
    await apply({ name: 'prowjobs.prow.k8s.io', manifests: manifests(settings, 'crd') })
    await waitLater('CustomResourceDefinition', ['prowjobs.prow.k8s.io'])
  },
)
