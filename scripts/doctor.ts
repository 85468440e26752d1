// What is wrong with the installation, why, and what to type. It changes nothing.
import { EXIT } from '../lib/base/problem.ts'
import { diagnoseInstallation } from '../lib/doctor/catalogue.ts'
import { diagnosesDocument, printDiagnoses } from '../lib/doctor/report.ts'
import { parseIds, selectDiagnoses } from '../lib/doctor/select.ts'
import { currentRun } from '../lib/run/context.ts'
import { step } from '../lib/step.ts'

export default await step(
  import.meta,
  {
    title: 'Find what is wrong, why, and what to type',
    reads: 'prow, test-pods and what the cluster has for all namespaces; the webhook and the rate limit on GitHub',
    creates: 'nothing',
    needs: 'the target in the settings',
    options: {
      only: { type: 'string', description: 'only findings with these ids, separated by commas' },
      ignore: { type: 'string', description: 'no findings with these ids; DOCTOR_IGNORE sets the same for good' },
    },
  },
  async (settings, options) => {
    const only = parseIds('--only', String(options.only ?? ''))
    const ignore = [...parseIds('--ignore', String(options.ignore ?? '')), ...settings.DOCTOR_IGNORE]
    const { found, healthy } = await diagnoseInstallation(settings)
    const shown = selectDiagnoses(found, only, ignore)
    const run = currentRun()
    printDiagnoses(shown, run.verbose ? healthy : [])
    run.answer = {
      exitCode: shown.length > 0 ? EXIT.differs : EXIT.done,
      document: { findings: diagnosesDocument(shown) },
    }
  },
)
