import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allOrProblem, readAws, rememberAws, writeAws } from '../../../lib/aws/cli.ts'
import { Problem } from '../../../lib/base/problem.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws, refusal } from './fake.ts'

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

test('what the answer to a write contains is not read again', async () => {
  const aws = fakeAws(settings(EKS), { 'iam get-role': { Role: 'read' } })
  const args = ['iam', 'get-role', '--role-name', 'r']
  rememberAws(args, { Role: 'written' })
  assert.deepEqual(await readAws(args), { Role: 'written' })
  assert.deepEqual(aws(), [])
})

test('one cause that all calls fail for is one problem', async () => {
  fakeAws(settings(EKS), {
    'sts a': 'Could not connect to the endpoint URL: "https://sts.us-west-2.amazonaws.com/"',
    'eks b': 'Could not connect to the endpoint URL: "https://eks.us-west-2.amazonaws.com/clusters/prow"',
    'iam c': refusal('Throttling', 'Rate exceeded'),
    's3api d': refusal('SlowDown', 'Please reduce your request rate.'),
  })
  const reads = [
    ['sts', 'a'],
    ['eks', 'b'],
    ['iam', 'c'],
    ['s3api', 'd'],
  ].map((args) => readAws(args))
  await assert.rejects(
    allOrProblem(...reads),
    (error: Problem) => error.findings.map(({ code }) => code).join() === 'unreachable,throttled',
  )
})

test('reads side by side give one Problem with all findings', async () => {
  await assert.rejects(
    allOrProblem(Promise.reject(new Problem('a', 'x')), Promise.resolve(1), Promise.reject(new Problem('b', 'y'))),
    (error: Problem) => error.findings.map(({ message }) => message).join() === 'a,b',
  )
})
