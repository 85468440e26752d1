import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decisiveLine } from '../../../lib/kubernetes/diagnose.ts'

const json = (level: string, msg: string, error?: string) => JSON.stringify({ component: 'crier', level, msg, error })

describe('the decisive line of a log', () => {
  test('is the last that is fatal, whatever was printed after it', () => {
    const log = [json('info', 'starting'), json('fatal', 'Error creating client', 'no key'), json('info', 'shut down')]
    assert.equal(decisiveLine(log.join('\n')), 'Error creating client: no key')
    assert.equal(decisiveLine('panic: nil map\n\ngoroutine 1 [running]:\nmain.main()'), 'panic: nil map')
  })

  test('is the argument that is not known, and not the end of the usage', () => {
    const usage = Array.from({ length: 90 }, (_, index) => `  -flag-${index}\n    \tdoes something`)
    assert.equal(
      decisiveLine(`flag provided but not defined: -x\nUsage of /crier:\n${usage.join('\n')}\n`),
      'flag provided but not defined: -x',
    )
  })

  test('is else the last one, and empty when there is none', () => {
    assert.equal(decisiveLine('one\ntwo\n\n'), 'two')
    assert.equal(decisiveLine(''), '')
  })
})
