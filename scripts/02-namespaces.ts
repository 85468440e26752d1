// Prow's components run in prow, job pods in test-pods. The guide creates the second one much later, inside a long
// file; but the Secrets of step 03 already go there.
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply } from '../lib/kubernetes/resources.ts'
import { namespaces } from '../lib/prow/checks.ts'
import { step } from '../lib/step.ts'

export const checks = namespaces

export default await step(
  import.meta,
  {
    title: 'Create namespaces',
    reads: 'only the settings',
    creates: 'the namespaces prow and test-pods, labelled for Pod Security',
    needs: 'a cluster that answers (01-cluster)',
  },
  async (settings) => {
    // kubectl create ns prow
    const [prow, testPods] = manifests(settings, 'namespaces')
    await apply({ name: 'prow', manifests: [prow!] }, { name: 'test-pods', manifests: [testPods!] })
  },
)
