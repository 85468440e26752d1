// Our rules compared with Prow's own checkconfig, which also checks our templates. Needs Go the first time; takes a minute or two.
//   npm run test:prow

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../lib/base/paths.ts'
import { passed } from '../../lib/base/problem.ts'
import { tryRun } from '../../lib/base/shell.ts'
import { parseYaml } from '../../lib/base/yaml-parse.ts'
import { resolveScalar, scalarString } from '../../lib/base/yaml-scalars.ts'
import { toPlain } from '../../lib/base/yaml-tree.ts'
import { fillTemplate } from '../../lib/kubernetes/manifests.ts'
import { validateConfig } from '../../lib/prow/validate-config.ts'
import { buildCheckconfig } from '../../lib/rehearsal/go-build.ts'
import { newRun, setRun } from '../../lib/run/context.ts'
import { templateValues } from '../../lib/settings/derived.ts'
import { readSettings } from '../../lib/settings/settings.ts'
import { CASES } from './cases.ts'
import { type Compared, compare, countOf, refused, SETTINGS, table } from './compare.ts'
import { type Mutant, mutantsOf } from './mutations.ts'
import { buildVerdicts, type Configuration, readingsOf } from './verdicts.ts'
import { layouts, scalars } from './yaml.ts'

const [checkconfig, many] = [await buildCheckconfig(() => {}), await buildVerdicts()]

/** What checkconfig of the Go module judges otherwise only because it is older than the installed version. */
const NEWER = new Set([
  'config: newer field',
  'config: newer field of another type',
  'contexts both ways in a branch',
  'jobs: periodic newer retry',
  'jobs: periodic with retry',
  'jobs: presubmit side container',
  'plugins: excluded repo with the same plugin',
  'plugins: newer field of trigger',
  'plugins: newer plugin',
  'plugins: updater with a bad repository',
])

test('our rules refuse what checkconfig refuses in every case, and nothing else', async () => {
  const results = await compare(many, [...CASES])
  const groups = new Map<string, Compared[]>()
  for (const [index, { name }] of CASES.entries()) {
    const group = name.split(':')[0]!
    groups.set(group, [...(groups.get(group) ?? []), results[index]!])
  }
  console.log(table([...groups]))
  const differing = CASES.flatMap(({ name }, index) => {
    const { verdict, violations } = results[index]!
    if (NEWER.has(name)) return []
    return [false, true].flatMap((strict) => {
      const theirs = (strict ? verdict.strict : verdict.plain) !== ''
      if (theirs === refused(violations, strict)) return []
      return [describe(name, strict, results[index]!)]
    })
  })
  assert.equal(differing.join('\n'), '')
  for (const name of NEWER) {
    const { verdict, violations } = results[CASES.findIndex((one) => one.name === name)]!
    const same =
      (verdict.strict !== '') === refused(violations, true) && (verdict.plain !== '') === refused(violations, false)
    assert.ok(!same, name)
  }
})

test('a process that judges many says what checkconfig itself says', async () => {
  const some = CASES.filter((_, index) => index % 40 === 0)
  for (const [index, { verdict }] of (await compare(many, some)).entries()) {
    const folder = writeConfiguration(some[index]!)
    for (const [flags, expected] of [
      [[], verdict.plain],
      [['--strict'], verdict.strict],
    ] as const) {
      const { exitCode } = await tryRun(checkconfig, [
        `--config-path=${folder}/config.yaml`,
        `--plugin-config=${folder}/plugins.yaml`,
        `--job-config-path=${folder}/jobs`,
        ...flags,
      ])
      assert.equal(exitCode === 0, expected === '', `${some[index]!.name} ${flags}: ${expected}`)
    }
    rmSync(folder, { recursive: true })
  }
})

