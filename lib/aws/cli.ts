import { setTimeout as sleep } from 'node:timers/promises'
import { type Finding, Problem } from '../base/problem.ts'
import { type Completed, tryRun } from '../base/shell.ts'

let region = ''

/** Says which region every aws of this process asks. The one of the user's profile is never used. */
export function useRegion(name: string): void {
  region = name
}

// A pager would wait for a key, and a question for an answer. Newer versions may put details around an error.
const ENVIRONMENT = { AWS_PAGER: '', AWS_CLI_AUTO_PROMPT: 'off', AWS_CLI_ERROR_FORMAT: 'legacy' }

/** What AWS answered when it refused: the code, the operation as its API names it, and its words. */
export interface AwsError {
  code: string
  operation: string
  message: string
}

/**
 * What a service of AWS refused, out of the stderr of aws. Not anchored: version 2 puts words in front. The exit code
 * says nothing: version 1 has 255 for nearly everything.
 */
export function parseError(stderr: string): AwsError | undefined {
  const found = /An error occurred \(([^)]+)\) when calling the (\w+) operation(?: \([^)]*\))?:\s*([\s\S]*)/.exec(
    stderr,
  )
  if (!found) return undefined
  const [, code, operation, message] = found as unknown as [string, string, string, string]
  return { code, operation, message: message.trim() }
}

/** What an aws command said in its own words, without what goes before or between them. */
function words(stderr: string): string {
  return stderr
    .split('\n')
    .map((line) => line.replace(/^aws: \[ERROR\]: /, '').trim())
    .filter((line) => line && !/^(usage:|To see help text|aws( <?\w+>?)* help|Note: AWS CLI)/.test(line))
    .join('\n')
}

const MEANINGS: [looks: RegExp, message: (text: string, doing: string) => string, remedy: string][] = [
  [
    /\((?:ExpiredToken\w*|RequestExpired)\)|token .{0,40}expired|Token has expired|session .{0,60}expired/i,
    () => 'the AWS credentials have expired',
    'Log in again (aws sso login, or as you got them), see that aws sts get-caller-identity answers, then run the same line.',
  ],
  [
    /Unable to locate credentials|NoCredentials|Partial credentials found/,
    () => 'aws has no credentials',
    'Log in (aws sso login, aws configure, or AWS_PROFILE), see that aws sts get-caller-identity answers.',
  ],
  [
    /config profile \((.*?)\) could not be found/,
    (text) => `aws has no profile ${/config profile \((.*?)\)/.exec(text)?.[1]}`,
    'Correct AWS_PROFILE; aws configure list-profiles shows those there are.',
  ],
  [
    /\((?:InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|AuthFailure|InvalidAccessKeyId)\)/,
    () => 'AWS does not know these credentials',
    'They are deleted, or of another partition: China and GovCloud have accounts and credentials of their own.',
  ],
  [/You must specify a region/, () => 'aws was given no region', 'Set AWS_REGION to the region of the cluster.'],
  [
    /\((?:Throttling\w*|ThrottledException|TooManyRequests\w*|RequestLimitExceeded|SlowDown|RequestThrottled\w*)\)|Rate exceeded/i,
    (_, doing) => `AWS asks for fewer calls (${doing} was throttled, and aws tried it several times)`,
    'Wait a minute, then run the same line: what was made stays.',
  ],
  [
    /Could not connect to the endpoint URL|Connect timeout|Read timeout|EndpointConnectionError|SSL validation failed|Name or service not known/,
    (text) => `AWS cannot be reached: ${text.split('\n')[0]}`,
    'See that AWS_REGION is right and this machine reaches AWS; a proxy is set by HTTPS_PROXY.',
  ],
  [
    /Invalid choice|Unknown options|unrecognized arguments/i,
    (_, doing) => `this aws is too old: it does not know ${doing}`,
    'Install AWS CLI version 2 (docs.aws.amazon.com/cli); aws --version shows yours.',
  ],
]

