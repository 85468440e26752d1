import { createWriteStream, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Problem } from '../base/problem.ts'
import type { Progress } from './task.ts'

// In milliseconds, for some fifty megabytes.
const LIMIT = 15 * 60_000

/** Downloads a program into a file, which is there in full or not at all. Throws a Problem when it cannot be had. */
export async function downloadProgram(url: string, file: string, progress: Progress): Promise<void> {
  progress(`downloading ${basename(file)}`)
  const partial = `${file}.partial-${process.pid}`
  mkdirSync(dirname(file), { recursive: true })
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT) })
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`)
    await pipeline(Readable.fromWeb(response.body), createWriteStream(partial, { mode: 0o755 }))
    renameSync(partial, file)
  } catch (error) {
    const { message, cause } = error as Error
    throw new Problem(
      `${url} could not be downloaded: ${cause instanceof Error ? cause.message : message}`,
      'Run the same line again.',
    )
  } finally {
    rmSync(partial, { force: true })
  }
}
