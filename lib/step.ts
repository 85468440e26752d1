import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EXIT, type Fault, Problem } from './base/problem.ts'
import { endFollowed, endOnSignals, onCommand, processes } from './base/shell.ts'
import { line, paint, problems, spin, width } from './base/terminal.ts'
import { why } from './kubernetes/diagnose.ts'
import { apply, type Done, forget, type Outcome, remove, type Thing, waitFor } from './kubernetes/kubectl.ts'
import { checked } from './prow/config.ts'
import { look } from './prow/secrets.ts'
import { rerunLine, rerunWith } from './run/rerun.ts'
import { parseSettings, ROOT, relativeName, type Settings, settingsPath } from './settings/settings.ts'
import { lockTarget } from './target.ts'

/** What `--help` tells of a script. */
export interface About {
  title: string
  reads: string
  makes: string
  needs: string
  /** Options of its own, when it is run alone. */
  options?: Record<string, { type: 'boolean' | 'string'; says: string }>
}

/** The values of a script's own options; none under install-all. */
export type Given = Record<string, string | boolean | undefined>

type Work = (settings: Settings, given: Given) => Promise<void>

interface Entry extends Omit<Done, 'outcome'> {
  outcome: Outcome | 'skipped' | 'after' | 'holds' | 'failed' | 'warning'
}

interface StepReport {
  step: string
  title: string
  outcome: 'done' | 'skipped' | 'failed'
  things: Entry[]
  problems: Fault[]
  /** How long it took. */
  seconds: number
}

interface Run {
  plan: boolean
  json: boolean
  verbose: boolean
  settings: Settings
  /** Whether install-all drives the steps. */
  all: boolean
  steps: StepReport[]
  wrote: boolean
  waits: Wait[]
  /** The step to go on from, when it is not the last that was begun. */
  failed?: string
}

let underWay: Run | undefined

/** The run that is under way. */
export function current(): Run {
  if (!underWay) throw new Error('no run is under way')
  return underWay
}

