import { createPrivateKey } from 'node:crypto'
import { load, YAML11_SCHEMA } from 'js-yaml'
import type { Finding } from '../base/problem.ts'
import { prowUrl } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'

/** A secret file: which Secret and key it becomes, what must be in it, and how it is made when it can be made. */
export interface SecretFile {
  secret: string
  key: string
  /** The namespace where it is looked for when there is no file. */
  namespace: string
  /** What the reader puts into the file, as an instruction. */
  instruction: string
  /** Whether these settings want it. */
  wanted: (settings: Settings) => boolean
  /** What is wrong with the trimmed text, or nothing. Never quotes the text. */
  validate: (text: string, settings: Settings) => string | undefined
  /** What is worth a word about a text that has no flaw. Never quotes the text. */
  warn?: (text: string) => Finding | undefined
  /** Arguments of `openssl` that make one. */
  openssl?: string[]
  /** The value that follows from the settings when there is no file. */
  derive?: (settings: Settings) => string | undefined
}

const always = () => true

/** The secret files, named as in secrets/. Facts about their content: what Prow's programs do with them at start. */
export const SECRET_FILES = {
  'hmac-token': {
    secret: 'hmac-token',
    key: 'hmac',
    namespace: 'prow',
    instruction: 'Remove the file to have one made, or put the secret of your webhook there.',
    wanted: always,
    // The map form (org: [{value, created_at}]) is how it is rotated; it has line breaks.
    validate: (text, settings) =>
      /^\S+$/.test(text)
        ? text.length < 16
          ? 'is shorter than 16 characters'
          : undefined
        : hmacMapError(text, settings),
    openssl: ['rand', '-hex', '20'],
  },
  cookie: {
    secret: 'cookie',
    key: 'secret',
    namespace: 'prow',
    instruction: 'Remove the file to have one made, or put the output of `openssl rand -base64 32` there.',
    wanted: (settings) => settings.OAUTH === 'on',
    // Deck ends at start with fewer bytes when people may rerun jobs.
    validate: (text) =>
      /^[A-Za-z0-9+/]{43}=$/.test(text) && Buffer.from(text, 'base64').length === 32
        ? undefined
        : 'is not the base64 of 32 bytes',
    openssl: ['rand', '-base64', '32'],
  },
  'github-oauth-config': {
    secret: 'github-oauth-config',
    key: 'secret',
    namespace: 'prow',
    instruction: 'Fill in client_id and client_secret of the OAuth App, both in quotes; or set OAUTH=off.',
    wanted: (settings) => settings.OAUTH === 'on',
    validate: oauthError,
    warn: (text) =>
      /^\s*client_id:\s*["']?Iv(1\.|23)/m.test(text)
        ? {
            message: 'has the client_id of a GitHub App; Deck is made for an OAuth App, which is another thing',
            remedy: "Make an OAuth App (docs/guide.md, What only a person can do). An App's log-ins end after hours.",
          }
        : undefined,
  },
  'oauth-token': {
    secret: 'oauth-token',
    key: 'oauth',
    namespace: 'prow',
    instruction: "Put the bot account's token there, and nothing else.",
    wanted: (settings) => settings.GITHUB_AUTH === 'pat',
    validate: tokenError,
  },
  'github-app-key': {
    secret: 'github-token',
    key: 'cert',
    namespace: 'prow',
    instruction: 'Put the private key there that GitHub gave you for the App (a .pem file).',
    wanted: (settings) => settings.GITHUB_AUTH === 'app',
    validate: (text) => {
      try {
        return createPrivateKey(text).asymmetricKeyType === 'rsa' ? undefined : 'is a key, but not an RSA key'
      } catch {
        return 'is no private key in PEM form'
      }
    },
  },
  'clone-token': {
    secret: 'clone-token',
    key: 'oauth',
    namespace: 'test-pods',
    instruction:
      "Put a token there that can read the private repositories and nothing else; any job can read it. It must not be the bot's.",
    wanted: (settings) => settings.PRIVATE_CLONES === 'on',
    validate: tokenError,
  },
  's3-credentials': {
    secret: 's3-credentials',
    key: 'service-account.json',
    namespace: 'prow',
    instruction: 'Fill in the JSON as in secrets.example/s3-credentials.',
    wanted: always,
    validate: s3Error,
    // With roles there is nothing secret in it.
    derive: (settings) => (settings.IDENTITY === 'irsa' ? JSON.stringify({ region: settings.AWS_REGION }) : undefined),
  },
} satisfies Record<string, SecretFile>

export type FileName = keyof typeof SECRET_FILES

export const secretFiles = SECRET_FILES as Record<FileName, SecretFile>

function hmacMapError(text: string, settings: Settings): string | undefined {
  const map = yaml(text)
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    return 'is neither one word nor a map of organisations'
  for (const [name, list] of Object.entries(map)) {
    if (!Array.isArray(list) || list.length === 0) return `has no list of values for ${name}`
    for (const one of list as { value?: unknown; created_at?: unknown }[]) {
      if (typeof one?.value !== 'string' || !one.created_at)
        return `has an entry without value or created_at for ${name}`
      if (Number.isNaN(Date.parse(String(one.created_at))))
        return `has a created_at for ${name} that is no time such as 2026-11-23T00:00:00Z`
      if (Date.parse(String(one.created_at)) > Date.now()) return `has a created_at for ${name} that is yet to come`
    }
  }
  // hook takes the list of the repository, else of the organisation, else of *; without one it refuses every event.
  const org = settings.GITHUB_ORG
  if (!org || '*' in map || Object.keys(map).some((name) => name.split('/')[0]?.toLowerCase() === org.toLowerCase()))
    return undefined
  return `has no entry for ${org} and none for "*"`
}

/** The secret that a webhook of the organisation, or of one of its repositories, is signed with: the newest of its list. */
export function webhookSecret(hmac: string, org: string, repo = ''): string {
  if (/^\S+$/.test(hmac)) return hmac
  const map = yaml(hmac) as Record<string, { value: string; created_at: string }[]>
  const list = map[`${org}/${repo}`] ?? map[org] ?? map['*'] ?? []
  const newest = [...list].sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at))[0]
  return newest?.value ?? ''
}

