import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import type { Settings } from '../settings/table.ts'
import { readAws } from './cli.ts'

const DAY = 24 * 3600 * 1000

/**
 * Reads from AWS what AWS itself publishes, such as dates of support, and keeps the answer for a day, for this account
 * and region. Not for what somebody in the account can change.
 */
export async function readDaily<T>(settings: Settings, args: string[], now = Date.now()): Promise<T | undefined> {
  const { AWS_ACCOUNT_ID: account, AWS_REGION: region } = settings
  const folder = join(cacheFolder(), 'aws', `${account}-${region}`)
  const file = join(folder, `${createHash('sha256').update(args.join(' ')).digest('hex').slice(0, 16)}.json`)
  const kept = readKept<T>(file, now)
  if (kept) return kept
  const answer = await readAws<T>(args)
  if (answer === undefined) return undefined
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(answer), { mode: 0o600 })
  renameSync(`${file}.${process.pid}`, file)
  return answer
}

/** A kept answer; undefined when there is none, it is older than a day, or it cannot be read. */
function readKept<T>(file: string, now: number): T | undefined {
  try {
    const age = now - statSync(file).mtimeMs
    return age >= 0 && age < DAY ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined
  } catch {
    return undefined
  }
}