test("what the guide's configuration has is found at once, and corrected as it is said both accept it", async () => {
  const guide = readConfiguration('guide')
  const [{ verdict, violations }] = (await compare(many, [guide])) as [Compared]
  assert.deepEqual([verdict.plain !== '', verdict.strict !== ''], [true, true])
  assert.deepEqual(
    violations
      .filter(({ severity }) => severity !== 'hint')
      .map(({ severity, file, line, rule }) => `${file}:${line} ${severity} ${rule}`)
      .sort(),
    [
      'config.yaml:11 here links',
      'config.yaml:14 here links',
      'config.yaml:21 here old-images',
      'config.yaml:22 here old-images',
      'config.yaml:23 here old-images',
      'config.yaml:24 here old-images',
      'config.yaml:26 here bucket-other',
      'config.yaml:38 strict unknown-field',
      'config.yaml:49 strict tide-and-plugins',
      'config.yaml:52 here links',
      'config.yaml:71 strict undecorated',
      'config.yaml:8 here links',
      'plugins.yaml:20 strict owners',
      'plugins.yaml:27 invalid unknown-plugin',
      'plugins.yaml:3 strict unknown-field',
      'plugins.yaml:33 strict unknown-field',
      'plugins.yaml:5 strict unknown-field',
    ],
  )
  const config = guide.config
    .replaceAll(/https?:\/\/prow\.other\.example/g, 'https://prow.example.com')
    .replaceAll(/gcr\.io\/k8s-prow\/(\w+):\S+/g, `${SETTINGS.PROW_IMAGE_REGISTRY}/$1:${SETTINGS.PROW_IMAGE_TAG}`)
    .replace('s3://other-logs', 's3://logs')
    .replace(/ {2}view_auth_configs:\n.*\n/, '')
    .replace('needs-rebase]', 'do-not-merge/invalid-owners-file]')
    .replace('agent: kubernetes\n', 'decorate: true\n')
  const plugins = guide.plugins
    .replace(/ {4}elide_skipped_contexts.*\n/, '')
    .replace(/file_size_limit:\n.*\n/, '')
    .replace(/yaml-validator:\n.*\n.*\n/, '')
    .replace('- weainformer', '- verify-owners')
  const [corrected] = (await compare(many, [{ ...guide, config, plugins }])) as [Compared]
  assert.deepEqual(corrected.verdict, { plain: '', strict: '' })
  assert.deepEqual(
    corrected.violations.filter(({ severity }) => severity !== 'hint'),
    [],
  )
})

test('a scalar without quotes is what Go reads, as a value and as a string', async () => {
  const all = scalars(6000)
  const readings = await readingsOf(
    many,
    all.map((one) => `a: ${one}\n`),
  )
  const differing = all.flatMap((one, index) => {
    const { read, value, strings } = readings[index]!
    const ours = resolveScalar(one)
    // JSON has no infinity: Prow then refuses the file.
    const same =
      typeof ours === 'number' && !Number.isFinite(ours)
        ? !read
        : read && (value as { a: unknown }).a === (Object.is(ours, -0) ? 0 : ours)
    const string = ours === null ? '' : scalarString(one)
    return same && strings?.a === string
      ? []
      : [`${one}: ${ours} and "${string}", Go ${JSON.stringify(readings[index])}`]
  })
  console.log(`${all.length} scalars read, ${differing.length} otherwise than Go`)
  assert.equal(differing.join('\n'), '')
})

test('a file with one changed line is refused or read as Go does', async () => {
  const all = layouts([templates(), ...['services', 'library'].map(readConfiguration)], 3000)
  const readings = await readingsOf(
    many,
    all.map(({ text }) => text),
  )
  const differing = all.flatMap(({ where, text }, index) => {
    const { tree, errors } = parseYaml(text)
    const { read, value } = readings[index]!
    const ours = errors.every(({ readable }) => readable)
    if (ours === read && (!read || JSON.stringify(sorted(toPlain(tree))) === JSON.stringify(sorted(value)))) return []
    return [`${ours ? 'read' : 'refused'} by ours, ${read ? 'read' : 'refused'} by Go: ${where}`]
  })
  console.log(`${all.length} changed files, ${differing.length} read otherwise than by Go`)
  assert.equal(differing.join('\n'), '')
})

/** A value with the keys of its maps in their order, as Go prints them. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

/** How many mutants of each kind, and of how many the verdicts may differ: what it is today and a little more. */
const MUTANTS = 40
const ONLY_OURS = { plain: 2, strict: 2 }
const ONLY_THEIRS = { plain: 2, strict: 2 }

test('one changed line of a valid configuration: our verdict is that of checkconfig but for a few', async () => {
  const configurations = [templates(), ...['services', 'library'].map(readConfiguration)]
  for (const [index, { verdict, violations }] of (await compare(many, configurations)).entries()) {
    assert.deepEqual(verdict, { plain: '', strict: '' }, `configuration ${index}`)
    assert.ok(!refused(violations, true), JSON.stringify(violations))
  }
  const mutants = mutantsOf(configurations, MUTANTS, 13)
  const results = await compare(
    many,
    mutants.map(({ configuration }) => configuration),
  )
  const kinds = [...new Set(mutants.map(({ kind }) => kind))]
  console.log(table(kinds.map((kind) => [kind, results.filter((_, index) => mutants[index]!.kind === kind)])))
  const [plain, strict] = [countOf(results, false), countOf(results, true)]
  const differing = mutants.flatMap((mutant, index) => differs(mutant, results[index]!))
  const within =
    plain.onlyOurs <= ONLY_OURS.plain &&
    strict.onlyOurs <= ONLY_OURS.strict &&
    plain.onlyTheirs <= ONLY_THEIRS.plain &&
    strict.onlyTheirs <= ONLY_THEIRS.strict
  assert.ok(within, `too many differ:\n${differing.join('\n')}`)
})

