import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { Code } from '../../../lib/base/problem.ts'
import { explainKubectl, isTransient, MEANINGS } from '../../../lib/kubernetes/errors.ts'
import { setRun } from '../../../lib/run/context.ts'

beforeEach(() => setRun())

// One for each row of MEANINGS, in their order, as kubectl 1.36 prints it.
const ROWS: [stderr: string, remedy: RegExp, code?: Code, transient?: boolean][] = [
  [
    'The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?',
    /can be reached/,
    'unreachable',
    true,
  ],
  ['Error from server (TooManyRequests): the server has received too many requests', /overloaded/, undefined, true],
  [
    'Unable to read: getting credentials: exec: executable aws failed with exit code 255',
    /gets its credentials from this command/,
    'denied',
  ],
  ['error: You must be logged in to the server (Unauthorized)', /does not know the credentials/, 'denied'],
  ['x509: certificate signed by unknown authority', /another cluster/, 'unreachable'],
  ['Error from server (Forbidden): secrets is forbidden: User "x" cannot list', /docs\/permissions\.md/, 'denied'],
  ['error: no matches for kind "ProwJob" in version "prow.k8s.io/v1"', /04-crd/, 'not-found'],
  ['Error from server (NotFound): namespaces "prow" not found', /02-namespaces/, 'not-found'],
  ['spec.selector: Invalid value: field is immutable', /cannot be changed in place/],
  ['Operation cannot be fulfilled on secrets "a": the object has been modified', /somebody else/, 'conflict'],
  ['Error from server (AlreadyExists): secrets "a" already exists', /adopts it/, 'conflict'],
  ['Error from server (NotFound): deployments.apps "a" not found', /--verbose/, 'not-found'],
]

describe('a failure of kubectl', () => {
  for (const [index, [stderr, remedy, code, transient = false]] of ROWS.entries()) {
    test(`is recognized by its row: ${stderr.slice(0, 60)}`, () => {
      assert.equal(
        MEANINGS.findIndex(({ pattern }) => pattern.test(stderr)),
        index,
      )
      const problem = explainKubectl(stderr)
      assert.match(problem.findings[0]!.remedy, remedy)
      assert.equal(problem.code, code)
      assert.equal(isTransient(stderr), transient)
    })
  }

  test('has a row and a test for each', () => assert.equal(ROWS.length, MEANINGS.length))

  test('is shown without warnings', () => {
    const { message } = explainKubectl('Warning: would violate PodSecurity\nE1123 memcache.go:265] x\nError: this\n')
    assert.equal(message, 'Error: this')
  })
})
