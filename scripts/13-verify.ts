// Every fact of every step, looked at once more as the cluster has it now.

import { Problem } from '../lib/base/problem.ts'
import { report } from '../lib/kubernetes/check.ts'
import { storageClass } from '../lib/kubernetes/cluster.ts'
import { forget, world } from '../lib/kubernetes/snapshot.ts'
import { awsFacts } from '../lib/prow/aws-checks.ts'
import * as checks from '../lib/prow/checks.ts'
import { readProwConfig } from '../lib/prow/config.ts'
import { podRoleChecks } from '../lib/prow/pod-roles.ts'
import { isPublic, lookAtPublicDeck } from '../lib/prow/public-deck.ts'
import { readerChecks } from '../lib/prow/restarts.ts'
import { sendJob } from '../lib/prow/test-job.ts'
import { current } from '../lib/run/context.ts'
import { after, note, skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Verify the whole installation',
    reads: 'the cluster; with DECK_ACCESS=public what GitHub says of repositories with jobs',
    makes: 'nothing; with VERIFY_JOB=on a job of its own, which it removes',
    needs: 'the steps before it',
  },
  async (settings) => {
    if (current().plan && !(await world()).has('Deployment', 'hook', 'prow')) {
      return after('08-prow', ['there is nothing to verify yet'])
    }
    // Not what a step of this run remembers.
    forget()
    const { COMPONENTS, running, bound } = checks
    const store = settings.OBJECT_STORE === 'on'
    const faults = [
      ...(settings.TARGET === 'eks' ? [await awsFacts(settings)] : []),
      await report('namespaces', checks.namespaces),
      await report('secrets', checks.secrets(settings)),
      await report('definition', checks.definition),
      await report('service accounts', checks.accounts),
      await report('configuration', checks.config),
      await report('rights', checks.rights),
      await report(
        'volumes',
        await storageClass(settings),
        bound('ghproxy', 'prow'),
        store ? bound('object-store', 'prow') : [],
      ),
      await report(
        'components',
        COMPONENTS.map((name) => running(name, 'prow', '08-prow')),
      ),
      await report('what the pods started with', await readerChecks()),
      await report('roles in the pods', await podRoleChecks(settings)),
      await report('object store', store ? running('object-store', 'prow', '08-prow') : []),
      await report(
        'pushgateway',
        settings.PUSHGATEWAY === 'on'
          ? ['pushgateway', 'pushgateway-proxy'].map((name) => running(name, 'prow', '09-pushgateway'))
          : [],
      ),
      await report('way in', settings.INGRESS === 'none' ? [] : checks.ingress(settings)),
    ].flat()
    // A repository may have become private since.
    if (isPublic(settings)) {
      const deck = await lookAtPublicDeck(settings, readProwConfig(settings))
      for (const { wrong, remedy } of deck.warnings) note('warning', wrong, remedy)
      for (const { wrong } of deck.faults) note('failed', wrong)
      faults.push(...deck.faults)
    }
    if (faults.length > 0) throw Problem.all(faults)
    if (settings.VERIFY_JOB === 'off') return skipped('a job, all the way to its log', 'VERIFY_JOB=on sends one')
    if (current().plan) return skipped('a job, all the way to its log', 'it is no plan')
    const { config } = readProwConfig(settings)
    await task('a job, all the way to its log', async (say) => ({
      outcome: 'removed',
      note: `its log stays: ${await sendJob(settings, config.text, say)}`,
    }))
  },
)
