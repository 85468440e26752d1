import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, mock, test } from 'node:test'
import { ROOT } from '../../../lib/base/paths.ts'
import { failed, Problem } from '../../../lib/base/problem.ts'
import { printFinding } from '../../../lib/base/terminal.ts'
import { troubleshootingPage } from '../../../lib/base/troubleshooting.ts'
import { diagnosesDocument } from '../../../lib/doctor/report.ts'
import { diagnosisOf } from '../../../lib/doctor/row.ts'
import { statusPage } from '../../../lib/doctor/status-report.ts'
import { printTrace, stopsAt, traceDocument } from '../../../lib/doctor/trace.ts'
import { finishRun } from '../../../lib/run/report.ts'
import { ROWS } from '../../../lib/settings/table.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const PAGES = ['docs/troubleshooting.md', 'docs/troubleshooting.zh.md']

/** Every page that this test holds to what exists. */
const DOCUMENTS = [...PAGES, 'docs/guide.md', 'docs/guide.zh.md', 'README.md']

/** Variables of other programs that look like settings. */
const FOREIGN = ['AWS_ROLE_ARN', 'ENABLE_PREFIX_DELEGATION']

/** The ids of findings in the code, without those that comments give as an example; and one for each step that 13 verifies. */
function idsInCode(): string[] {
  const files = (readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' }) as string[])
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => read(join('lib', name)).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ''))
  const literals = files.flatMap((text) => [...text.matchAll(/(['"`])(PRW-[A-Z]+-\d{3})\1/g)].map(([, , id]) => id!))
  const steps = [...read('scripts/13-verify.ts').matchAll(/^\s*'(\d\d)-[\w-]+':/gm)].map(
    ([, step]) => `PRW-STEP-${step}`,
  )
  return [...new Set([...literals, ...steps])].sort()
}

const anchors = (text: string) => [...text.matchAll(/<a id="([^"]+)"><\/a>/g)].map(([, id]) => id!)
const codeBlocks = (text: string) => [...text.matchAll(/^```[\s\S]*?^```/gm)].map(([block]) => block)
const headings = (text: string) =>
  [...text.matchAll(/^(#+) (PRW-[A-Z]+-\d+)?/gm)].map(([, level, id = '']) => `${level} ${id}`)
const links = (text: string) => [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)

/** The anchor that GitHub gives a heading. */
const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

/** Every place that a link can lead to in a page. */
const places = (text: string) => [...anchors(text), ...[...text.matchAll(/^#+ (.*)$/gm)].map(([, one]) => slug(one!))]

describe('the troubleshooting page', () => {
  const [english, chinese] = PAGES.map(read) as [string, string]

  for (const page of PAGES) {
    test(`${page} has one section for each id of the code, and no other`, () => {
      const sections = anchors(read(page)).filter((anchor) => anchor.startsWith('prw-'))
      assert.deepEqual(
        sections.sort(),
        idsInCode().map((id) => id.toLowerCase()),
      )
    })
  }

  test('has the same sections in the same order in both languages', () => {
    assert.deepEqual(anchors(chinese), anchors(english))
    assert.deepEqual(headings(chinese), headings(english))
  })

  test('has the same lines to type in both languages', () => {
    assert.deepEqual(codeBlocks(chinese), codeBlocks(english))
  })

  test('has the same links in both languages', () => {
    const local = (text: string) => links(text).filter((target) => target.startsWith('#'))
    assert.deepEqual(local(chinese), local(english))
    assert.equal(links(chinese).length, links(english).length)
  })

  test('is named by a finding, a Problem, what the doctor follows and the page of the status, and in JSON', () => {
    const page = 'docs/troubleshooting.md#prw-sec-001'
    assert.equal(troubleshootingPage('PRW-SEC-001'), page)
    const about = { object: 'Secret prow/cookie', message: 'Secret prow/cookie does not exist', remedy: 'Run 03.' }
    const [document] = diagnosesDocument([diagnosisOf({ id: 'PRW-SEC-001', severity: 'error' }, about)])
    assert.equal((document as { page: string }).page, page)
    assert.match(
      printed('stderr', () => printFinding({ ...failed('a', 'b'), id: 'PRW-SEC-001' })),
      /PRW-SEC-001 {2}docs\/troubleshooting\.md#prw-sec-001\n$/,
    )
    const { exitCode } = process
    const json = printed('stdout', () =>
      printed('stderr', () => finishRun(new Problem('a', 'b', { id: 'PRW-SEC-001' }), true)),
    )
    process.exitCode = exitCode
    assert.equal(JSON.parse(json).problems[0].page, page)
    const stations = [stopsAt('pod', 'a', 'b', { id: 'PRW-SEC-001' })]
    assert.match(
      printed('stderr', () => printTrace(stations)),
      /it stopped at: pod\n {2}PRW-SEC-001 {2}docs\/troubleshooting\.md#prw-sec-001\n$/,
    )
    assert.equal((traceDocument(stations) as { trace: { page: string }[] }).trace[0]!.page, page)
    const findings = [diagnosisOf({ id: 'PRW-SEC-001', severity: 'error' }, about)]
    assert.ok(statusPage({ time: new Date(), target: '', lines: [], findings }).includes(page))
  })
})

/** What is written to a stream meanwhile. */
function printed(stream: 'stdout' | 'stderr', work: () => void): string {
  const { mock: spy } = mock.method(process[stream], 'write', () => true)
  try {
    work()
    return spy.calls.map(({ arguments: [text] }) => String(text)).join('')
  } finally {
    spy.restore()
  }
}

describe('in each document', () => {
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts)

  for (const name of DOCUMENTS) {
    const text = read(name)

    test(`${name} names ids, scripts and npm runs that exist`, () => {
      const ids = [...text.matchAll(/PRW-[A-Z]+-\d+/g)].map(([id]) => id)
      assert.deepEqual(
        ids.filter((id) => !idsInCode().includes(id)),
        [],
      )
      const files = [...text.matchAll(/npx tsx (scripts\/[\w-]+\.ts)/g)].map(([, file]) => file!)
      assert.deepEqual(
        files.filter((file) => !existsSync(join(ROOT, file))),
        [],
      )
      const runs = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, run]) => run!)
      assert.deepEqual(
        runs.filter((run) => !scripts.includes(run)),
        [],
      )
    })

    test(`${name} names options that exist`, () => {
      const lines = [
        ...text.matchAll(/npm run ([\w:-]+) -- ([^`\n]*)/g),
        ...text.matchAll(/npx tsx scripts\/([\w-]+)\.ts ([^`\n]*)/g),
      ]
      const unknown = lines.flatMap(([, script, options]) => {
        const files = [script === 'install:all' ? 'lib/step.ts' : `scripts/${script}.ts`, 'lib/run/command-line.ts']
        const definitions = files.map(read).join('\n')
        return [...options!.matchAll(/--([a-z-]+)/g)]
          .map(([, option]) => option!)
          .filter((option) => !new RegExp(`^ *'?${option}'?: ?\\{`, 'm').test(definitions))
      })
      assert.deepEqual(unknown, [])
    })

    test(`${name} names settings that exist`, () => {
      const spans = [...text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z][A-Z0-9_]+(?==))(?:=[^`]*)?`/g)]
      const unknown = spans.map(([, setting]) => setting!).filter((one) => !(one in ROWS) && !FOREIGN.includes(one))
      assert.deepEqual(unknown, [])
    })

    test(`${name} links to files and sections that exist`, () => {
      const broken = links(text).filter((target) => {
        if (/^https?:/.test(target)) return false
        const [file = '', anchor] = target.split('#')
        const path = file ? join(dirname(name), file) : name
        return !existsSync(join(ROOT, path)) || (anchor && !places(read(path)).includes(anchor))
      })
      assert.deepEqual(broken, [])
    })
  }
})
