// How things stand, on one screen. It changes nothing.
import { writeFileSync } from 'node:fs'
import { displayPath } from '../lib/base/paths.ts'
import { EXIT, Problem } from '../lib/base/problem.ts'
import { sleep } from '../lib/base/shell.ts'
import { clearScreen, printLine } from '../lib/base/terminal.ts'
import { examine } from '../lib/doctor/catalogue.ts'
import { readEvidence } from '../lib/doctor/evidence.ts'
import { diagnosesDocument } from '../lib/doctor/report.ts'
import { selectDiagnoses } from '../lib/doctor/select.ts'
import { installationStatus, type Status } from '../lib/doctor/status.ts'
import { printStatus, statusPage } from '../lib/doctor/status-report.ts'
import { logLinesWith } from '../lib/kubernetes/component-log.ts'
import { currentRun, forget } from '../lib/run/context.ts'
import type { Settings } from '../lib/settings/table.ts'
import { step } from '../lib/step.ts'

/** How long a screen of --watch stays, in milliseconds. */
const INTERVAL = 15_000

export default await step(
  import.meta,
  {
    title: 'Show how things stand',
    reads: 'what doctor reads',
    creates: 'nothing; with --html a file',
    needs: 'the target in the settings',
    options: {
      watch: { type: 'boolean', description: 'show it again every 15 seconds, until Ctrl-C' },
      html: { type: 'string', value: 'FILE', description: 'write it into FILE too, as a page for a browser' },
    },
  },
  async (settings, options) => {
    let status = await read(settings)
    if (options.html) writePage(String(options.html), status)
    printStatus(status)
    while (options.watch) {
      await sleep(INTERVAL)
      forget()
      status = await read(settings)
      clearScreen()
      printStatus(status)
    }
    const { findings, ...rest } = status
    currentRun().answer = {
      exitCode: EXIT.done,
      document: { status: rest, findings: diagnosesDocument(findings) },
    }
  },
)

async function read(settings: Settings): Promise<Status> {
  const [evidence, syncs] = await Promise.all([readEvidence(settings), logLinesWith('tide', 'prow', '"Synced"', 1)])
  const { found } = await examine(evidence)
  const last = syncs.at(-1)
  return installationStatus(evidence, selectDiagnoses(found, [], settings.DOCTOR_IGNORE), last && new Date(last.time))
}

function writePage(file: string, status: Status): void {
  try {
    writeFileSync(file, statusPage(status))
  } catch (error) {
    throw new Problem(`${displayPath(file)} cannot be written: ${(error as Error).message}`, 'Name another file.')
  }
  printLine(`written: ${displayPath(file)}`)
}