/** What a failed aws command means to the reader. */
export function awsProblem(args: string[], stderr: string): Problem {
  const doing = `${args[0]} ${args[1]}`
  const said = words(stderr)
  const known = parseError(stderr)
  const denied =
    /\((?:AccessDenied\w*|UnauthorizedOperation|UnauthorizedAccess|Forbidden|403)\)|is not authorized to perform/
  const meaning = MEANINGS.find(([looks]) => looks.test(said))
  if (meaning) return new Problem(meaning[1](said, doing), meaning[2], { cause: new Error(stderr) })
  if (denied.test(said)) {
    const action =
      /not authorized to perform: ([\w-]+:\w+)/.exec(said)?.[1] ?? `${service(args)}:${known?.operation ?? doing}`
    const on = /on resource: (\S+)/.exec(said)?.[1]
    const scp = /service control policy|permissions boundary/.exec(said)?.[0]
    return new Problem(
      `you may not ${action}${on ? ` on ${on}` : ''}${scp ? ` (a ${scp} denies it)` : ''}`,
      `Ask for the right ${action}; docs/permissions.md lists all that the runbook needs.`,
      { cause: new Error(stderr) },
    )
  }
  return new Problem(
    `aws ${doing} failed: ${known ? `${known.code}: ${known.message}` : said || 'without a word'}`,
    'Run the step again with --verbose to see the command.',
    { cause: new Error(stderr) },
  )
}

/** The service as policies name it. */
function service(args: string[]): string {
  return { s3api: 's3', elbv2: 'elasticloadbalancing' }[args[0] ?? ''] ?? args[0] ?? ''
}

/** Runs aws and gives back how it ended. `args` begin with service and operation. */
export function tryAws(args: string[], env: Record<string, string> = {}): Promise<Completed> {
  const where = region ? ['--region', region] : []
  return tryRun('aws', [...args, ...where, '--output', 'json'], { env: { ...ENVIRONMENT, ...env } })
}

const seen = new Map<string, Promise<unknown>>()

/** Forgets what was read, so that the next look asks anew. With `about`, only what has to do with that name. */
export function forgetAws(about = ''): void {
  for (const key of seen.keys()) if (key.includes(about)) seen.delete(key)
}

/**
 * Reads from AWS, once a process. Answers undefined when AWS says that there is none: its code, with a part of its
 * words where the code alone says too little, fits `absent`. Every other refusal is thrown.
 */
export function readAws<T>(args: string[], absent?: RegExp): Promise<T | undefined> {
  const key = args.join(' ')
  const known = seen.get(key)
  if (known) return known as Promise<T | undefined>
  const answer = (async () => {
    const ended = await tryAws(args)
    if (ended.exitCode === 0) return (ended.stdout.trim() ? JSON.parse(ended.stdout) : {}) as T
    const { code = '', message = '' } = parseError(ended.stderr) ?? {}
    if (absent && code && absent.test(`${code}: ${message}`)) return undefined
    throw awsProblem(args, ended.stderr)
  })()
  seen.set(key, answer)
  // What failed may be right at the next look.
  answer.catch(() => seen.delete(key))
  return answer
}

/** For how long a write is tried again while IAM has not told all its parts of a new role. */
const SPREADS = 30

/**
 * Writes to AWS and forgets what was read of `about`. `again` is what AWS says while a thing made a moment ago is not
 * known everywhere: then it is tried again for half a minute.
 */
export async function writeAws<T>(args: string[], about: string, again?: RegExp): Promise<T> {
  const until = Date.now() + SPREADS * 1000
  for (;;) {
    const ended = await tryAws(args)
    forgetAws(about)
    if (ended.exitCode === 0) return (ended.stdout.trim() ? JSON.parse(ended.stdout) : {}) as T
    const { code = '', message = '' } = parseError(ended.stderr) ?? {}
    if (!again?.test(`${code}: ${message}`) || Date.now() > until) throw awsProblem(args, ended.stderr)
    await sleep(2000)
  }
}

/** Does several looks side by side and throws one Problem with the faults of all that failed. */
export async function allOrProblem<T extends unknown[]>(...looks: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const ended = await Promise.allSettled(looks)
  const faults: Finding[] = []
  for (const one of ended) {
    if (one.status === 'fulfilled') continue
    if (!(one.reason instanceof Problem)) throw one.reason
    faults.push(...one.reason.findings)
  }
  // Credentials that expired would be told once for each.
  const once = faults.filter((fault, index) => faults.findIndex((other) => other.message === fault.message) === index)
  if (once.length > 0) throw Problem.all(once)
  return ended.map((one) => (one as PromiseFulfilledResult<unknown>).value) as T
}
