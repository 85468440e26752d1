// Installs Prow on a throw-away cluster on this machine: the same scripts as on EKS, and no account anywhere.

import { spawn } from 'node:child_process'
import { delimiter, dirname, resolve } from 'node:path'
import { ROOT } from '../lib/base/paths.ts'
import { EXIT, Problem } from '../lib/base/problem.ts'
import { stopOnSignals } from '../lib/base/shell.ts'
import { paint, printLine, printProblems, symbol, terminalWidth, withSpinner } from '../lib/base/terminal.ts'
import { missingPrerequisite } from '../lib/rehearsal/aws-python.ts'
import { defaultDir, type Kind, type Rehearsal } from '../lib/rehearsal/folder.ts'
import { nextSteps, shellPath } from '../lib/rehearsal/next-steps.ts'
import { down, up } from '../lib/rehearsal/rehearsal.ts'
import type { Task } from '../lib/rehearsal/task.ts'
import { parseOptions, usageProblem, type Values } from '../lib/run/command-line.ts'

import { ROWS } from '../lib/settings/table.ts'

const HELP = `npm run rehearse -- [options]

Installs Prow on a throw-away cluster on this machine. A rerun uses the cluster
that is there.

The cluster has a real API server, real controllers and a real scheduler; its
nodes and pods are simulated (kwok). Its programs are taken from PATH, else
downloaded, else built with Go, which takes some ten minutes once. Downloads and
builds are kept in ~/.cache/prow-runbook, or in RUNBOOK_CACHE. ~/.kube is
neither read nor written.

Options:
  --down          remove the cluster and its folder, also after a killed run
  --cluster-only  create the cluster and its settings, install nothing
  --eks           with the AWS emulator: TARGET=eks, and the real aws command
                  talks to an emulator on this machine. Needs aws and Python
                  3.10; the emulator is installed from PyPI once. The default
                  without options where this machine has both
  --local         without AWS
  --real          with a node whose pods really run, Prow's own programs and a
                  local GitHub. Needs Linux and root; takes minutes once
  --kind          a cluster of kind, which needs Docker: pods really run, and
                  images are pulled
  --dir DIR       the folder of the cluster
                  (default ~/.cache/prow-runbook/rehearsal)
  --help          print this text

Exit codes: 0 done, 1 failed, 64 usage, 130 interrupted.
`

const OPTIONS = {
  down: { type: 'boolean' },
  'cluster-only': { type: 'boolean' },
  eks: { type: 'boolean' },
  local: { type: 'boolean' },
  kind: { type: 'boolean' },
  real: { type: 'boolean' },
  dir: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const COLOURS = { created: 'green', changed: 'yellow', unchanged: 'dim' } as const

const task: Task = async (name, work) => {
  const [value, { outcome, note }] = await withSpinner(name, (show) => work((text) => show(`${name}: ${text}`)))
  const colour = COLOURS[outcome]
  const line = `  ${paint(colour, symbol('✔'))} ${name.padEnd(24)}  ${paint(colour, outcome.padEnd(9))}`
  const gap = 41 + (note ?? '').length > terminalWidth() ? '\n      ' : '  '
  printLine(note ? `${line}${gap}${paint('dim', note)}` : line.trimEnd())
  return value
}

const onWait = (pid: number) => printLine(paint('dim', `  waiting for process ${pid}, which uses the same rehearsal`))

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Problem)) throw error
  printLine()
  printProblems(error.findings)
  process.exitCode = error.exitCode
}

async function main(): Promise<number> {
  const values = parseOptions(OPTIONS)
  if (values.help) {
    process.stdout.write(HELP)
    return EXIT.done
  }
  const kinds = (['eks', 'local', 'real', 'kind'] as const).filter((name) => values[name])
  if (kinds.length > 1) {
    const given = kinds.map((name) => `--${name}`).join(' and ')
    throw usageProblem(`${given} exclude each other`, 'Give one of them.')
  }
  stopOnSignals()
  return values.down ? remove(values, kinds.length === 0) : install(values, kinds.length === 0)
}

function kindOf(values: Values): Kind {
  return values.kind ? 'kind' : values.real ? 'real' : 'kwok'
}

async function install(values: Values, anyKind: boolean): Promise<number> {
  // A named folder keeps the kind it was created with, and --cluster-only is for those who know what they want.
  const byMachine = anyKind && !values.dir && !values['cluster-only']
  const missing = values.eks || byMachine ? await missingPrerequisite() : undefined
  if (values.eks && missing)
    throw new Problem(`the AWS emulator cannot run: ${missing}`, 'Leave out --eks: the rest works without AWS.')
  const eks = Boolean(values.eks) || (byMachine && !missing)
  const kind = kindOf(values)
  const dir = resolve((values.dir as string) ?? defaultDir(kind, eks))
  printLine(
    `${paint('bold', 'rehearsal')}  Create a throw-away cluster on this machine${eks ? ', with an AWS emulator' : ''}`,
  )
  if (byMachine && missing) printLine(`  ${paint('dim', `without the AWS emulator: ${missing}`)}`)
  const rehearsal = await up({ dir, kind, eks, task, onWait })
  const clusterOnly = Boolean(values['cluster-only'])
  const exitCode = clusterOnly ? EXIT.done : await installAll(rehearsal)
  if (exitCode === EXIT.done) for (const line of ['', ...nextSteps(rehearsal, clusterOnly)]) printLine(line)
  return exitCode
}

async function remove(values: Values, anyKind: boolean): Promise<number> {
  const kind = kindOf(values)
  // Without options, both that `npm run rehearse` may have created.
  const dirs =
    anyKind && !values.dir
      ? [defaultDir(kind), defaultDir(kind, true)]
      : [resolve((values.dir as string) ?? defaultDir(kind, Boolean(values.eks)))]
  printLine(`${paint('bold', 'rehearsal')}  Remove the throw-away cluster`)
  for (const dir of dirs) {
    const removed = await withSpinner('ending its processes', () => down({ dir, kind, onWait }))
    const colour = removed ? 'green' : 'dim'
    const outcome = removed ? 'removed' : 'does not exist'
    printLine(`  ${paint(colour, symbol('✔'))} ${shellPath(dir).padEnd(32)}  ${paint(colour, outcome)}`)
  }
  return EXIT.done
}

// A process of its own, because of its environment: settings in it win over the file, and a TARGET=eks that is still
// exported from other work would send the rehearsal's worthless secrets to a cluster that is in use.
function installAll(rehearsal: Rehearsal): Promise<number> {
  const own = Object.entries(process.env).filter(([name]) => !(name in ROWS) && !(rehearsal.aws && /^AWS_/.test(name)))
  const env: NodeJS.ProcessEnv = { ...Object.fromEntries(own), ...rehearsal.aws }
  if (!rehearsal.kubectlOnPath) env.PATH = `${dirname(rehearsal.kubectl)}${delimiter}${env.PATH}`
  const args = ['--import', 'tsx', 'scripts/install-all.ts', '--env', rehearsal.env]
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? EXIT.interrupted))
  })
}
