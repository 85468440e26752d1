import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allOrProblem, explainAws, parseError, readAws, writeAws } from '../../../lib/aws/cli.ts'
import { Problem } from '../../../lib/base/problem.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws, refusal } from './fake.ts'

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

test('what aws prints becomes one sentence and a remedy', () => {
  const rows: [text: string, message: RegExp][] = [
    [
      'An error occurred (ExpiredToken) when calling the GetRole operation: The security token expired',
      /credentials have expired/,
    ],
    [
      'An error occurred (ExpiredTokenException) when calling the GetCallerIdentity operation: x',
      /credentials have expired/,
    ],
    ['Error when retrieving token from sso: Token has expired and refresh failed', /credentials have expired/],
    ['The SSO session associated with this profile has expired or is otherwise invalid.', /credentials have expired/],
    ['Unable to locate credentials. You can configure credentials by running "aws configure".', /no credentials/],
    ['The config profile (work) could not be found', /no profile work/],
    ['aws: [ERROR]: The config profile (work) could not be found', /no profile work/],
    ['You must specify a region. You can also configure your region by running "aws configure".', /no region/],
    ['An error occurred (ThrottlingException) when calling the X operation: Rate exceeded', /throttles requests/],
    ['Could not connect to the endpoint URL: "https://eks.eu-nowhere-1.amazonaws.com/"', /cannot be reached/],
    ['aws: error: argument operation: Invalid choice, valid choices are:', /too old/],
  ]
  for (const [text, message] of rows) {
    const [finding] = explain(text).findings
    assert.match(finding!.message, message, text)
    assert.ok(finding!.remedy)
  }
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

test('only the error of a resource that does not exist reads as undefined', async () => {
  const aws = fakeAws(settings(EKS), {
    'iam get-role --role-name none': refusal('NoSuchEntity'),
    'iam get-role --role-name other': refusal('AccessDenied'),
    'iam get-role --role-name one': { Role: {} },
  })
  const read = (name: string) => readAws(['iam', 'get-role', '--role-name', name], /^NoSuchEntity/)
  assert.equal(await read('none'), undefined)
  assert.deepEqual([await read('one'), await read('one')], [{ Role: {} }, { Role: {} }])
  await assert.rejects(read('other'), { code: 'denied' })
  await assert.rejects(read('other'), { code: 'denied' })
  // Each once; what failed is read again.
  assert.equal(aws().length, 4)
})

test('a write drops the reads about it, and marks the run as one that wrote', async () => {
  const aws = fakeAws(settings(EKS), { 'iam get-role': {}, 'iam tag-role': {} })
  const report = { step: 's', title: '', outcome: 'done', results: [], problems: [], seconds: 0, wrote: false } as const
  currentRun().steps.push({ ...report, results: [], problems: [] })
  await readAws(['iam', 'get-role', '--role-name', 'r'])
  await writeAws(['iam', 'tag-role', '--role-name', 'r'], 'r')
  await readAws(['iam', 'get-role', '--role-name', 'r'])
  assert.deepEqual(
    aws().map((line) => line.split(' ')[1]),
    ['get-role', 'tag-role', 'get-role'],
  )
  assert.equal(currentRun().steps[0]?.wrote, true)
})

test('reads side by side give one Problem with all findings', async () => {
  await assert.rejects(
    allOrProblem(Promise.reject(new Problem('a', 'x')), Promise.resolve(1), Promise.reject(new Problem('b', 'y'))),
    (error: Problem) => error.findings.map(({ message }) => message).join() === 'a,b',
  )
})
