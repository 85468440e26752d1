import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fingerprint } from '../base/fingerprint.ts'
import { displayPath } from '../base/paths.ts'
import { type Finding, Problem } from '../base/problem.ts'
import { run } from '../base/shell.ts'
import { type Snapshot, snapshot } from '../kubernetes/snapshot.ts'
import { settingsPath } from '../settings/settings.ts'
import type { Settings } from '../settings/table.ts'
import { type FileName, type SecretFile, secretFiles, validateSecret } from './secret-files.ts'

/** A secret's value, and where it came from. */
export interface SecretValue {
  text: string
  from: 'file' | 'settings' | 'cluster' | 'made'
  /** For the reader: its mark, its key, whose it is. */
  note: string
  /** Whether the file holds another, which is kept beside it. */
  replaces?: boolean
}

/** Where the file of a secret is. */
export function secretFile(settings: Settings, name: FileName): string {
  return join(settingsPath(settings, settings.SECRETS_DIR), name)
}

/**
 * Looks at every secret that the settings want, in secrets/ first, else in the cluster, and tells all faults at once.
 * What can be made and is nowhere is left out of `values`. Writes nothing. `now` absent: only files are looked at.
 */
export function inspectSecrets(
  settings: Settings,
  now: Snapshot | undefined,
  prefer: 'file' | 'cluster' = 'file',
): { values: Map<FileName, SecretValue>; missing: FileName[]; faults: Finding[]; warnings: Finding[] } {
  const values = new Map<FileName, SecretValue>()
  const missing: FileName[] = []
  const faults: Finding[] = []
  for (const [name, row] of Object.entries(secretFiles) as [FileName, SecretFile][]) {
    if (!row.wanted(settings)) continue
    const file = secretFile(settings, name)
    const told = displayPath(file)
    const text = existsSync(file) ? readSecret(file, told, row, faults) : undefined
    const other = text !== undefined && now ? inCluster(now, row) : undefined
    if (other !== undefined && other !== text && prefer === 'cluster' && !validateSecret(row, other, settings)) {
      const note = `${noted(row, other, 'from the cluster')}; ${told} held ${fingerprint(text ?? '')}, kept as ${told}.replaced`
      values.set(name, { text: other, from: 'cluster', note, replaces: true })
      continue
    }
    if (text !== undefined) {
      const flaw = text === '' ? undefined : validateSecret(row, text, settings)
      if (text === '') faults.push({ message: `${told} is empty`, remedy: row.instruction })
      else if (flaw) faults.push({ message: `${told} ${flaw}`, remedy: row.instruction })
      else {
        const was = other !== undefined && other !== text ? `; the cluster held ${fingerprint(other)}` : ''
        values.set(name, { text, from: 'file', note: `${noted(row, text, told)}${was}` })
      }
      continue
    }
    if (existsSync(file)) continue
    const follows = row.derive?.(settings)
    const held = now && inCluster(now, row)
    if (follows) values.set(name, { text: follows, from: 'settings', note: noted(row, follows, 'from the settings') })
    else if (held) {
      const flaw = validateSecret(row, held, settings)
      if (flaw)
        faults.push({
          message: `Secret ${row.namespace}/${row.secret} ${flaw}`,
          remedy: `Make ${told}. ${row.instruction}`,
        })
      else values.set(name, { text: held, from: 'cluster', note: noted(row, held, 'from the cluster') })
    } else if (now && otherKeys(now, row)) {
      // Made by hand under another key: Prow's programs would not find it.
      faults.push({
        message: `Secret ${row.namespace}/${row.secret} has no key ${row.key} (it has ${otherKeys(now, row)})`,
        remedy: `Put its value into ${told}: 03-secrets then makes it anew. ${row.instruction}`,
      })
    } else if (row.openssl) missing.push(name)
    else if (now) {
      faults.push({
        message: `${told} is missing`,
        remedy: `Copy secrets.example/${name} to ${told} (chmod 600). ${row.instruction}`,
      })
    }
  }
  const clone = values.get('clone-token')
  if (clone && clone.text === values.get('oauth-token')?.text) {
    const told = displayPath(secretFile(settings, 'clone-token'))
    faults.push({ message: `${told} holds the bot's own token`, remedy: secretFiles['clone-token'].instruction })
  }
  const warnings = [...values].flatMap(([name, { text }]) => {
    const odd = secretFiles[name].warn?.(text)
    return odd ? [{ ...odd, message: `${displayPath(secretFile(settings, name))} ${odd.message}` }] : []
  })
  return { values, missing, faults, warnings }
}

