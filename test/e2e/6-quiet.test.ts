import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, get, kubectl, type Thing } from './world.ts'

/** Lines that a healthy Prow writes, and why. */
const KNOWN: [app: string, says: RegExp, because: string][] = [
  ['.*', /connection refused|connect: no route to host/, 'all start at once, and look again'],
  ['tide|statusreconciler', /Cannot open stored state/, 'there is none before the first run'],
  ['ghproxy', /lookup pushgateway.*no such host/, '09-pushgateway comes after it'],
  ['statusreconciler', /Failed to close written state/, 'the object store was not ready yet; it writes again later'],
  ['crier', /Failed to read started\.json/, 'the same, of a job that began at once'],
  ['deck', /Updating (history|pools)/, 'Tide answers after its first sync'],
  [
    'hook',
    /Forbidden: Invalid X-Hub-Signature|invalid signature|Error validating event/i,
    'the tests send such events',
  ],
  ['hook', /Error committing merge/, 'an event of a pull request that is merged already: there is nothing to merge'],
  ['deck', /no such file or directory.*labels\.css/, 'upstream has no such file either'],
]

test('no program of Prow was started again in five minutes', async () => {
  const pods = async (): Promise<Thing[]> => (await get('pods', '-n', 'prow')).items
  // sinker was started anew by a test.
  await eventually('five minutes', 330, async () =>
    (await pods())
      .filter(({ metadata }) => !metadata.name.startsWith('sinker'))
      .every(({ status }) => Date.now() - Date.parse(status.startTime) > 300_000),
  )
  for (const { metadata, status } of await pods())
    assert.equal(status.containerStatuses[0].restartCount, 0, `${metadata.name} was started again`)
})

test('the logs hold no error whose reason is not known', async () => {
  const unknown: string[] = []
  const { items } = await get('deployments', '-n', 'prow')
  for (const { metadata } of items) {
    const log = await kubectl('logs', '-n', 'prow', '-l', `app=${metadata.name}`, '--tail=-1')
    for (const text of log.split('\n')) {
      if (!/"(level|severity)":"(error|fatal|warning)"/.test(text)) continue
      if (!KNOWN.some(([app, says]) => new RegExp(`^(?:${app})$`).test(metadata.name) && says.test(text)))
        unknown.push(`${metadata.name}: ${text}`)
    }
  }
  assert.deepEqual([...new Set(unknown.map((text) => text.slice(0, 400)))].slice(0, 20), [])
})
