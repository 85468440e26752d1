// Every fact of every step, looked at once more as the cluster has it now.

import { awsFacts } from '../lib/awschecks.ts'
import { report } from '../lib/check.ts'
import * as checks from '../lib/checks.ts'
import { storageClass } from '../lib/cluster.ts'
import { forget, world } from '../lib/kubectl.ts'
import { podRoleChecks } from '../lib/podrole.ts'
import { Problem } from '../lib/problem.ts'
import { after, current, skipped, step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Verify the whole installation',
    reads: 'the cluster',
    makes: 'nothing',
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
    skipped('a signed event, all the way to its log', 'this version does not send one')
    if (faults.length > 0) throw Problem.all(faults)
  },
)
