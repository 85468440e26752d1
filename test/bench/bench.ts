// How long the runbook takes relative to the guide's bare commands on the same simulated cluster, and to the least that
// creates the same objects; how many processes that starts, and where the time goes. Each pair measures in turns.
//   npm run bench -- --pairs 3

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../../lib/base/paths.ts'
import type { Rehearsal } from '../../lib/rehearsal/folder.ts'
import { down, up } from '../../lib/rehearsal/rehearsal.ts'
import { ROWS } from '../../lib/settings/table.ts'
import { render } from './byhand.ts'
import { managedObjects } from './managed-objects.ts'
import { describeLoad, type Load, sampleLoad } from './quiet.ts'

interface Measurement {
  seconds: number
  processes: number
  /** Of the runbook, how many seconds each step took. */
  steps: Map<string, number>
}

type How = 'guide' | 'runbook' | 'apply' | 'requests'

const pairs = Number(parseArgs({ options: { pairs: { type: 'string', default: '3' } } }).values.pairs)

const loads: Load[] = []

const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

/** A kubectl on PATH that counts how often it is started. */
function counting(rehearsal: Rehearsal): { path: string; count: () => number } {
  const folder = join(rehearsal.dir, 'counting')
  const log = join(folder, 'log')
  mkdirSync(folder)
  writeFileSync(log, '')
  writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\necho >>${log}\nexec ${rehearsal.kubectl} "$@"\n`)
  chmodSync(join(folder, 'kubectl'), 0o755)
  let before = 0
  return {
    path: `${folder}${delimiter}${process.env.PATH}`,
    count: () => {
      const now = readFileSync(log, 'utf8').length
      const since = now - before
      before = now
      return since
    },
  }
}

function timed(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  codes = [0],
): { seconds: number; stdout: string } {
  const began = process.hrtime.bigint()
  const ended = spawnSync(program, args, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 2 ** 28 })
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  if (!codes.includes(ended.status ?? -1))
    throw new Error(`${program} ${args.join(' ')} ended with ${ended.status}:\n${ended.stderr}`)
  return { seconds, stdout: ended.stdout }
}

const start = (name: string, ...args: string[]) => ['lib/start.mjs', name, ...args]

/** One after the other, in turns: the median ratio of the first to the second. */
function ratio(one: () => number, other: () => number, rounds = 5): number {
  return median(
    Array.from({ length: rounds }, (_, round) => {
      if (round % 2) return one() / other()
      const second = other()
      return one() / second
    }),
  )
}

/** What is measured beside an installation, on the cluster of the runbook; ratios. */
interface Beside {
  name: string
  value: number
}

/** A fresh cluster for one way of installing, with what it needs. */
async function withCluster<T>(
  work: (cluster: { rehearsal: Rehearsal; env: NodeJS.ProcessEnv; count: () => number; byHand: string }) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'prow-bench-'))
  rmSync(dir, { recursive: true })
  try {
    const rehearsal = await up({ dir })
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in ROWS)))
    const { path, count } = counting(rehearsal)
    const env = { ...clean, PATH: path, KUBECONFIG: rehearsal.kubeconfig, KUBECACHEDIR: join(dir, 'kubectl-cache') }
    const byHand = render(rehearsal.dir)
    loads.push(await sampleLoad())
    return await work({ rehearsal, env, count, byHand })
  } finally {
    await down({ dir })
  }
}

/** What the runbook's objects are in JSON, once it has installed them. */
let objects = ''

const beside: Beside[][] = []

/** A first and a second time on a fresh cluster. */
function measure(how: How): Promise<[first: Measurement, again: Measurement]> {
  return withCluster(async ({ rehearsal, env, count, byHand }) => {
    const file = join(rehearsal.dir, 'objects.json')
    writeFileSync(file, objects)
    const wait =
      'for n in prow ingress-nginx; do kubectl wait -n $n --for=condition=Available deployment --all --timeout=300s; done'
    const ways: Record<How, (again: boolean) => { seconds: number; stdout: string }> = {
      guide: (again) => timed('bash', ['test/bench/guide.sh', byHand, ...(again ? ['again'] : [])], env),
      runbook: () => timed(process.execPath, start('install-all', '--json', '--env', rehearsal.env), env),
      apply: () =>
        timed('sh', ['-ec', `kubectl apply --server-side --force-conflicts -f ${file} >/dev/null; ${wait}`], env),
      requests: () =>
        timed(process.execPath, ['--import', 'tsx', 'test/bench/bound.ts', rehearsal.kubeconfig, file], env),
    }
    const once = (again: boolean): Measurement => {
      const { seconds, stdout } = ways[how](again)
      const steps = how === 'runbook' ? (JSON.parse(stdout).steps as { step: string; seconds: number }[]) : []
      return { seconds, processes: count(), steps: new Map(steps.map((one) => [one.step, one.seconds])) }
    }
    const both: [Measurement, Measurement] = [once(false), once(true)]
    if (how === 'runbook') {
      objects = managedObjects({ ...env })
      beside.push(besides(rehearsal, env, byHand, both[1].seconds))
    }
    return both
  })
}

/** The other commands of the runbook, each beside what a reader would type without it. */
function besides(rehearsal: Rehearsal, env: NodeJS.ProcessEnv, byHand: string, rerun: number): Beside[] {
  const node = (args: string[], codes?: number[]) => timed(process.execPath, args, env, codes).seconds
  const apply = (...folders: string[]) =>
    timed('kubectl', ['apply', ...folders.flatMap((name) => ['-f', join(byHand, name)])], env).seconds
  const components = ['object-store', 'hook', 'sinker', 'deck', 'horologium', 'tide', 'statusreconciler', 'ghproxy']
  components.push('prow-controller-manager', 'crier')
  const step = (name: string) => node(start(name, '--env', rehearsal.env))
  return [
    {
      name: 'install:all --plan, to a rerun',
      value: node(start('install-all', '--plan', '--env', rehearsal.env)) / rerun,
    },
    {
      name: '--help, to bare node',
      value: ratio(
        () => node(start('install-all', '--help')),
        () => node(['-e', '0']),
      ),
    },
    {
      name: '--help by npx tsx, to bare node',
      value: ratio(
        () => node(['--import', 'tsx', 'scripts/install-all.ts', '--help']),
        () => node(['-e', '0']),
        3,
      ),
    },
    {
      name: '02-namespaces again, to kubectl apply of its manifests',
      value: ratio(
        () => step('02-namespaces'),
        () => apply('namespaces'),
        3,
      ),
    },
    {
      name: '08-prow again, to one kubectl apply of its manifests',
      value: ratio(
        () => step('08-prow'),
        () => apply(...components),
        3,
      ),
    },
  ]
}

const results: Record<How, [Measurement, Measurement][]> = { guide: [], runbook: [], apply: [], requests: [] }

for (let pair = 1; pair <= pairs; pair++) {
  // In turns, so that what else the machine does falls on all. The least needs the objects of the runbook.
  for (const how of [...(pair % 2 ? ['guide', 'runbook'] : ['runbook', 'guide']), 'apply', 'requests'] as How[]) {
    results[how].push(await measure(how))
    process.stderr.write(`pair ${pair} of ${pairs}: ${how} done\n`)
  }
}

const runs = ['first install', 'rerun'] as const

const ratios = (how: How, to: How, at: 0 | 1) =>
  results[how].map((one, pair) => one[at].seconds / results[to][pair]![at].seconds)

const shown = (numbers: number[]) =>
  `${median(numbers).toFixed(2)} (${numbers.map((one) => one.toFixed(2)).join(', ')})`

const processes = (how: How, at: 0 | 1) => median(results[how].map((one) => one[at].processes))

console.log(`${describeLoad(loads)}.\n`)

console.log("| to the guide's commands: median (each pair) | first install | rerun |\n|---|---|---|")

for (const [how, name] of [
  ['runbook', 'install:all'],
  ['apply', 'one kubectl apply of the same objects, then waiting'],
  ['requests', 'the same as bare requests, then waiting'],
] as const)
  console.log(`| ${name} | ${shown(ratios(how, 'guide', 0))} | ${shown(ratios(how, 'guide', 1))} |`)

console.log('\n| kubectl processes | first install | rerun |\n|---|---|---|')

for (const how of ['runbook', 'guide'] as const) console.log(`| ${how} | ${processes(how, 0)} | ${processes(how, 1)} |`)

console.log('\n| other commands | ratio |\n|---|---|')

for (const [index, { name }] of beside[0]!.entries())
  console.log(`| ${name} | ${shown(beside.map((one) => one[index]!.value))} |`)

console.log('\n| share of the whole, median | first install | rerun |\n|---|---|---|')

const share = (at: 0 | 1, seconds: (one: Measurement) => number) =>
  `${Math.round(100 * median(results.runbook.map((one) => seconds(one[at]) / one[at].seconds)))} %`

const row = (name: string, seconds: (one: Measurement) => number) =>
  console.log(`| ${[name, ...runs.map((_, at) => share(at as 0 | 1, seconds))].join(' | ')} |`)

for (const step of results.runbook[0]![0].steps.keys()) row(step, (one) => one.steps.get(step) ?? 0)

row(
  'before the first step, and waiting after the last',
  (one) => one.seconds - [...one.steps.values()].reduce((a, b) => a + b, 0),
)
