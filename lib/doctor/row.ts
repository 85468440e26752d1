// A cause that the doctor knows is a row of a table in causes/. To add one:
//
// 1. Take the next free id of its area: PRW-JOB-004. An id is never used for another cause.
// 2. Add a Row to the table of the area in lib/doctor/causes/AREA.ts. `find` gives back what it found, nothing when all
//    is well: the object that is wrong (`Deployment prow/hook`), a message that names the cause, the real line it was read
//    from, and the line to type. `follows` names objects whose own finding is the root of this one.
// 3. What it reads is in Evidence (evidence.ts), read once for all rows. A row never starts a process.
// 4. Unit test in test/unit/doctor/causes/AREA.test.ts: a healthy Evidence finds nothing, one with the fault finds it.
// 5. A test that brings it about, in test/scripts/doctor-AREA.bats: `expect_finding` runs the doctor and expects exactly
//    this id and no other; the test undoes it.
import type { Finding } from '../base/problem.ts'
import { COMPONENTS } from '../prow/checks.ts'
import type { Evidence } from './evidence.ts'

/** What a row found. */
export interface Found {
  /** The object that is wrong, as `objectLabel` names it: `Secret prow/oauth-token`, `webhook of my-org`. */
  object: string
  /** What is wrong and why, with the name of the object. */
  message: string
  /** What to do, with the line to type or the file to change. */
  remedy: string
  /** The line of the cluster, AWS or GitHub from which it was read. */
  evidence?: string
  /** Objects that, when something is wrong with them, explain this: it is then folded under their finding. */
  follows?: string[]
  /** A more specific id than the row's, of the same catalogue: rows on pods have one for each cause. */
  id?: string
  /** Of that id, where it is another than the row's. */
  severity?: Row['severity']
}

export interface Row {
  id: string
  title: string
  severity: 'error' | 'warning'
  find: (evidence: Evidence) => Found[] | Promise<Found[]>
}

/** A finding of the doctor. */
export interface Diagnosis extends Finding {
  id: string
  object: string
  evidence?: string
  follows: string[]
  /** Further objects with the same cause. */
  also: string[]
  /** What follows from it, which needs no remedy of its own. */
  consequences: Diagnosis[]
}

/** What a row found, as a finding. */
export function diagnosisOf({ id, severity }: Pick<Row, 'id' | 'severity'>, found: Found): Diagnosis {
  return {
    outcome: (found.severity ?? severity) === 'error' ? 'failed' : 'warning',
    id: found.id ?? id,
    object: found.object,
    message: found.message,
    remedy: found.remedy,
    ...(found.evidence ? { evidence: found.evidence } : {}),
    follows: found.follows ?? [],
    also: [],
    consequences: [],
  }
}

/** The object that the message of a check begins with, as `objectLabel` names it; the message where it names none. */
export function objectOfMessage(message: string): string {
  const [first = ''] = message.split('\n')
  const namespace = /^namespace ([\w-]+)/.exec(first)?.[1]
  if (namespace) return `Namespace ${namespace}`
  const component = COMPONENTS.find((name) => first.startsWith(`${name} `))
  if (component) return `Deployment prow/${component}`
  const webhook = /^(?:no )?(webhook of [\w./-]+)/.exec(first)?.[1]
  if (webhook) return webhook
  const host = /^(\S+\.\S+) (?:does not (?:point|resolve)|resolves to|has a record)/.exec(first)?.[1]
  if (host) return `record ${host}`
  if (/OIDC provider/.test(first)) return 'OIDC provider of the cluster'
  return (
    /^[A-Z]\w+ [\w-]+\/[\w.-]+/.exec(first)?.[0] ??
    /\b(?:bucket|role|add-on) [\w.-]+|\bcertificate arn:\S+/.exec(first)?.[0] ??
    first
  )
}
