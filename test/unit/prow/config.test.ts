import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from '../../../lib/base/paths.ts'
import { type Finding, failures, Problem } from '../../../lib/base/problem.ts'
import { readProwConfig } from '../../../lib/prow/config.ts'
import { validateConfig } from '../../../lib/prow/validate-config.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { EKS, folder, LOCAL, settings } from '../world.ts'

const CONFIG = 'prowjob_namespace: prow\npod_namespace: test-pods\n'

const VALID = {
  'config/config.yaml': CONFIG,
  'config/plugins.yaml': 'plugins: {}\n',
  'config/labels.yaml': 'default: {}\n',
}

async function problemsOf(settings: Settings): Promise<Finding[]> {
  try {
    const { findings } = await validateConfig(settings)
    return failures(findings)
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    return error.findings
  }
}

async function messagesOf(files: Record<string, string>): Promise<string[]> {
  const path = folder({ ...VALID, ...files })
  const problems = await problemsOf(settings(LOCAL, path))
  return problems.map(({ message }) => message.replaceAll(`${path}/config/`, ''))
}

describe('the folder CONFIG_DIR', () => {
  test('is read as it is', () => {
    const text = `${CONFIG}# \${HOME} # when NOTHING\n`
    const read = readProwConfig(
      settings(LOCAL, folder({ ...VALID, 'config/config.yaml': text, 'config/jobs/a/b.yml': 'a: 1\n' })),
    )
    assert.equal(read.config.text, text)
    assert.deepEqual([...read.jobs.keys()], ['b.yml'])
  })

  const rows: [files: Record<string, string>, messages: RegExp[]][] = [
    [{ 'config/config.yaml': 'a: 1\n\tb: 2\n' }, [/^config\.yaml:2 is indented with a tab/]],
    [{ 'config/config.yaml': 'log_level: info\n' }, [/has no prowjob_namespace/, /has no pod_namespace/]],
    [{ 'config/config.yaml': CONFIG.replace('test-pods', 'default') }, [/has pod_namespace: default/]],
    [{ 'config/config.yaml': '' }, [/has no prowjob_namespace/, /has no pod_namespace/]],
    [{ 'config/config.yaml': '# comment\n' }, [/has no prowjob_namespace/, /has no pod_namespace/]],
    [
      { 'config/config.yaml': '- a\n' },
      [/config\.yaml:1 the file must be a map/, /has no prowjob_namespace/, /has no pod_namespace/],
    ],
    [{ 'config/config.yaml': `${CONFIG}---\na: 1\n` }, [/config\.yaml:3 begins a second document/]],
    [
      { 'config/jobs/a.yaml': 'x: 1', 'config/jobs/z/a.yaml': 'x: 1' },
      [/^jobs\/z\/a\.yaml has the same name as jobs\/a\.yaml/],
    ],
    [{ 'config/jobs/a b.yaml': 'x: 1' }, [/^jobs\/a b\.yaml cannot be a key of a ConfigMap/]],
    [{ 'config/jobs/a.yaml': 'x: [', 'config/plugins.yaml': 'a: b: c' }, [/^jobs\/a\.yaml/, /^plugins\.yaml:1/]],
    [{ 'config/jobs/a.yaml': 'x: 1\nx: 2\n' }, [/^jobs\/a\.yaml:2 has the key x twice/]],
  ]
  for (const [files, patterns] of rows) {
    test(`${JSON.stringify(files).slice(0, 60)} is refused`, async () => {
      const messages = await messagesOf(files)
      assert.equal(messages.length, patterns.length, messages.join('\n'))
      patterns.forEach((pattern, index) => {
        assert.match(messages[index]!, pattern)
      })
    })
  }

  test('a missing plugins.yaml hides only what depends on it', async () => {
    const job = 'presubmits:\n  org/repo:\n    - {name: a, decorate: false, spec: {containers: [{image: i}]}}\n'
    const { 'config/plugins.yaml': _, ...files } = { ...VALID, 'config/jobs/a.yaml': job }
    const path = folder(files)
    const problems = await problemsOf(settings(LOCAL, path))
    assert.deepEqual(
      problems.map(({ message }) => message),
      [`${path}/config/plugins.yaml is missing`, `${path}/config/jobs/a.yaml:3 presubmit a is not decorated`],
    )
  })

  test('a ConfigMap that would be too large is a problem beside the others', async () => {
    const files = { 'config/plugins.yaml': `# ${'x'.repeat(1024 * 1024)}\nunknown: 1\n` }
    const messages = await messagesOf(files)
    assert.match(messages[0]!, /^plugins\.yaml:2 unknown is not a field/)
    assert.match(messages[1]!, /^ConfigMap plugins would hold 1025 KiB/)
  })

  test('a missing labels.yaml is none: it is no part of what Prow reads', async () => {
    const { 'config/labels.yaml': _, ...files } = VALID
    assert.deepEqual(await problemsOf(settings(LOCAL, folder(files))), [])
  })

  test('hidden files and other than YAML files are left out', async () => {
    const files = { 'config/jobs/.git/a.yaml': 'x: [', 'config/jobs/notes.txt': 'x: [', 'config/jobs/b.yaml': 'x: 1' }
    assert.deepEqual(await messagesOf(files), [])
  })

  test('a hint is a warning, and with CONFIG_STRICT=off so is what only --strict refuses', async () => {
    const files = { ...VALID, 'config/config.yaml': `${CONFIG}push_gateway: {endpoint: a}\nunknown: 1\n` }
    const [unknown, ...rest] = await problemsOf(settings(LOCAL, folder(files)))
    assert.match(unknown!.message, /config\.yaml:4 unknown is not a field that Prow knows$/)
    assert.deepEqual(rest, [])
    const { findings } = await validateConfig(settings({ ...LOCAL, CONFIG_STRICT: 'off' }, folder(files)))
    assert.deepEqual(
      findings.map(({ outcome, message }) => `${outcome} ${message.split(' ')[1]}`),
      ['warning push_gateway', 'warning unknown', 'warning enables'],
    )
  })
})

