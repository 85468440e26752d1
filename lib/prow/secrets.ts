import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprint } from '../base/fingerprint.ts'
import { displayPath } from '../base/paths.ts'
import { type Finding, failed, failures, warning } from '../base/problem.ts'
import type { Snapshot } from '../kubernetes/snapshot.ts'
import { settingsPath } from '../settings/settings.ts'
import type { Settings } from '../settings/table.ts'
import { secretData } from './mounted-secrets.ts'
import { type FileName, inspectContent, secretFiles, wantedFiles } from './secret-files.ts'

/** The value of a secret, and where it comes from. */
export interface SecretValue {
  name: FileName
  text: string
  from: 'file' | 'settings' | 'cluster' | 'generated'
  /** For the output: the key, the fingerprint and the source. */
  note: string
  /** The file that keeps the previous text of secrets/NAME, which this value replaces. */
  replaced?: string
}

/** Which value wins where secrets/ and the cluster differ. */
export type Preference = 'file' | 'cluster'

/** The path of a secret's file. */
export function secretFile(settings: Settings, name: FileName): string {
  return join(settingsPath(settings, settings.SECRETS_DIR), name)
}

/**
 * Reads every secret that the settings want, from secrets/ or else from `snapshot`; writes nothing. Returns the values;
 * the names that are `missing`, which 03-secrets will generate; and findings: a failure for every other secret without a
 * usable value, and warnings. Without a snapshot only the files are read, and a file that does not exist is no failure.
 */
export function inspectSecrets(
  settings: Settings,
  snapshot: Snapshot | undefined,
  prefer: Preference = 'file',
): { values: Map<FileName, SecretValue>; missing: FileName[]; findings: Finding[] } {
  const values = new Map<FileName, SecretValue>()
  const missing: FileName[] = []
  const findings: Finding[] = []
  for (const name of wantedFiles(settings)) {
    const inspected = inspectSecret(settings, name, snapshot, prefer)
    findings.push(...inspected.findings)
    if (inspected.value) values.set(name, inspected.value)
    else if (inspected.missing) missing.push(name)
  }
  const clone = values.get('clone-token')
  if (clone && clone.text === values.get('oauth-token')?.text) {
    const shown = displayPath(secretFile(settings, 'clone-token'))
    findings.push(failed(`${shown} contains the bot token`, secretFiles['clone-token'].instruction))
  }
  return { values, missing, findings }
}

interface Inspected {
  value?: SecretValue
  missing?: boolean
  findings: Finding[]
}

function inspectSecret(
  settings: Settings,
  name: FileName,
  snapshot: Snapshot | undefined,
  prefer: Preference,
): Inspected {
  const row = secretFiles[name]
  const file = secretFile(settings, name)
  const shown = displayPath(file)
  const read = readFile(file)
  if (!read) return inspectWithoutFile(settings, name, snapshot, shown)
  if (read.problem !== undefined)
    return { findings: [failed(`${shown} cannot be read (${read.problem})`, row.instruction)] }

  const { text } = read
  const inCluster = snapshot && secretData(snapshot.get('Secret', row.secret, row.namespace))[row.key]
  const differs = Boolean(inCluster) && inCluster !== text
  if (differs && prefer === 'cluster') {
    const findings = inspectContent(name, inCluster!, settings, `Secret ${row.namespace}/${row.secret}`)
    if (failures(findings).length > 0)
      return {
        findings: findings.map((one) => ({ ...one, remedy: `Run it without --prefer cluster to use ${shown}.` })),
      }
    const replaced = freeName(`${file}.replaced`)
    const note = `from the cluster; ${shown} had ${fingerprint(text)}, kept as ${displayPath(replaced)}`
    return { value: secretValue(name, inCluster!, 'cluster', note, replaced), findings }
  }
  const findings = inspectContent(name, text, settings, shown)
  if (failures(findings).length > 0) return { findings }
  const note = differs ? `${shown}; the cluster had ${fingerprint(inCluster!)}` : shown
  return { value: secretValue(name, text, 'file', note), findings }
}

