import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Problem } from '../../../lib/base/problem.ts'
import { readProwConfig, validateConfig } from '../../../lib/prow/config.ts'
import { configMap } from '../../../lib/prow/config-maps.ts'
import { folder, LOCAL, settings } from '../world.ts'

const CONFIG = 'prowjob_namespace: prow\npod_namespace: test-pods\n'

const GOOD = {
  'config/config.yaml': CONFIG,
  'config/plugins.yaml': 'plugins: {}\n',
  'config/labels.yaml': 'default: {}\n',
}

async function faults(files: Record<string, string>): Promise<string[]> {
  const path = folder({ ...GOOD, ...files })
  try {
    await validateConfig(settings(LOCAL, path))
    return []
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    return error.findings.map(({ message }) => message.replaceAll(`${path}/config/`, ''))
  }
}

describe('one own folder', () => {
  test('is taken as it is', () => {
    const text = `${CONFIG}# \${HOME} # when NOTHING\n`
    const read = readProwConfig(
      settings(LOCAL, folder({ ...GOOD, 'config/config.yaml': text, 'config/jobs/a/b.yml': 'a: 1\n' })),
    )
    assert.equal(read.config.text, text)
    assert.deepEqual([...read.jobs.keys()], ['b.yml'])
  })

  const rows: [Record<string, string>, RegExp[]][] = [
    [{ 'config/config.yaml': 'a: 1\n\tb: 2\n' }, [/^config\.yaml:2 is indented with a tab/]],
    [{ 'config/config.yaml': 'log_level: info\n' }, [/no prowjob_namespace/, /no pod_namespace/]],
    [{ 'config/config.yaml': CONFIG.replace('test-pods', 'default') }, [/has pod_namespace: default/]],
    [{ 'config/config.yaml': '' }, [/no prowjob_namespace/, /no pod_namespace/]],
    [{ 'config/config.yaml': '# words\n' }, [/no prowjob_namespace/, /no pod_namespace/]],
    [
      { 'config/config.yaml': '- a\n' },
      [/config\.yaml:1 .*should be a map/, /no prowjob_namespace/, /no pod_namespace/],
    ],
    [{ 'config/config.yaml': `${CONFIG}---\na: 1\n` }, [/config\.yaml:3 begins a second document/]],
    [
      { 'config/jobs/a.yaml': 'x: 1', 'config/jobs/z/a.yaml': 'x: 1' },
      [/^jobs\/z\/a\.yaml has the same name as jobs\/a\.yaml/],
    ],
    [{ 'config/jobs/a.yaml': 'x: [', 'config/plugins.yaml': 'a: b: c' }, [/^plugins\.yaml:1/, /^jobs\/a\.yaml/]],
    [{ 'config/jobs/a.yaml': 'x: 1\nx: 2\n' }, [/^jobs\/a\.yaml:2/]],
  ]
  for (const [files, message] of rows) {
    test(`${JSON.stringify(files).slice(0, 60)} is refused`, async () => {
      const told = await faults(files)
      assert.equal(told.length, message.length, told.join('\n'))
      message.forEach((pattern, index) => {
        assert.match(told[index]!, pattern)
      })
    })
  }

  test('what is hidden, and what is no YAML by its name, is left out', async () => {
    const files = { 'config/jobs/.git/a.yaml': 'x: [', 'config/jobs/notes.txt': 'x: [', 'config/jobs/b.yaml': 'x: 1' }
    assert.deepEqual(await faults(files), [])
  })
})

describe('a ConfigMap', () => {
  const big = (bytes: number) => new Map([['a.yaml', 'x'.repeat(bytes)]])

  test('is plain as long as it fits, and packed the same way every time when it does not', () => {
    assert.ok(configMap('job-config', big(1000), true).object.data)
    const packed = configMap('job-config', big(2_000_000), true)
    assert.deepEqual(packed, configMap('job-config', big(2_000_000), true))
    const { binaryData } = packed.object as unknown as { binaryData: Record<string, string> }
    const bytes = Buffer.from(binaryData['a.yaml']!, 'base64')
    assert.equal(gunzipSync(bytes).length, 2_000_000)
    assert.equal(bytes[9], 0xff)
  })

  test('keeps what stands beside the packed texts as it is', () => {
    const { object } = configMap('config', big(2_000_000), true, { VERSION: 'abc' })
    assert.deepEqual(object.data, { VERSION: 'abc' })
    assert.deepEqual(Object.keys(object.binaryData as object), ['a.yaml'])
    assert.equal('data' in configMap('job-config', big(2_000_000), true).object, false)
  })

  test('that is too large is refused', () => {
    assert.throws(() => configMap('plugins', big(2_000_000), false), /ConfigMap plugins would hold/)
    const random = new Map([['a.yaml', randomBytes(1_200_000).toString('base64')]])
    assert.throws(() => configMap('job-config', random, true), /even packed/)
  })
})