describe('the templates', () => {
  // The settings refuse it, so it is put past them.
  const old = () => ({ ...settings(LOCAL), PROW_IMAGE_REGISTRY: 'gcr.io/k8s-prow' }) as Settings
  const template = readFileSync(join(ROOT, 'manifests/config/config.yaml'), 'utf8').split('\n')

  test('have their problems in the lines of their files, also below a line that is left out', async () => {
    const problems = await problemsOf({ ...old(), OAUTH: 'off' })
    const image = problems.find(({ message }) => message.includes('has the utility image sidecar'))
    const line = template.findIndex((one) => one.includes('sidecar: ${')) + 1
    assert.equal(image?.message.split(' ')[0], `manifests/config/config.yaml:${line}`)
  })

  test('are not to be edited: a problem names the settings of its line, and how to get a copy', async () => {
    const [{ remedy }] = (await problemsOf(old())) as [Finding]
    assert.match(
      remedy,
      /^Correct PROW_IMAGE_REGISTRY or PROW_IMAGE_TAG in .*\.env\. Or npm run init -- --config copies/,
    )
    const other = { ...settings(LOCAL), PROW_HOST: 'a.example.com' } as Settings
    const { findings } = await validateConfig(other)
    assert.deepEqual(findings, [])
  })

  test('are valid for every name of an organization, also one that YAML takes for a number or a bool', async () => {
    for (const base of [LOCAL, EKS]) {
      for (const GITHUB_ORG of ['my-org', '123456', '1e3', '0x10', 'no', 'null']) {
        const { findings } = await validateConfig(settings({ ...base, GITHUB_ORG }))
        assert.deepEqual(findings, [], GITHUB_ORG)
      }
    }
  })
})
