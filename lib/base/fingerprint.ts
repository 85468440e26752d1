import { createHash } from 'node:crypto'

/** A short mark by which two holders of a secret see whether they hold the same one. Whitespace at its ends is left out. */
export function fingerprint(value: string | Buffer): string {
  const text = Buffer.isBuffer(value) ? value : Buffer.from(value.trim())
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
