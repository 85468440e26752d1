// The labels that Prow's plugins put on pull requests, with one color and meaning in every repository. The guide leaves
// GitHub to label_sync alone; here the difference is shown first, and written at once.
import { updateLabels } from '../lib/github/labels.ts'
import { servedRepositories } from '../lib/github/repositories.ts'
import { type Checks, need } from '../lib/kubernetes/check.ts'
import { manifests } from '../lib/kubernetes/manifests.ts'
import { apply, prune, waitLater } from '../lib/kubernetes/resources.ts'
import { namespaces } from '../lib/prow/checks.ts'
import { configMap } from '../lib/prow/config-maps.ts'
import { labelChecks, labelsFile, readLabelsFile, usesLabelSync, whyNotOnGitHub } from '../lib/prow/labels.ts'
import { secretChecks } from '../lib/prow/mounted-secrets.ts'
import { signIn } from '../lib/prow/sign-in.ts'
import { findings } from '../lib/run/findings.ts'
import { after, skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

export const checks: Checks = labelChecks
export const prerequisites: Checks = labelsFile

export default await step(
  import.meta,
  {
    title: 'Synchronize GitHub labels',
    reads: 'labels.yaml in config/, or the template; the labels on GitHub',
    creates:
      'the ConfigMap label-config; with LABELS=on the labels of each repository; with LABEL_SYNC=on the Job and the CronJob label-sync',
    needs: '02-namespaces, 03-secrets',
  },
  async (settings) => {
    await need(namespaces, secretChecks)
    const labels = readLabelsFile(settings)
    const reason = whyNotOnGitHub(settings)
    const github = reason ? undefined : await signIn(settings)

    // kubectl -n prow create cm label-config --from-file=labels.yaml
    if (labels)
      await apply(configMap('label-config', { 'labels.yaml': labels.file.text }, { note: `from ${labels.from}` }))

    if (labels && github) {
      for (const repo of await servedRepositories(settings, github))
        await findings(updateLabels(github, settings, repo, labels.wanted))
    } else if (reason) skipped('labels on GitHub', reason)
    else after('03-secrets', ['the credential for GitHub'])

    // kubectl apply -f label_sync_job.yaml -f label_sync_cron_job.yaml
    const job = { name: 'label-sync (Job)', manifests: manifests(settings, 'labels/label-sync-job.yaml') }
    const cronJob = { name: 'label-sync (CronJob)', manifests: manifests(settings, 'labels/label-sync-cronjob.yaml') }
    if (usesLabelSync(settings)) {
      await apply(job, cronJob)
      return waitLater('Job', ['label-sync'], 'prow')
    }
    skipped(
      'label-sync',
      settings.LABEL_SYNC === 'off' ? 'LABEL_SYNC=off' : 'it needs a token, GITHUB_AUTH=app has none',
    )
    await prune(job, cronJob)
  },
)
