/** Why something failed, for code that has to decide. A message is for people and may be reworded at any time. */
export type Code =
  | 'missing-program'
  | 'outdated'
  | 'timeout'
  | 'not-found'
  | 'denied'
  | 'conflict'
  | 'credentials'
  | 'clock'
  | 'throttled'
  | 'unreachable'
  | 'interrupted'

/** What was found out about one thing. Only what passed needs no remedy. */
export interface Finding {
  outcome: 'passed' | 'warning' | 'failed'
  message: string
  remedy: string
  code?: Code
  /** Stable, of the catalogue of causes: PRW-IMG-005. */
  id?: string
  /** What else is known, a line each: what it was read from, what follows from it. */
  details?: string[]
}

export const passed = (message: string, detail = ''): Finding => ({ outcome: 'passed', message, remedy: detail })
export const warning = (message: string, remedy: string): Finding => ({ outcome: 'warning', message, remedy })
export const failed = (message: string, remedy: string, code?: Code): Finding => ({
  outcome: 'failed',
  message,
  remedy,
  ...(code ? { code } : {}),
})

/** A finding with the id of its cause in the catalogue. */
export const withId = (id: string, finding: Finding): Finding => ({ ...finding, id })

/** The findings that a run cannot continue with. */
export function failures(findings: Finding[]): Finding[] {
  return findings.filter(({ outcome }) => outcome === 'failed')
}

/** The exit codes of every script, as `--help` lists them. */
export const EXIT = { done: 0, failed: 1, differs: 2, wrongTarget: 3, usage: 64, interrupted: 130 } as const

interface ProblemOptions {
  cause?: unknown
  exitCode?: number
  code?: Code
  /** Of the catalogue of causes, where the cause is known: PRW-GH-022. */
  id?: string
}

/**
 * A failure that the reader can remedy: what is wrong, with the name of the thing, and what to do about it. Anything
 * else that is thrown is a bug of ours and shows its stack. `findings` holds every failure, so that bad input is
 * reported all at once; `exitCode` is one of EXIT.
 */
export class Problem extends Error {
  readonly findings: Finding[]
  readonly exitCode: number
  readonly code: Code | undefined

  constructor(message: string, remedy: string, options: ProblemOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'Problem'
    this.findings = [{ ...failed(message, remedy, options.code), ...(options.id ? { id: options.id } : {}) }]
    this.exitCode = options.exitCode ?? (options.code === 'interrupted' ? EXIT.interrupted : EXIT.failed)
    this.code = options.code
  }

  /** One Problem out of one failure or more. Equal ones are kept once. */
  static all(findings: Finding[], options: ProblemOptions = {}): Problem {
    // An interruption decides how the run ends, whatever else has been found out beside it.
    const first = findings.find(({ code }) => code === 'interrupted') ?? findings[0]
    if (!first) throw new Error('Problem.all needs a finding')
    const problem = new Problem(first.message, first.remedy, { code: first.code, ...options })
    const once = findings.filter((one, index) => findings.findIndex(({ message }) => message === one.message) === index)
    problem.findings.splice(0, 1, ...once)
    return problem
  }
}
