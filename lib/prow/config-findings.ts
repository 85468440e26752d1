import { basename } from 'node:path'
import { type Finding, failed, passed, warning } from '../base/problem.ts'
import { ROWS, type Settings } from '../settings/table.ts'
import type { Verdict } from './checkconfig.ts'
import type { Violation } from './rules/rule.ts'

/** Violations of one cause, which are reported as one. */
interface Cause {
  /** The first in the order of files and lines. */
  first: Violation
  all: Violation[]
  /** All places as `file:line`, each once, with their files. */
  places: Map<string, string>
  /** What checkconfig says of it. */
  errors: string[]
}

/** How many more places of a cause are named. */
const PLACES = 3
/** The length up to which an error of checkconfig is shown, in characters: one may list thousands of jobs. */
const LENGTH = 300

/**
 * What the rules and checkconfig found in a configuration: a finding for each cause, in the order of files and lines.
 * Where checkconfig accepts the configuration, only what cannot work in this installation is refused. Where it refuses
 * it, each of its errors stands with the violation that explains it, or by itself.
 */
export function configFindings(violations: Violation[], verdict: Verdict, settings: Settings): Finding[] {
  const causes = causesOf(violations)
  const unexplained = verdict.ran ? explain(verdict.errors, causes) : []
  const findings = causes.map((cause) => findingOf(cause, verdict, settings))
  if (!verdict.ran) return [...findings, ...(verdict.remedy ? [didNotRun(verdict.reason, verdict.remedy)] : [])]
  const { program, errors, loads, unmade } = verdict
  findings.push(...unmade.map((error) => unmadeCheck(error)))
  if (errors.length === 0) return [...findings, passed(`${program} accepts the configuration`)]
  const lets = loads ? ' Only --strict does: CONFIG_STRICT=off lets it pass.' : ''
  return [
    ...findings,
    ...unexplained.map((error) =>
      failed(`checkconfig: ${shorten(error)}`, `Correct the file: ${program} refuses the configuration.${lets}`),
    ),
  ]
}

function didNotRun(reason: string, remedy: string): Finding {
  const rest = 'Without it only the rules of this runbook check the configuration; CHECKCONFIG=off leaves it out.'
  return warning(`checkconfig did not check the configuration: ${reason}`, `${remedy} ${rest}`)
}

function unmadeCheck(error: string): Finding {
  const remedy = 'It runs without credentials for the bucket; Prow reads the file itself.'
  return warning(`checkconfig could not make one of its checks: ${shorten(error)}`, remedy)
}

function causesOf(violations: Violation[]): Cause[] {
  const causes = new Map<string, Cause>()
  const byPlace = (a: Violation, b: Violation) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1)
  for (const violation of [...violations].sort(byPlace)) {
    const { rule, severity, cause, remedy, file, line } = violation
    const key = [rule, severity, cause, remedy].join('\n')
    const known: Cause = causes.get(key) ?? { first: violation, all: [], places: new Map(), errors: [] }
    known.all.push(violation)
    known.places.set(`${file}:${line}`, file)
    causes.set(key, known)
  }
  return [...causes.values()]
}

function findingOf(cause: Cause, verdict: Verdict, settings: Settings): Finding {
  const { first, errors } = cause
  const { file, line, message, remedy } = first
  const outcome = outcomeOf(cause, verdict, settings)
  const parts = [
    ...errors.slice(0, 1).map((error) => `checkconfig: ${shorten(error)}${andMore(errors.length - 1)}`),
    ...more(cause),
    [remedy, ...standing(first, outcome, verdict, settings)].join(' '),
  ]
  const text = `${file}:${line} ${message}`
  return outcome === 'failed' ? failed(text, parts.join('\n')) : warning(text, parts.join(' '))
}

/** The other places of a cause: how many, and the first of them by the base names of their files, which are unique. */
function more({ first, places }: Cause): string[] {
  const others = [...places.keys()].filter((place) => place !== `${first.file}:${first.line}`)
  if (others.length === 0) return []
  const files = new Set(places.values()).size
  const across = files > 1 ? ` in ${files} files` : ''
  const named = others.slice(0, PLACES).map((place) => basename(place))
  if (others.length <= PLACES) return [`The same in ${named.join(', ')}.`]
  return [`The same in ${others.length} more places${across}: ${named.join(', ')}, …`]
}

const KNOWN = ROWS.PROW_IMAGE_TAG.default

