// Every fact of every step, looked at once more as the cluster has it now.
import { report } from '../lib/check.ts'
import * as checks from '../lib/checks.ts'
import { storageClass } from '../lib/cluster.ts'
import { forget, world } from '../lib/kubectl.ts'
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
    const faults = await report(
      checks.namespaces,
      checks.secrets(settings),
      checks.definition,
      checks.accounts,
      checks.config,
      await storageClass(settings),
      checks.rights,
      settings.OBJECT_STORE === 'on' ? [bound('object-store', 'prow'), running('object-store', 'prow', '08-prow')] : [],
      bound('ghproxy', 'prow'),
      COMPONENTS.map((name) => running(name, 'prow', '08-prow')),
      settings.PUSHGATEWAY === 'on'
        ? ['pushgateway', 'pushgateway-proxy'].map((name) => running(name, 'prow', '09-pushgateway'))
        : [],
      settings.INGRESS === 'none'
        ? []
        : {
            says: `Ingress prow leads https://${settings.PROW_HOST}/ to Prow`,
            otherwise: 'Ingress prow/prow is missing',
            madeBy: '11-ingress',
            holds: (now) => now.has('Ingress', 'prow', 'prow'),
          },
    )
    skipped('a signed event, all the way to its log', 'this version does not send one')
    if (faults.length > 0) throw Problem.all(faults)
  },
)
