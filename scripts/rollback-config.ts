// The way back from a change of the configuration: 06-config keeps the version that it replaces.

import { warning } from '../lib/base/problem.ts'
import { need } from '../lib/kubernetes/check.ts'
import { apply } from '../lib/kubernetes/resources.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { configMaps, namespaces } from '../lib/prow/checks.ts'
import { rollback } from '../lib/prow/config-maps.ts'
import { verifyDeckReload } from '../lib/prow/deck-reload.ts'
import { findings } from '../lib/run/findings.ts'
import { step } from '../lib/step.ts'

export default await step(
  import.meta,
  {
    title: "Restore the previous version of Prow's configuration",
    reads: 'the ConfigMaps NAME-previous in prow, which 06-config keeps',
    creates: 'nothing new: the ConfigMaps config, plugins and job-config and those kept of them change places',
    needs: '06-config, after it has changed the configuration once',
  },
  async () => {
    await need(namespaces, configMaps)
    const results = await apply(...rollback(await snapshot()))
    await findings(
      warning(
        'your files still hold the version that was replaced',
        'Correct them: the next run of 06-config applies them again.',
      ),
      verifyDeckReload(results),
    )
  },
)
