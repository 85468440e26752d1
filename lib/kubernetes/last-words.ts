import { rerunLine } from '../run/rerun.ts'
import type { Settings } from '../settings/table.ts'

/** What the last lines of a crashed component mean. */
interface Meaning {
  id: string
  pattern: RegExp
  cause: string
  remedy: (settings: Settings) => string
  /** The Secret that it is about, or the Role of the pod's account. */
  about?: string
}

/** The messages with which Prow's components end, as their sources have them. The first row that fits counts. */
const MEANINGS: Meaning[] = [
  {
    id: 'PRW-CRA-002',
    about: 'Secret cookie',
    pattern: /securecookie|cookie.{0,40}(?:hash|block|key|secret|length)|invalid key size/i,
    cause: 'Secret prow/cookie has a value that Deck does not accept (it wants the base64 of 32 bytes)',
    remedy: () => `Create another: openssl rand -base64 32 >secrets/cookie, then run ${rerunLine('03-secrets')}.`,
  },
  {
    id: 'PRW-CRA-003',
    about: 'Secret s3-credentials',
    pattern: /MissingRegion|Invalid region|s3-credentials|InvalidAccessKeyId|SignatureDoesNotMatch/,
    cause: 'the credentials or the region of the bucket are not valid',
    remedy: ({ IDENTITY }) =>
      IDENTITY === 'keys'
        ? `Correct secrets/s3-credentials (region, access_key, secret_key, endpoint), then run ${rerunLine('03-secrets')}.`
        : `Run ${rerunLine('05-service-accounts')}: the role and region of the service account come from there.`,
  },
  {
    id: 'PRW-CRA-004',
    pattern: /AccessDenied|NoSuchBucket|PermanentRedirect|assume ?role|WebIdentity/i,
    cause: 'the bucket refuses its role',
    remedy: () => `Run ${rerunLine('05-service-accounts')}: it corrects the bucket, the role and its policy.`,
  },
  {
    id: 'PRW-CRA-005',
    about: 'Secret github-token',
    pattern: /PEM|private key|app.?private.?key|JWT/i,
    cause: "the App's private key cannot be used",
    remedy: () =>
      `Put the key that GitHub created into secrets/github-app-key as it is, then run ${rerunLine('03-secrets')}.`,
  },
  {
    id: 'PRW-CRA-006',
    about: 'Secret github-oauth-config',
    pattern: /oauth|client_secret|github-oauth-config/i,
    cause: 'Secret prow/github-oauth-config has a value that Deck does not accept',
    remedy: () => `Correct secrets/github-oauth-config, then run ${rerunLine('03-secrets')}.`,
  },
  {
    id: 'PRW-CRA-007',
    about: 'Secret oauth-token',
    pattern: /401 Unauthorized|Bad credentials/i,
    cause: 'GitHub does not accept the bot token',
    remedy: () => `Put a valid one into secrets/oauth-token, then run ${rerunLine('03-secrets')}.`,
  },
  {
    id: 'PRW-CRA-008',
    about: 'Role',
    pattern: /cannot (?:get|list|watch|create|update|patch|delete) resource|is forbidden/,
    cause: 'its Role lacks a right that it needs',
    remedy: () => `Run ${rerunLine('08-prow')}, which corrects the Roles and RoleBindings.`,
  },
  {
    id: 'PRW-CRA-009',
    about: 'Role',
    pattern: /leader election lost|failed to renew lease|failed to wait for .*caches|timed out waiting for cache/,
    cause: 'it cannot read or keep what it needs in the API server: a right is missing, or the API server is slow',
    remedy: () => `Run ${rerunLine('08-prow')}, which corrects the Roles and RoleBindings.`,
  },
  {
    id: 'PRW-CRA-010',
    about: 'ConfigMap',
    pattern:
      /(?:error|failed|could not|cannot).{0,60}(?:load|loading|unmarshal|parse|parsing|read).{0,40}(?:config|plugins|yaml|jobs?)/i,
    cause: 'it does not accept the configuration',
    remedy: () =>
      `Correct it and run ${rerunLine('06-config')}; npm run rollback-config restores the one before the last change.`,
  },
  {
    id: 'PRW-CRA-011',
    pattern: /unknown flag|flag provided but not defined|unknown shorthand/,
    cause: 'this version of its image does not know one of its arguments',
    remedy: () => `Set PROW_IMAGE_TAG to the version that the manifests are for, then run ${rerunLine('08-prow')}.`,
  },
  {
    id: 'PRW-CRA-012',
    pattern: /no space left on device/,
    cause: 'its volume is full',
    remedy: () => 'Enlarge the PVC (GHPROXY_STORAGE_GI for ghproxy), then run 08-prow.',
  },
  {
    id: 'PRW-CRA-013',
    pattern: /exec format error/,
    cause: 'its image is of another architecture than the node',
    remedy: ({ NODE_ARCH }) => `Images of NODE_ARCH (${NODE_ARCH}) need nodes of that architecture.`,
  },
  {
    id: 'PRW-CRA-014',
    pattern: /no such host|i\/o timeout|connection refused|dial tcp/,
    cause: 'it does not reach a server that it needs',
    remedy: () =>
      'Check the DNS of the cluster (CoreDNS in kube-system), NetworkPolicies of prow, and the way of the nodes to that server.',
  },
]

/** What a crashed container's last line means, if that is known. */
export function meaningOfLastWords(
  line: string,
  settings: Settings,
): { id: string; cause: string; remedy: string; about?: string } | undefined {
  const row = MEANINGS.find(({ pattern }) => pattern.test(line))
  return row && { id: row.id, cause: row.cause, remedy: row.remedy(settings), about: row.about }
}
