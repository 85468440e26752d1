import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ROOT } from '../../lib/base/paths.ts'

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

// A repository of two scripts, with the start file and the packages that it needs.
let folder: string
const cache = () => join(folder, 'node_modules/.cache/prow-runbook')
const bundles = () => (existsSync(cache()) ? readdirSync(cache()) : [])

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'start-'))
  for (const name of ['lib', 'scripts', 'node_modules']) mkdirSync(join(folder, name))
  for (const name of ['esbuild', 'tsx', '@esbuild'])
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  cpSync(join(ROOT, 'lib/start.mjs'), join(folder, 'lib/start.mjs'))
  write('package-lock.json', '{}')
  write('package.json', '{"type": "module"}')
  write(
    'lib/where.ts',
    "export const where = import.meta.dirname\nexport const tsx = () => import.meta.resolve('tsx')\n",
  )
  write(
    'scripts/show.ts',
    `import { tsx, where } from '../lib/where.ts'
const { later } = await import('../lib/later.ts')
console.log(JSON.stringify({ argv: process.argv.slice(1), where, tsx: tsx(), url: import.meta.url, later, bundled: /cache/.test(new Error().stack ?? '') }))
`,
  )
  write('lib/later.ts', "export const later: string = 'first'\n")
  write(
    'scripts/broken.ts',
    "interface Unused {\n  a: string\n}\n\nfunction fail(): never {\n  throw new Error('a bug')\n}\nfail()\n",
  )
})

afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

function start(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(folder, 'lib/start.mjs'), ...args], { cwd: tmpdir() })
    const ended: Ended = { code: 0, stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      ended.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      ended.stderr += chunk
    })
    child.once('close', (code) => resolve({ ...ended, code }))
  })
}

/** What scripts/show.ts prints. */
async function shown(...args: string[]) {
  const { code, stdout, stderr } = await start('show', ...args)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

describe('lib/start.mjs', () => {
  test('runs a script as if node had started it, with the import.meta of its source', async () => {
    for (const _time of ['bundled', 'from the cache']) {
      const { argv, where, tsx, url, bundled } = await shown('--plan')
      assert.ok(bundled)
      assert.deepEqual(argv, [join(folder, 'scripts/show.ts'), '--plan'])
      assert.equal(where, join(folder, 'lib'))
      assert.match(tsx, /\/tsx\/dist\/loader\.mjs$/)
      assert.equal(url, `file://${folder}/scripts/show.ts`)
    }
    assert.equal(bundles().length, 1)
  })

  test('does not bundle again while nothing has changed, and does after a change of any source', async () => {
    assert.equal((await shown()).later, 'first')
    // What is in the bundle is what runs.
    for (const name of readdirSync(join(cache(), bundles()[0]!)))
      if (name.startsWith('later')) writeFileSync(join(cache(), bundles()[0]!, name), "export const later = 'bundled'")
    assert.equal((await shown()).later, 'bundled')
    write('lib/later.ts', "export const later: string = 'second'\n")
    assert.equal((await shown()).later, 'second')
    assert.equal(bundles().length, 2)
    write('package-lock.json', '{"packages": {}}')
    await shown()
    assert.equal(bundles().length, 3)
  })

  test('removes what was not started for a day', async () => {
    await shown()
    const [old = ''] = bundles()
    const yesterday = Date.now() / 1000 - 25 * 3600
    utimesSync(join(cache(), old), yesterday, yesterday)
    // A start keeps it.
    await shown()
    write('lib/later.ts', "export const later: string = 'second'\n")
    await shown()
    assert.ok(bundles().includes(old))
    utimesSync(join(cache(), old), yesterday, yesterday)
    mkdirSync(join(cache(), 'killed.1'))
    utimesSync(join(cache(), 'killed.1'), yesterday, yesterday)
    write('lib/later.ts', "export const later: string = 'third'\n")
    await shown()
    assert.ok(!bundles().includes(old))
    assert.equal(bundles().length, 2)
  })

  test('may be started several times at once', async () => {
    const all = await Promise.all([shown(), shown(), shown()])
    assert.deepEqual(
      all.map(({ later, bundled }) => [later, bundled]),
      [
        ['first', true],
        ['first', true],
        ['first', true],
      ],
    )
    assert.equal(bundles().length, 1)
  })

  test('runs the sources where the bundle cannot be written', async () => {
    write('node_modules/.cache', 'a file')
    const { later, argv, bundled } = await shown()
    assert.equal(later, 'first')
    assert.ok(!bundled)
    assert.equal(argv[0], join(folder, 'scripts/show.ts'))
  })

  test('has the lines of the sources in the stack of a bug', async () => {
    const { code, stderr } = await start('broken')
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`Error: a bug\n +at fail \\(${folder}/scripts/broken.ts:6:9\\)`))
    assert.match(stderr, new RegExp(`at ${folder}/scripts/broken.ts:8:1`))
  })

  test('reports the place of a syntax error, and leaves nothing behind', async () => {
    write('lib/later.ts', 'export const = 1\n')
    const { code, stderr } = await start('show')
    assert.equal(code, 1)
    assert.match(stderr, /lib\/later\.ts:1:13/)
    assert.deepEqual(bundles(), [])
  })

  test('ends with 64 and the names of the scripts when there is no such script', async () => {
    for (const args of [[], ['shwo']]) {
      const { code, stderr } = await start(...args)
      assert.equal(code, 64)
      assert.match(stderr, /broken, show/)
    }
  })
})
