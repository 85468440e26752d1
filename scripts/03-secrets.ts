// Prow's programs mount these by name. hmac-token and cookie are made here, once; the others are yours.

import { EXIT, Problem } from '../lib/base/problem.ts'
import { withSpinner } from '../lib/base/terminal.ts'
import { need } from '../lib/kubernetes/check.ts'
import { secret } from '../lib/kubernetes/manifests.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { apply } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { restartConsumers, secretMarks } from '../lib/prow/restarts.ts'
import type { FileName } from '../lib/prow/secret-files.ts'
import { exposedFiles, resolveSecrets, saveGenerated } from '../lib/prow/secrets.ts'
import { checkCredentials } from '../lib/prow/sign-in.ts'
import { currentRun } from '../lib/run/context.ts'
import { note, skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Create the secrets that Prow mounts',
    reads: 'secrets/; what is not there is taken from the cluster when it has it',
    creates:
      'hmac-token, cookie, github-oauth-config, oauth-token or github-token, s3-credentials in prow; s3-credentials in test-pods',
    needs: '02-namespaces',
    options: {
      prefer: {
        type: 'string',
        description: 'file (the default) or cluster: which side wins where both have a value and they differ',
      },
    },
  },
  async (settings, { prefer = 'file' }) => {
    if (prefer !== 'file' && prefer !== 'cluster') {
      throw new Problem(`--prefer ${prefer} is neither file nor cluster`, 'Say which side wins.', {
        exitCode: EXIT.usage,
      })
    }
    await need(checks.namespaces)
    const values = await resolveSecrets(settings, currentRun().plan, prefer, async (found, odd) => {
      if (settings.GITHUB_CHECKS === 'off') skipped('what GitHub says of them', 'GITHUB_CHECKS=off')
      const told = await withSpinner('asking GitHub', () => checkCredentials(settings, found))
      if (told?.summary && told.faults.length === 0) note('holds', told.summary)
      for (const { message, remedy } of [...odd, ...(told?.warnings ?? [])]) note('warning', message, remedy)
      return told?.faults ?? []
    })
    for (const file of exposedFiles(settings))
      note('warning', `${file} can be read by others on this machine`, `chmod 600 ${file}`)

    const thing = (name: string, namespace: string, file: FileName, data: (text: string) => Record<string, string>) => {
      const value = values.get(file)
      return {
        name: `${name} in ${namespace}`,
        manifests: [secret(namespace, name, data(value?.text ?? ''))],
        note: value?.note ?? 'made when this is not a plan',
      }
    }

    const wanted = [
      thing('hmac-token', 'prow', 'hmac-token', (hmac) => ({ hmac })),
      settings.OAUTH === 'on' && thing('cookie', 'prow', 'cookie', (text) => ({ secret: text })),
      settings.OAUTH === 'on' &&
        thing('github-oauth-config', 'prow', 'github-oauth-config', (text) => ({ secret: text })),
      // Not in test-pods, where the guide has it too: any job there could mount it. crier reports from prow.
      settings.GITHUB_AUTH === 'pat' && thing('oauth-token', 'prow', 'oauth-token', (oauth) => ({ oauth })),
      settings.GITHUB_AUTH === 'app' &&
        thing('github-token', 'prow', 'github-app-key', (cert) => ({ cert, appid: settings.GITHUB_APP_ID })),
      settings.PRIVATE_CLONES === 'on' && thing('clone-token', 'test-pods', 'clone-token', (oauth) => ({ oauth })),
      thing('s3-credentials', 'prow', 's3-credentials', (text) => ({ 'service-account.json': text })),
      // The pods of jobs upload their own logs.
      thing('s3-credentials', 'test-pods', 's3-credentials', (text) => ({ 'service-account.json': text })),
      settings.OBJECT_STORE === 'on' && {
        ...thing('object-store', 'prow', 's3-credentials', (text) => {
          const { access_key, secret_key, region } = JSON.parse(text || '{}')
          return { access_key: access_key ?? '', secret_key: secret_key ?? '', region: region ?? '' }
        }),
        note: 'keys access_key, secret_key, region   out of s3-credentials',
      },
    ].filter((one) => one !== false)
    const before = secretMarks(await snapshot())
    await apply(wanted)
    if (!currentRun().plan) saveGenerated(settings, values)
    await restartConsumers(
      before,
      wanted.flatMap((one) => one.manifests),
    )
    if (settings.OAUTH === 'off') skipped('cookie, github-oauth-config', 'OAUTH=off: nobody logs in to Deck')
  },
)
