import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Resource } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import type { ProwConfig } from '../../../lib/prow/config.ts'
import { configMap, configVersion, previousVersion, rollback } from '../../../lib/prow/config-maps.ts'

const objectOf = ({ manifests }: Resource) => manifests[0]!.object

describe('a ConfigMap', () => {
  const big = (bytes: number) => ({ 'a.yaml': 'x'.repeat(bytes) })

  test('holds its files as they are while they fit, and gzipped the same way every time when they do not', () => {
    assert.deepEqual(objectOf(configMap('job-config', big(3), { gzip: true })).data, { 'a.yaml': 'xxx' })
    const compressed = configMap('job-config', big(2_000_000), { gzip: true })
    assert.deepEqual(compressed, configMap('job-config', big(2_000_000), { gzip: true }))
    const { binaryData } = objectOf(compressed) as unknown as { binaryData: Record<string, string> }
    const bytes = Buffer.from(binaryData['a.yaml']!, 'base64')
    assert.equal(gunzipSync(bytes).length, 2_000_000)
    assert.equal(bytes[9], 0xff)
  })

  test('never gzips its plain values', () => {
    const object = objectOf(configMap('config', big(2_000_000), { gzip: true, plain: { VERSION: 'abc' } }))
    assert.deepEqual(object.data, { VERSION: 'abc' })
    assert.deepEqual(Object.keys(object.binaryData as object), ['a.yaml'])
    assert.equal('data' in objectOf(configMap('job-config', big(2_000_000), { gzip: true })), false)
  })

  test('that is too large is refused', () => {
    assert.throws(
      () => configMap('plugins', big(2_000_000)),
      /ConfigMap plugins would hold 1954 KiB; it can hold 1024 KiB/,
    )
    const random = { 'a.yaml': randomBytes(1_200_000).toString('base64') }
    assert.throws(() => configMap('job-config', random, { gzip: true }), /KiB even compressed; it can hold 1024 KiB/)
  })
})

test('VERSION follows config.yaml and the jobs, whatever their order, and nothing else', () => {
  const source = (text: string) => ({ displayName: '', text })
  const prow = (config: string, jobs: [string, string][], plugins = ''): ProwConfig => ({
    from: '',
    config: source(config),
    plugins: source(plugins),
    labels: source(''),
    jobs: new Map(jobs.map(([name, text]) => [name, source(text)])),
  })
  const version = configVersion(
    prow('a', [
      ['x', '1'],
      ['y', '2'],
    ]),
  )
  assert.match(version, /^[0-9a-f]{12}$/)
  assert.equal(
    configVersion(
      prow(
        'a',
        [
          ['y', '2'],
          ['x', '1'],
        ],
        'other',
      ),
    ),
    version,
  )
  assert.notEqual(
    configVersion(
      prow('b', [
        ['x', '1'],
        ['y', '2'],
      ]),
    ),
    version,
  )
  assert.notEqual(
    configVersion(
      prow('a', [
        ['x', '1'],
        ['y', '3'],
      ]),
    ),
    version,
  )
})

describe('the previous version', () => {
  const version = (text: string): Resource[] => [
    configMap('config', { 'config.yaml': text }, { plain: { VERSION: text } }),
    configMap('plugins', { 'plugins.yaml': text }),
    configMap('job-config', { 'a.yaml': text }),
  ]
  const put = (now: Snapshot, ...resources: (Resource | undefined)[]) => {
    for (const resource of resources) for (const { object } of resource?.manifests ?? []) now.put(object)
  }
  const text = (now: Snapshot, suffix = '') =>
    ['config', 'plugins', 'job-config'].map(
      (name) => Object.values((now.get('ConfigMap', `${name}${suffix}`, 'prow')?.data ?? {}) as object)[0],
    )

  test('is kept when something changes, and not when nothing does or nothing was there', () => {
    const now = new Snapshot()
    assert.equal(previousVersion(version('one'), now), undefined)
    put(now, ...version('one'))
    assert.equal(previousVersion(version('one'), now), undefined)
    put(now, previousVersion(version('two'), now))
    assert.deepEqual(text(now, '-previous'), ['one', 'one', 'one'])
  })

  test('survives a run that was interrupted between the ConfigMaps', () => {
    const now = new Snapshot()
    put(now, ...version('one'))
    put(now, previousVersion(version('two'), now))
    put(now, version('two')[0]!)
    assert.equal(previousVersion(version('two'), now), undefined)
    assert.deepEqual(text(now, '-previous'), ['one', 'one', 'one'])
  })

  test('changes places with the current one in a rollback; a second rollback undoes the first', () => {
    const now = new Snapshot()
    put(now, ...version('one'))
    put(now, previousVersion(version('two'), now), ...version('two'))
    put(now, ...rollback(now))
    assert.deepEqual([text(now), text(now, '-previous')].flat(), ['one', 'one', 'one', 'two', 'two', 'two'])
    put(now, ...rollback(now))
    assert.deepEqual([text(now), text(now, '-previous')].flat(), ['two', 'two', 'two', 'one', 'one', 'one'])
  })

  test('is kept again when the files are applied after a rollback', () => {
    const now = new Snapshot()
    put(now, ...version('one'))
    put(now, previousVersion(version('two'), now), ...version('two'))
    put(now, ...rollback(now))
    put(now, previousVersion(version('two'), now), ...version('two'))
    assert.deepEqual([text(now), text(now, '-previous')].flat(), ['two', 'two', 'two', 'one', 'one', 'one'])
  })

  test('that does not exist is a problem of the rollback', () => {
    const now = new Snapshot()
    put(now, ...version('one'))
    assert.throws(() => rollback(now), /the cluster holds no previous version of the configuration/)
  })
})