const COMMON = {
  help: { type: 'boolean', short: 'h' },
  plan: { type: 'boolean' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean', short: 'v' },
  env: { type: 'string' },
} as const

const OPTIONS_HELP = `  --plan       say what would be created or changed, write nothing
  --json       one JSON document on stdout
  --verbose    show each command, and every field that changes
  --env FILE   the settings (default .env); its folder also holds secrets/ and config/
  --help       this text`

const EXITS_HELP = `Exit codes: 0 done, 1 failed, 2 --plan found something to do, 3 wrong target, 64 usage, 130 interrupted.`

/**
 * A script of the guide: says what it is, does `work`, and tells what became of each thing. Run alone it reads the
 * arguments and ends the process with the right exit code; under install-all it is one step of that run.
 */
export async function step(meta: ImportMeta, about: About, work: Work): Promise<void> {
  const name = basename(fileURLToPath(meta.url), '.ts')
  if (underWay) return oneStep(name, about, work, {})
  const own = Object.entries(about.options ?? {})
  const told = own.map(([option, { type, says }]) => {
    const typed = `--${option}${type === 'string' ? ' X' : ''}`
    return `  ${typed.padEnd(10)}  ${typed.length > 10 ? `\n${' '.repeat(14)}` : ''}${says}\n`
  })
  const help = `npx tsx scripts/${name}.ts [options]

${about.title}.

Reads:  ${about.reads}
Makes:  ${about.makes}
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
      Object.fromEntries(own.map(([option]) => [option, values[option] as Given[string]])),
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
      for (const name of chosen(names, values)) {
        // It looks at what all the others have made.
        if (name === names.at(-1)) await settled()
        await import(`../scripts/${name}.ts`)
      }
      await settled()
    },
    true,
    (values) => void chosen(names, values),
  )
}

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

interface Choice {
  from?: string
  only?: string[]
  skip?: string[]
}

/** The steps that --from, --only and --skip leave of all. Throws a usage Problem for a number that is no step's. */
export function chosen(names: string[], choice: Choice): string[] {
  const find = (number: string): string => {
    const name = names.find((one) => one === number || (number !== '' && one.split('-')[0] === number.padStart(2, '0')))
    if (!name) throw usage(`there is no step ${number}`, `The steps are ${names.join(', ')}.`)
    return name
  }
  const each = (numbers: string[] | undefined) => numbers?.flatMap((text) => text.split(',')).map(find)
  const only = each(choice.only)
  const skip = each(choice.skip) ?? []
  const from = choice.from === undefined ? 0 : names.indexOf(find(choice.from))
  return names.filter((name, index) => index >= from && (only?.includes(name) ?? true) && !skip.includes(name))
}

function usage(wrong: string, remedy: string): Problem {
  return new Problem(wrong, remedy, { exitCode: EXIT.usage })
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
    const values = parsed(options)
    json = Boolean(values.json)
    if (values.help) {
      process.stdout.write(help)
      return
    }
    // A wrong number is told before anything is looked at.
    usable(values as Choice)
    if (values.verbose) onCommand((command) => line(paint('dim', `  $ ${command}`)))
    endOnSignals()
    const env = (values.env as string | undefined) ?? join(ROOT, '.env')
    rerunWith({ all, env: values.env === undefined ? '' : String(values.env), plan: Boolean(values.plan) })
    const { settings, faults } = parseSettings(env)
    if (faults.length > 0) throw Problem.all([...faults, ...(all ? await inputFaults(settings) : [])])
    underWay = {
      plan: Boolean(values.plan),
      json,
      verbose: Boolean(values.verbose),
      settings,
      all,
      steps: [],
      wrote: false,
      waits: [],
    }
    await lockTarget(underWay.settings)
    await work(values as Choice & Values)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    problem = error
    endFollowed()
  }
  finish(problem, json)
}

/** What is wrong with secrets/ and config/ besides the settings, so that one reading tells all there is to mend. */
async function inputFaults(settings: Settings): Promise<Fault[]> {
  const { faults } = look(settings, undefined)
  try {
    if (existsSync(settingsPath(settings, settings.CONFIG_DIR))) await checked(settings)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    faults.push(...error.faults)
  }
  return faults
}

function parsed(options: Record<string, { type: 'boolean' | 'string'; multiple?: boolean }>) {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw usage((error as Error).message.replace(/\. To specify.*$/s, ''), 'Run it with --help to see its options.')
  }
}

async function oneStep(name: string, about: About, work: Work, given: Given): Promise<void> {
  const run = current()
  const report: StepReport = { step: name, title: about.title, outcome: 'done', things: [], problems: [], seconds: 0 }
  run.steps.push(report)
  run.wrote = false
  const began = performance.now()
  line()
  line(`${paint('bold', name)}  ${about.title}`)
  try {
    await work(run.settings, given)
    if (report.things.length > 0 && report.things.every((thing) => thing.outcome === 'skipped'))
      report.outcome = 'skipped'
  } catch (error) {
    report.outcome = 'failed'
    if (error instanceof Problem) report.problems.push(...error.faults)
    // What a write left is to be looked at anew, whoever runs next in this process.
    forget()
    throw error
  } finally {
    report.seconds = Number(((performance.now() - began) / 1000).toFixed(3))
  }
}

const SIGNS: Record<Entry['outcome'], [string, Parameters<typeof paint>[0]]> = {
  created: ['✔', 'green'],
  changed: ['✔', 'yellow'],
  unchanged: ['✔', 'dim'],
  holds: ['✔', 'green'],
  'would create': ['+', 'green'],
  'would change': ['~', 'yellow'],
  removed: ['✔', 'yellow'],
  'would remove': ['-', 'yellow'],
  after: ['…', 'cyan'],
  skipped: ['–', 'dim'],
  warning: ['!', 'yellow'],
  failed: ['✖', 'red'],
}

function show(entry: Entry): void {
  const [sign, colour] = SIGNS[entry.outcome]
  // A fact is told by itself; the others have their word in a column.
  const fact = entry.outcome === 'holds' || entry.outcome === 'failed' || entry.outcome === 'warning'
  const { note = '' } = entry
  const name = fact && !note ? entry.name : entry.name.padEnd(32)
  const word = fact ? '' : entry.outcome.padEnd(12)
  const length = 4 + name.length + (word ? 2 + word.length : 0) + 2 + note.length
  const gap = length > width() ? '\n      ' : '  '
  const told = `  ${paint(colour, sign)} ${name}${word && `  ${paint(colour, word)}`}`
  line(note ? `${told}${gap}${paint('dim', note)}` : told.trimEnd())
  const run = current()
  if (!run.plan && !run.verbose) return
  for (const differs of entry.differences) {
    line(paint('dim', `      ${differs.object}  ${differs.path}`))
    for (const one of differs.lines ?? []) {
      const colour = one.startsWith('+') ? 'green' : one.startsWith('-') ? 'red' : 'dim'
      line(`        ${paint(colour, `${one[0]} ${one.slice(1)}`)}`)
    }
    if (differs.was !== undefined) line(`        ${paint('red', `- ${differs.was}`)}`)
    if (differs.is !== undefined) line(`        ${paint('green', `+ ${differs.is}`)}`)
  }
}

function record(entry: Entry): void {
  current().steps.at(-1)?.things.push(entry)
  show(entry)
}

/** Makes the things of a step, all in as few requests as can be, and tells a line for each. */
export async function tasks(things: (Thing | false | undefined)[]): Promise<Done[]> {
  const run = current()
  const wanted = things.filter((thing) => thing !== false && thing !== undefined)
  const names = wanted.map((thing) => thing.name)
  const done = await spin(names.length > 3 ? `${names.length} things, from ${names[0]}` : names.join(', '), () => {
    if (!run.plan) run.wrote = true
    return apply(wanted, run.plan)
  })
  for (const one of done) record(one)
  return done
}

/** Removes things that the settings no longer want and that the runbook made; tells a line for each that was there. */
export async function gone(things: Thing[]): Promise<void> {
  const run = current()
  for (const thing of things) {
    const done = await spin(thing.name, () => remove(thing, run.plan))
    if (!done) continue
    run.wrote ||= !run.plan
    record(done)
  }
}

/** Says that the step has begun to write something that is not an object of the cluster. */
export function writes(): void {
  current().wrote = true
}

/** Does one thing that is not an object of the cluster, and tells its line. `work` says what became of it. */
export async function task(
  name: string,
  work: (
    say: (text: string) => void,
  ) => Promise<{ outcome: Outcome; note?: string; differences?: Done['differences'] }>,
): Promise<void> {
  const done = await spin(name, work)
  if (/^(created|changed|removed)$/.test(done.outcome)) current().wrote = true
  record({ name, differences: [], ...done })
}

/** Tells a line that is no change: a fact that holds or does not, a warning. */
export function note(outcome: 'holds' | 'failed' | 'warning', text: string, more?: string): void {
  record({ name: text, outcome, note: more, differences: [] })
}

/** Tells that a thing is left out, and why. */
export function skipped(name: string, because: string): void {
  record({ name, outcome: 'skipped', note: because, differences: [] })
}

/** Under --plan: tells that the rest of the step comes after a script that was not run yet. */
export function after(script: string, because: string[]): void {
  const more = because.length > 2 ? `${because[0]}, and ${because.length - 1} more` : because.join(', ')
  record({ name: `after ${script}`, outcome: 'after', note: more, differences: [] })
}

type Waitable = Parameters<typeof waitFor>[0]

/** Waits until the named objects are ready; on the limit throws a Problem that says what holds each up. */
export async function ready(kind: Waitable, names: string[], namespace = ''): Promise<void> {
  const { plan, settings } = current()
  if (plan || names.length === 0) return
  const late = await spin(`waiting for ${names.join(', ')}`, (say) =>
    waitFor(kind, names, namespace, settings.WAIT_SECONDS, say),
  )
  if (late.length > 0) throw Problem.all(await why(kind, late, namespace, settings))
}

interface Wait {
  step: string
  kind: Waitable
  names: string[]
  namespace: string
  late: Promise<string[]>
}

/**
 * The same for what no later step relies on: under install-all the wait begins now and ends with `settled`, so that
 * all pods start side by side and the steps after this one need not stand still.
 */
export async function readyLater(kind: Waitable, names: string[], namespace: string): Promise<void> {
  const run = current()
  if (!run.all) return ready(kind, names, namespace)
  if (run.plan || names.length === 0) return
  const late = waitFor(kind, names, namespace, run.settings.WAIT_SECONDS, () => {})
  // It is looked at in `settled`, or by nobody when a step fails before.
  late.catch(() => {})
  run.waits.push({ step: run.steps.at(-1)?.step ?? '', kind, names, namespace, late })
}

/** Waits for all that `readyLater` left open; tells what is not ready, with its cause, as the fault of its step. */
async function settled(): Promise<void> {
  const run = current()
  const waits = run.waits.splice(0)
  if (waits.length === 0) return
  const names = waits.flatMap((one) => one.names)
  line()
  line(`${paint('bold', 'waiting')}  For what the steps above have made`)
  const faults: Fault[] = []
  let first: string | undefined
  const open = new Set(names)
  await spin(`waiting for ${names.join(', ')}`, async (say) => {
    for (const { step, kind, names: these, namespace, late } of waits) {
      const left = await late
      for (const name of these) open.delete(name)
      if (open.size > 0)
        say(`waiting for ${[...open].join(', ')} (${names.length - open.size} of ${names.length} ready)`)
      if (left.length === 0) continue
      first ??= step
      faults.push(...(await why(kind, left, namespace, run.settings)))
    }
  })
  if (faults.length === 0) {
    line(`  ${paint('green', '✔')} ${names.length} workloads are ready`)
    return
  }
  run.failed = first
  run.steps.find((one) => one.step === first)!.outcome = 'failed'
  throw Problem.all(faults)
}

/** The counts of a run, by outcome. */
function counts(run: Run): Record<string, number> {
  const count: Record<string, number> = {}
  for (const { things } of run.steps) {
    for (const { outcome } of things) count[outcome] = (count[outcome] ?? 0) + 1
  }
  return count
}

function finish(problem: Problem | undefined, json: boolean): void {
  const run = underWay
  const count = run ? counts(run) : {}
  const todo =
    (count['would create'] ?? 0) + (count['would change'] ?? 0) + (count['would remove'] ?? 0) + (count.after ?? 0)
  const exitCode = problem ? problem.exitCode : run?.plan && todo > 0 ? EXIT.differs : EXIT.done
  if (problem) {
    line()
    problems(problem.faults)
    const failed = run?.failed ?? run?.steps.at(-1)?.step
    if (failed && problem.exitCode !== EXIT.usage) {
      line()
      if (!run?.wrote && !run?.plan) line(paint('dim', `${failed} wrote nothing.`))
      line(`Then go on with:  ${rerunLine(failed, true)}`)
    }
  }
  if (run && run.steps.length > 0) {
    line()
    const words = [
      'created',
      'changed',
      'removed',
      'unchanged',
      'would create',
      'would change',
      'would remove',
      'after',
      'skipped',
    ]
      .filter((word) => count[word])
      .map((word) => `${count[word]} ${word === 'after' ? 'after an earlier step' : word}`)
    const checked = count.holds ? [count.holds === 1 ? '1 check holds' : `${count.holds} checks hold`] : []
    const ended = problem ? paint('red', 'stopped') : run.plan ? 'planned' : paint('green', 'done')
    line(
      [`${ended}: ${run.steps.length} ${run.steps.length === 1 ? 'step' : 'steps'}`, ...words, ...checked].join(' · '),
    )
    // On EKS each aws is a second, so their number is told.
    if (run.verbose || processes().aws) {
      const told = Object.entries(processes()).map(([program, number]) => `${program} ${number}`)
      line(paint('dim', `processes: ${told.join(', ') || 'none'}`))
    }
  }
  if (json) {
    const told = {
      version: 1,
      exitCode,
      plan: Boolean(run?.plan),
      target: run ? { kind: run.settings.TARGET, env: relativeName(run.settings.file) } : null,
      counts: count,
      steps: run?.steps ?? [],
      problems: problem?.faults ?? [],
      processes: processes(),
    }
    process.stdout.write(`${JSON.stringify(told, null, 2)}\n`)
  }
  process.exitCode = exitCode
  underWay = undefined
}
