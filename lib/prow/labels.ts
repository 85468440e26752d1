import { parseLabels } from '../github/label-file.ts'
import { checkLabels } from '../github/labels.ts'
import { servedRepositories } from '../github/repositories.ts'
import type { Check } from '../kubernetes/check.ts'
import { settle } from '../run/findings.ts'
import type { Settings } from '../settings/table.ts'
import { readProwConfig } from './config.ts'
import { signIn } from './sign-in.ts'

/** Whether label_sync runs in the cluster. It needs a token, which an App does not have. */
export function usesLabelSync({ LABEL_SYNC, GITHUB_AUTH }: Settings): boolean {
  return LABEL_SYNC === 'on' && GITHUB_AUTH === 'pat'
}

/** That a person's labels.yaml is valid. */
export const labelsFile: Check = {
  fact: 'labels.yaml is valid',
  inspect: (_, settings) => {
    parseLabels(readProwConfig(settings).labels)
    return true
  },
}

/** What 10-labels brings about. */
export function labelChecks(settings: Settings): Check[] {
  return [
    {
      fact: 'ConfigMap prow/label-config has the key labels.yaml',
      step: '10-labels',
      inspect: (snapshot) => {
        const data = snapshot.get('ConfigMap', 'label-config', 'prow')?.data ?? {}
        return 'labels.yaml' in (data as object) || 'ConfigMap prow/label-config with the key labels.yaml is missing'
      },
    },
    ...(settings.LABELS === 'on' && settings.GITHUB_CHECKS === 'on' ? [labelsOnGitHub] : []),
    ...(usesLabelSync(settings)
      ? [
          {
            fact: 'CronJob prow/label-sync exists',
            step: '10-labels',
            inspect: (snapshot) =>
              snapshot.has('CronJob', 'label-sync', 'prow') || 'CronJob prow/label-sync is missing',
          } satisfies Check,
        ]
      : []),
  ]
}

const labelsOnGitHub: Check = {
  fact: 'labels on GitHub are as in labels.yaml',
  step: '10-labels',
  inspect: async (_, settings) => {
    const github = await signIn(settings)
    if (!github) return 'labels on GitHub cannot be read without the credential for it'
    const labels = parseLabels(readProwConfig(settings).labels)
    const repos = await servedRepositories(settings, github)
    const found = await Promise.all(repos.map((repo) => settle(checkLabels(github, settings, repo, labels))))
    return found.flat().length === 0 || found.flat()
  },
}
