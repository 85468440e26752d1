// What Prow is to do: config.yaml, plugins.yaml and the jobs, as ConfigMaps that every component mounts. The guide
// deletes and creates them, and Prow would read nothing in between, so here each is replaced in one request.

import { type Checks, need } from '../lib/kubernetes/check.ts'
import { apply } from '../lib/kubernetes/resources.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { configMaps, namespaces } from '../lib/prow/checks.ts'
import { configurationMaps, previousVersion } from '../lib/prow/config-maps.ts'
import { checkConfigRepositories } from '../lib/prow/config-repositories.ts'
import { verifyDeckReload } from '../lib/prow/deck-reload.ts'
import { inspectLogUploads } from '../lib/prow/log-uploads.ts'
import { checkPublicDeck } from '../lib/prow/public-deck.ts'
import { validateConfig } from '../lib/prow/validate-config.ts'
import { findings } from '../lib/run/findings.ts'
import { step } from '../lib/step.ts'

export const checks: Checks = configMaps

export default await step(
  import.meta,
  {
    title: "Apply Prow's configuration",
    reads: 'config/ (npm run init -- --config creates it), else the templates in manifests/config',
    creates: 'the ConfigMaps config, plugins and job-config in prow; the previous version stays as NAME-previous',
    needs: '02-namespaces',
  },
  async (settings) => {
    await need(namespaces)
    const { prow, findings: found } = await validateConfig(settings, 'cluster')
    await findings(
      found,
      inspectLogUploads(settings),
      checkPublicDeck(settings, prow),
      checkConfigRepositories(settings, prow),
    )

    // kubectl create cm config --from-file=config.yaml, and so plugins and job-config
    const wanted = configurationMaps(prow)
    // The previous version first: a run that is interrupted in between can still be rolled back.
    const results = await apply(previousVersion(wanted, await snapshot()), ...wanted)
    await findings(verifyDeckReload(results))
  },
)
