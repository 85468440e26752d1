import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this repository, whatever folder a script is started from. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** A file's name as a reader of this repository would type it. */
export function displayPath(file: string): string {
  const full = resolve(file)
  return full.startsWith(`${ROOT}/`) ? full.slice(ROOT.length + 1) : full
}
