// Every fact of every step, looked at once more as the cluster has it now.

import { Problem } from '../lib/base/problem.ts'
import { reportChecks } from '../lib/kubernetes/check.ts'
import { storageClassCheck } from '../lib/kubernetes/cluster.ts'
import { forgetSnapshot, snapshot } from '../lib/kubernetes/snapshot.ts'
import { reportAwsChecks } from '../lib/prow/aws-checks.ts'
import * as checks from '../lib/prow/checks.ts'
import { readProwConfig } from '../lib/prow/config.ts'
import { podRoleChecks } from '../lib/prow/pod-roles.ts'
import { checkPublicDeck, isPublic } from '../lib/prow/public-deck.ts'
import { restartChecks } from '../lib/prow/restarts.ts'
import { runTestJob } from '../lib/prow/test-job.ts'
import { currentRun } from '../lib/run/context.ts'
import { after, note, skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Verify the whole installation',
    reads: 'the cluster; with DECK_ACCESS=public what GitHub says of repositories with jobs',
    creates: 'nothing; with VERIFY_JOB=on a job of its own, which it removes',
    needs: 'the steps before it',
  },
  async (settings) => {
    if (currentRun().plan && !(await snapshot()).has('Deployment', 'hook', 'prow')) {
      return after('08-prow', ['there is nothing to verify yet'])
    }
    // Not what a step of this run remembers.
    forgetSnapshot()
    const { COMPONENTS, isRunning: running, isBound: bound } = checks
    const store = settings.OBJECT_STORE === 'on'
    const faults = [
      ...(settings.TARGET === 'eks' ? [await reportAwsChecks(settings)] : []),
      await reportChecks('namespaces', checks.namespaces),
      await reportChecks('secrets', checks.secrets(settings)),
      await reportChecks('definition', checks.prowJobCrd),
      await reportChecks('service accounts', checks.serviceAccounts),
      await reportChecks('configuration', checks.configMaps),
      await reportChecks('rights', checks.rbac),
      await reportChecks(
        'volumes',
        await storageClassCheck(settings),
        bound('ghproxy', 'prow'),
        store ? bound('object-store', 'prow') : [],
      ),
      await reportChecks(
        'components',
        COMPONENTS.map((name) => running(name, 'prow', '08-prow')),
      ),
      await reportChecks('what the pods started with', await restartChecks()),
      await reportChecks('roles in the pods', await podRoleChecks(settings)),
      await reportChecks('object store', store ? running('object-store', 'prow', '08-prow') : []),
      await reportChecks(
        'pushgateway',
        settings.PUSHGATEWAY === 'on'
          ? ['pushgateway', 'pushgateway-proxy'].map((name) => running(name, 'prow', '09-pushgateway'))
          : [],
      ),
      await reportChecks('way in', settings.INGRESS === 'none' ? [] : checks.ingress(settings)),
    ].flat()
    // A repository may have become private since.
    if (isPublic(settings)) {
      const deck = await checkPublicDeck(settings, readProwConfig(settings))
      for (const { message, remedy } of deck.warnings) note('warning', message, remedy)
      for (const { message } of deck.faults) note('failed', message)
      faults.push(...deck.faults)
    }
    if (faults.length > 0) throw Problem.all(faults)
    if (settings.VERIFY_JOB === 'off') return skipped('a job, all the way to its log', 'VERIFY_JOB=on sends one')
    if (currentRun().plan) return skipped('a job, all the way to its log', 'it is no plan')
    const { config } = readProwConfig(settings)
    await task('a job, all the way to its log', async (say) => ({
      outcome: 'removed',
      note: `its log stays: ${await runTestJob(settings, config.text, say)}`,
    }))
  },
)
