// What Prow is to do: config.yaml, plugins.yaml and the jobs, as ConfigMaps that every component mounts. The guide
// deletes and creates them, and Prow would read nothing in between, so here each is replaced in one request.

import { type Checks, need } from '../lib/kubernetes/check.ts'
import { apply } from '../lib/kubernetes/resources.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { runCheckconfig } from '../lib/prow/checkconfig.ts'
import { configMaps, namespaces } from '../lib/prow/checks.ts'
import { validateConfig } from '../lib/prow/config.ts'
import { configMap, configVersion, jobTexts, previousVersion } from '../lib/prow/config-maps.ts'
import { checkConfigRepositories } from '../lib/prow/config-repositories.ts'
import { verifyDeckReload } from '../lib/prow/deck-reload.ts'
import { checkPublicDeck } from '../lib/prow/public-deck.ts'
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
    const { prow, findings: warnings } = await validateConfig(settings)
    await findings(
      warnings,
      checkPublicDeck(settings, prow),
      checkConfigRepositories(settings, prow),
      runCheckconfig(settings, prow),
    )

    const { config, plugins, jobs } = prow
    const wanted = [
      configMap(
        'config',
        { 'config.yaml': config.text },
        { gzip: true, plain: { VERSION: configVersion(prow) }, note: `from ${prow.from}` },
      ),
      configMap('plugins', { 'plugins.yaml': plugins.text }),
      configMap('job-config', jobTexts(prow), {
        gzip: true,
        note: `${jobs.size} job ${jobs.size === 1 ? 'file' : 'files'}`,
      }),
    ]
    // The previous version first: a run that is interrupted in between can still be rolled back.
    const results = await apply(previousVersion(wanted, await snapshot()), ...wanted)
    await findings(verifyDeckReload(results))
  },
)
