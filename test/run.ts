// npm test: unit tests of lib, then every script as a reader runs it, against rehearsal clusters of their own.
// npm test -- 03-secrets          the files whose name holds that word
// npm test -- 03-secrets 'again'  and in them only the tests whose name holds the second one

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { cacheFolder } from '../lib/base/cache.ts'
import { ROOT } from '../lib/base/paths.ts'
import { Problem } from '../lib/base/problem.ts'
import { downloaded, findPrograms, NAMES } from '../lib/rehearsal/programs.ts'
import { down, up } from '../lib/rehearsal/rehearsal.ts'
import { ROWS } from '../lib/settings/table.ts'
import { shareAws } from './aws.ts'
import { bundle } from './bundle.ts'
import { nodeTests, report, runSuite, type Suite, under } from './suite.ts'
import type { Tap } from './tap.ts'

const [wanted = '', only = ''] = process.argv.slice(2)

const MARK = 'runbook-test-'

const seconds = (since: number) => `${((Date.now() - since) / 1000).toFixed(1)} s`

const say = (text: string) => process.stdout.write(`${text}\n`)

// How many seconds each file took the last time that all of it was run.
const TOOK = join(cacheFolder(), 'tests-took.json')

const took: Record<string, number> = existsSync(TOOK) ? JSON.parse(readFileSync(TOOK, 'utf8')) : {}

let stopped = false

function suites(): Suite[] {
  const files = (folder: string, end: string) => {
    const path = join(ROOT, 'test', folder)
    return (existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [])
      .filter((name) => name.endsWith(end))
      .map((name) => join(path, name))
      .filter((path) => path.includes(wanted) || 'unit'.includes(wanted))
  }
  const unit = files('unit', '.test.ts')
  const scripts = files('scripts', '.bats').filter((path) => basename(path).includes(wanted))
  // The longest first, so that none is left alone at the end. Of one that was never run its size is a guess.
  const length = (file: string) => took[basename(file, '.bats')] ?? statSync(file).size / 100
  scripts.sort((a, b) => length(b) - length(a))
  const filter = (flag: string) => (only ? [flag, only] : [])
  return [
    ...(unit.length > 0
      ? [
          {
            name: 'unit',
            command: nodeTests(unit, ...filter('--test-name-pattern')),
          },
        ]
      : []),
    ...scripts.map((file) => ({
      name: basename(file, '.bats'),
      command: ['bash', join(ROOT, 'node_modules/bats/bin/bats'), '--formatter', 'tap', '-T', ...filter('-f'), file],
    })),
  ]
}

/** Removes the clusters that a folder of tests still holds: teardown does it unless a run was cut off. */
async function clean(folder: string): Promise<void> {
  const clusters = join(folder, 'clusters')
  for (const name of existsSync(clusters) ? readdirSync(clusters) : []) {
    await down({ dir: join(clusters, name) }).catch((error: Error) => say(`${name}: ${error.message}`))
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function main(): Promise<number> {
  const began = Date.now()
  const all = suites()
  if (all.length === 0) {
    say(`no test file has ${wanted} in its name`)
    return 1
  }
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(MARK))) {
    const pid = Number(name.slice(MARK.length).split('-')[0])
    if (!existsSync(`/proc/${pid}`) && existsSync('/proc')) await clean(join(tmpdir(), name))
  }
  const folder = mkdtempSync(join(tmpdir(), `${MARK}${process.pid}-`))
  mkdirSync(join(folder, 'clusters'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopped = true
      for (const child of under) child.kill('SIGTERM')
    })
  }
  let shared: Awaited<ReturnType<typeof shareAws>>
  try {
    // What a person has set for their own cluster is no input of a test.
    const env: NodeJS.ProcessEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in ROWS)))
    for (const name of ['KUBECONFIG', 'FORCE_COLOR', 'NODE_OPTIONS', 'NODE_TEST_CONTEXT']) delete env[name]
    Object.assign(env, { NO_COLOR: '1', TMPDIR: folder, RUNBOOK_TEST_DIR: folder })
    if (all.some(({ name }) => name !== 'unit')) {
      let last = 0
      const programs = await findPrograms(NAMES, (text) => {
        if (Date.now() - last > 10_000) say(`programs             ${text} (${seconds(began)})`)
        if (Date.now() - last > 10_000) last = Date.now()
      })
      if (Object.values(programs).some(({ source }) => source === 'downloaded')) {
        // Clusters that are made side by side would download the same files side by side.
        say('programs             downloading')
        await up({ dir: join(folder, 'clusters', 'first') })
        await down({ dir: join(folder, 'clusters', 'first') })
      }
      const { source, path } = programs.kubectl
      if (source !== 'PATH') {
        env.PATH = `${dirname(source === 'downloaded' ? downloaded(path) : path)}${delimiter}${env.PATH}`
      }
      say(`programs             there, ${seconds(began)}`)
      env.BUNDLES = join(folder, 'bundles')
      await bundle(env.BUNDLES)
      env.PLAIN_PATH = env.PATH
      shared = await shareAws(folder, env, (text) => say(`aws                  ${text}`))
      if (shared) env.PATH = `${shared.bin}${delimiter}${env.PATH}`
    }
    const waiting = [...all]
    const taps: Tap[] = []
    const worker = async () => {
      for (let suite = waiting.shift(); suite && !stopped; suite = waiting.shift()) {
        const start = Date.now()
        taps.push(await runSuite(suite, env))
        took[suite.name] = Math.round((Date.now() - start) / 1000)
      }
    }
    // One more than there are processors: tests wait for a cluster two fifths of their time.
    await Promise.all(Array.from({ length: Math.min(availableParallelism() + 1, 4) }, worker))
    if (!only && !stopped) {
      mkdirSync(dirname(TOOK), { recursive: true })
      writeFileSync(TOOK, JSON.stringify(took))
    }
    const code = report(taps, began)
    if (stopped) say('interrupted')
    return stopped ? 1 : code
  } finally {
    shared?.end()
    await clean(folder)
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Problem)) throw error
  for (const { message, remedy } of error.findings) say(`✖ ${message}\n  ${remedy}`)
  process.exitCode = 1
}
