import { type Code, Problem } from '../base/problem.ts'

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

/** The profile that aws uses, as it finds it. */
const profile = () => process.env.AWS_PROFILE || process.env.AWS_DEFAULT_PROFILE || 'default'
const withProfile = (line: string) => (profile() === 'default' ? line : `${line} --profile ${profile()}`)
const identityLine = () => withProfile('aws sts get-caller-identity')

interface Meaning {
  pattern: RegExp
  code: Code
  /** Without the operation, so that calls that fail for one cause give one message. */
  message: (text: string) => string
  remedy: (text: string) => string
}

// The first that matches counts: what is special stands before what is general.
const MEANINGS: Meaning[] = [
  {
    // SignatureDoesNotMatch, InvalidSignatureException and others, of which this is the message.
    pattern: /Signature (?:expired|not yet current)|RequestTimeTooSkewed|RequestInTheFuture/i,
    code: 'clock',
    message: () => 'the clock of this machine differs from that of AWS by more than five minutes',
    remedy: () => 'Set the clock (timedatectl shows whether it is synchronized), then run the same line.',
  },
  {
    pattern:
      /MultiFactorAuthentication failed|MFA one time pass|parameter (?:SerialNumber|TokenCode)|'(?:tokenCode|serialNumber)'/i,
    code: 'credentials',
    message: () => `AWS did not accept the MFA code of profile ${profile()}`,
    remedy: () => 'Wait for the next code, which is valid once and for half a minute, then run the same line.',
  },
  {
    // At a terminal the question is not in stderr.
    pattern: /Enter MFA code for|MFA token required/,
    code: 'credentials',
    message: () => `profile ${profile()} requires an MFA code, and there is no terminal to type it`,
    remedy: () => `Type it once at a terminal, which aws then remembers: ${identityLine()}`,
  },
  {
    pattern:
      /SSO Token|token from sso|SSO session|calling the GetRoleCredentials operation: (?:Session token|UnauthorizedException)/i,
    code: 'credentials',
    message: (text) =>
      /does not exist/.test(text)
        ? `you are not logged in to SSO (profile ${profile()})`
        : `the SSO session of profile ${profile()} has expired`,
    remedy: () => `Log in, then run the same line: ${withProfile('aws sso login')}`,
  },
  {
    pattern: /calling the GetRoleCredentials operation/,
    code: 'credentials',
    message: () => `SSO gives you no access to the account and role of profile ${profile()}`,
    remedy: () =>
      'Correct sso_account_id and sso_role_name of the profile, or have the permission set assigned to you.',
  },
  {
    pattern: /reauthenticate using 'aws login'|login (?:session token|credentials due|authorization code)/i,
    code: 'credentials',
    message: () => `you are not logged in (profile ${profile()})`,
    remedy: () => `Log in, then run the same line: ${withProfile('aws login')}`,
  },
  {
    pattern: /\((?:ExpiredToken\w*|RequestExpired)\)|token .{0,40}expired|Token has expired|session .{0,60}expired/i,
    code: 'credentials',
    message: () => 'the AWS credentials have expired',
    remedy: () =>
      `Log in again (aws sso login, or the way you got them), check that ${identityLine()} succeeds, then run the same line.`,
  },
  {
    pattern: /Unable to locate credentials|NoCredentials|Partial credentials found/,
    code: 'credentials',
    message: (text) =>
      /Partial/.test(text) ? `the AWS credentials are incomplete: ${text}` : 'aws has no credentials',
    remedy: () => `Log in (aws sso login, aws configure, or AWS_PROFILE), and check that ${identityLine()} succeeds.`,
  },
  {
    pattern: /config profile \((.*?)\) could not be found/,
    code: 'credentials',
    message: (text) => `aws has no profile ${/config profile \((.*?)\)/.exec(text)?.[1]}`,
    remedy: () => 'Correct AWS_PROFILE; aws configure list-profiles lists the profiles.',
  },
  {
    // Its own message is that of a program of the reader, which may print what it got.
    pattern: /Error when retrieving credentials from (?:custom-process|process)/i,
    code: 'credentials',
    message: () => `credential_process of profile ${profile()} failed`,
    remedy: () => `Run the same line once this succeeds, which prints why it fails: ${identityLine()}`,
  },
  {
    pattern: /Error when retrieving (?:credentials|token) from|Credential refresh failed/i,
    code: 'credentials',
    message: (text) => `aws could not get credentials${/ from [\w-]+/.exec(text)?.[0] ?? ''} (profile ${profile()})`,
    remedy: () => `Run the same line once this succeeds, which prints why it fails: ${identityLine()}`,
  },
  {
    pattern:
      /Unable to parse config file|Infinite loop in credential configuration|source_profile|Invalid configuration value|credential_source/i,
    code: 'credentials',
    message: (text) =>
      `the configuration of aws cannot be used: ${text
        .split('\n')
        .at(-1)
        ?.replace(/^botocore\.\S+: /, '')}`,
    remedy: () => `Correct the file (~/.aws/config, or AWS_CONFIG_FILE), and check that ${identityLine()} succeeds.`,
  },
  {
    pattern: /Missing Dependency|awscrt|botocore\[crt\]/i,
    code: 'credentials',
    message: (text) => `this aws lacks a library for the login of profile ${profile()}: ${text.split('\n')[0]}`,
    remedy: () => 'Install AWS CLI version 2 (docs.aws.amazon.com/cli), which contains it.',
  },
  {
    pattern:
      /\((?:InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|AuthFailure|InvalidAccessKeyId)\)/,
    code: 'credentials',
    message: () => 'AWS does not know these credentials',
    remedy: () =>
      'They were deleted or mistyped, or belong to another partition: China and GovCloud have accounts and credentials of their own.',
  },
  {
    pattern: /You must specify a region/,
    code: 'credentials',
    message: () => 'aws was given no region',
    remedy: () => 'Set AWS_REGION to the region of the cluster.',
  },
  {
    pattern:
      /\((?:Throttling\w*|ThrottledException|TooManyRequests\w*|RequestLimitExceeded|SlowDown|RequestThrottled\w*|PriorRequestNotComplete)\)|Rate exceeded/i,
    code: 'throttled',
    message: () => 'AWS throttles the requests of this account; aws has retried several times',
    remedy: () => 'Wait a minute, then run the same line: what was created stays.',
  },
  {
    pattern:
      /Could not connect to the endpoint URL|Connect timeout|Read timeout|EndpointConnectionError|SSL validation failed|Name or service not known|Connection was closed|Failed to connect to proxy/,
    code: 'unreachable',
    message: (text) => `AWS cannot be reached: ${unreachable(text)}`,
    remedy: (text) => {
      const host = /https?:\/\/([^/"\s:]+)/.exec(text)?.[1]
      const certificate = /SSL validation/.test(text) ? ' AWS_CA_BUNDLE names the certificates that aws trusts.' : ''
      return `Check AWS_REGION, and that this machine reaches ${host ?? 'AWS'}; HTTPS_PROXY sets a proxy.${certificate}`
    },
  },
  {
    pattern: /Invalid choice|Unknown options|unrecognized arguments/i,
    code: 'outdated',
    message: () => 'this version of aws is too old for a command of the runbook',
    remedy: () => 'Install AWS CLI version 2 (docs.aws.amazon.com/cli); aws --version shows yours.',
  },
]

/** Why there is no connection, without the host, which differs from service to service. */
function unreachable(text: string): string {
  if (/SSL validation/.test(text)) return 'its certificate is not trusted'
  if (/Failed to connect to proxy/.test(text)) return 'the proxy does not answer'
  return /timeout/i.test(text) ? 'no answer in time' : 'no connection'
}

const DENIED =
  /\((?:AccessDenied\w*|UnauthorizedOperation|UnauthorizedAccess|Forbidden|403)\)|is not authorized to perform/

/** What a failed aws command means to the reader. `args` begin with service and operation. */
export function explainAws(args: string[], stderr: string): Problem {
  const operation = `${args[0]} ${args[1]}`
  const message = essential(stderr)
  const known = parseError(stderr)
  const meaning = MEANINGS.find(({ pattern }) => pattern.test(message))
  if (meaning) return new Problem(meaning.message(message), meaning.remedy(message), { code: meaning.code })
  if (DENIED.test(message)) {
    const own = message.match(/not authorized to perform: ([\w-]+:\w+)/)?.[1]
    // aws itself gets the credentials of a profile with a role, whichever service was called.
    const signIn = /^(AssumeRole|GetSessionToken|GetFederationToken)/.test(known?.operation ?? '')
    if (signIn) return explainSignIn(own ?? `sts:${known?.operation}`, message)
    const action = own ?? `${service(args)}:${known?.operation ?? operation}`
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

/** The role of a profile cannot be assumed. Not 'denied': nothing is known about what was asked. */
function explainSignIn(action: string, message: string): Problem {
  const role = /on resource: (\S+)/.exec(message)?.[1] ?? `the role of profile ${profile()}`
  return new Problem(
    `you are not authorized to perform ${action} on ${role}`,
    `Ask for ${action} on ${role}: in your own policy, and in the trust policy of that role. Or set AWS_PROFILE to another profile.`,
    { cause: new Error(message), code: 'credentials' },
  )
}

/** The prefix of the service's actions in IAM policies. */
function service(args: string[]): string {
  return { s3api: 's3', elbv2: 'elasticloadbalancing' }[args[0] ?? ''] ?? args[0] ?? ''
}
