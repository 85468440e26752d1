// What Prow is to do: config.yaml, plugins.yaml and the jobs, as ConfigMaps that every component mounts. The guide
// deletes and creates them; Prow would read nothing in between, so here each is replaced in one request.
import { need } from '../lib/check.ts'
import * as checks from '../lib/checks.ts'
import { configMap, readProwConfig } from '../lib/prowconfig.ts'
import { step, tasks } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: "Put Prow's configuration into the cluster",
    reads: 'config/ (npm run init makes it), or the templates in manifests/config when there is none',
    makes: 'the ConfigMaps config, plugins and job-config in prow',
    needs: '02-namespaces',
  },
  async (settings) => {
    await need(checks.namespaces)
    const prow = readProwConfig(settings)
    const jobs = new Map([...prow.jobs].map(([name, { text }]) => [name, text]))
    const config = configMap('config', new Map([['config.yaml', prow.config.text]]), true)
    const plugins = configMap('plugins', new Map([['plugins.yaml', prow.plugins.text]]), false)
    const jobConfig = configMap('job-config', jobs, true)

    await tasks([
      { name: 'config', manifests: [config], note: `from ${prow.from}` },
      { name: 'plugins', manifests: [plugins] },
      {
        name: 'job-config',
        manifests: [jobConfig],
        note: `${jobs.size} ${jobs.size === 1 ? 'file' : 'files'} of jobs`,
      },
    ])
  },
)
