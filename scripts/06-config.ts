// What Prow is to do: config.yaml, plugins.yaml and the jobs, as ConfigMaps that every component mounts. The guide
// deletes and creates them; Prow would read nothing in between, so here each is replaced in one request.

import { Problem } from '../lib/base/problem.ts'
import { withSpinner } from '../lib/base/terminal.ts'
import { checkRepositories } from '../lib/github/repositories.ts'
import { need } from '../lib/kubernetes/check.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { apply } from '../lib/kubernetes/tasks.ts'
import { runCheckconfig } from '../lib/prow/checkconfig.ts'
import * as checks from '../lib/prow/checks.ts'
import { mergeMethods, namedRepositories, validateConfig } from '../lib/prow/config.ts'
import { configResources, previousVersion, rollback as rolledBack, waitForDeckReload } from '../lib/prow/config-maps.ts'
import { checkPublicDeck } from '../lib/prow/public-deck.ts'
import { signIn } from '../lib/prow/sign-in.ts'
import { currentRun } from '../lib/run/context.ts'
import { note, skipped } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

/** Prow reads what changed by itself; that can be seen on Deck, where Deck can be asked. */
async function seenByDeck(seconds: number): Promise<void> {
  const { seen, why } = await withSpinner('Deck reads it', (say) => waitForDeckReload(seconds, say))
  if (seen) note('holds', 'Deck has read it')
  else skipped('seen to be read', why ?? '')
}

await step(
  import.meta,
  {
    title: "Put Prow's configuration into the cluster",
    reads: 'config/ (npm run init -- --config makes it), or the templates in manifests/config when there is none',
    creates: 'the ConfigMaps config, plugins and job-config in prow; what was there before is kept as …-previous',
    needs: '02-namespaces',
    options: {
      rollback: { type: 'boolean', description: 'put back the version before the last; again, and it is as it was' },
    },
  },
  async (settings, { rollback }) => {
    await need(checks.namespaces)

    if (rollback) {
      const { now, before } = rolledBack(await snapshot())
      const done = await apply(now)
      await apply(before)
      note('warning', 'your files still hold the other version', 'the next run of 06-config puts it back')
      if (done.some(({ outcome }) => outcome === 'changed')) await seenByDeck(Math.min(settings.WAIT_SECONDS, 150))
      return
    }

    const { prow, hints } = await validateConfig(settings)
    for (const { message, remedy } of hints) note('warning', message, remedy)
    const { faults, warnings } = await checkPublicDeck(settings, prow)
    const named = await namedRepositories(prow, settings.GITHUB_ORG)
    if (settings.GITHUB_CHECKS === 'on' && settings.GITHUB_REPOS.length + named.size > 0) {
      const github = await signIn(settings)
      const methods = await mergeMethods(prow, settings.GITHUB_ORG)
      const found = github ? await checkRepositories(settings, github, named, methods) : undefined
      faults.push(...(found?.faults ?? []))
      warnings.push(...(found?.warnings ?? []))
    }
    for (const { message, remedy } of warnings) note('warning', message, remedy)
    if (faults.length > 0) throw Problem.all(faults)
    const verdict = await runCheckconfig(prow, settings, currentRun().plan)
    if (verdict.refused) {
      throw Problem.all(
        verdict.refused.map((message) => ({
          message: `checkconfig: ${message}`,
          remedy: `${verdict.by} refuses it. Correct the file${settings.CONFIG_STRICT === 'on' ? ', or set CONFIG_STRICT=off where it is only a warning' : ''}.`,
        })),
      )
    }
    if (verdict.skipped) skipped('checkconfig', verdict.skipped)
    else note('holds', `${verdict.by} accepts it`)

    const wanted = configResources(prow)
    // Kept first: a run that is cut off in between can still be gone back from.
    const kept = previousVersion(wanted, await snapshot())
    if (kept.length > 0) await apply(kept)
    const done = await apply(wanted)
    if (done.some(({ outcome }) => outcome === 'changed')) await seenByDeck(Math.min(settings.WAIT_SECONDS, 150))
  },
)
