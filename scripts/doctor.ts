// What is wrong with the installation, why, and what to type. It changes nothing.
import { EXIT } from '../lib/base/problem.ts'
import { diagnoseInstallation, follow } from '../lib/doctor/catalogue.ts'
import { diagnosesDocument, printDiagnoses } from '../lib/doctor/report.ts'
import { parseIds, parseSince, selectDiagnoses } from '../lib/doctor/select.ts'
import { arrived, printTrace, traceDocument } from '../lib/doctor/trace.ts'
import { parsePull } from '../lib/doctor/trace-pull.ts'
import { currentRun } from '../lib/run/context.ts'
import { step } from '../lib/step.ts'

export default await step(
  import.meta,
  {
    title: 'Find what is wrong, why, and what to type',
    reads:
      'prow, test-pods and what the cluster has for all namespaces; the webhook and the rate limit on GitHub; on EKS the log bucket and its roles, the EBS CSI driver, certificate, DNS and targets of the load balancers',
    creates: 'nothing',
    needs: 'the target in the settings',
    options: {
      only: { type: 'string', description: 'only findings with these ids, separated by commas' },
      pr: { type: 'string', description: 'follow a pull request, such as org/repo#12, from its event to its merge' },
      job: { type: 'string', description: 'follow the newest run of a job, or a ProwJob by its name' },
      since: { type: 'string', description: 'jobs and deliveries since then: 30m, 6h, 3d (default 24h)' },
      ignore: { type: 'string', description: 'no findings with these ids; DOCTOR_IGNORE sets the same for good' },
    },
  },
  async (settings, options) => {
    const only = parseIds('--only', String(options.only ?? ''))
    const ignore = [...parseIds('--ignore', String(options.ignore ?? '')), ...settings.DOCTOR_IGNORE]
    const since = parseSince(String(options.since ?? ''))
    const run = currentRun()
    if (options.pr || options.job) {
      const pull = options.pr ? parsePull(String(options.pr)) : undefined
      const stations = await follow(settings, { pull, job: String(options.job ?? '') }, since)
      printTrace(stations)
      run.answer = { exitCode: arrived(stations) ? EXIT.done : EXIT.differs, document: traceDocument(stations) }
      return
    }
    const { found, healthy } = await diagnoseInstallation(settings, since)
    const shown = selectDiagnoses(found, only, ignore)
    printDiagnoses(shown, run.verbose ? healthy : [])
    run.answer = {
      exitCode: shown.length > 0 ? EXIT.differs : EXIT.done,
      document: { findings: diagnosesDocument(shown) },
    }
  },
)
