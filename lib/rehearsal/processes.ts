import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { run, sleep } from '../base/shell.ts'
import { isEmulator } from './aws-python.ts'
import { paths } from './folder.ts'

// Every process of this user, with its command line.
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
      return [] // It has ended meanwhile.
    }
  })
}

/**
 * The processes of the rehearsal in `dir`. They are recognized by their command lines and not by the numbers that
 * kwokctl wrote down: after a restart of the machine, such a number may belong to another process.
 */
export async function findProcesses(dir: string): Promise<{ pid: number; name: string }[]> {
  return (await commandLines()).flatMap(({ pid, line }) => {
    const name = programOf(dir, line)
    return name ? [{ pid, name }] : []
  })
}

/** Which program of the rehearsal in `dir` a command line belongs to, if any. */
export function programOf(dir: string, line: string): string | undefined {
  const bin = join(paths(dir).cluster, 'bin/')
  if (line.startsWith(bin)) return line.slice(bin.length).split(' ')[0]
  if (isEmulator(paths(dir).aws, line)) return 'aws'
  return /^\S*kwokctl(-\w+-\w+)? /.test(line) && `${line} `.includes(` --config ${paths(dir).config} `)
    ? 'kwokctl'
    : undefined
}

/** Kills processes at once, as far as they still run: those of a rehearsal have nothing to save. */
export function killProcesses(pids: number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

/** Ends all processes of the rehearsal in `dir`, again and again: a kwokctl that still runs could start more. */
export async function endProcesses(dir: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const remaining = (await findProcesses(dir)).map(({ pid }) => pid)
    if (remaining.length === 0) return
    if (tries > 100) {
      throw new Problem(
        `processes of the rehearsal do not end: ${remaining.join(', ')}`,
        `Kill them: kill -9 ${remaining.join(' ')}`,
      )
    }
    killProcesses(remaining)
    await sleep(100)
  }
}
