import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { DIR, eventually, get, type Json, kubectl, script } from './world.ts'

/** Errors that a healthy Prow logs, and why. */
const KNOWN: [app: string, message: RegExp, reason: string][] = [
  ['.*', /connection refused|connect: no route to host/, 'all start at once, and retry'],
  ['tide|statusreconciler', /Cannot open stored state/, 'there is none before the first run'],
  ['ghproxy', /lookup pushgateway.*no such host/, '09-pushgateway comes after it'],
  ['statusreconciler', /Failed to close written state/, 'the object store was not ready yet; it retries later'],
  ['crier', /Failed to read started\.json/, 'the same, for a job that started at once'],
  ['deck', /Updating (history|pools)/, 'Tide answers after its first sync'],
  [
    'hook',
    /Forbidden: Invalid X-Hub-Signature|invalid signature|Error validating event/i,
    'the tests send such events',
  ],
  ['hook', /Error committing merge/, 'an event of a pull request that is merged already'],
  ['deck', /no such file or directory.*labels\.css/, 'upstream does not have that file either'],
]

test('no program of Prow was restarted in five minutes', async () => {
  const pods = async (): Promise<Json[]> => (await get('pods', '-n', 'prow')).items
  // A test has restarted sinker.
  await eventually('five minutes', 330, async () =>
    (await pods())
      .filter(({ metadata }) => !metadata.name.startsWith('sinker'))
      .every(({ status }) => Date.now() - Date.parse(status.startTime) > 300_000),
  )
  for (const { metadata, status } of await pods())
    assert.equal(status.containerStatuses[0].restartCount, 0, `${metadata.name} was restarted`)
})

test('the logs contain no error without a known reason', async () => {
  const unknown: string[] = []
  const { items } = await get('deployments', '-n', 'prow')
  for (const { metadata } of items) {
    const log = await kubectl('logs', '-n', 'prow', '-l', `app=${metadata.name}`, '--tail=-1')
    for (const text of log.split('\n')) {
      if (!/"(level|severity)":"(error|fatal|warning)"/.test(text)) continue
      if (!KNOWN.some(([app, message]) => new RegExp(`^(?:${app})$`).test(metadata.name) && message.test(text)))
        unknown.push(`${metadata.name}: ${text}`)
    }
  }
  assert.deepEqual([...new Set(unknown.map((text) => text.slice(0, 400)))].slice(0, 20), [])
})

test('the bundle has what every component logged, and no secret', async () => {
  const folder = mkdtempSync(join(DIR, 'bundle-'))
  await script('bundle', {}, '--output', join(folder, 'bundle.tgz'))
  await promisify(execFile)('tar', ['-xzf', join(folder, 'bundle.tgz'), '-C', folder])
  const log = readFileSync(join(folder, 'prow-bundle/logs/components.log'), 'utf8')
  const { items } = await get('deployments', '-n', 'prow')
  // A proxy that nobody has asked has nothing to log.
  const names: string[] = items
    .map(({ metadata }: Json) => metadata.name)
    .filter((name: string) => name !== 'pushgateway-proxy')
  for (const name of names) assert.match(log, new RegExp(`^\\[pod/${name}-\\w+-\\w+/`, 'm'))
  const { items: secrets } = await get('secrets', '-n', 'prow')
  const values: string[] = secrets.flatMap(({ data }: Json) =>
    Object.values(data as Record<string, string>).map((value) => Buffer.from(value, 'base64').toString().trim()),
  )
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(json|log|txt)$/.test(name),
  )) {
    const text = readFileSync(join(folder, file), 'utf8')
    for (const value of values) assert.ok(!text.includes(value), `a secret is in ${file}`)
  }
  rmSync(folder, { recursive: true })
})
