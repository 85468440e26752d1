// The guide's bare commands against install:all, on the same simulated cluster, in turns: how long each takes
// relative to the other, how many processes it starts, and where the time goes. npm run bench -- --pairs 3

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

interface Measurement {
  seconds: number
  processes: number
  steps: Map<string, number>
}

const pairs = Number(parseArgs({ options: { pairs: { type: 'string', default: '3' } } }).values.pairs)

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

function timed(program: string, args: string[], env: NodeJS.ProcessEnv): { seconds: number; stdout: string } {
  const began = process.hrtime.bigint()
  const ended = spawnSync(program, args, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 2 ** 28 })
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  if (ended.status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${ended.status}:\n${ended.stderr}`)
  return { seconds, stdout: ended.stdout }
}

/** A first and a second time on a fresh cluster, by the guide or by the runbook. */
async function measure(how: 'guide' | 'runbook'): Promise<[first: Measurement, again: Measurement]> {
  const dir = mkdtempSync(join(tmpdir(), 'prow-bench-'))
  rmSync(dir, { recursive: true })
  try {
    const rehearsal = await up({ dir })
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in ROWS)))
    const { path, count } = counting(rehearsal)
    const env = { ...clean, PATH: path, KUBECONFIG: rehearsal.kubeconfig, KUBECACHEDIR: join(dir, 'kubectl-cache') }
    const folder = render(rehearsal.dir)
    const once = (again: boolean): Measurement => {
      const { seconds, stdout } =
        how === 'guide'
          ? timed('bash', ['test/bench/guide.sh', folder, ...(again ? ['again'] : [])], env)
          : timed(
              process.execPath,
              ['--import', 'tsx', 'scripts/install-all.ts', '--json', '--env', rehearsal.env],
              env,
            )
      const steps = how === 'guide' ? [] : (JSON.parse(stdout).steps as { step: string; seconds: number }[])
      return { seconds, processes: count(), steps: new Map(steps.map((one) => [one.step, one.seconds])) }
    }
    return [once(false), once(true)]
  } finally {
    await down({ dir })
  }
}

const results: Record<'guide' | 'runbook', [Measurement, Measurement][]> = { guide: [], runbook: [] }

for (let pair = 1; pair <= pairs; pair++) {
  // In turns, so that what else the machine does falls on both.
  for (const how of pair % 2 ? (['guide', 'runbook'] as const) : (['runbook', 'guide'] as const)) {
    results[how].push(await measure(how))
    process.stderr.write(`pair ${pair} of ${pairs}: ${how} done\n`)
  }
}

const rows = ['first install', 'rerun']

console.log('| | runbook / guide (median of pairs) | each pair | kubectl: runbook | kubectl: guide |')

console.log('|---|---|---|---|---|')

for (const at of [0, 1] as const) {
  const ratios = results.runbook.map((one, pair) => one[at].seconds / results.guide[pair]![at].seconds)
  const processes = (how: 'guide' | 'runbook') => median(results[how].map((one) => one[at].processes))
  console.log(
    `| ${rows[at]} | ${median(ratios).toFixed(2)} | ${ratios.map((one) => one.toFixed(2)).join(', ')} | ${processes('runbook')} | ${processes('guide')} |`,
  )
}

console.log('\nWhere the time of the runbook goes (share of the whole, median):\n')

console.log('| step | first install | rerun |')

console.log('|---|---|---|')

const share = (at: 0 | 1, step: string) =>
  `${Math.round(100 * median(results.runbook.map((one) => (one[at].steps.get(step) ?? 0) / one[at].seconds)))} %`

for (const step of results.runbook[0]![0].steps.keys())
  console.log(`| ${step} | ${share(0, step)} | ${share(1, step)} |`)

const started = (at: 0 | 1) =>
  `${Math.round(100 * median(results.runbook.map((one) => 1 - [...one[at].steps.values()].reduce((a, b) => a + b, 0) / one[at].seconds)))} %`

console.log(`| before the first step | ${started(0)} | ${started(1)} |`)
