import { createPrivateKey } from 'node:crypto'
import { load, YAML11_SCHEMA } from 'js-yaml'
import { type Finding, failed, warning } from '../base/problem.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

// What Prow's components require of each secret when they start. A `validate…` takes the trimmed text and returns the
// rest of the sentence "secrets/NAME …", or undefined for a valid text. It never quotes the text.

/** A plain token, or the map form by which hook rotates it: `org: [{ value, created_at }]`. */
export function validateHmac(text: string, settings: Settings): string | undefined {
  if (isPlainHmac(text)) return text.length < 16 ? 'is shorter than 16 characters' : undefined
  const map = parseYaml(text)
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    return 'is neither one word nor a map of organizations'
  for (const [name, list] of Object.entries(map)) {
    if (!Array.isArray(list) || list.length === 0) return `has no list of values for ${name}`
    for (const entry of list as ({ value?: unknown; created_at?: unknown } | null)[]) {
      if (typeof entry?.value !== 'string' || !entry.created_at)
        return `has an entry without value or created_at for ${name}`
      const created = Date.parse(String(entry.created_at))
      if (Number.isNaN(created))
        return `has a created_at for ${name} that is not a timestamp such as 2026-11-23T00:00:00Z`
      if (created > Date.now()) return `has a created_at for ${name} that is in the future`
    }
  }
  // hook takes the list of the repository, else of the organization, else of *; without one it rejects every event.
  const org = settings.GITHUB_ORG
  if (!org || '*' in map || Object.keys(map).some((name) => name.split('/')[0]?.toLowerCase() === org.toLowerCase()))
    return undefined
  return `has no entry for ${org} and none for "*"`
}

// The map form has line breaks.
function isPlainHmac(text: string): boolean {
  return /^\S+$/.test(text)
}

/** The secret of the webhook of an organization, or of one of its repositories: the newest in its list. */
export function webhookSecret(hmac: string, org: string, repo = ''): string {
  if (isPlainHmac(hmac)) return hmac
  const map = parseYaml(hmac) as Record<string, { value: string; created_at: string }[]>
  const list = map[`${org}/${repo}`] ?? map[org] ?? map['*'] ?? []
  const newest = [...list].sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at))[0]
  return newest?.value ?? ''
}

/** Deck exits at startup with fewer bytes when people may rerun jobs. */
export function validateCookie(text: string): string | undefined {
  return /^[A-Za-z0-9+/]{43}=$/.test(text) && Buffer.from(text, 'base64').length === 32
    ? undefined
    : 'is not the base64 of 32 bytes'
}

export function validateToken(text: string): string | undefined {
  if (/\s/.test(text)) return 'has more than one word'
  // Other lengths and prefixes are accepted: GitHub Enterprise has tokens of its own.
  if (/^(ghp|gho|ghu|ghs)_/.test(text) && text.length < 40) return 'is too short for a GitHub token'
  return text.length < 20 ? 'is too short for a token' : undefined
}

export function validateAppKey(text: string): string | undefined {
  try {
    return createPrivateKey(text).asymmetricKeyType === 'rsa' ? undefined : 'is a key, but not an RSA key'
  } catch {
    return 'is not a private key in PEM format'
  }
}

export function validateOauthConfig(text: string, settings: Settings): string | undefined {
  const slip = /^\s*(client_id|client_secret|redirect_url):\S/m.exec(text)
  if (slip) return `needs a space after ${slip[1]}:`
  // Deck's YAML parser takes 12e5 for a number, js-yaml takes it for a string.
  const digits = /^\s*(client_id|client_secret):\s*[-+]?[\d.][\d_.]*(?:[eE][-+]?\d+)?\s*(?:#.*)?$/m.exec(text)
  if (digits) return `has ${digits[1]} without quotes: its digits would be read as a number`
  const config = parseYaml(text) as Record<string, unknown> | undefined
  if (typeof config !== 'object' || config === null)
    return 'is not valid YAML with client_id, client_secret and redirect_url'
  for (const field of ['client_id', 'client_secret', 'redirect_url']) {
    if (config[field] === undefined || config[field] === null || config[field] === '') return `lacks ${field}`
    if (typeof config[field] !== 'string') return `has ${field} without quotes: its digits would be read as a number`
  }
  const expected = `${prowUrl(settings)}/github-login/redirect`
  return !settings.PROW_HOST || config.redirect_url === expected
    ? undefined
    : `has a redirect_url other than ${expected}`
}

/** A warning for the client_id of a GitHub App: its user tokens expire, and Deck does not refresh them. */
export function reviewOauthConfig(text: string): Finding | undefined {
  return /^\s*client_id:\s*["']?Iv(1\.|23)/m.test(text)
    ? warning(
        'has the client_id of a GitHub App, but Deck is made for an OAuth App',
        'Create an OAuth App (docs/guide.md, What only a person can do). Sign-ins through a GitHub App expire after hours.',
      )
    : undefined
}

const S3_STRINGS = ['region', 'endpoint', 'access_key', 'secret_key', 'session_token']
const S3_BOOLEANS = ['insecure', 's3_force_path_style']

export function validateS3(text: string, settings: Settings): string | undefined {
  let json: Record<string, unknown>
  try {
    json = JSON.parse(text)
  } catch {
    return 'is not valid JSON'
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'is not a JSON object'
  const known = [...S3_STRINGS, ...S3_BOOLEANS]
  const unknown = Object.keys(json).find((key) => !known.includes(key))
  if (unknown) return `has an unknown key ${unknown} (Prow knows ${known.join(', ')})`
  // Prow's parser is strict about types.
  for (const key of S3_BOOLEANS)
    if (json[key] !== undefined && typeof json[key] !== 'boolean') return `has ${key} in quotes: write true or false`
  for (const key of S3_STRINGS)
    if (json[key] !== undefined && typeof json[key] !== 'string') return `has ${key} without quotes`
  if (!json.region) return 'lacks region'
  if (json.endpoint !== undefined && !/^https?:\/\//.test(String(json.endpoint)))
    return 'has an endpoint without http:// or https://'
  if (Boolean(json.access_key) !== Boolean(json.secret_key))
    return 'has one of access_key and secret_key without the other'
  if (settings.IDENTITY === 'keys' && !json.access_key)
    return 'lacks access_key and secret_key, which IDENTITY=keys needs'
  if (settings.TARGET === 'local' && !json.endpoint) return 'lacks endpoint, the address of the object store'
  return undefined
}

/** A failure for access keys that no component needs: components and job pods have IAM roles with IDENTITY=irsa. */
export function reviewS3(text: string, settings: Settings): Finding | undefined {
  const { access_key, session_token } = JSON.parse(text)
  if (settings.IDENTITY !== 'irsa' || !(access_key || session_token)) return undefined
  // The Secret is mounted in job pods, where any command can read it.
  return failed(
    'has access keys, which IDENTITY=irsa does not use and any job could read',
    'Remove the keys, or set IDENTITY=keys.',
  )
}

/** The Secret of the object store in the cluster, which takes its keys from environment variables. */
export function objectStoreData(text: string): Record<string, string> {
  const { access_key = '', secret_key = '', region = '' } = JSON.parse(text)
  return { access_key, secret_key, region }
}

function parseYaml(text: string): unknown {
  try {
    return load(text, { schema: YAML11_SCHEMA })
  } catch {
    return undefined
  }
}
