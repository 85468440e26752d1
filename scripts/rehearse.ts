// A try-out on a throw-away cluster: the same scripts as on EKS, no account anywhere, simulated nodes and pods.

import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { delimiter, dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../lib/base/paths.ts'
import { EXIT, Problem } from '../lib/base/problem.ts'
import { quote, stopOnSignals } from '../lib/base/shell.ts'
import { paint, printLine, withSpinner } from '../lib/base/terminal.ts'
import { lacks } from '../lib/rehearsal/aws.ts'
import { defaultDir, type Kind, type Rehearsal, type Task } from '../lib/rehearsal/folder.ts'
import { down, up } from '../lib/rehearsal/rehearsal.ts'
import { ROWS } from '../lib/settings/table.ts'

const HELP = `npm run rehearse -- [options]

Installs Prow on a throw-away cluster on this machine. Run again, it uses the cluster that is there.

The cluster is a real API server with real controllers and a real scheduler; nodes and pods are simulated (kwok).
Its programs are taken from PATH, else downloaded, else built with Go, which takes some ten minutes once. What is
built is kept in ~/.cache/prow-runbook, or in RUNBOOK_CACHE. Your ~/.kube is neither read nor written.

Options:
  --down           remove the cluster and its folder, also what a run that was killed left
  --cluster-only   make the cluster and its settings, install nothing
  --real           a node whose pods really run, with Prow's own programs (Linux, root; takes minutes once)
  --eks            with AWS beside it: TARGET=eks, and the real aws talks to an emulator on this machine (needs aws and
                   Python 3.10; what it is made of comes from PyPI, once). The choice where no option is given and this
                   machine can do it
  --local          without AWS
  --kind           a cluster of the kind tool, where Docker runs: pods are real, images are pulled
  --dir DIR        the folder of the cluster (default ~/.cache/prow-runbook/rehearsal)
  --help           this text

Exit codes: 0 done, 1 failed, 64 usage, 130 interrupted.
`

const options = {
  down: { type: 'boolean' },
  'cluster-only': { type: 'boolean' },
  eks: { type: 'boolean' },
  local: { type: 'boolean' },
  kind: { type: 'boolean' },
  real: { type: 'boolean' },
  dir: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const SIGNS = { created: 'green', changed: 'yellow', unchanged: 'dim' } as const

const task: Task = async (thing, work) => {
  const [value, { outcome, note }] = await withSpinner(thing, (say) => work((text) => say(`${thing}: ${text}`)))
  const colour = SIGNS[outcome]
  const word = `${paint(colour, '✔')} ${thing.padEnd(32)}  ${paint(colour, outcome.padEnd(12))}`
  printLine(`  ${word}${note ? `  ${paint('dim', note)}` : ''}`.trimEnd())
  return value
}

const waits = (pid: number) =>
  printLine(paint('dim', `  … waiting for process ${pid}, which works on the same rehearsal`))

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Problem)) throw error
  printLine()
  for (const { message, remedy } of error.findings) {
    printLine(`${paint('red', '✖')} ${paint('bold', message)}`)
    printLine(`  ${remedy}`)
  }
  process.exitCode = error.exitCode
}

async function main(): Promise<number> {
  const values = parsed()
  if (values.help) {
    process.stdout.write(HELP)
    return EXIT.done
  }
  stopOnSignals()
  const kind: Kind = values.kind ? 'kind' : values.real ? 'real' : 'kwok'
  if ([values.eks, values.local, values.kind, values.real].filter(Boolean).length > 1)
    throw new Problem('--eks, --local, --real and --kind do not go together', 'Give one of them.', {
      exitCode: EXIT.usage,
    })
  // A folder that is named holds what it was made with, and --cluster-only is for those who know what they want.
  const free = !values.eks && !values.local && !values.kind && !values.real && !values.dir && !values['cluster-only']
  const missing = values.eks || free ? await lacks() : undefined
  if (values.eks && missing && !values.down)
    throw new Problem(`AWS cannot be played here: ${missing}`, 'Leave out --eks: all but AWS is rehearsed.')
  const eks = Boolean(values.eks) || (free && !missing)
  const dir = resolve(values.dir ?? defaultDir(kind, eks))

  if (values.down) {
    printLine(`${paint('bold', 'rehearsal')}  Remove the throw-away cluster`)
    // Without an option: both that `npm run rehearse` may have made.
    for (const one of free ? [defaultDir(kind), defaultDir(kind, true)] : [dir]) {
      const removed = await withSpinner('ending its processes', () => down({ dir: one, kind, waits }))
      printLine(
        removed
          ? `  ${paint('green', '✔')} removed ${short(one)}`
          : `  ${paint('dim', '✔')} there is none in ${short(one)}`,
      )
    }
    return EXIT.done
  }

  printLine(`${paint('bold', 'rehearsal')}  A throw-away cluster on this machine${eks ? ', with AWS beside it' : ''}`)
  if (free && missing) printLine(`  ${paint('dim', `without AWS beside it: ${missing}`)}`)
  const rehearsal = await up({ dir, kind, eks, task, waits })
  const code = values['cluster-only'] ? EXIT.done : await installAll(rehearsal)
  if (code === EXIT.done) farewell(rehearsal, Boolean(values['cluster-only']))
  return code
}

