import { usageProblem } from '../run/command-line.ts'
import type { Diagnosis } from './row.ts'

const ID = /^PRW-[A-Z]+-\d{3}$/

/** The ids of an option or setting, separated by commas. Throws a usage Problem for what is no id. */
export function parseIds(option: string, text: string): string[] {
  const ids = text
    .split(',')
    .map((one) => one.trim().toUpperCase())
    .filter(Boolean)
  const wrong = ids.find((one) => !ID.test(one))
  if (wrong) throw usageProblem(`${option} ${wrong} is no id of a finding`, 'An id is such as PRW-SEC-001.')
  return ids
}

/** The findings that are left by --only and --ignore. What follows from an ignored one stays ignored with it. */
export function selectDiagnoses(found: Diagnosis[], only: string[], ignore: string[]): Diagnosis[] {
  return found.filter(({ id }) => (only.length === 0 || only.includes(id)) && !ignore.includes(id))
}

/** The value of --since as a time: so many minutes, hours or days ago. Undefined when it is empty; throws a usage Problem. */
export function parseSince(text: string, now = new Date()): Date | undefined {
  if (text === '') return undefined
  const [, number, unit] = /^(\d+)(m|min|h|d)$/.exec(text) ?? []
  if (!number || !unit) throw usageProblem(`--since ${text} is no span of time`, 'A span is such as 30m, 6h or 3d.')
  const minutes = Number(number) * (unit === 'd' ? 24 * 60 : unit === 'h' ? 60 : 1)
  return new Date(now.getTime() - minutes * 60_000)
}
