import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainAws, parseError } from '../../../lib/aws/errors.ts'
import type { Code } from '../../../lib/base/problem.ts'
import { refusal } from './fake.ts'

const explain = (text: string, args = ['iam', 'create-role']) => explainAws(args, text)

test('an error is read from the stderr of version 1 and version 2 alike', () => {
  const one = '\nAn error occurred (NoSuchEntity) when calling the GetRole operation: Role x not found\n'
  const two = '\naws: [ERROR]: An error occurred (NoSuchEntity) when calling the GetRole operation: Role x not found\n'
  for (const text of [one, two]) {
    assert.deepEqual(parseError(text), { code: 'NoSuchEntity', operation: 'GetRole', message: 'Role x not found' })
  }
  const retried = 'An error occurred (404) when calling the HeadBucket operation (reached max retries: 4): Not Found'
  assert.equal(parseError(retried)?.code, '404')
  assert.equal(parseError(retried)?.message, 'Not Found')
  assert.equal(parseError('Unable to locate credentials'), undefined)
})

test('what aws prints becomes one sentence, a code and a remedy, whichever call it was', () => {
  const rows: [text: string, code: Code, message: RegExp, remedy: RegExp][] = [
    [
      refusal('ExpiredToken', 'The security token expired', 'GetRole'),
      'credentials',
      /credentials have expired/,
      /aws sso login/,
    ],
    [refusal('ExpiredTokenException'), 'credentials', /credentials have expired/, /get-caller-identity --profile work/],
    [
      'Error when retrieving token from sso: Token has expired and refresh failed',
      'credentials',
      /SSO session of profile work has expired/,
      /: aws sso login --profile work$/,
    ],
    [
      'The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO session run aws sso login',
      'credentials',
      /SSO session of profile work has expired/,
      /aws sso login --profile work$/,
    ],
    [
      'Error loading SSO Token: Token for my-sso does not exist',
      'credentials',
      /not logged in to SSO \(profile work\)/,
      /aws sso login --profile work$/,
    ],
    [
      refusal('ForbiddenException', 'No access', 'GetRoleCredentials'),
      'credentials',
      /no access to the account/,
      /sso_role_name/,
    ],
    [
      "Your session has expired or credentials have changed. Please reauthenticate using 'aws login'.",
      'credentials',
      /not logged in \(profile work\)/,
      /: aws login --profile work$/,
    ],
    [
      'Unable to locate credentials. You can configure credentials by running "aws login".',
      'credentials',
      /no credentials/,
      /AWS_PROFILE/,
    ],
    [
      'Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY',
      'credentials',
      /incomplete: .*AWS_SECRET_ACCESS_KEY/,
      /Log in/,
    ],
    ['aws: [ERROR]: The config profile (work) could not be found', 'credentials', /no profile work/, /list-profiles/],
    [
      refusal(
        'SignatureDoesNotMatch',
        'Signature expired: 20261125T120000Z is now earlier than 20261125T123000Z',
        'GetCallerIdentity',
      ),
      'clock',
      /clock of this machine/,
      /timedatectl/,
    ],
    [
      refusal('InvalidSignatureException', 'Signature not yet current: x'),
      'clock',
      /clock of this machine/,
      /Set the clock/,
    ],
    [
      refusal('RequestTimeTooSkewed', 'The difference is too large.'),
      'clock',
      /clock of this machine/,
      /Set the clock/,
    ],
    [
      refusal('SignatureDoesNotMatch', 'The request signature we calculated does not match'),
      'credentials',
      /does not know/,
      /mistyped/,
    ],
    [
      refusal('AccessDenied', 'MultiFactorAuthentication failed with invalid MFA one time pass code.', 'AssumeRole'),
      'credentials',
      /did not accept the MFA code of profile work/,
      /next code/,
    ],
    [
      'Parameter validation failed:\nInvalid length for parameter TokenCode, value: 1, valid min length: 6',
      'credentials',
      /did not accept the MFA code/,
      /next code/,
    ],
    [
      'Warning: Password input may be echoed.\nEnter MFA code for arn:aws:iam::1:mfa/me: ',
      'credentials',
      /no terminal to type it/,
      /get-caller-identity --profile work/,
    ],
    [
      'Unable to parse config file: /home/me/.aws/config',
      'credentials',
      /cannot be used: Unable to parse config file: \/home/,
      /Correct the file/,
    ],
    [
      'The source_profile "a" referenced in the profile "work" does not exist.',
      'credentials',
      /source_profile "a"/,
      /Correct the file/,
    ],
    [
      'You must specify a region. You can also configure your region by running "aws configure".',
      'credentials',
      /no region/,
      /AWS_REGION/,
    ],
    [refusal('ThrottlingException', 'Rate exceeded'), 'throttled', /throttles/, /Wait a minute/],
    [
      'Could not connect to the endpoint URL: "https://eks.eu-nowhere-1.amazonaws.com/"',
      'unreachable',
      /cannot be reached: no connection$/,
      /reaches eks\.eu-nowhere-1\.amazonaws\.com/,
    ],
    [
      'SSL validation failed for https://sts.amazonaws.com/ [SSL: CERTIFICATE_VERIFY_FAILED]',
      'unreachable',
      /not trusted/,
      /AWS_CA_BUNDLE/,
    ],
    ['aws: error: argument operation: Invalid choice, valid choices are:', 'outdated', /too old/, /version 2/],
  ]
  process.env.AWS_PROFILE = 'work'
  for (const [text, code, message, remedy] of rows) {
    for (const args of [
      ['iam', 'create-role'],
      ['eks', 'describe-cluster'],
    ]) {
      const problem = explain(text, args)
      assert.match(problem.message, message, text)
      assert.match(problem.findings[0]!.remedy, remedy, text)
      assert.equal(problem.code, code, text)
      assert.equal(problem.message, explain(text).message)
    }
  }
  delete process.env.AWS_PROFILE
})

