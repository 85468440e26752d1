import { parseArgs } from 'node:util'
import { EXIT, Problem } from '../base/problem.ts'
import { wrapWords } from '../base/terminal.ts'

export type Options = Record<string, { type: 'boolean' | 'string'; short?: string; multiple?: boolean }>
export type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

/** The options that every script has. */
export const COMMON = {
  help: { type: 'boolean', short: 'h' },
  plan: { type: 'boolean' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean', short: 'v' },
  env: { type: 'string' },
} as const satisfies Options

/** One entry of a help text in lines of at most 80 characters: a label, and its text in a column of its own. */
export function helpEntry(label: string, text: string, column: number): string {
  const lines = wrapWords(text, 80 - column).replaceAll('\n', `\n${' '.repeat(column)}`)
  return label.length + 1 < column ? `${label.padEnd(column)}${lines}` : `${label}\n${' '.repeat(column)}${lines}`
}

/** The help of options, an entry each: as it is typed, and what it does. */
export function optionsHelp(entries: [typed: string, description: string][]): string {
  return [...entries, ...COMMON_HELP].map(([typed, text]) => helpEntry(`  ${typed}`, text, 15)).join('\n')
}

const COMMON_HELP: [string, string][] = [
  ['--plan', 'print what would be created, changed or removed, and change nothing'],
  ['--json', 'print one JSON document on stdout'],
  ['--verbose', 'print each command, and every field that changes'],
  ['--env FILE', 'the settings (default .env); secrets/ and config/ are beside it'],
  ['--help', 'print this text'],
]

export const EXITS_HELP = `Exit codes: 0 done, 1 failed, 2 --plan found something to do, or doctor something
wrong, 3 wrong target, 64 usage, 130 interrupted.`

export function usageProblem(message: string, remedy: string): Problem {
  return new Problem(message, remedy, { exitCode: EXIT.usage })
}

/**
 * The values of the options on the command line. Throws a usage Problem for one that is not known, and for one that
 * npm has taken for its own because the -- before it was missing: the script would otherwise run without it.
 */
export function parseOptions(options: Options, environment: NodeJS.ProcessEnv = process.env): Values {
  const script = environment.npm_lifecycle_event
  const config = (name: string) => environment[`npm_config_${name.replaceAll('-', '_')}`]
  // npm reads --plan as four options of a letter each. --only is an option of its own, which leaves no trace here.
  const asLetters = ['parseable', 'long', 'all'].every(config)
  const taken = Object.keys(options).filter((name) => config(name) || (name === 'plan' && asLetters))
  if (script && taken.length > 0) {
    // A value that stood behind its option has become a positional argument.
    const rest = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
    const typedValue = (name: string) => (config(name) === 'true' ? rest.shift() : config(name))
    const typed = taken
      .map((name) => (options[name]?.type === 'string' ? `--${name} ${typedValue(name) ?? 'X'}` : `--${name}`))
      .join(' ')
    throw usageProblem(`npm took ${typed} for itself; nothing was done`, `Type npm run ${script} -- ${typed}`)
  }
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw usageProblem(
      (error as Error).message.replace(/\. To specify.*$/s, ''),
      'Run it with --help to see its options.',
    )
  }
}

/** What --from, --only and --skip say. */
export interface Selection {
  from?: string
  only?: string[]
  skip?: string[]
}

/** The steps that a selection leaves of all. Throws a usage Problem for a number that no step has. */
export function selectSteps(names: string[], { from, only, skip }: Selection): string[] {
  const find = (number: string): string => {
    const name = names.find((one) => one === number || (number !== '' && one.split('-')[0] === number.padStart(2, '0')))
    if (!name) throw usageProblem(`there is no step ${number}`, `The steps are ${names.join(', ')}.`)
    return name
  }
  const each = (numbers: string[] | undefined) => numbers?.flatMap((text) => text.split(',')).map(find)
  const wanted = each(only)
  const unwanted = each(skip) ?? []
  const first = from === undefined ? 0 : names.indexOf(find(from))
  return names.filter((name, index) => index >= first && (wanted?.includes(name) ?? true) && !unwanted.includes(name))
}
