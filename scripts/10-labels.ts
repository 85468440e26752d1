// The labels that Prow's plugins put on pull requests, with one colour and meaning everywhere.
import { need } from '../lib/check.ts'
import * as checks from '../lib/checks.ts'
import { manifests } from '../lib/manifests.ts'
import { configMap, readProwConfig } from '../lib/prowconfig.ts'
import { gone, readyLater, skipped, step, tasks } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: "Keep GitHub's labels as labels.yaml has them",
    reads: 'labels.yaml in config/, or the template',
    makes: 'the ConfigMap label-config; with LABEL_SYNC=on the Job and the CronJob label-sync',
    needs: '02-namespaces, 03-secrets',
  },
  async (settings) => {
    await need(checks.namespaces, checks.secrets(settings))
    const { labels, from } = readProwConfig(settings)
    await tasks([
      {
        name: 'label-config',
        manifests: [configMap('label-config', new Map([['labels.yaml', labels.text]]), false)],
        note: `from ${from}`,
      },
    ])
    skipped('labels on GitHub', 'this version does not write them itself; LABEL_SYNC=on does')
    const both = [
      { name: 'label-sync, once', manifests: manifests(settings, 'labels/label-sync-job.yaml') },
      { name: 'label-sync, every hour', manifests: manifests(settings, 'labels/label-sync-cronjob.yaml') },
    ]
    if (settings.LABEL_SYNC === 'off' || settings.GITHUB_AUTH === 'app') {
      const off = settings.LABEL_SYNC === 'off'
      skipped('label-sync', off ? 'LABEL_SYNC=off' : 'it takes a token only, and GITHUB_AUTH=app has none')
      return gone(both)
    }
    await tasks(both)
    await readyLater('Job', ['label-sync'], 'prow')
  },
)
