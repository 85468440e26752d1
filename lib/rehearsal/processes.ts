import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../base/problem.ts'
import { run } from '../base/shell.ts'
import { isEmulator } from './aws.ts'
import { places } from './folder.ts'

// Every process of this user, by number, with its command line.
async function commandLines(): Promise<{ pid: number; line: string }[]> {
  if (!existsSync('/proc/self/cmdline')) {
    const listed = await run('ps', ['-Awwo', 'pid=,args='])
    return listed.split('\n').flatMap((text) => {
      const [, pid, line] = /^\s*(\d+) (.*)/.exec(text) ?? []
      return pid && line ? [{ pid: Number(pid), line }] : []
    })
  }
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return [{ pid: Number(name), line: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
    } catch {
      return [] // It ended meanwhile.
    }
  })
}

// The processes of this rehearsal. They are known by their command lines, not by the numbers that kwokctl wrote down:
// after a restart of the machine such a number is somebody else's.
export async function ours(dir: string): Promise<{ pid: number; name: string }[]> {
  return (await commandLines()).flatMap(({ pid, line }) => {
    const name = whose(dir, line)
    return name ? [{ pid, name }] : []
  })
}

/** Which program of the rehearsal in `dir` a command line is, if any. */
export function whose(dir: string, line: string): string | undefined {
  const bin = join(places(dir).cluster, 'bin/')
  if (line.startsWith(bin)) return line.slice(bin.length).split(' ')[0]
  if (isEmulator(places(dir).aws, line)) return 'aws'
  return /^\S*kwokctl /.test(line) && `${line} `.includes(` --config ${places(dir).config} `) ? 'kwokctl' : undefined
}

// Ends them at once: there is nothing in them to save, and a kwokctl that is left could start more.
export async function end(dir: string): Promise<void> {
  for (let left = await ours(dir), tries = 0; left.length > 0; left = await ours(dir), tries++) {
    if (tries > 100)
      throw new Problem(
        `Processes of the rehearsal do not end: ${left.map(({ pid }) => pid).join(', ')}`,
        'End them by hand.',
      )
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself.
      }
    }
    await sleep(100)
  }
}
