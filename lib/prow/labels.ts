import { Problem, warning } from '../base/problem.ts'
import { type Labels, parseLabels } from '../github/label-file.ts'
import { checkLabels } from '../github/labels.ts'
import { servedRepositories } from '../github/repositories.ts'
import type { Check } from '../kubernetes/check.ts'
import { settle } from '../run/findings.ts'
import type { Settings } from '../settings/table.ts'
import { hasLabelsFile, labelsPath, readProwConfig } from './config.ts'
import type { Source } from './rules/rule.ts'
import { signIn } from './sign-in.ts'

/** Whether label_sync runs in the cluster. It needs a token, which an App does not have. */
export function usesLabelSync({ LABEL_SYNC, GITHUB_AUTH }: Settings): boolean {
  return LABEL_SYNC === 'on' && GITHUB_AUTH === 'pat'
}

/**
 * labels.yaml and the labels in it; undefined when CONFIG_DIR has no such file, and nothing reads it. Throws a Problem
 * when it is invalid, or missing and label_sync reads it.
 */
export function readLabelsFile(settings: Settings): { file: Source; from: string; wanted: Labels } | undefined {
  const { labels, from } = readProwConfig(settings)
  if (labels) return { file: labels, from, wanted: parseLabels(labels) }
  if (!usesLabelSync(settings)) return undefined
  throw new Problem(
    `${labelsPath(settings)} is missing, and label_sync reads it`,
    'Create it, as a copy of manifests/config/labels.yaml, or set LABEL_SYNC=off.',
  )
}

/** Why the labels on GitHub stay as they are; undefined when they do not. */
export function whyNotOnGitHub(settings: Settings): string | undefined {
  if (!hasLabelsFile(settings)) return `${labelsPath(settings)} does not exist`
  if (settings.LABELS === 'off') return 'LABELS=off'
  return settings.GITHUB_CHECKS === 'off' ? 'GITHUB_CHECKS=off' : undefined
}

/** That a person's labels.yaml is valid. Without one the labels on GitHub stay as they are. */
export const labelsFile: Check = {
  fact: 'labels.yaml is valid',
  inspect: (_, settings) => {
    if (readLabelsFile(settings)) return true
    if (settings.LABELS === 'off') return []
    return warning(
      `${labelsPath(settings)} does not exist: 10-labels leaves the labels on GitHub as they are`,
      'manifests/config/labels.yaml is an example of it; with LABELS=off none is expected.',
    )
  },
}

/** What 10-labels brings about. */
export function labelChecks(settings: Settings): Check[] {
  if (!hasLabelsFile(settings) && !usesLabelSync(settings)) return []
  return [
    {
      fact: 'ConfigMap prow/label-config has the key labels.yaml',
      step: '10-labels',
      inspect: (snapshot) => {
        const data = snapshot.get('ConfigMap', 'label-config', 'prow')?.data ?? {}
        return 'labels.yaml' in (data as object) || 'ConfigMap prow/label-config with the key labels.yaml is missing'
      },
    },
    ...(whyNotOnGitHub(settings) ? [] : [labelsOnGitHub]),
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
    const { wanted } = readLabelsFile(settings) ?? {}
    if (!wanted) return true
    const repos = await servedRepositories(settings, github)
    const found = await Promise.all(repos.map((repo) => settle(checkLabels(github, settings, repo, wanted))))
    return found.flat().length === 0 || found.flat()
  },
}
