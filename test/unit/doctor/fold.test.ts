import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fold } from '../../../lib/doctor/fold.ts'
import { diagnosisOf, type Found } from '../../../lib/doctor/row.ts'

const one = (id: string, found: Partial<Found>, severity: 'error' | 'warning' = 'error') =>
  diagnosisOf({ id, severity }, { object: 'x', message: id, remedy: '', ...found })

describe('folding findings', () => {
  test('puts what follows from another under it, however many steps are between, whatever their order', () => {
    const found = fold([
      one('PRW-GH-001', { object: 'webhook', follows: ['Service prow/hook'] }),
      one('PRW-NET-011', { object: 'Service prow/hook', follows: ['Deployment prow/hook'] }),
      one('PRW-POD-099', { object: 'Deployment prow/hook', follows: ['Secret prow/hmac-token'] }),
      one('PRW-SEC-001', { object: 'Secret prow/hmac-token' }),
    ])
    assert.deepEqual(
      found.map(({ id, consequences }) => [id, consequences.map((under) => under.id)]),
      [['PRW-SEC-001', ['PRW-GH-001', 'PRW-NET-011', 'PRW-POD-099']]],
    )
  })

  test('keeps two causes apart, the one that holds up more first, and warnings last', () => {
    const found = fold([
      one('PRW-POD-010', { object: 'Pod prow/tide-1' }, 'warning'),
      one('PRW-IMG-005', { object: 'Deployment prow/tide' }),
      one('PRW-SEC-001', { object: 'Secret prow/cookie' }),
      one('PRW-POD-099', { object: 'Deployment prow/deck', follows: ['Secret prow/cookie'] }),
    ])
    assert.deepEqual(
      found.map(({ id }) => id),
      ['PRW-SEC-001', 'PRW-IMG-005', 'PRW-POD-010'],
    )
  })

  test('makes the same cause of several objects one finding, whatever the names of their pods', () => {
    const quota = (name: string) => `FailedCreate: pods "${name}-5d8f9c7b6a-x2x4z" is forbidden: exceeded quota: small`
    const found = fold(
      ['hook', 'tide', 'deck'].map((name) =>
        one('PRW-ADM-002', { object: `Deployment prow/${name}`, evidence: quota(name) }),
      ),
    )
    assert.equal(found.length, 1)
    assert.deepEqual(found[0]!.also, ['Deployment prow/tide', 'Deployment prow/deck'])
  })

  test('takes the end of a namespace for the cause of all in it, and does not run in circles', () => {
    const found = fold([
      one('PRW-SEC-001', { object: 'Secret prow/cookie', follows: ['Namespace prow'] }),
      one('PRW-NS-001', { object: 'Namespace prow', follows: ['Secret prow/cookie'] }),
    ])
    assert.equal(found.flatMap(({ consequences }) => consequences).length, 1)
  })

  test('folds what is in a namespace under the namespace', () => {
    const [root, ...more] = fold([
      one('PRW-POD-002', { object: 'Deployment prow/hook' }),
      one('PRW-ACC-001', { object: 'ServiceAccount test-pods/prow-jobs' }),
      one('PRW-NS-001', { object: 'Namespace prow' }),
    ])
    assert.equal(root!.object, 'Namespace prow')
    assert.deepEqual(
      root!.consequences.map(({ object }) => object),
      ['Deployment prow/hook'],
    )
    assert.deepEqual(
      more.map(({ object }) => object),
      ['ServiceAccount test-pods/prow-jobs'],
    )
  })
})