function inspectWithoutFile(
  settings: Settings,
  name: FileName,
  snapshot: Snapshot | undefined,
  shown: string,
): Inspected {
  const row = secretFiles[name]
  const derived = row.derive?.(settings)
  if (derived) return { value: secretValue(name, derived, 'settings', 'from the settings'), findings: [] }
  const data = secretData(snapshot?.get('Secret', row.secret, row.namespace))
  const text = data[row.key]
  const secret = `Secret ${row.namespace}/${row.secret}`
  if (text) {
    const findings = inspectContent(name, text, settings, secret)
    if (failures(findings).length > 0)
      return { findings: findings.map((one) => ({ ...one, remedy: `Create ${shown}. ${one.remedy}` })) }
    return { value: secretValue(name, text, 'cluster', 'from the cluster'), findings }
  }
  const keys = Object.keys(data)
  if (keys.length > 0 && !keys.includes(row.key)) {
    // Created by hand under another key, where Prow's components do not find it.
    return {
      findings: [
        failed(
          `${secret} has no key ${row.key} (it has ${keys.join(', ')})`,
          `Put its value into ${shown}: 03-secrets then replaces the Secret. ${row.instruction}`,
        ),
      ],
    }
  }
  if (row.generated) return { missing: true, findings: [] }
  if (!snapshot) return { findings: [] }
  const remedy = `Copy secrets.example/${name} to ${shown} (chmod 600). ${row.instruction}`
  return { findings: [failed(`${shown} does not exist`, remedy)] }
}

/** A value with a note of its key, its fingerprint and `source`, where it comes from. */
export function secretValue(
  name: FileName,
  text: string,
  from: SecretValue['from'],
  source: string,
  replaced?: string,
): SecretValue {
  const mark = text ? fingerprint(text) : ''
  const note = `key ${secretFiles[name].key.padEnd(20)}  ${mark.padEnd(8)}  ${source}`
  return { name, text, from, note, ...(replaced ? { replaced } : {}) }
}

const LIMIT_KIB = 64

/** The trimmed text of a file, or why it cannot be read; undefined only when nothing has that name. */
function readFile(file: string): { text: string; problem?: undefined } | { problem: string } | undefined {
  try {
    // Not existsSync: to it a dangling link, or a file in a folder that it cannot search, does not exist.
    if (!lstatSync(file, { throwIfNoEntry: false })) return undefined
    const stat = statSync(file, { throwIfNoEntry: false })
    if (!stat) return { problem: 'it is a link to a file that does not exist' }
    if (stat.isDirectory()) return { problem: 'it is a folder' }
    // Reading a pipe would wait for somebody who writes to it.
    if (!stat.isFile()) return { problem: 'it is not a regular file' }
    if (stat.size > LIMIT_KIB * 1024) return { problem: `it is larger than ${LIMIT_KIB} KiB` }
    return {
      text: readFileSync(file, 'utf8')
        .replace(/^\uFEFF/, '')
        .trim(),
    }
  } catch (cause) {
    return { problem: (cause as Error).message.split(',')[0]! }
  }
}

/** The name, or the first of NAME-2, NAME-3 … that no file has. */
function freeName(file: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? file : `${file}-${number}`
    if (!lstatSync(name, { throwIfNoEntry: false })) return name
  }
}

/** The secret files, with those that --prefer cluster has kept, that other users of this machine can read. */
export function exposedFiles(settings: Settings): string[] {
  const folder = settingsPath(settings, settings.SECRETS_DIR)
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return []
  return readdirSync(folder)
    .filter((entry) => entry.replace(/\.replaced(-\d+)?$/, '') in secretFiles)
    .map((entry) => join(folder, entry))
    .filter((file) => {
      const stat = statSync(file, { throwIfNoEntry: false })
      return stat?.isFile() && (stat.mode & 0o077) !== 0
    })
    .map(displayPath)
}

/** A warning for each secret file that other users of this machine can read. */
export function inspectFileModes(settings: Settings): Finding[] {
  return exposedFiles(settings).map((file) =>
    warning(`${file} is readable by other users of this machine`, `chmod 600 ${file}`),
  )
}
