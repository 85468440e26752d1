import { type Finding, failed, failures } from '../base/problem.ts'
import type { Settings } from '../settings/table.ts'
import {
  objectStoreData,
  reviewOauthConfig,
  reviewS3,
  validateAppKey,
  validateCookie,
  validateHmac,
  validateOauthConfig,
  validateS3,
  validateToken,
} from './secret-content.ts'

/** A file in secrets/: the Secrets it becomes, what a valid one contains, and where its text comes from without it. */
export interface SecretFile {
  /** The Secret that Prow mounts, and its key with the text of the file. */
  namespace: string
  secret: string
  key: string
  /** Further keys of that Secret. */
  moreKeys?: (settings: Settings) => Record<string, string>
  /** Further Secrets with the same text. */
  copies?: Copy[]
  /** Whether components read it only when they start: they have to be restarted when it changes. */
  readAtStart?: boolean
  /** The remedy for a missing or invalid file. */
  instruction: string
  wanted: (settings: Settings) => boolean
  /** What is wrong with the trimmed text, as the rest of the sentence "secrets/NAME …". Never quotes the text. */
  validate: (text: string, settings: Settings) => string | undefined
  /** A finding, with a remedy of its own, about a text that is valid. Its message is the rest of the same sentence. */
  review?: (text: string, settings: Settings) => Finding | undefined
  /** Whether 03-secrets generates it when neither secrets/ nor the cluster has it. */
  generated?: boolean
  /** The text that follows from the settings, when there is no file. */
  derive?: (settings: Settings) => string | undefined
}

/** A Secret besides the one that a file is for. */
interface Copy {
  namespace: string
  secret: string
  wanted: (settings: Settings) => boolean
  /** Its keys; without it the same key with the same text. */
  data?: (text: string) => Record<string, string>
  readAtStart?: boolean
}

const always = () => true
const withSignIn = ({ OAUTH }: Settings) => OAUTH === 'on'

// The only place that names the Secrets which Prow mounts, with their namespaces and keys.
const TABLE = {
  'hmac-token': {
    namespace: 'prow',
    secret: 'hmac-token',
    key: 'hmac',
    instruction: "Remove the file to have one generated, or put your webhook's secret into it.",
    wanted: always,
    validate: validateHmac,
    generated: true,
  },
  cookie: {
    namespace: 'prow',
    secret: 'cookie',
    key: 'secret',
    readAtStart: true,
    instruction: 'Remove the file to have one generated, or put the output of `openssl rand -base64 32` into it.',
    wanted: withSignIn,
    validate: validateCookie,
    generated: true,
  },
  'github-oauth-config': {
    namespace: 'prow',
    secret: 'github-oauth-config',
    key: 'secret',
    readAtStart: true,
    instruction: 'Fill in client_id and client_secret of the OAuth App, both in quotes; or set OAUTH=off.',
    wanted: withSignIn,
    validate: validateOauthConfig,
    review: reviewOauthConfig,
  },
  // Not in test-pods, where the guide has it too: any job there could mount it. crier reports from prow.
  'oauth-token': {
    namespace: 'prow',
    secret: 'oauth-token',
    key: 'oauth',
    instruction: 'Put the bot token into it, and nothing else.',
    wanted: ({ GITHUB_AUTH }) => GITHUB_AUTH === 'pat',
    validate: validateToken,
  },
  'github-app-key': {
    namespace: 'prow',
    secret: 'github-token',
    key: 'cert',
    moreKeys: ({ GITHUB_APP_ID }) => ({ appid: GITHUB_APP_ID }),
    instruction: 'Put the private key into it that GitHub generated for the App (a .pem file).',
    wanted: ({ GITHUB_AUTH }) => GITHUB_AUTH === 'app',
    validate: validateAppKey,
  },
  'clone-token': {
    namespace: 'test-pods',
    secret: 'clone-token',
    key: 'oauth',
    instruction:
      'Put a token into it that can read the private repositories and nothing else; any job can read it. It must not be the bot token.',
    wanted: ({ PRIVATE_CLONES }) => PRIVATE_CLONES === 'on',
    validate: validateToken,
  },
  's3-credentials': {
    namespace: 'prow',
    secret: 's3-credentials',
    key: 'service-account.json',
    copies: [
      // initupload and sidecar mount it in job pods, which upload their own logs.
      { namespace: 'test-pods', secret: 's3-credentials', wanted: always },
      {
        namespace: 'prow',
        secret: 'object-store',
        wanted: ({ OBJECT_STORE }) => OBJECT_STORE === 'on',
        data: objectStoreData,
        readAtStart: true,
      },
    ],
    readAtStart: true,
    instruction: 'Fill in the JSON as in secrets.example/s3-credentials.',
    wanted: always,
    validate: validateS3,
    review: reviewS3,
    // Components that have an IAM role need only the region.
    derive: ({ IDENTITY, AWS_REGION }) => (IDENTITY === 'irsa' ? JSON.stringify({ region: AWS_REGION }) : undefined),
  },
} satisfies Record<string, SecretFile>

export type FileName = keyof typeof TABLE

/** The secret files by name. */
export const secretFiles: Record<FileName, SecretFile> = TABLE

/** The names of the files that the settings want. */
export function wantedFiles(settings: Settings): FileName[] {
  return (Object.keys(secretFiles) as FileName[]).filter((name) => secretFiles[name].wanted(settings))
}

/**
 * The findings about the text of a secret, wherever it is; none when it is valid and unremarkable. Messages begin with
 * `subject`, such as `secrets/cookie`, and never quote the text.
 */
export function inspectContent(name: FileName, text: string, settings: Settings, subject: string): Finding[] {
  const { instruction, validate, review } = secretFiles[name]
  const problem = text === '' ? 'is empty' : (commonProblem(text) ?? validate(text, settings))
  if (problem) return [failed(`${subject} ${problem}`, instruction)]
  const finding = review?.(text, settings)
  return finding ? [{ ...finding, message: `${subject} ${finding.message}` }] : []
}

/** What is wrong with the text of a secret, as the rest of the sentence "secrets/NAME …". */
export function contentProblem(name: FileName, text: string, settings: Settings): string | undefined {
  return failures(inspectContent(name, text, settings, ''))[0]?.message.trim()
}

function commonProblem(text: string): string | undefined {
  if (text.includes('REPLACE')) return 'still contains the text of the example'
  return text.includes('\0') ? 'is not text' : undefined
}
