import { createInterface } from 'node:readline/promises'
import { EXIT, Problem } from '../base/problem.ts'
import { interruption, throwIfInterrupted } from '../base/shell.ts'
import { currentRun } from './context.ts'

/**
 * Asks `question` on the terminal and goes on when `answer` is typed; not asked under --plan, which changes nothing.
 * Throws a Problem for every other answer (exit code 130), and where there is no terminal (exit code 64).
 */
export async function confirm(question: string, answer: string): Promise<void> {
  if (currentRun().plan) return
  if (!process.stdin.isTTY) {
    throw new Problem('stdin is not a terminal', 'Inspect what would be removed with --plan, then run it with --yes.', {
      exitCode: EXIT.usage,
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const interrupted = new AbortController()
  // readline takes Ctrl-C for itself.
  terminal.on('SIGINT', () => interrupted.abort())
  const signal = AbortSignal.any([interrupted.signal, interruption()])
  const typed = await terminal.question(`\n${question}`, { signal }).catch(() => undefined)
  terminal.close()
  throwIfInterrupted()
  if (typed?.trim() === answer) return
  throw new Problem(typed === undefined ? 'interrupted' : 'not confirmed', 'Nothing was changed.', {
    exitCode: EXIT.interrupted,
    code: 'interrupted',
  })
}
