import { type Finding, failed, Problem } from '../base/problem.ts'
import { type Checks, findingsOf, LASTING, printChecks, rows, verify } from '../kubernetes/check.ts'
import { currentRun, forgetExcept } from '../run/context.ts'
import { print } from '../run/findings.ts'
import { examine } from './catalogue.ts'
import { readEvidence } from './evidence.ts'
import { findingOf } from './report.ts'
import { type Diagnosis, diagnosisOf, objectOfMessage } from './row.ts'

/**
 * Reads everything afresh: a line with how many checks of each step passed (each of them with --verbose), then what did
 * not pass and what the doctor finds, root causes first. What could not be read hides nothing else. Throws one Problem
 * with everything that is wrong. Under --plan only the checks: what an earlier step will make true is not wrong yet.
 */
export async function verifyInstallation(groups: Record<string, Checks>): Promise<void> {
  const { plan, settings } = currentRun()
  if (plan) return verify(groups)
  forgetExcept(LASTING)
  const evidence = await readEvidence(settings, { complete: true })
  const unread = new Set(evidence.unread.flatMap(({ problem }) => problem.findings.map(({ message }) => message)))
  const failures: Diagnosis[] = []
  let unchecked = 0
  const all = Object.entries(groups).map(([group, checks]) => ({ group, checks: rows(checks) }))
  const found = await Promise.all(all.map(({ checks }) => findingsOf(checks)))
  for (const [index, { group }] of all.entries()) {
    const findings = found[index]!.flat()
    printChecks(group, findings)
    for (const one of findings.filter(({ outcome }) => outcome === 'failed')) {
      if (unread.has(one.message)) unchecked++
      else failures.push(diagnosisOfCheck(group, one))
    }
  }
  const { found: diagnoses } = await examine(evidence, failures)
  // What a check found, the catalogue may have found as well, with its cause.
  const isRepeated = (one: Diagnosis) =>
    one.id.startsWith('PRW-STEP-') && diagnoses.some((other) => other !== one && other.message.includes(one.message))
  const findings = diagnoses.filter((one) => !isRepeated(one)).map(findingOf)
  if (unchecked > 0)
    findings.push(
      failed(
        `${unchecked} ${unchecked === 1 ? 'check was' : 'checks were'} not made, because what they look at could not be read`,
        'Get the permissions that the warnings above name, or have somebody verify who has them.',
      ),
    )
  for (const one of findings) print(one)
  const wrong = findings.filter(({ outcome }) => outcome === 'failed')
  if (wrong.length > 0) throw Problem.all(wrong)
}

/** A check that failed, as a finding beside those of the catalogue: where that knows more of the object, it explains it. */
function diagnosisOfCheck(group: string, { message, remedy }: Finding): Diagnosis {
  const object = objectOfMessage(message)
  const step = group.slice(0, 2)
  return diagnosisOf({ id: `PRW-STEP-${step}`, severity: 'error' }, { object, message, remedy, follows: [object] })
}
