import { type Finding, Problem } from '../base/problem.ts'
import { type Completed, type RunOptions, sleep, tryRun } from '../base/shell.ts'
import { forget, markWritten, readOnce } from '../run/context.ts'

/** What AWS answered when it refused: the code, the operation as its API names it, and the message. */
export interface AwsError {
  code: string
  operation: string
  message: string
}

/**
 * The error of an AWS service in the stderr of aws; undefined when there is none. Not anchored: version 2 puts a prefix
 * in front. The exit code does not help: version 1 has 255 for nearly everything.
 */
export function parseError(stderr: string): AwsError | undefined {
  const found = /An error occurred \(([^)]+)\) when calling the (\w+) operation(?: \([^)]*\))?:\s*([\s\S]*)/.exec(
    stderr,
  )
  if (!found) return undefined
  const [, code, operation, message] = found as unknown as [string, string, string, string]
  return { code, operation, message: message.trim() }
}

/** The message in the stderr of aws, without its prefix and its usage lines. */
function essential(stderr: string): string {
  return stderr
    .split('\n')
    .map((line) => line.replace(/^aws: \[ERROR\]: /, '').trim())
    .filter((line) => line && !/^(usage:|To see help text|aws( <?\w+>?)* help|Note: AWS CLI)/.test(line))
    .join('\n')
}

const MEANINGS: [pattern: RegExp, message: (text: string, operation: string) => string, remedy: string][] = [
  [
    /\((?:ExpiredToken\w*|RequestExpired)\)|token .{0,40}expired|Token has expired|session .{0,60}expired/i,
    () => 'the AWS credentials have expired',
    'Log in again (aws sso login, or the way you got them), check that aws sts get-caller-identity succeeds, then run the same line.',
  ],
  [
    /Unable to locate credentials|NoCredentials|Partial credentials found/,
    () => 'aws has no credentials',
    'Log in (aws sso login, aws configure, or AWS_PROFILE), and check that aws sts get-caller-identity succeeds.',
  ],
  [
    /config profile \((.*?)\) could not be found/,
    (text) => `aws has no profile ${/config profile \((.*?)\)/.exec(text)?.[1]}`,
    'Correct AWS_PROFILE; aws configure list-profiles lists the profiles.',
  ],
  [
    /\((?:InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|AuthFailure|InvalidAccessKeyId)\)/,
    () => 'AWS does not know these credentials',
    'They were deleted, or belong to another partition: China and GovCloud have accounts and credentials of their own.',
  ],
  [/You must specify a region/, () => 'aws was given no region', 'Set AWS_REGION to the region of the cluster.'],
  [
    /\((?:Throttling\w*|ThrottledException|TooManyRequests\w*|RequestLimitExceeded|SlowDown|RequestThrottled\w*)\)|Rate exceeded/i,
    (_, operation) => `AWS throttles requests (aws ${operation} was retried several times)`,
    'Wait a minute, then run the same line: what was created stays.',
  ],
  [
    /Could not connect to the endpoint URL|Connect timeout|Read timeout|EndpointConnectionError|SSL validation failed|Name or service not known/,
    (text) => `AWS cannot be reached: ${text.split('\n')[0]}`,
    'Check AWS_REGION, and that this machine reaches AWS; HTTPS_PROXY sets a proxy.',
  ],
  [
    /Invalid choice|Unknown options|unrecognized arguments/i,
    (_, operation) => `this version of aws is too old: it does not know ${operation}`,
    'Install AWS CLI version 2 (docs.aws.amazon.com/cli); aws --version shows yours.',
  ],
]

/** What a failed aws command means to the reader. */
export function explainAws(args: string[], stderr: string): Problem {
  const operation = `${args[0]} ${args[1]}`
  const message = essential(stderr)
  const known = parseError(stderr)
  const denied =
    /\((?:AccessDenied\w*|UnauthorizedOperation|UnauthorizedAccess|Forbidden|403)\)|is not authorized to perform/
  const meaning = MEANINGS.find(([pattern]) => pattern.test(message))
  if (meaning) return new Problem(meaning[1](message, operation), meaning[2], { cause: new Error(stderr) })
  if (denied.test(message)) {
    const action =
      /not authorized to perform: ([\w-]+:\w+)/.exec(message)?.[1] ??
      `${service(args)}:${known?.operation ?? operation}`
    const on = /on resource: (\S+)/.exec(message)?.[1]
    const scp = /service control policy|permissions boundary/.exec(message)?.[0]
    return new Problem(
      `you are not authorized to perform ${action}${on ? ` on ${on}` : ''}${scp ? ` (a ${scp} denies it)` : ''}`,
      `Ask for the permission ${action}; docs/permissions.md lists all that the runbook needs.`,
      { cause: new Error(stderr), code: 'denied' },
    )
  }
  return new Problem(
    `aws ${operation} failed: ${known ? `${known.code}: ${known.message}` : message || 'no error message'}`,
    'Run the step again with --verbose to see the command.',
    { cause: new Error(stderr), code: known && /NotFound|^NoSuch/.test(known.code) ? 'not-found' : undefined },
  )
}

/** The prefix of the service's actions in IAM policies. */
function service(args: string[]): string {
  return { s3api: 's3', elbv2: 'elasticloadbalancing' }[args[0] ?? ''] ?? args[0] ?? ''
}

/** Runs aws and gives back how it ended. `args` begin with service and operation; the target lock has set the region. */
export function tryAws(args: string[], options: RunOptions = {}): Promise<Completed> {
  return tryRun('aws', args, options)
}

const parsed = <T>(stdout: string) => (stdout.trim() ? JSON.parse(stdout) : {}) as T

/**
 * Reads from AWS, once a run. Answers undefined when `code: message` of AWS's error matches `absent`, which means that
 * there is no such resource. Every other error is thrown.
 */
export function readAws<T>(args: string[], absent?: RegExp): Promise<T | undefined> {
  return readOnce(`aws ${args.join(' ')}`, async () => {
    const { stdout, stderr, exitCode } = await tryAws(args)
    if (exitCode === 0) return parsed<T>(stdout)
    const { code, message } = parseError(stderr) ?? {}
    if (absent && code && absent.test(`${code}: ${message}`)) return undefined
    throw explainAws(args, stderr)
  })
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
