import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from './base/paths.ts'
import { type Finding, Problem } from './base/problem.ts'
import { killStreams, onCommand, stopOnSignals } from './base/shell.ts'
import { paint, printLine } from './base/terminal.ts'
import { forgetSnapshot } from './kubernetes/snapshot.ts'
import { finishWaits } from './kubernetes/tasks.ts'
import { validateConfig } from './prow/config.ts'
import { inspectSecrets } from './prow/secrets.ts'
import {
  type About,
  type Choice,
  COMMON,
  EXITS_HELP,
  OPTIONS_HELP,
  type OptionValues,
  parseOptions,
  selectSteps,
  type Values,
} from './run/command-line.ts'
import { currentRun, setRun, underWay } from './run/context.ts'
import { finishRun } from './run/report.ts'
import { rerunWith } from './run/rerun.ts'
import type { StepReport } from './run/result.ts'
import { parseSettings, settingsPath } from './settings/settings.ts'
import type { Settings } from './settings/table.ts'
import { lockTarget } from './target.ts'

type Work = (settings: Settings, given: OptionValues) => Promise<void>

/**
 * A script of the guide: says what it is, does `work`, and tells what became of each thing. Run alone it reads the
 * arguments and ends the process with the right exit code; under install-all it is one step of that run.
 */
export async function step(meta: ImportMeta, about: About, work: Work): Promise<void> {
  const name = basename(fileURLToPath(meta.url), '.ts')
  if (underWay) return oneStep(name, about, work, {})
  const own = Object.entries(about.options ?? {})
  const told = own.map(([option, { type, description: says }]) => {
    const typed = `--${option}${type === 'string' ? ' X' : ''}`
    return `  ${typed.padEnd(10)}  ${typed.length > 10 ? `\n${' '.repeat(14)}` : ''}${says}\n`
  })
  const help = `npx tsx scripts/${name}.ts [options]

${about.title}.

Reads:  ${about.reads}
Makes:  ${about.creates}
Needs:  ${about.needs}

Options:
${told.join('')}${OPTIONS_HELP}

${EXITS_HELP}
`
  const options = { ...Object.fromEntries(own.map(([option, { type }]) => [option, { type }])), ...COMMON }
  await started(help, options, async (values) => {
    await oneStep(
      name,
      about,
      work,
      Object.fromEntries(own.map(([option]) => [option, values[option] as OptionValues[string]])),
    )
  })
}

/** Runs the scripts of the folder in the order of their numbers, in this process: what `npm run install:all` is. */
export async function installAll(names: string[]): Promise<void> {
  const options = {
    ...COMMON,
    from: { type: 'string' },
    only: { type: 'string', multiple: true },
    skip: { type: 'string', multiple: true },
  } as const
  const help = `npm run install:all -- [options]\n\nRuns all steps in order: ${names.join(', ')}.\n\nOptions:\n  --from NN    start with step NN\n  --only NN    only this step; may be repeated, or 02,03\n  --skip NN    not this step; may be repeated, or 02,03\n${OPTIONS_HELP}\n\n${EXITS_HELP}\n`
  await started(
    help,
    options,
    async (values) => {
      for (const name of selectSteps(names, values)) {
        // It looks at what all the others have made.
        if (name === names.at(-1)) await finishWaits()
        await import(`../scripts/${name}.ts`)
      }
      await finishWaits()
    },
    true,
    (values) => void selectSteps(names, values),
  )
}

/** Reads the arguments, makes the run, does `work` in it, tells how it ended and sets the exit code. */
async function started(
  help: string,
  options: Record<string, { type: 'boolean' | 'string'; multiple?: boolean }>,
  work: (values: Choice & Values) => Promise<void>,
  all = false,
  usable: (values: Choice) => void = () => {},
): Promise<void> {
  let problem: Problem | undefined
  // Whoever asked for JSON gets it also when the rest of the line is wrong.
  let json = process.argv.includes('--json')
  try {
    const values = parseOptions(options)
    json = Boolean(values.json)
    if (values.help) {
      process.stdout.write(help)
      return
    }
    // A wrong number is told before anything is looked at.
    usable(values as Choice)
    if (values.verbose) onCommand((command) => printLine(paint('dim', `  $ ${command}`)))
    stopOnSignals()
    const env = (values.env as string | undefined) ?? join(ROOT, '.env')
    rerunWith({ all, env: values.env === undefined ? '' : String(values.env), plan: Boolean(values.plan) })
    const { settings, faults } = parseSettings(env)
    if (faults.length > 0) throw Problem.all([...faults, ...(all ? await inputFaults(settings) : [])])
    setRun({
      plan: Boolean(values.plan),
      json,
      verbose: Boolean(values.verbose),
      settings,
      all,
      steps: [],
      wrote: false,
      waits: [],
    })
    await lockTarget(settings)
    await work(values as Choice & Values)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    problem = error
    killStreams()
  }
  finishRun(problem, json)
}

/** What is wrong with secrets/ and config/ besides the settings, so that one reading tells all there is to mend. */
async function inputFaults(settings: Settings): Promise<Finding[]> {
  const { faults } = inspectSecrets(settings, undefined)
  try {
    if (existsSync(settingsPath(settings, settings.CONFIG_DIR))) await validateConfig(settings)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    faults.push(...error.findings)
  }
  return faults
}

async function oneStep(name: string, about: About, work: Work, given: OptionValues): Promise<void> {
  const run = currentRun()
  const report: StepReport = { step: name, title: about.title, outcome: 'done', results: [], problems: [], seconds: 0 }
  run.steps.push(report)
  run.wrote = false
  const began = performance.now()
  printLine()
  printLine(`${paint('bold', name)}  ${about.title}`)
  try {
    await work(run.settings, given)
    if (report.results.length > 0 && report.results.every((thing) => thing.outcome === 'skipped'))
      report.outcome = 'skipped'
  } catch (error) {
    report.outcome = 'failed'
    if (error instanceof Problem) report.problems.push(...error.findings)
    // What a write left is to be looked at anew, whoever runs next in this process.
    forgetSnapshot()
    throw error
  } finally {
    report.seconds = Number(((performance.now() - began) / 1000).toFixed(3))
  }
}
