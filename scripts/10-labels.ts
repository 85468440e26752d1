// The labels that Prow's plugins put on pull requests, with one colour and meaning everywhere.

import { callGitHub } from '../lib/github/client.ts'
import { ensureLabel, labelChanges, labelsFor, parseLabels } from '../lib/github/labels.ts'
import { servedRepositories } from '../lib/github/repositories.ts'
import { need } from '../lib/kubernetes/check.ts'
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply, prune, waitLater } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { readProwConfig } from '../lib/prow/config.ts'
import { configMap } from '../lib/prow/config-maps.ts'
import { signIn } from '../lib/prow/sign-in.ts'
import { currentRun } from '../lib/run/context.ts'
import { note, skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: "Keep GitHub's labels as labels.yaml has them",
    reads: 'labels.yaml in config/, or the template; the labels on GitHub',
    creates:
      'the ConfigMap label-config; with LABELS=on the labels of each repository; with LABEL_SYNC=on the Job and the CronJob label-sync',
    needs: '02-namespaces, 03-secrets',
  },
  async (settings) => {
    await need(checks.namespaces, checks.secrets(settings))
    const { labels, from } = readProwConfig(settings)
    const wanted = parseLabels(labels)
    await apply([
      {
        name: 'label-config',
        manifests: [configMap('label-config', new Map([['labels.yaml', labels.text]]), false)],
        note: `from ${from}`,
      },
    ])

    if (settings.LABELS === 'off') skipped('labels on GitHub', 'LABELS=off')
    else if (settings.GITHUB_CHECKS === 'off') skipped('labels on GitHub', 'GITHUB_CHECKS=off')
    else {
      const github = await signIn(settings)
      const { plan } = currentRun()
      for (const repo of github ? await servedRepositories(settings, github) : []) {
        const name = `labels of ${settings.GITHUB_ORG}/${repo}`
        const wish = { description: `read the ${name}`, scope: 'repo', permission: 'Issues: write' }
        const there = await callGitHub(settings, wish, () =>
          github!.paginate('GET /repos/{owner}/{repo}/labels', { owner: settings.GITHUB_ORG, repo, per_page: 100 }),
        )
        const { changes, pendingDeletion: doomed } = labelChanges(
          labelsFor(wanted, settings.GITHUB_ORG, repo),
          there,
          settings,
        )
        await task(name, async (say) => {
          for (const [index, change] of plan ? [] : changes.entries()) {
            say(`${index + 1} of ${changes.length}: ${change.name}`)
            await callGitHub(settings, { ...wish, description: `write the ${name}` }, () =>
              ensureLabel(github!, settings, repo, change),
            )
          }
          const only = (kind: string) => changes.every((change) => change.kind === kind)
          return {
            outcome:
              changes.length === 0
                ? 'unchanged'
                : only('create') && there.length === 0
                  ? plan
                    ? 'would create'
                    : 'created'
                  : plan
                    ? 'would change'
                    : 'changed',
            note: changes.length === 0 ? `${there.length} labels` : `${changes.length} of them`,
            differences: changes.map(({ name: label, before, after }) => ({
              object: name,
              path: label,
              before,
              after,
            })),
          }
        })
        if (doomed.length > 0)
          note(
            'warning',
            `${doomed.join(', ')} in ${repo} are to go, says labels.yaml`,
            'LABELS_DELETE=on deletes them',
          )
      }
    }

    const both = [
      { name: 'label-sync, once', manifests: manifests(settings, 'labels/label-sync-job.yaml') },
      { name: 'label-sync, every hour', manifests: manifests(settings, 'labels/label-sync-cronjob.yaml') },
    ]
    if (settings.LABEL_SYNC === 'off' || settings.GITHUB_AUTH === 'app') {
      const off = settings.LABEL_SYNC === 'off'
      skipped('label-sync', off ? 'LABEL_SYNC=off' : 'it takes a token only, and GITHUB_AUTH=app has none')
      return prune(both)
    }
    await apply(both)
    await waitLater('Job', ['label-sync'], 'prow')
  },
)
