import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveScalar, scalarString } from '../../../lib/base/yaml-scalars.ts'

// `npm run test:prow` compares thousands with Go.
describe('a scalar without quotes is what Go reads', () => {
  const rows: [plain: string, value: unknown][] = [
    ['yes', true],
    ['Off', false],
    ['y', true],
    ['~', null],
    ['', null],
    ['.', '.'],
    ['-.', '-.'],
    ['._', '._'],
    ['e5', 'e5'],
    ['61e552', '61e552'],
    ['1e400', '1e400'],
    ['1e3', 1000],
    ['1e3_0', 1e30],
    ['.5', 0.5],
    ['5.', 5],
    ['0o17', 15],
    ['017', 15],
    ['08', 8],
    ['0x1F', 31],
    ['-0b11', -3],
    ['1_000', 1000],
    ['1:30', '1:30'],
    ['2020-01-01', '2020-01-01'],
    ['.inf', Number.POSITIVE_INFINITY],
    ['v1', 'v1'],
    ['1.2.3', '1.2.3'],
  ]
  for (const [plain, value] of rows) test(plain || 'nothing', () => assert.equal(resolveScalar(plain), value))
})

describe('a scalar that is converted to a string is what Go prints', () => {
  const rows: [plain: string, string: string][] = [
    ['010', '8'],
    ['1.0', '1'],
    ['1e6', '1e+06'],
    ['123456789.5', '1.2345679e+08'],
    ['9223372036854775807', '9223372036854775807'],
    ['0.00001', '1e-05'],
    ['yes', 'true'],
    ['-0.0', '-0'],
    ['.inf', '+Inf'],
  ]
  for (const [plain, string] of rows) test(plain, () => assert.equal(scalarString(plain), string))
})
