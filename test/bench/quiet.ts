import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** The ticks of all processors since the machine started: idle, and all. Undefined where there is no /proc. */
function ticks(): { idle: number; all: number } | undefined {
  if (!existsSync('/proc/stat')) return undefined
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [, ...numbers] = line.split(/\s+/).map(Number)
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, interrupt = 0, soft = 0, steal = 0] = numbers
  return { idle: idle + wait, all: user + nice + system + idle + wait + interrupt + soft + steal }
}

/** The share of the last ten seconds in which a process waited for a processor, where the kernel counts it. */
function pressure(): number | undefined {
  if (!existsSync('/proc/pressure/cpu')) return undefined
  return Number(/^some avg10=([\d.]+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1])
}

/** What else the machine does while nothing is measured. */
export interface Load {
  /** The share of its processors that is idle. */
  idle?: number
  /** Processes that want a processor, for each processor, over the last minute. */
  load: number
  pressure?: number
}

/** Samples the machine for a second. */
export async function sampleLoad(): Promise<Load> {
  const before = ticks()
  await sleep(1000)
  const after = ticks()
  const idle = before && after ? (after.idle - before.idle) / (after.all - before.all) : undefined
  return { idle, load: loadavg()[0]! / availableParallelism(), pressure: pressure() }
}

/** One line on whether the machine was quiet: in every sample at least nine tenths of it were idle. */
export function describeLoad(samples: Load[]): string {
  const idle = samples.map((one) => one.idle).filter((one) => one !== undefined)
  const range = (numbers: number[], show: (value: number) => string) =>
    `${show(Math.min(...numbers))} to ${show(Math.max(...numbers))}`
  const percent = (value: number) => `${Math.round(100 * value)} %`
  const pressures = samples.map((one) => one.pressure).filter((one) => one !== undefined)
  return [
    `The machine was ${idle.length > 0 && Math.min(...idle) >= 0.9 ? 'quiet' : 'not quiet'}`,
    ...(idle.length > 0 ? [`${range(idle, percent)} idle before the measurements`] : []),
    `load ${range(
      samples.map((one) => one.load),
      (value) => value.toFixed(1),
    )} for each of ${availableParallelism()} processors`,
    ...(pressures.length > 0 ? [`CPU pressure ${range(pressures, (value) => `${value.toFixed(0)} %`)}`] : []),
  ].join('; ')
}
