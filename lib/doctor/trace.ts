// One thing that was to happen, followed from the event to its result: a line for each station, and where it stopped.
import { paint, printLine, symbol, wrapText } from '../base/terminal.ts'
import { idAndPage, troubleshootingPage } from '../base/troubleshooting.ts'
import type { Diagnosis } from './row.ts'

/** A station on the way, and how far it came there. */
export interface Station {
  name: string
  /** When it was there. */
  time?: Date | undefined
  /** `waiting` is a station at which it is now, with nothing wrong. */
  outcome: 'passed' | 'waiting' | 'failed'
  message: string
  remedy?: string
  /** Of the catalogue, where the cause is known. */
  id?: string
}

/** Whether something went all the way. */
export const arrived = (stations: Station[]): boolean => stations.every(({ outcome }) => outcome === 'passed')

export const passedAt = (name: string, message: string, time?: Date): Station => ({
  name,
  time,
  outcome: 'passed',
  message,
})

export const waitsAt = (name: string, message: string, remedy: string, time?: Date): Station => ({
  name,
  time,
  outcome: 'waiting',
  message,
  remedy,
})

export const stopsAt = (name: string, message: string, remedy: string, more: Partial<Station> = {}): Station => ({
  name,
  outcome: 'failed',
  message,
  remedy,
  ...more,
})

/** The finding about one of some objects, with the root under which it was folded. */
export function findingAbout(found: Diagnosis[], objects: string[]): { own: Diagnosis; root: Diagnosis } | undefined {
  const within = (one: Diagnosis): Diagnosis | undefined =>
    [one.object, ...one.also].some((object) => objects.includes(object))
      ? one
      : one.consequences.map(within).find((under) => under !== undefined)
  for (const root of found) {
    const own = within(root)
    if (own) return { own, root }
  }
  return undefined
}

/** A station at which something stops for the cause of a finding; its root is what has to be remedied. */
export function stopsFor(name: string, { own, root }: { own: Diagnosis; root: Diagnosis }, time?: Date): Station {
  const message = own === root ? own.message : `${own.message.split('\n')[0]}\nIts cause: ${root.message}`
  return stopsAt(name, message, root.remedy, { id: root.id, time })
}

const shownTime = (time: Date | undefined) =>
  time && !Number.isNaN(time.getTime()) ? time.toISOString().slice(5, 16).replace('T', ' ') : ''

const MARKS = { passed: ['green', '✔'], waiting: ['yellow', '…'], failed: ['red', '✖'] } as const

/** Where the text of a station begins. */
const COLUMN = 29

/** Prints a line for each station, in UTC, with the remedy where it stops. */
export function printTrace(stations: Station[]): void {
  const indent = ' '.repeat(COLUMN)
  printLine()
  for (const { name, time, outcome, message, remedy } of stations) {
    const [color, mark] = MARKS[outcome]
    const [first = '', ...more] = message.split('\n')
    const head = `${paint(color, symbol(mark))} ${paint('dim', shownTime(time).padEnd(11))}  ${name.padEnd(13)} `
    printLine(`${head}${wrapText(first, COLUMN)}`)
    for (const line of more) printLine(`${indent}${wrapText(line, COLUMN)}`)
    for (const line of remedy?.split('\n') ?? []) printRemedy(line, indent)
  }
  printLine()
  const last = stations.find(({ outcome }) => outcome !== 'passed')
  printLine(
    last === undefined
      ? `${paint('green', symbol('✔'))} it went all the way`
      : last.outcome === 'failed'
        ? `${paint('red', symbol('✖'))} it stopped at: ${last.name}${last.id ? `\n  ${paint('dim', idAndPage(last.id))}` : ''}`
        : `${paint('yellow', symbol('…'))} it is at: ${last.name}`,
  )
}

/** A sentence in its column; the command that ends it on a line of its own, which is never broken. */
function printRemedy(line: string, indent: string): void {
  const at = line.search(/(?<=: )(kubectl|aws|npm|npx) /)
  printLine(`${indent}${wrapText(at < 0 ? line : line.slice(0, at).trimEnd(), COLUMN)}`)
  if (at >= 0) printLine(`  ${line.slice(at)}`)
}

/** The stations as they stand in the JSON document. */
export function traceDocument(stations: Station[]): object {
  return {
    arrived: arrived(stations),
    trace: stations.map(({ time, ...station }) => ({
      ...station,
      ...(station.id ? { page: troubleshootingPage(station.id) } : {}),
      ...(time ? { time: time.toISOString() } : {}),
    })),
  }
}
