// npm test: the unit tests of lib, and every script as a reader runs it, against rehearsal clusters.
// npm test -- 03-secrets          only the files whose name contains 03-secrets
// npm test -- 03-secrets 'again'  and in them only the tests whose name contains the second argument

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { cacheFolder } from '../lib/base/cache.ts'
import { ROOT } from '../lib/base/paths.ts'
import { Problem } from '../lib/base/problem.ts'
import { MARKER } from '../lib/rehearsal/folder.ts'
import { PROGRAM_NAMES } from '../lib/rehearsal/go-modules.ts'
import { findPrograms, programFile } from '../lib/rehearsal/programs.ts'
import { down } from '../lib/rehearsal/rehearsal.ts'
import { ROWS } from '../lib/settings/table.ts'
import { shareAws } from './aws.ts'
import { bundle } from './bundle.ts'
import { nodeTests, print, report, runningSuites, runSuite, type Suite, seconds, type Tap } from './suite.ts'

const [wanted = '', only = ''] = process.argv.slice(2)

const MARK = 'runbook-test-'

// How many seconds each file took when all of it was run last.
const DURATIONS = join(cacheFolder(), 'tests-took.json')

const durations: Record<string, number> = existsSync(DURATIONS) ? JSON.parse(readFileSync(DURATIONS, 'utf8')) : {}

let stopped = false

async function suites(bundles: string): Promise<Suite[]> {
  const files = (folder: string, end: string) => {
    const path = join(ROOT, 'test', folder)
    return (existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [])
      .filter((name) => name.endsWith(end))
      .map((name) => join(path, name))
      .filter((path) => path.includes(wanted) || 'unit'.includes(wanted))
  }
  const unit = files('unit', '.test.ts')
  const scripts = files('scripts', '.bats').filter((path) => basename(path).includes(wanted))
  // The longest first, so that none runs alone at the end. The duration of one that was never run is guessed by its size.
  const length = (file: string) => durations[basename(file, '.bats')] ?? statSync(file).size / 100
  scripts.sort((a, b) => length(b) - length(a))
  const filter = (flag: string) => (only ? [flag, only] : [])
  return [
    ...(unit.length > 0
      ? [
          {
            name: 'unit',
            command: nodeTests(await bundle(unit, bundles), '--enable-source-maps', ...filter('--test-name-pattern')),
          },
        ]
      : []),
    ...scripts.map(
      (file): Suite => ({
        name: basename(file, '.bats'),
        cluster: /^load aws$/m.test(readFileSync(file, 'utf8')) ? 'eks' : 'local',
        command: ['bash', join(ROOT, 'node_modules/bats/bin/bats'), '--formatter', 'tap', '-T', ...filter('-f'), file],
      }),
    ),
  ]
}

/** Removes the clusters in a folder of tests, and the folder. */
async function clean(folder: string): Promise<void> {
  const clusters = join(folder, 'clusters')
  for (const path of existsSync(clusters) ? readdirSync(clusters, { recursive: true, encoding: 'utf8' }) : []) {
    if (basename(path) !== MARKER) continue
    await down({ dir: join(clusters, dirname(path)) }).catch((error: Error) => print(`${path}: ${error.message}`))
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function main(): Promise<number> {
  const began = Date.now()
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(MARK))) {
    const pid = Number(name.slice(MARK.length).split('-')[0])
    if (!existsSync(`/proc/${pid}`) && existsSync('/proc')) await clean(join(tmpdir(), name))
  }
  const folder = mkdtempSync(join(tmpdir(), `${MARK}${process.pid}-`))
  mkdirSync(join(folder, 'clusters'))
  const bundles = join(folder, 'bundles')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopped = true
      for (const child of runningSuites) child.kill('SIGTERM')
    })
  }
  let shared: Awaited<ReturnType<typeof shareAws>>
  try {
    const all = await suites(bundles)
    if (all.length === 0) {
      print(`no test file has ${wanted} in its name`)
      return 1
    }
    // What the reader has set for a cluster of their own must not reach a test.
    const env: NodeJS.ProcessEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in ROWS)))
    for (const name of ['KUBECONFIG', 'FORCE_COLOR', 'NODE_OPTIONS', 'NODE_TEST_CONTEXT']) delete env[name]
    Object.assign(env, { NO_COLOR: '1', TMPDIR: folder })
    if (all.some(({ name }) => name !== 'unit')) {
      let last = 0
      const programs = await findPrograms(PROGRAM_NAMES, (text) => {
        if (Date.now() - last < 10_000) return
        last = Date.now()
        print(`programs             ${text} (${seconds(began)})`)
      })
      if (programs.kubectl.source !== 'PATH')
        env.PATH = `${dirname(programFile(programs.kubectl))}${delimiter}${env.PATH}`
      print(`programs             ready, ${seconds(began)}`)
      env.PLAIN_PATH = env.PATH
      shared = await shareAws(folder, env, (text) => print(`aws                  ${text}`))
      if (shared) env.PATH = `${shared.bin}${delimiter}${env.PATH}`
    }
    const waiting = [...all]
    const taps: Tap[] = []
    const worker = async (_: unknown, index: number) => {
      const clusters = join(folder, 'clusters', `${index}`)
      // A cluster takes as long as ten tests: each worker keeps its own while there are suites for it.
      let kind: Suite['cluster'] = index === 0 ? 'eks' : index === 1 ? 'local' : undefined
      let cluster: Suite['cluster']
      while (waiting.length > 0 && !stopped) {
        const next = waiting.findIndex((one) => one.cluster === kind)
        const [suite] = waiting.splice(Math.max(next, 0), 1)
        if (cluster && suite!.cluster !== cluster) await down({ dir: join(clusters, cluster) })
        cluster = suite!.cluster
        kind = cluster ?? 'local'
        const start = Date.now()
        taps.push(await runSuite(suite!, { ...env, CLUSTERS: clusters }))
        durations[suite!.name] = Math.round((Date.now() - start) / 1000)
      }
    }
    // One more than the processors: tests wait for a cluster during two fifths of their time.
    await Promise.all(Array.from({ length: Math.min(availableParallelism() + 1, 4) }, worker))
    if (!only && !stopped) {
      mkdirSync(dirname(DURATIONS), { recursive: true })
      writeFileSync(DURATIONS, JSON.stringify(durations))
    }
    const code = report(taps, began)
    if (stopped) print('interrupted')
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
  for (const { message, remedy } of error.findings) print(`✖ ${message}\n  ${remedy}`)
  process.exitCode = 1
}
