import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { sleep } from './shell.ts'

/** Who holds a lock: a process, and when it started, because process numbers are reused. */
export interface Holder {
  pid: number
  startTime: string
}

/** When a process started, in the kernel's clock ticks; empty where there is no /proc. */
function startTimeOf(pid: number): string {
  try {
    // The name in the second field may contain spaces and parentheses; the start time is the 20th field after it.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

/** Whether the process that holds a lock still runs. */
export function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it runs as another user.
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

function parseHolder(text: string): Holder | undefined {
  const [pid, startTime] = text.trim().split(' ')
  return pid && /^\d+$/.test(pid) ? { pid: Number(pid), startTime: startTime ?? '' } : undefined
}

/**
 * Does `work` while no other process on this machine holds the lock `file`. Waits for one that does, and passes its
 * number to `onWait` again and again; takes over the lock of a process that has ended. Throws when the run is
 * interrupted while it waits.
 */
export async function withLock<T>(file: string, onWait: (pid: number) => void, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true })
  const mine = `${process.pid} ${startTimeOf(process.pid)}`
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, mine)
  try {
    while (!acquire(draft, file)) {
      const text = read(file)
      const holder = text === undefined ? undefined : parseHolder(text)
      if (text !== undefined && !(holder && isAlive(holder))) removeStale(file, text)
      else {
        if (holder) onWait(holder.pid)
        await sleep(300)
      }
    }
  } finally {
    rmSync(draft, { force: true })
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

// A link appears with all its content: nobody reads a lock that is half written.
function acquire(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

// Two processes may find the same stale lock, and one of them move away what the other has just acquired: it puts that
// back. A third process that acquires the lock in between holds it as well; with few processes and stale locks only
// after a crash, that is rare enough.
function removeStale(file: string, text: string): void {
  const aside = `${file}.${process.pid}.aside`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (read(aside) !== text) acquire(aside, file)
  rmSync(aside, { force: true })
}
