import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkGo, garbage, goOptions } from '../../../lib/rehearsal/go-toolchain.ts'

const GO_MOD = 'module m\n\ngo 1.26.0\n'
const answer = (stdout: string, exitCode = 0, stderr = '') => ({ stdout, stderr, exitCode })

test('Go of the version in go.mod or a later one builds', () => {
  assert.deepEqual(checkGo(answer('go1.26.8\nlinux\namd64\n'), GO_MOD), { go: 'go1.26.8 linux amd64' })
  assert.deepEqual(checkGo(answer('go1.27\nlinux\namd64\n'), GO_MOD), { go: 'go1.27 linux amd64' })
})

test('Go that is missing, too old or fails is one problem with the version to install', () => {
  const cases = [
    [undefined, 'Go is not installed to build them'],
    [answer('go1.25.9\nlinux\namd64\n'), 'go1.25.9 is too old to build them'],
    [answer('', 1, 'go: download go1.26.0: refused'), 'Go cannot build them: go: download go1.26.0: refused'],
  ] as const
  for (const [given, reason] of cases) {
    const checked = checkGo(given, GO_MOD)
    assert.ok('problem' in checked)
    assert.equal(
      checked.problem.message,
      `The programs of the rehearsal cluster are not on PATH and cannot be downloaded, and ${reason}`,
    )
    assert.match(checked.problem.remedy, /Go 1\.26\.0 or later/)
  }
})

test('compilers keep their garbage where there is memory for it, and at most a gigabyte each', () => {
  const GiB = 1024 ** 3
  assert.deepEqual(garbage(4 * GiB, 2), { GOGC: 'off', GOMEMLIMIT: '1GiB' })
  assert.deepEqual(garbage(8 * GiB, 8), { GOGC: '400' })
  assert.ok(goOptions('.').env.GOGC)
})
