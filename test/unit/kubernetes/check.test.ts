import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type Finding, Problem, warning } from '../../../lib/base/problem.ts'
import { type Check, findingsOf, need, show, verify } from '../../../lib/kubernetes/check.ts'
import { Snapshot, snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { currentRun, newRun, readOnce, setRun } from '../../../lib/run/context.ts'
import { folder, LOCAL, settings } from '../world.ts'

const here = settings(LOCAL)

function begin(plan = false): void {
  const run = newRun(here, { plan })
  run.steps.push({ step: '90-x', title: '', outcome: 'done', results: [], problems: [], seconds: 0, wrote: false })
  setRun(run)
  readOnce('kubectl get snapshot', async () => new Snapshot())
}
beforeEach(() => begin())

const lines = () => currentRun().steps[0]!.results.map(({ outcome, name, note }) => [outcome, name, note].join('|'))
const row = (inspect: Check['inspect'], more: Partial<Check> = {}): Check => ({ fact: 'a exists', inspect, ...more })

describe('a check', () => {
  test('that fails has the remedy of its own, else the script that makes it true', async () => {
    const [[own], [script]] = (await findingsOf([
      row(() => 'a does not exist', { remedy: 'Create a.' }),
      row(() => 'a does not exist', { step: '02-namespaces' }),
    ])) as unknown as [[Finding], [Finding]]
    assert.equal(own.remedy, 'Create a.')
    assert.equal(script.message, 'a does not exist')
    assert.equal(script.remedy, 'Run npx tsx scripts/02-namespaces.ts first.')
  })

  test('that cannot be made is a failure of its own, and hides no other', async () => {
    const found = await findingsOf([row(() => Promise.reject(new Problem('no answer', 'Wait.'))), row(() => true)])
    assert.deepEqual(
      found.flat().map(({ outcome, message }) => `${outcome} ${message}`),
      ['failed no answer', 'passed a exists'],
    )
  })
})

describe('checks', () => {
  test('that take no snapshot do not wait for it', async () => {
    let taken = (_: Snapshot) => {}
    setRun(newRun(here))
    readOnce('kubectl get snapshot', () => new Promise<Snapshot>((settle) => (taken = settle)))
    const order: string[] = []
    await findingsOf([
      row((now) => {
        order.push(`with ${now.constructor.name}`)
        return true
      }),
      row(() => {
        order.push('without')
        taken(new Snapshot())
        return true
      }),
    ])
    assert.deepEqual(order, ['without', 'with Snapshot'])
  })

  test('that take none still pass when it cannot be taken', async () => {
    setRun(newRun(here))
    readOnce('kubectl get snapshot', () => Promise.reject(new Problem('no answer', 'Wait.')))
    const found = await findingsOf([
      row((now) => now.has('Secret', 'a', 'prow') || 'a does not exist'),
      row(() => true),
    ])
    assert.deepEqual(
      found.flat().map(({ outcome, message }) => `${outcome} ${message}`),
      ['failed no answer', 'passed a exists'],
    )
    assert.equal((await findingsOf([row(() => true)])).flat()[0]?.outcome, 'passed')
  })
})

describe('need', () => {
  test('waits for a CustomResourceDefinition that an earlier step applied', async () => {
    let established = false
    const watch = {
      kind: 'CustomResourceDefinition' as const,
      namespace: '',
      waiting: [],
      seconds: 1,
      size: 1,
      elapsed: 0,
      ended: false,
      gaveUp: false,
      onChange: () => {},
      add: () => false,
      giveUp: () => {},
      notReady: new Promise<string[]>((settle) =>
        setTimeout(() => {
          established = true
          settle([])
        }, 50),
      ),
    }
    currentRun().waits.push({ step: '04-crd', names: ['a'], watch })
    await need(row(() => established || 'a is not established'))
  })

  test('ends the step with everything that failed', async () => {
    await assert.rejects(
      need(
        row(() => 'b'),
        () => [row(() => 'c')],
      ),
      (error) => {
        assert.ok(error instanceof Problem)
        assert.deepEqual(
          error.findings.map(({ message }) => message),
          ['b', 'c'],
        )
        return true
      },
    )
  })

  test('under --plan waits for the step that makes it true, and still ends for what no step makes true', async () => {
    begin(true)
    await need(
      row(() => 'b', { step: '02-namespaces' }),
      row(() => 'c', { step: '02-namespaces' }),
    )
    assert.deepEqual(lines(), ['after|after 02-namespaces|b, c'])
    await assert.rejects(need(row(() => 'd')))
  })
})

test('show prints a line for each', async () => {
  await show(
    row(() => true),
    row(() => warning('b is old', 'renew it')),
  )
  assert.deepEqual(lines(), ['passed|a exists|', 'warning|b is old|renew it'])
})

describe('verify', () => {
  const path = process.env.PATH
  const home = folder({ kubectl: '#!/bin/sh\necho \'{"kind":"List","items":[]}\'\n' })
  chmodSync(join(home, 'kubectl'), 0o755)
  beforeEach(() => {
    currentRun().target = { kubeconfig: 'x', context: 'x', server: 'x' }
    process.env.PATH = [home, path].join(delimiter)
  })
  afterEach(() => {
    process.env.PATH = path
  })
  const groups = {
    '02-a': [row(() => true), row(() => true)],
    '03-b': [row(() => 'b is missing', { step: '03-b' }), row(() => true)],
    '04-c': row(() => warning('c is old', 'renew it')),
    '05-d': [],
  }

  test('has a line for a group that passes and one for each failure, and throws them all', async () => {
    await assert.rejects(verify(groups), (error) => error instanceof Problem && error.findings.length === 1)
    assert.deepEqual(lines(), [
      'passed|02-a|2 checks passed',
      'passed|03-b|1 check passed',
      'failed|b is missing|',
      'warning|c is old|renew it',
    ])
  })

  test('reads afresh', async () => {
    const before = await snapshot()
    await assert.rejects(verify(groups))
    assert.notEqual(await snapshot(), before)
  })

  test('reads nothing of AWS again that this run has read', async () => {
    const reads: string[] = []
    const read = (question: string) => readOnce(question, async () => reads.push(question))
    const questions = ['aws iam get-role --role-name r', 'aws eks describe-addon --addon-name a', 'github labels']
    for (const question of questions) await read(question)
    await assert.rejects(verify(groups))
    for (const question of questions) await read(question)
    assert.deepEqual(reads, [...questions, 'github labels'])
  })

  test('under --plan has a line for the step that would make a failure pass', async () => {
    begin(true)
    currentRun().target = { kubeconfig: 'x', context: 'x', server: 'x' }
    await verify(groups)
    assert.equal(lines().at(-1), 'after|after 03-b|b is missing')
  })
})