function differs({ kind, where }: Mutant, compared: Compared): string[] {
  return [false, true]
    .filter(
      (strict) =>
        ((strict ? compared.verdict.strict : compared.verdict.plain) !== '') !== refused(compared.violations, strict),
    )
    .slice(0, 1)
    .map((strict) => describe(`${kind}, ${where}`, strict, compared))
}

/** What both say about a configuration, on three lines. */
function describe(name: string, strict: boolean, { verdict, violations }: Compared): string {
  const ours = violations.map((one) => `${one.severity} ${one.file}:${one.line} ${one.message}`).join(' | ')
  const theirs = strict ? verdict.strict : verdict.plain
  return `${strict ? '--strict' : 'plain'} ${name}\n  checkconfig: ${theirs || 'accepts'}\n  ours: ${ours}`
}

const HERE = import.meta.dirname

function readFolder(folder: string): Configuration {
  const text = (path: string) => readFileSync(join(folder, path), 'utf8')
  const jobs = readdirSync(join(folder, 'jobs')).map((name): [string, string] => [name, text(`jobs/${name}`)])
  return { config: text('config.yaml'), plugins: text('plugins.yaml'), jobs: Object.fromEntries(jobs) }
}

function readConfiguration(name: string): Configuration {
  return readFolder(join(HERE, 'configurations', name))
}

/** Our templates, filled. */
function templates(): Configuration {
  const { config, plugins, jobs } = readFolder(join(ROOT, 'manifests/config'))
  const fill = (text: string) => fillTemplate(text, templateValues(SETTINGS), 'a template')
  return {
    config: fill(config),
    plugins: fill(plugins),
    jobs: Object.fromEntries(Object.entries(jobs).map(([name, text]) => [name, fill(text)])),
  }
}

function writeConfiguration({ config, plugins, jobs }: Configuration): string {
  const folder = mkdtempSync(join(tmpdir(), 'prow-case-'))
  mkdirSync(join(folder, 'jobs'))
  writeFileSync(join(folder, 'config.yaml'), config)
  writeFileSync(join(folder, 'plugins.yaml'), plugins)
  for (const [name, text] of Object.entries(jobs)) writeFileSync(join(folder, 'jobs', name), text)
  return folder
}

test('our templates pass checkconfig --strict, whatever the settings', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'prow-templates-'))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'checkconfig'), `#!/bin/sh\nexec ${checkconfig} "$@"\n`, { mode: 0o755 })
  process.env.PATH = `${bin}:${process.env.PATH}`
  const base = { PROW_HOST: 'prow.example.com', GITHUB_ORG: 'my-org', LOG_BUCKET: 'logs' }
  const local = { ...base, TARGET: 'local', KUBECONFIG_FILE: 'k', KUBE_CONTEXT: 'c', IDENTITY: 'keys', INGRESS: 'none' }
  const eks = { ...base, TARGET: 'eks', AWS_ACCOUNT_ID: '123456789012', AWS_REGION: 'cn-north-1', CLUSTER_NAME: 'prow' }
  const accepts = async (values: NodeJS.ProcessEnv) => {
    const settings = readSettings(join(folder, '.env'), values)
    assert.ok(!existsSync(join(folder, 'config')))
    setRun(newRun(settings))
    const { findings } = await validateConfig(settings, 'machine')
    assert.deepEqual(findings, [passed('the checkconfig on PATH accepts the configuration')], JSON.stringify(values))
  }
  // Without quotes YAML 1.1 takes these for numbers and a bool.
  for (const GITHUB_ORG of ['123456', '1e3', 'no']) await accepts({ ...local, GITHUB_ORG })
  for (const target of [local, eks]) {
    for (const auth of [{ GITHUB_AUTH: 'pat' }, { GITHUB_AUTH: 'app', GITHUB_APP_ID: '7' }]) {
      for (const OAUTH of ['on', 'off']) {
        for (const PRIVATE_CLONES of ['on', 'off']) {
          await accepts({ ...target, ...auth, OAUTH, PRIVATE_CLONES })
        }
      }
    }
  }
  rmSync(folder, { recursive: true })
})