test('a role that cannot be assumed is named, with the action of STS, and is no answer to what was asked', () => {
  const long =
    'User: arn:aws:iam::1:user/me is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/admin'
  for (const args of [
    ['eks', 'describe-cluster'],
    ['s3api', 'get-bucket-location'],
  ]) {
    const problem = explain(refusal('AccessDenied', long, 'AssumeRole'), args)
    assert.equal(problem.message, 'you are not authorized to perform sts:AssumeRole on arn:aws:iam::1:role/admin')
    assert.match(problem.findings[0]!.remedy, /trust policy of that role/)
    assert.equal(problem.code, 'credentials')
    const short = explain(refusal('AccessDenied', 'Access denied', 'AssumeRole'), args)
    assert.equal(short.message, 'you are not authorized to perform sts:AssumeRole on the role of profile default')
  }
})

test('what a credential_process prints is not repeated: it may be a secret', () => {
  const problem = explain('Error when retrieving credentials from custom-process: bad key SECRET')
  assert.match(problem.message, /^credential_process of profile default failed$/)
  assert.doesNotMatch(`${problem.message} ${problem.findings[0]!.remedy} ${problem.cause ?? ''}`, /SECRET/)
})

test('a missing permission is named, by AWS or after the operation', () => {
  const long =
    'An error occurred (AccessDenied) when calling the CreateRole operation: User: a is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::1:role/x because no identity-based policy allows it'
  assert.equal(explain(long).message, 'you are not authorized to perform iam:CreateRole on arn:aws:iam::1:role/x')
  const short = 'An error occurred (403) when calling the HeadBucket operation: Forbidden'
  assert.equal(explain(short, ['s3api', 'head-bucket']).message, 'you are not authorized to perform s3:HeadBucket')
  const scp = `${long} with an explicit deny in a service control policy`
  assert.match(explain(scp).message, /service control policy denies it/)
})

test('code decides by the code of a Problem', () => {
  assert.equal(explain(refusal('AccessDeniedException')).code, 'denied')
  assert.equal(explain(refusal('NoSuchEntity')).code, 'not-found')
  assert.equal(explain(refusal('ServiceFailure')).code, undefined)
})
