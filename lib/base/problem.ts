/** What is message, with the name of the thing, and what to do about it. */
export interface Finding {
  message: string
  remedy: string
}

/** The exit codes of every script, as `--help` tells them. */
export const EXIT = { done: 0, failed: 1, differs: 2, wrongTarget: 3, usage: 64, interrupted: 130 } as const

/**
 * A failure that a reader can mend. Anything else that is thrown is our own fault and shows its stack.
 * `faults` holds every fault found, so that bad input is told all at once; `exitCode` is one of EXIT.
 */
export class Problem extends Error {
  readonly findings: Finding[]
  readonly exitCode: number

  constructor(message: string, remedy: string, options: { cause?: unknown; exitCode?: number } = {}) {
    super(message, { cause: options.cause })
    this.name = 'Problem'
    this.findings = [{ message: message, remedy }]
    this.exitCode = options.exitCode ?? EXIT.failed
  }

  /** One Problem out of one fault or more. */
  static all(faults: Finding[], options: { cause?: unknown; exitCode?: number } = {}): Problem {
    const first = faults[0]
    if (!first) throw new Error('Problem.all needs a fault')
    const problem = new Problem(first.message, first.remedy, options)
    problem.findings.splice(0, 1, ...faults)
    return problem
  }
}
