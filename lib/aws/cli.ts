import { type Finding, Problem } from '../base/problem.ts'
import { type Completed, type RunOptions, sleep, tryRun } from '../base/shell.ts'
import { forget, markWritten, readOnce, remember } from '../run/context.ts'
import { explainAws, parseError } from './errors.ts'

/** Runs aws and gives back how it ended. `args` begin with service and operation; the target lock has set the region. */
export function tryAws(args: string[], options: RunOptions = {}): Promise<Completed> {
  return tryRun('aws', args, options)
}

const parsed = <T>(stdout: string) => (stdout.trim() ? JSON.parse(stdout) : {}) as T

/**
 * Reads from AWS, once a run. Answers undefined when `code: message` of AWS's error matches `absent`, which means that
 * there is no such resource. Every other error is thrown.
 */
export function readAws<T>(args: string[], absent?: RegExp, options: RunOptions = {}): Promise<T | undefined> {
  return readOnce(question(args), async () => {
    const { stdout, stderr, exitCode } = await tryAws(args, options)
    if (exitCode === 0) return parsed<T>(stdout)
    const { code, message } = parseError(stderr) ?? {}
    if (absent && code && absent.test(`${code}: ${message}`)) return undefined
    throw explainAws(args, stderr)
  })
}

const question = (args: string[]) => `aws ${args.join(' ')}`

/** Keeps what the answer to a write contains as the answer to the read of `args`. */
export function rememberAws(args: string[], answer: unknown): void {
  remember(question(args), answer)
}

/** For how many seconds a write is retried until IAM and S3 know a new role or bucket everywhere. */
const CONSISTENT_AFTER = 30

/**
 * Writes to AWS and drops the cached reads about `about`. `again` matches `code: message` of the error that AWS answers
 * while a resource created a moment ago is not known everywhere: the write is then retried for half a minute.
 */
export async function writeAws<T>(args: string[], about: string, again?: RegExp, options: RunOptions = {}): Promise<T> {
  markWritten()
  const until = Date.now() + CONSISTENT_AFTER * 1000
  for (;;) {
    const { stdout, stderr, exitCode } = await tryAws(args, options)
    forget(about)
    if (exitCode === 0) return parsed<T>(stdout)
    const { code = '', message = '' } = parseError(stderr) ?? {}
    if (!again?.test(`${code}: ${message}`) || Date.now() > until) throw explainAws(args, stderr)
    await sleep(2000)
  }
}

/** Waits for all reads, and throws one Problem with the findings of all that failed. */
export async function allOrProblem<T extends unknown[]>(...reads: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const ended = await Promise.allSettled(reads)
  const problems: Finding[] = []
  for (const one of ended) {
    if (one.status === 'fulfilled') continue
    if (!(one.reason instanceof Problem)) throw one.reason
    problems.push(...one.reason.findings)
  }
  if (problems.length > 0) throw Problem.all(problems)
  return ended.map((one) => (one as PromiseFulfilledResult<unknown>).value) as T
}
