import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { parse } from 'dotenv'
import { nearest } from '../base/nearest.ts'
import { displayPath } from '../base/paths.ts'
import { EXIT, type Finding, failed, Problem } from '../base/problem.ts'
import { type Overridden, type Settings, settingRows } from './table.ts'

/** The settings as `parseSettings` reads them. Throws one Problem with everything that is wrong. */
export function readSettings(file: string, environment: NodeJS.ProcessEnv = process.env): Settings {
  const { settings, problems } = parseSettings(file, environment)
  if (problems.length > 0) throw Problem.all(problems)
  return settings
}

/**
 * Reads the settings from an env file and the environment, which wins. `problems` holds everything that is wrong with
 * them: unknown names with the nearest known one, missing and malformed values, values that exclude each other. In
 * `settings` a malformed value is replaced by its default. Throws a Problem when the environment names another target
 * than the file (exit code 3), and when there is no file and something is missing.
 */
export function parseSettings(
  file: string,
  environment: NodeJS.ProcessEnv = process.env,
): { settings: Settings; problems: Finding[] } {
  const shown = displayPath(file)
  const inFile = existsSync(file) ? parse(readEnvFile(file)) : undefined
  const names = Object.keys(settingRows)
  // Also an empty variable counts: it hides the value in the file.
  const fromEnvironment = names.filter((name) => environment[name] !== undefined)
  const overridden = overriddenSettings(fromEnvironment, inFile ?? {}, environment)
  throwIfTargetDiffers(overridden, shown)

  const raw: Record<string, string> = {}
  for (const [name, row] of Object.entries(settingRows))
    raw[name] = (environment[name] ?? inFile?.[name])?.trim() || row.default || ''

  const problems = unknownNames(inFile ?? {}, shown)
  const values: Record<string, unknown> = { file: resolve(file), fromEnvironment, overridden }
  for (const [name, row] of Object.entries(settingRows)) {
    const text = raw[name] ?? ''
    const place = fromEnvironment.includes(name) ? 'the environment' : shown
    const parsed = row.type(text)
    values[name] = [parsed, row.type(row.default ?? ''), { value: '' }].find((one) => 'value' in one)?.value
    if (text === '') {
      if (row.required?.(raw)) problems.push(missing(name, place, fromEnvironment.includes(name)))
    } else if ('expected' in parsed) {
      problems.push(failed(`${name}=${text} must be ${parsed.expected}`, `Correct it in ${place}. ${row.description}`))
    } else {
      for (const { when, reason, remedy } of row.refuse ?? [])
        if (when(raw)) problems.push(failed(`${name}=${text} ${reason}`, `In ${place}, ${remedy}`))
    }
  }
  if (!inFile && problems.length > 0) {
    // Thirty "not set" lines would hide the one thing to do.
    throw new Problem(`${shown} does not exist`, 'Run npm run init, then fill in .env.')
  }
  return { settings: values as unknown as Settings, problems }
}

function unknownNames(inFile: Record<string, string>, shown: string): Finding[] {
  return Object.keys(inFile)
    .filter((name) => !settingRows[name])
    .map((name) => {
      const near = nearest(name, Object.keys(settingRows))
      return failed(
        `${name} in ${shown} is not a known setting`,
        near ? `Did you mean ${near}?` : 'Remove the line; .env.example lists the settings.',
      )
    })
}

function missing(name: string, place: string, exported: boolean): Finding {
  const { example, description } = settingRows[name]!
  return failed(
    exported ? `${name} is set to nothing in the environment` : `${name} is not set`,
    `Set it in ${place}${exported ? ', or unset it there' : ''}, e.g. ${name}=${example}. ${description}`,
  )
}

/** The settings that both the file and the environment set, to different values. */
function overriddenSettings(
  names: string[],
  inFile: Record<string, string>,
  environment: NodeJS.ProcessEnv,
): Overridden[] {
  return names
    .map((name) => ({
      name,
      group: settingRows[name]!.group,
      file: inFile[name]?.trim() ?? '',
      environment: environment[name]?.trim() ?? '',
    }))
    .filter((one) => one.file !== '' && one.file !== one.environment)
}

/**
 * A variable that some shell happens to export must not decide which cluster is changed. This comes before all other
 * problems: the rest of the settings belongs to the target of the file.
 */
function throwIfTargetDiffers(overridden: Overridden[], shown: string): void {
  const conflicts = overridden
    .filter(({ group }) => group === 'Target')
    .map(({ name, file, environment }) =>
      failed(
        `${name} is ${file} in ${shown} and ${environment || 'empty'} in the environment`,
        `Unset ${name} in the environment, or correct ${shown}.`,
      ),
    )
  if (conflicts.length > 0) throw Problem.all(conflicts, { exitCode: EXIT.wrongTarget })
}

function readEnvFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Problem(
      `${displayPath(file)} cannot be read (${(cause as Error).message.split(',')[0]})`,
      'Check that it is a file and that you may read it.',
      { cause },
    )
  }
}

/** A path of the settings, resolved from the folder of the env file. */
export function settingsPath(settings: Settings, path: string): string {
  return isAbsolute(path) ? path : join(dirname(settings.file), path)
}
