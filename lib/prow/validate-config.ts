import { displayPath } from '../base/paths.ts'
import { type Finding, failures, Problem } from '../base/problem.ts'
import { settle } from '../run/findings.ts'
import { skipped } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { type Place, runCheckconfig, type Verdict } from './checkconfig.ts'
import { type ProwConfig, readFiles } from './config.ts'
import { configFindings } from './config-findings.ts'
import { configurationMaps } from './config-maps.ts'
import type { Violation } from './rules/rule.ts'
import { inspectTestPods } from './test-pods.ts'

/**
 * Reads Prow's configuration and has it checked by the rules in lib/prow/rules and by checkconfig, which has the last
 * word; `place` is where checkconfig may run, nowhere when absent. Throws one Problem with everything that is refused
 * when the files cannot be read or are no YAML; gives back all findings otherwise.
 */
export async function validateConfig(
  settings: Settings,
  place?: Place,
): Promise<{ prow: ProwConfig; findings: Finding[] }> {
  // On demand: most scripts need no rules and no YAML parser, which take a moment to load.
  const { checkConfiguration } = await import('./rules/index.ts')
  const { prow, problems, templates } = readFiles(settings)
  const violations = checkConfiguration(prow, settings, await inspectTestPods()).map((violation) => {
    const template = templates.get(violation.file)
    return template === undefined ? violation : { ...violation, remedy: templateRemedy(violation, template, settings) }
  })
  const verdict: Verdict = !place
    ? { ran: false, reason: '' }
    : problems.length > 0
      ? { ran: false, reason: 'not all of the files can be applied' }
      : await runCheckconfig(settings, prow, place)
  const sizes = await settle(Promise.resolve().then(() => configurationMaps(prow) && []))
  const findings = [...problems, ...configFindings(violations, verdict, settings), ...sizes]
  const failed = failures(findings)
  const isReadable = violations.every(({ rule, severity }) => rule !== 'yaml' || severity !== 'invalid')
  const ends = failed.length > 0 && (problems.length > 0 || !isReadable)
  // That it failed to run is a warning, which is not printed when the step ends here.
  if (place && !verdict.ran && (ends || !verdict.remedy)) skipped('checkconfig', verdict.reason)
  if (ends) throw Problem.all(failed)
  return { prow, findings }
}

/** What to do about a template, which git tracks: correct the setting that fills the line, or edit a copy. */
function templateRemedy({ line, remedy }: Violation, template: string, settings: Settings): string {
  const text = template.split('\n')[line - 1] ?? ''
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!).filter((name) => name in settings)
  const copy = `npm run init -- --config copies the templates to ${settings.CONFIG_DIR}/, where you can edit them: ${remedy}`
  return names.length > 0 ? `Correct ${names.join(' or ')} in ${displayPath(settings.file)}. Or ${copy}` : copy
}
