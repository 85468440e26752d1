// Prow's programs mount these by name. hmac-token and cookie are made here, once; the others are yours.

import { EXIT, Problem } from '../lib/base/problem.ts'
import { spin } from '../lib/base/terminal.ts'
import { need } from '../lib/kubernetes/check.ts'
import { secret } from '../lib/kubernetes/manifests.ts'
import { world } from '../lib/kubernetes/snapshot.ts'
import { tasks } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { restartReaders, startMarks } from '../lib/prow/restarts.ts'
import type { FileName } from '../lib/prow/secret-files.ts'
import { exposed, gather, keepMade } from '../lib/prow/secrets.ts'
import { lookAtGitHub } from '../lib/prow/sign-in.ts'
import { current } from '../lib/run/context.ts'
import { note, skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Create the secrets that Prow mounts',
    reads: 'secrets/; what is not there is taken from the cluster when it has it',
    makes:
      'hmac-token, cookie, github-oauth-config, oauth-token or github-token, s3-credentials in prow; s3-credentials in test-pods',
    needs: '02-namespaces',
    options: {
      prefer: {
        type: 'string',
        says: 'file (the default) or cluster: which side wins where both have a value and they differ',
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
    const values = await gather(settings, current().plan, prefer, async (found, odd) => {
      if (settings.GITHUB_CHECKS === 'off') skipped('what GitHub says of them', 'GITHUB_CHECKS=off')
      const told = await spin('asking GitHub', () => lookAtGitHub(settings, found))
      if (told?.says && told.faults.length === 0) note('holds', told.says)
      for (const { wrong, remedy } of [...odd, ...(told?.warnings ?? [])]) note('warning', wrong, remedy)
      return told?.faults ?? []
    })
    for (const file of exposed(settings))
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
    const before = startMarks(await world())
    await tasks(wanted)
    if (!current().plan) keepMade(settings, values)
    await restartReaders(
      before,
      wanted.flatMap((one) => one.manifests),
    )
    if (settings.OAUTH === 'off') skipped('cookie, github-oauth-config', 'OAUTH=off: nobody logs in to Deck')
  },
)