/** Whether a violation is only as sure as the list of what the default version of Prow knows. */
function isOfAnotherVersion({ rule }: Violation, { PROW_IMAGE_TAG }: Settings): boolean {
  return PROW_IMAGE_TAG !== KNOWN && ['unknown-field', 'unknown-plugin'].includes(rule)
}

function outcomeOf({ first, errors }: Cause, verdict: Verdict, settings: Settings): 'failed' | 'warning' {
  const { severity } = first
  if (severity === 'here' || errors.length > 0) return 'failed'
  if (severity === 'hint' || (severity === 'strict' && settings.CONFIG_STRICT === 'off')) return 'warning'
  if (!verdict.ran) return isOfAnotherVersion(first, settings) ? 'warning' : 'failed'
  const accepted = verdict.errors.length === 0 || (verdict.loads && severity === 'invalid')
  return accepted ? 'warning' : 'failed'
}

/** Who refuses it, and which setting lets it pass, as sentences. */
function standing(violation: Violation, outcome: 'failed' | 'warning', verdict: Verdict, settings: Settings): string[] {
  const { rule, severity, setting } = violation
  const lets = setting && !violation.remedy.includes(setting) ? [`${setting} lets it pass.`] : []
  if (severity === 'hint') return []
  if (severity === 'here') return ['Only this installation refuses it.', ...lets]
  if (outcome === 'failed') {
    if (severity === 'invalid') return ['Prow refuses it.', ...lets]
    const who = rule === 'yaml' ? 'Prow accepts it' : 'Only checkconfig --strict refuses it'
    return [`${who}: ${setting ?? 'CONFIG_STRICT=off'} lets it pass.`]
  }
  if (severity === 'strict' && settings.CONFIG_STRICT === 'off') return ['Only checkconfig --strict refuses it.']
  return [verdict.ran ? 'checkconfig accepts it.' : `That is so for ${KNOWN}.`]
}

const andMore = (count: number) => (count > 0 ? ` (and ${count} more like it)` : '')

function shorten(text: string): string {
  const error = text.replaceAll(/error unmarshaling JSON: while decoding JSON: (json: )?/g, '')
  return error.length > LENGTH ? `${error.slice(0, LENGTH)}…` : error
}

/** Words that say nothing about which problem it is. */
const COMMON = new Set(
  `a an and are at be been by can cannot config configuration does error field for from go has have in into invalid is
  it job jobs json its must name not of on one only or org parsing presubmit postsubmit periodic prow prowconfig regex
  regexp repo set should string struct that the their there they this to twice type unknown unmarshal unmarshaling
  validate validating value was where which while with without yaml`.split(/\s+/),
)

/** The words of a text but for the names of the files, those of several words whole, in the singular. */
function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().replace(/\S+\.ya?ml\S*/g, ' ')
  const all = (words.match(/[\p{L}\p{N}_/-]+/gu) ?? []).filter((word) => word.length > 1 && !COMMON.has(word))
  return new Set(
    all.map((word) =>
      word
        .replace(/ies$/, 'y')
        .replace(/(ch|s|x)es$/, '$1')
        .replace(/([^s])s$/, '$1'),
    ),
  )
}

/**
 * Puts each error of checkconfig to the cause with a violation that has the most words in common with it. Answers the
 * errors for which there is none.
 */
function explain(errors: string[], causes: Cause[]): string[] {
  if (errors.length === 0) return []
  const violations = causes.flatMap((cause) => cause.all.map(({ file, message }) => ({ cause, file, message })))
  const byWord = new Map<string, number[]>()
  for (const [index, { message }] of violations.entries())
    for (const word of wordsOf(message)) {
      const known = byWord.get(word)
      if (known) known.push(index)
      else byWord.set(word, [index])
    }
  return errors.filter((error) => {
    const scores = new Map<number, number>()
    // A name of several words says more than a word.
    for (const word of wordsOf(error))
      for (const index of byWord.get(word) ?? [])
        scores.set(index, (scores.get(index) ?? 0) + (/[_/-]/.test(word) ? 2 : 1))
    let best: { cause: Cause; score: number } | undefined
    for (const [index, words] of scores) {
      const { cause, file } = violations[index]!
      // A file says where, and not what.
      const score = words + (error.includes(file) ? 1 : 0)
      if (score > 1 && score > (best?.score ?? 0)) best = { cause, score }
    }
    // Prow stops at the first error of a file: what alone is invalid in it is that.
    const invalid = causes.filter(({ first }) => first.severity === 'invalid' && error.includes(first.file))
    const cause = best?.cause ?? (invalid.length === 1 ? invalid[0] : undefined)
    cause?.errors.push(error)
    return cause === undefined
  })
}