function readSecret(file: string, told: string, row: SecretFile, faults: Finding[]): string | undefined {
  try {
    if (statSync(file).size > 64 * 1024) throw new Error('it is larger than 64 KiB')
    return readFileSync(file, 'utf8')
      .replace(/^\uFEFF/, '')
      .trim()
  } catch (cause) {
    faults.push({
      message: `${told} cannot be read (${(cause as Error).message.split(',')[0]})`,
      remedy: row.instruction,
    })
    return undefined
  }
}

function inCluster(now: Snapshot, row: SecretFile): string | undefined {
  const data = now.get('Secret', row.secret, row.namespace)?.data as Record<string, string> | undefined
  const value = data?.[row.key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString().trim() || undefined
}

/** The keys of a Secret that has not the one that is wanted. */
function otherKeys(now: Snapshot, row: SecretFile): string {
  const data = now.get('Secret', row.secret, row.namespace)?.data as Record<string, string> | undefined
  return data && !(row.key in data) ? Object.keys(data).join(', ') : ''
}

function noted(row: SecretFile, text: string, from: string): string {
  return `key ${row.key.padEnd(20)}  ${fingerprint(text)}  ${from}`
}

/**
 * Every secret that the settings want. What openssl can make and is neither in secrets/ nor in the cluster is made
 * once; what is found in the cluster is kept in secrets/, what is made by `keepMade`. Throws one Problem with
 * every fault, before anything is written; `also` may add some. Under `plan` a value still to be made is absent.
 */
export async function resolveSecrets(
  settings: Settings,
  plan: boolean,
  prefer: 'file' | 'cluster' = 'file',
  also: (values: Map<FileName, SecretValue>, warnings: Finding[]) => Promise<Finding[]> = async () => [],
): Promise<Map<FileName, SecretValue>> {
  const { values, missing, faults, warnings } = inspectSecrets(settings, await snapshot(), prefer)
  // What GitHub says of those that look right is told with the rest.
  faults.push(...(await also(values, warnings)))
  if (faults.length > 0) throw Problem.all(faults)
  for (const name of plan ? [] : missing) {
    const row = secretFiles[name]
    const text = (await run('openssl', row.openssl!)).trim()
    const told = displayPath(secretFile(settings, name))
    // It is kept by `keepMade` when the cluster has it: of two operators at once only one makes it there.
    values.set(name, { text, from: 'made', note: noted(row, text, `made now, kept in ${told}`) })
  }
  for (const [name, value] of values) {
    const file = secretFile(settings, name)
    if (!plan && value.replaces) renameSync(file, `${file}.replaced`)
    if (!plan && value.from === 'cluster' && (secretFiles[name].openssl || value.replaces)) keep(file, value.text)
  }
  return values
}

/** Keeps what `gather` has made in secrets/, now that the cluster has it. */
export function saveGenerated(settings: Settings, values: Map<FileName, SecretValue>): void {
  for (const [name, { from, text }] of values) if (from === 'made') keep(secretFile(settings, name), text)
}

/** Keeps a value in secrets/ with nobody else able to read it; never over one that is there, and whole or not at all. */
function keep(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const aside = join(dirname(file), `.${basename(file)}.${process.pid}`)
  writeFileSync(aside, `${text}\n`, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(aside, file)
  } finally {
    rmSync(aside)
  }
}

/** The secret files that others on this machine can read. */
export function exposedFiles(settings: Settings): string[] {
  return (Object.keys(secretFiles) as FileName[])
    .map((name) => secretFile(settings, name))
    .filter((file) => existsSync(file) && (statSync(file).mode & 0o077) !== 0)
    .map(displayPath)
}
