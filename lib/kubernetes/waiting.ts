import type { Finding } from '../base/problem.ts'
import { symbol } from '../base/terminal.ts'
import { currentRun } from '../run/context.ts'
import { settle } from '../run/findings.ts'
import type { Wait } from '../run/result.ts'
import { causesOf, diagnose } from './diagnose.ts'

type Watch = Wait['watch']

/** How often it is found out why something is not ready yet, in milliseconds. */
const EVERY = 15_000

/**
 * Waits until everything that is watched is ready, and meanwhile shows how many are, for how long, and the first cause of
 * those that are not. A cause that waiting does not change ends the wait when it is found twice in a row. Gives back why
 * what is not ready is not, with the remedies; nothing when all is ready.
 */
export async function waitFor(watches: Watch[], progress: (text: string) => void, every = EVERY): Promise<Finding[]> {
  let cause = ''
  const show = () => progress(waitingText(watches, cause))
  const found = new Map<string, string>()
  const look = async () => {
    const causes = await Promise.all(watches.map((watch) => causesSoFar(watch).catch(() => [])))
    const first = causes.flat()[0]
    cause = first ? `${first.name}: ${first.cause.split('\n')[0]}` : ''
    for (const [index, watch] of watches.entries()) {
      const before = new Map(found)
      for (const { name, id } of causes[index]!) found.set(`${watch.kind} ${name}`, id)
      watch.giveUp(
        causes[index]!.filter(({ name, id, lasting }) => lasting && before.get(`${watch.kind} ${name}`) === id).map(
          ({ name }) => name,
        ),
      )
    }
  }
  let looking: Promise<void> = Promise.resolve()
  let since = Date.now()
  const timer = setInterval(
    () => {
      if (Date.now() - since >= every) {
        since = Date.now()
        looking = looking.then(look)
      }
      show()
    },
    Math.min(every, 1000),
  )
  for (const watch of watches) watch.onChange = show
  try {
    return (await Promise.all(watches.map((watch) => settle(findingsOf(watch))))).flat()
  } finally {
    clearInterval(timer)
    await looking
  }
}

/** Why those that are not ready are not, so far; what takes a log to find out is left out. */
async function causesSoFar({ kind, namespace, waiting, ended }: Watch) {
  if (ended || waiting.length === 0 || kind === 'CustomResourceDefinition') return []
  return causesOf(kind, waiting, namespace, currentRun().settings, false)
}

async function findingsOf(watch: Watch): Promise<Finding[]> {
  const { kind, namespace, seconds } = watch
  const late = await watch.notReady
  if (late.length === 0) return []
  const findings = await diagnose(kind, late, namespace, currentRun().settings)
  if (!watch.gaveUp) return findings
  const early = `Waiting does not change this: the wait ended after ${watch.elapsed} of ${seconds} s.`
  return findings.map((one) => ({ ...one, message: `${one.message}\n${early}` }))
}

/** `7 of 9 ready · 45 s of 600 s · hook: …`. */
function waitingText(watches: Watch[], cause: string): string {
  const all = watches.reduce((sum, { size }) => sum + size, 0)
  const waiting = watches.flatMap((watch) => watch.waiting)
  const elapsed = Math.max(...watches.map((one) => one.elapsed))
  const limit = Math.max(...watches.map(({ seconds }) => seconds))
  const parts = [`${all - waiting.length} of ${all} ready`, `${elapsed} s of ${limit} s`, cause || waiting.join(', ')]
  return parts.join(` ${symbol('·')} `)
}
