import { parseArgs } from 'node:util'
import { EXIT, Problem } from '../base/problem.ts'

/** What `--help` tells of a script. */
export interface About {
  title: string
  reads: string
  creates: string
  needs: string
  /** Options of its own, when it is run alone. */
  options?: Record<string, { type: 'boolean' | 'string'; description: string }>
}

/** The values of a script's own options; none under install-all. */
export type OptionValues = Record<string, string | boolean | undefined>

export const COMMON = {
  help: { type: 'boolean', short: 'h' },
  plan: { type: 'boolean' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean', short: 'v' },
  env: { type: 'string' },
} as const

export const OPTIONS_HELP = `  --plan       say what would be created or changed, write nothing
  --json       one JSON document on stdout
  --verbose    show each command, and every field that changes
  --env FILE   the settings (default .env); its folder also holds secrets/ and config/
  --help       this text`

export const EXITS_HELP = `Exit codes: 0 done, 1 failed, 2 --plan found something to do, 3 wrong target, 64 usage, 130 interrupted.`

export type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

export interface Choice {
  from?: string
  only?: string[]
  skip?: string[]
}

/** The steps that --from, --only and --skip leave of all. Throws a usage Problem for a number that is no step's. */
export function selectSteps(names: string[], choice: Choice): string[] {
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

function usage(message: string, remedy: string): Problem {
  return new Problem(message, remedy, { exitCode: EXIT.usage })
}

export function parseOptions(options: Record<string, { type: 'boolean' | 'string'; multiple?: boolean }>) {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw usage((error as Error).message.replace(/\. To specify.*$/s, ''), 'Run it with --help to see its options.')
  }
}
