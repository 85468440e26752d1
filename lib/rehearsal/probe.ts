import { Problem } from '../base/problem.ts'
import { type Completed, type RunOptions, tryRun } from '../base/shell.ts'

/** Runs a program briefly to learn something of it. One that is missing or hangs has failed like any other, with the reason as its stderr. */
export async function probe(program: string, args: string[], options: RunOptions = {}): Promise<Completed> {
  try {
    return await tryRun(program, args, { timeout: 20, ...options })
  } catch (error) {
    if (!(error instanceof Problem) || (error.code !== 'missing-program' && error.code !== 'timeout')) throw error
    return { stdout: '', stderr: error.message, exitCode: 127 }
  }
}
