import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readDaily } from '../../../lib/aws/daily.ts'
import { EKS, folder, settings } from '../world.ts'
import { fakeAws, refusal } from './fake.ts'

const before = process.env.RUNBOOK_CACHE
process.env.RUNBOOK_CACHE = folder()
after(() => {
  if (before === undefined) delete process.env.RUNBOOK_CACHE
  else process.env.RUNBOOK_CACHE = before
})

const HOUR = 3600 * 1000

test('an answer is kept for a day, for its account, region and arguments', async () => {
  const wanted = settings(EKS)
  const answer = { clusterVersions: [{ clusterVersion: '1.34' }] }
  const read = async (of = wanted, hours = 0, version = '1.34') => {
    const aws = fakeAws(of, { [`--cluster-versions ${version}`]: answer })
    const args = ['eks', 'describe-cluster-versions', '--cluster-versions', version]
    assert.deepEqual(await readDaily(of, args, Date.now() + hours * HOUR), answer)
    return aws().length
  }
  assert.deepEqual([await read(), await read(), await read(wanted, 23)], [1, 0, 0])
  assert.equal(await read(wanted, 25), 1)
  assert.equal(await read(settings({ ...EKS, AWS_REGION: 'eu-west-1' })), 1)
  assert.equal(await read(wanted, 0, '1.35'), 1)
})

test('a failure is not kept', async () => {
  const wanted = settings(EKS)
  fakeAws(wanted, { x: refusal('AccessDeniedException') })
  await assert.rejects(readDaily(wanted, ['eks', 'x']), { code: 'denied' })
  const aws = fakeAws(wanted, { x: { a: 1 } })
  assert.deepEqual(await readDaily(wanted, ['eks', 'x']), { a: 1 })
  assert.equal(aws().length, 1)
})
