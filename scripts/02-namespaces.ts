// Prow's own pods run in prow, the pods of jobs in test-pods. The guide makes the second one much later, inside a
// long file; but the secrets of step 03 already go there.

import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply } from '../lib/kubernetes/tasks.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Create the namespaces prow and test-pods',
    reads: 'nothing but the settings',
    creates: 'the namespaces prow and test-pods, labelled for Pod Security',
    needs: 'a cluster that answers (01-cluster)',
  },
  async (settings) => {
    const [prow, testPods] = manifests(settings, 'namespaces')
    await apply([
      { name: 'prow', manifests: [prow!] },
      { name: 'test-pods', manifests: [testPods!] },
    ])
  },
)
