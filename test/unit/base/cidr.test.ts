import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coversEverything, isCidr } from '../../../lib/base/cidr.ts'

test('a CIDR has an address and a prefix length that its family allows', () => {
  for (const text of ['10.0.0.0/8', '0.0.0.0/0', '203.0.113.7/32', '::/0', '2001:DB8::/32', '::ffff:10.0.0.0/104'])
    assert.ok(isCidr(text), text)
  for (const text of [
    '999.1.1.1/99',
    '999.1.1.1/8',
    '10.0.0.0/33',
    '0.0.0.0/00',
    '10.0.0.0/08',
    '10.0.0/8',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/+8',
    '::/129',
    ':::/0',
    'fe80::1%eth0/64',
    '/8',
    '',
  ])
    assert.ok(!isCidr(text), text)
})

test('CIDRs cover everything when together they contain each address of a family', () => {
  for (const cidrs of [
    ['0.0.0.0/0'],
    ['::/0'],
    ['10.1.2.3/0'],
    ['0.0.0.0/1', '128.0.0.0/1'],
    ['192.0.0.0/2', '10.0.0.0/8', '128.0.0.0/2', '0.0.0.0/2', '64.0.0.0/2'],
    ['::/1', '8000::/1', '10.0.0.0/8'],
  ])
    assert.ok(coversEverything(cidrs), cidrs.join())
  for (const cidrs of [
    [],
    ['10.0.0.0/8'],
    ['0.0.0.0/1'],
    ['0.0.0.0/1', '0.0.0.0/1'],
    ['0.0.0.0/1', '8000::/1'],
    ['0.0.0.0/1', '128.0.0.0/2', '192.0.0.0/3'],
    ['2001:db8::1:0/112', 'fe80::/10'],
  ])
    assert.ok(!coversEverything(cidrs), cidrs.join())
})
