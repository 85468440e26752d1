import { existsSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { explainAws } from './aws/errors.ts'
import { ROOT } from './base/paths.ts'
import { type Finding, failures, Problem } from './base/problem.ts'
import { endCommands, onCommand, stopOnSignals, throwIfInterrupted, tryCommand, wordsOf } from './base/shell.ts'
import { paint, printLine } from './base/terminal.ts'
import { explainKubectl } from './kubernetes/errors.ts'
import { finishWaits } from './kubernetes/resources.ts'
import {
  COMMON,
  EXITS_HELP,
  helpEntry,
  optionsHelp,
  parseOptions,
  type Selection,
  selectSteps,
  type Values,
} from './run/command-line.ts'
import { currentRun, forget, newRun, setRun } from './run/context.ts'
import { settle } from './run/findings.ts'
import { finishRun } from './run/report.ts'
import type { StepReport } from './run/result.ts'
import { parseSettings, settingsPath } from './settings/settings.ts'
import type { Settings } from './settings/table.ts'
import { lockTarget } from './target.ts'

/** What `--help` prints of a script. */
export interface About {
  /** What the step does: `Create namespaces`. */
  title: string
  reads: string
  creates: string
  needs: string
  /** Options of its own, when it is run alone. */
  options?: OwnOptions
}

/** Options of a script besides those that all have; `value` stands for the value in the help. */
type OwnOptions = Record<
  string,
  { type: 'boolean' | 'string'; multiple?: boolean; value?: string; description: string }
>

/** A script of the guide, ready to be run. */
export interface Step {
  name: string
  run: (options?: Values) => Promise<void>
}

/**
 * A script of the guide. Started by itself it reads the command line, runs, and ends the process with the right exit
 * code. Imported by another it only gives back what to run.
 */
export async function step(
  meta: ImportMeta,
  about: About,
  work: (settings: Settings, options: Values) => Promise<void>,
): Promise<Step> {
  const name = basename(fileURLToPath(meta.url), '.ts')
  const run = (options: Values = {}) => runStep(name, about, work, options)
  const started = process.argv[1] ?? ''
  if (basename(started, extname(started)) !== name) return { name, run }
  await runScript(
    [
      `npx tsx scripts/${name}.ts [options]\n`,
      `${about.title}.\n`,
      helpEntry('Reads:', about.reads, 10),
      helpEntry('Creates:', about.creates, 10),
      helpEntry('Needs:', about.needs, 10),
    ],
    about.options ?? {},
    false,
    run,
  )
  return { name, run }
}

/** Runs the steps in their order in this process: what `npm run install:all` is. */
export async function installAll(steps: Step[]): Promise<void> {
  const names = steps.map(({ name }) => name)
  await runScript(
    ['npm run install:all -- [options]\n', 'Runs all steps in order:', ...names.map((name) => `  ${name}`)],
    {
      from: { type: 'string', value: 'NN', description: 'start with step NN' },
      only: { type: 'string', value: 'NN', multiple: true, description: 'only this step; may be repeated, or 02,03' },
      skip: { type: 'string', value: 'NN', multiple: true, description: 'not this step; may be repeated, or 02,03' },
    },
    true,
    async (values) => {
      for (const name of selectSteps(names, values as Selection)) {
        // The last one verifies what all the others have brought about.
        if (name === names.at(-1)) await finishWaits()
        await steps.find((one) => one.name === name)!.run()
      }
      await finishWaits()
    },
    // A wrong number is reported before anything is read.
    (values) => void selectSteps(names, values as Selection),
  )
}

/** Reads the command line and the settings, locks the target, does `work`, prints how it ended and sets the exit code. */
async function runScript(
  about: string[],
  own: OwnOptions,
  all: boolean,
  work: (values: Values) => Promise<void>,
  checkUsage: (values: Values) => void = () => {},
): Promise<void> {
  let problem: Problem | undefined
  // Whoever asked for JSON gets it also when the rest of the line is wrong.
  let json = process.argv.includes('--json')
  try {
    const values = parseOptions({ ...own, ...COMMON })
    json = Boolean(values.json)
    if (values.help) {
      const typed = Object.entries(own).map(([name, { type, value = 'X', description }]): [string, string] => [
        type === 'string' ? `--${name} ${value}` : `--${name}`,
        description,
      ])
      process.stdout.write(`${[...about, '\nOptions:', `${optionsHelp(typed)}\n`, EXITS_HELP].join('\n')}\n`)
      return
    }
    checkUsage(values)
    if (values.verbose) onCommand((command) => printLine(paint('dim', `  $ ${command}`)))
    stopOnSignals()
    const env = values.env as string | undefined
    const { settings, problems } = parseSettings(env ?? join(ROOT, '.env'))
    const more = problems.length > 0 && all ? await inputProblems(settings) : []
    if (problems.length > 0) throw Problem.all([...problems, ...more])
    setRun(newRun(settings, { all, env, plan: Boolean(values.plan), verbose: Boolean(values.verbose), json }))
    await lockTarget(settings)
    await work(values)
    throwIfInterrupted()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    problem = error
    endCommands()
  }
  finishRun(problem, json)
}

/** What is wrong with secrets/ and config/ besides the settings, so that one reading shows all there is to correct. */
async function inputProblems(settings: Settings): Promise<Finding[]> {
  const [{ inspectSecrets }, { validateConfig }] = await Promise.all([
    import('./prow/secrets.ts'),
    import('./prow/validate-config.ts'),
  ])
  const secrets = failures(inspectSecrets(settings, undefined).findings)
  if (!existsSync(settingsPath(settings, settings.CONFIG_DIR))) return secrets
  return [...secrets, ...(await settle(validateConfig(settings).then(({ findings }) => failures(findings))))]
}

async function runStep(
  name: string,
  { title }: About,
  work: (settings: Settings, options: Values) => Promise<void>,
  options: Values,
): Promise<void> {
  const run = currentRun()
  const report: StepReport = { step: name, title, outcome: 'done', results: [], problems: [], seconds: 0, wrote: false }
  run.steps.push(report)
  const began = performance.now()
  printLine()
  printLine(`${paint('bold', name)}  ${title}`)
  try {
    await work(run.settings, options)
    if (report.results.length > 0 && report.results.every(({ outcome }) => outcome === 'skipped'))
      report.outcome = 'skipped'
  } catch (error) {
    report.outcome = 'failed'
    if (error instanceof Problem) report.problems.push(...error.findings)
    // Whoever runs next in this process reads afresh what a broken-off write has left.
    forget()
    throw error
  } finally {
    report.seconds = Number(((performance.now() - began) / 1000).toFixed(3))
  }
}

/**
 * A command of the guide, as the guide types it: $`kubectl -n prow get cm plugins -o yaml`. Answers what it printed,
 * without the line break at the end. Throws a Problem that explains its failure.
 */
export async function $(pieces: TemplateStringsArray, ...values: unknown[]): Promise<string> {
  const { stdout, stderr, exitCode } = await tryCommand(pieces, values)
  if (exitCode === 0) return stdout.replace(/\n$/, '')
  const [program = '', ...args] = wordsOf(pieces, values)
  if (program === 'kubectl') throw explainKubectl(stderr)
  if (program === 'aws') throw explainAws(args, stderr)
  throw new Problem(
    `${program} failed: ${stderr.trim() || `exit code ${exitCode}`}`,
    'Run the step again with --verbose to see the command.',
  )
}
