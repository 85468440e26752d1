import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { parse } from 'dotenv'
import { nearest } from '../base/nearest.ts'
import { displayPath } from '../base/paths.ts'
import { EXIT, type Finding, Problem } from '../base/problem.ts'
import { type Settings, settingRows } from './table.ts'

/** The settings as `parseSettings` has them. Throws one Problem with every fault. */
export function readSettings(file: string, environment: NodeJS.ProcessEnv = process.env): Settings {
  const { settings, faults } = parseSettings(file, environment)
  if (faults.length > 0) throw Problem.all(faults)
  return settings
}

/**
 * Reads the settings from an env file and the environment, which wins; a value at fault is left empty.
 * Tells every fault: unknown names with the nearest known one, missing and malformed values. Throws a Problem when
 * there is no file and something is missing.
 */
export function parseSettings(
  file: string,
  environment: NodeJS.ProcessEnv = process.env,
): { settings: Settings; faults: Finding[] } {
  const faults: Finding[] = []
  const told = displayPath(file)
  const inFile = existsSync(file) ? parse(readable(file)) : undefined
  const raw: Record<string, string> = {}
  const fromEnvironment: string[] = []

  for (const name of Object.keys(inFile ?? {})) {
    if (settingRows[name]) continue
    const near = nearest(name, Object.keys(settingRows))
    faults.push({
      message: `${name} in ${told} is no setting`,
      remedy: near ? `Did you mean ${near}?` : 'Remove the line; .env.example lists the settings.',
    })
  }
  for (const [name, row] of Object.entries(settingRows)) {
    const given = environment[name] ?? inFile?.[name]
    raw[name] = given?.trim() || row.default || ''
    // Also an empty one: it hides what the file says.
    if (environment[name] !== undefined) fromEnvironment.push(name)
  }
  const values: Record<string, unknown> = { file: resolve(file), fromEnvironment }
  for (const [name, row] of Object.entries(settingRows)) {
    const text = raw[name] ?? ''
    if (text === '') {
      if (row.required?.(raw)) {
        faults.push({
          message: `${name} is ${environment[name] === undefined ? 'not set' : 'set to nothing in the environment'}`,
          remedy: `Set it in ${environment[name] === undefined ? told : 'the environment, or unset it there'}, e.g. ${name}=${row.example}. ${row.description}`,
        })
      }
      const parsed = row.type.safeParse('')
      values[name] = parsed.success ? parsed.data : ''
      continue
    }
    const parsed = row.type.safeParse(text)
    if (parsed.success) values[name] = parsed.data
    else {
      const empty = row.type.safeParse(row.default ?? '')
      values[name] = empty.success ? empty.data : ''
      faults.push({
        message: `${name}=${text} ${parsed.error.issues[0]?.message}`,
        remedy: `Correct it in ${fromEnvironment.includes(name) ? 'the environment' : told}. ${row.description}`,
      })
    }
  }
  if (raw.PROW_IMAGE_REGISTRY?.startsWith('gcr.io/k8s-prow')) {
    faults.push({
      message: `PROW_IMAGE_REGISTRY=${raw.PROW_IMAGE_REGISTRY} is gone since 2025`,
      remedy: `Remove it from ${told}, which leaves ${settingRows.PROW_IMAGE_REGISTRY?.default}, or name a mirror of that.`,
    })
  }
  if (raw.TARGET === 'local') {
    if (raw.INGRESS === 'alb') {
      faults.push({ message: 'INGRESS=alb needs TARGET=eks', remedy: `Set INGRESS=nginx or INGRESS=none in ${told}.` })
    }
    if (raw.IDENTITY === 'irsa') {
      faults.push({
        message: 'IDENTITY=irsa needs TARGET=eks',
        remedy: `Set IDENTITY=keys in ${told} and give secrets/s3-credentials access keys.`,
      })
    }
  } else if (raw.OBJECT_STORE === 'on') {
    faults.push({
      message: 'OBJECT_STORE=on needs TARGET=local',
      remedy: `Remove it from ${told}: on EKS the logs are in S3.`,
    })
  }
  const prefix = raw.ROLE_PREFIX || raw.CLUSTER_NAME || ''
  if (raw.TARGET === 'eks' && prefix.length > 35) {
    faults.push({
      message: `roles named after ${prefix} would be longer than IAM allows`,
      remedy: `Set ROLE_PREFIX in ${told} to something shorter, of your own choice.`,
    })
  }
  if (!inFile && faults.length > 0) {
    // Thirty "not set" lines would hide the one thing to do.
    throw new Problem(`${told} is not there`, 'Run npm run init, then fill in .env.', { exitCode: EXIT.failed })
  }
  return { settings: values as unknown as Settings, faults }
}

function readable(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Problem(
      `${displayPath(file)} cannot be read (${(cause as Error).message.split(',')[0]})`,
      'See that it is a file and that you may read it.',
      { cause },
    )
  }
}

/** A path of the settings, from the folder of the env file. */
export function settingsPath(settings: Settings, path: string): string {
  return isAbsolute(path) ? path : join(dirname(settings.file), path)
}