function parsed() {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values
  } catch (error) {
    const message = (error as Error).message.replace(/\. To specify.*$/s, '')
    throw new Problem(message, 'npm run rehearse -- --help shows the options.', { exitCode: EXIT.usage })
  }
}

// A process of its own, because of its environment: settings win there over the file, and a TARGET=eks that is still
// exported from other work would send what is worth nothing here to a cluster that is in use.
function installAll(rehearsal: Rehearsal): Promise<number> {
  const own = Object.entries(process.env).filter(([name]) => !(name in ROWS) && !(rehearsal.aws && /^AWS_/.test(name)))
  const env: NodeJS.ProcessEnv = { ...Object.fromEntries(own), ...rehearsal.aws }
  if (!rehearsal.kubectlOnPath) env.PATH = `${dirname(rehearsal.kubectl)}${delimiter}${env.PATH}`
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/install-all.ts', '--env', rehearsal.env], {
      cwd: ROOT,
      env,
      stdio: 'inherit',
    })
    child.once('error', fail)
    child.once('exit', (code) => settle(code ?? EXIT.interrupted))
  })
}

/** A path as short as a shell takes it. */
function short(path: string): string {
  const below = relative(homedir(), path)
  return below.startsWith('..') || below === '' ? quote(path) : `~/${quote(below)}`
}

function farewell(
  { dir, kind, kubeconfig, context, env, kubectl, kubectlOnPath, aws, names }: Rehearsal,
  clusterOnly: boolean,
): void {
  const here = dir === defaultDir(kind, Boolean(aws))
  const again = [kind !== 'kwok' && `--${kind}`, aws && '--eks', !here && `--dir ${short(dir)}`]
    .filter(Boolean)
    .join(' ')
  const rows: [string, string][] = [
    ['look', `kubectl --kubeconfig ${short(kubeconfig)} get pods -A`],
    clusterOnly
      ? ['install', `npm run install:all -- --env ${short(env)}`]
      : ['a step again', `npx tsx scripts/03-secrets.ts --env ${short(env)}`],
    ['what would change', `npm run install:all -- --env ${short(env)} --plan`],
    ['remove', `npm run rehearse -- --down${again && ` ${again}`}`],
  ]
  printLine()
  printLine(
    clusterOnly
      ? 'The cluster is up and empty.'
      : `Prow is installed on the rehearsal cluster${kind === 'kwok' ? ': its objects are real, its pods simulated' : ''}.`,
  )
  printLine()
  if (!kubectlOnPath) {
    printLine('  kubectl is not on your PATH; with this line the ones below work:')
    printLine(`    export PATH=${short(dirname(kubectl))}:$PATH`)
    printLine()
  }
  if (names && !clusterOnly) {
    printLine('  To open Prow in a browser, add these lines to /etc/hosts; its certificate is its own:')
    for (const [name, address] of Object.entries(names)) printLine(`    ${address} ${name}`)
    printLine()
    rows.unshift(['open', `https://${Object.keys(names)[0]}/`])
  }
  if (aws) {
    printLine('  AWS is an emulator; with this line aws, and the lines below, talk to it:')
    printLine(`    . ${short(join(dir, 'aws', 'env.sh'))}`)
    printLine()
  }
  for (const [what, command] of rows) printLine(`  ${paint('dim', what.padEnd(18))}  ${command}`)
  printLine()
  printLine(`  ${paint('dim', 'cluster'.padEnd(18))}  context ${context} in ${short(kubeconfig)}`)
  printLine(`  ${paint('dim', 'settings'.padEnd(18))}  ${short(env)}, and secrets/ beside it`)
}