function tokenError(text: string): string | undefined {
  if (/\s/.test(text)) return 'has more than one word'
  // Of other lengths and prefixes there are too many to refuse: GitHub Enterprise has its own.
  if (/^(ghp|gho|ghu|ghs)_/.test(text) && text.length < 40) return 'is too short for a token of GitHub'
  return text.length < 20 ? 'is too short for a token' : undefined
}

function yaml(text: string): unknown {
  try {
    return load(text, { schema: YAML11_SCHEMA })
  } catch {
    return undefined
  }
}

function oauthError(text: string, settings: Settings): string | undefined {
  const slip = /^\s*(client_id|client_secret|redirect_url):\S/m.exec(text)
  if (slip) return `needs a space after ${slip[1]}:`
  // 12e5 is a number to Go, which Deck is written in, and a text to our reader.
  const digits = /^\s*(client_id|client_secret):\s*[-+]?[\d.][\d_.]*(?:[eE][-+]?\d+)?\s*(?:#.*)?$/m.exec(text)
  if (digits) return `has ${digits[1]} without quotes: its digits would be read as a number`
  const config = yaml(text) as Record<string, unknown> | undefined
  if (typeof config !== 'object' || config === null) return 'is no YAML with client_id, client_secret and redirect_url'
  for (const field of ['client_id', 'client_secret', 'redirect_url']) {
    if (config[field] === undefined || config[field] === null || config[field] === '') return `lacks ${field}`
    if (typeof config[field] !== 'string') return `has ${field} without quotes: its digits would be read as a number`
  }
  const wanted = `${prowUrl(settings)}/github-login/redirect`
  return !settings.PROW_HOST || config.redirect_url === wanted ? undefined : `has another redirect_url than ${wanted}`
}

function s3Error(text: string, settings: Settings): string | undefined {
  let json: Record<string, unknown>
  try {
    json = JSON.parse(text)
  } catch {
    return 'is no JSON'
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'is no JSON object'
  const known = ['region', 'endpoint', 'insecure', 's3_force_path_style', 'access_key', 'secret_key', 'session_token']
  const stranger = Object.keys(json).find((key) => !known.includes(key))
  if (stranger) return `has ${stranger}, which Prow does not know (it knows ${known.join(', ')})`
  // Prow's reader is strict about the kinds of its fields.
  for (const field of ['insecure', 's3_force_path_style'])
    if (json[field] !== undefined && typeof json[field] !== 'boolean')
      return `has ${field} in quotes: write true or false`
  for (const field of ['region', 'endpoint', 'access_key', 'secret_key', 'session_token'])
    if (json[field] !== undefined && typeof json[field] !== 'string') return `has ${field} without quotes`
  if (typeof json.region !== 'string' || json.region === '') return 'lacks region'
  if (json.endpoint !== undefined && !/^https?:\/\//.test(String(json.endpoint)))
    return 'has an endpoint without http:// or https://'
  if (Boolean(json.access_key) !== Boolean(json.secret_key))
    return 'has one of access_key and secret_key without the other'
  if (settings.IDENTITY === 'keys' && !json.access_key)
    return 'lacks access_key and secret_key, which IDENTITY=keys needs'
  if (settings.TARGET === 'local' && !json.endpoint) return 'lacks endpoint, the address of the object store'
  return undefined
}

export function validateSecret(row: SecretFile, text: string, settings: Settings): string | undefined {
  if (text.includes('REPLACE')) return 'still holds the text of the example'
  if (text.includes('\0')) return 'is no text'
  return row.validate(text, settings)
}
