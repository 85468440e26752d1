import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Who holds a lock: a process, and when it began, because numbers of processes come round again. */
export interface Holder {
  pid: number
  startTime: string
}

/** When a process began, in the kernel's own count; empty where the kernel has no /proc. */
function startTimeOf(pid: number): string {
  try {
    // The name in the second field may hold spaces and brackets; the start is the 20th field after it.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

/** Whether the process that wrote a lock is still there. */
export function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it is there and somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startTimeOf(holder.pid) === holder.startTime
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function holder(text: string): Holder | undefined {
  const [pid, since] = text.trim().split(' ')
  return pid && /^\d+$/.test(pid) ? { pid: Number(pid), startTime: since ?? '' } : undefined
}

/**
 * Does `work` while no other process on this machine does what `file` stands for.
 * Waits for one that does, and tells `waits` its number again and again; a lock whose process is gone is taken over.
 */
export async function withLock<T>(file: string, waits: (pid: number) => void, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true })
  const mine = `${process.pid} ${startTimeOf(process.pid)}`
  const own = `${file}.${process.pid}`
  writeFileSync(own, mine)
  try {
    while (!take(own, file)) {
      const text = read(file)
      const other = text === undefined ? undefined : holder(text)
      if (text !== undefined && !(other && isAlive(other))) takeAway(file, text)
      else {
        if (other) waits(other.pid)
        await sleep(300)
      }
    }
  } finally {
    rmSync(own, { force: true })
  }
  const release = () => {
    if (read(file) === mine) rmSync(file, { force: true })
  }
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

// A link appears whole or not at all: nobody ever reads a lock that is half written.
function take(own: string, file: string): boolean {
  try {
    linkSync(own, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

// Two may see the same dead lock. Whoever moved away a lock that another has just taken puts it back.
function takeAway(file: string, text: string): void {
  const aside = `${file}.${process.pid}.aside`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (read(aside) !== text) take(aside, file)
  rmSync(aside, { force: true })
}
