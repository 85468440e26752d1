import { type Code, Problem } from '../base/problem.ts'
import { maybeRun } from '../run/context.ts'
import { refusalOf } from './refusals.ts'

interface Meaning {
  pattern: RegExp
  remedy: string
  code?: Code
  /** Whether it passes by itself: a wait goes on, and a later attempt may succeed. */
  transient?: true
}

// kubectl gives every failure the exit code 1, so its stderr has to be read. The first row that fits counts; each is
// in test/unit/kubernetes/errors.test.ts.
export const MEANINGS: Meaning[] = [
  {
    pattern:
      /connection refused|Unable to connect|i\/o timeout|no such host|was refused|no route to host|TLS handshake timeout|unexpected EOF|connection reset|the server is currently unable|etcdserver|context deadline exceeded|Client\.Timeout/,
    remedy: 'Check that the cluster is up and can be reached from this machine (01-cluster).',
    code: 'unreachable',
    transient: true,
  },
  {
    pattern: /Too ?Many ?Requests|too many requests/,
    remedy: 'The API server is overloaded. Run the step again in a minute.',
    transient: true,
  },
  {
    pattern: /getting credentials: exec/,
    remedy: 'The kubeconfig gets its credentials from this command. Make it work, then run the step again.',
    code: 'denied',
  },
  {
    pattern: /Unauthorized|must be logged in/,
    remedy: 'The cluster does not know the credentials of the kubeconfig, or they have expired. Renew them.',
    code: 'denied',
  },
  {
    pattern: /x509|certificate (?:signed|has|is|verify)/,
    remedy: 'The kubeconfig belongs to another cluster, or its certificates have expired. Renew it.',
    code: 'unreachable',
  },
  {
    pattern: /[Ff]orbidden/,
    remedy: 'Your user has no permission for this in the cluster. docs/permissions.md lists what the runbook needs.',
    code: 'denied',
  },
  { pattern: /no matches for kind "ProwJob"/, remedy: 'Run npx tsx scripts/04-crd.ts first.', code: 'not-found' },
  {
    pattern: /namespaces? "(.+?)" not found/,
    remedy: 'Run npx tsx scripts/02-namespaces.ts first.',
    code: 'not-found',
  },
  {
    pattern: /is immutable/,
    remedy:
      'This field cannot be changed in place. Delete the object by hand when that is safe, then run the step again.',
  },
  {
    pattern: /the object has been modified|Operation cannot be fulfilled/,
    remedy: 'It was changed by somebody else at the same moment. Run the step again.',
    code: 'conflict',
  },
  {
    pattern: /already exists/,
    remedy: 'It was created by somebody else at the same moment. Run the step again, which adopts it.',
    code: 'conflict',
  },
  { pattern: /\(NotFound\)/, remedy: 'Run the step again with --verbose to see the command.', code: 'not-found' },
]

/** What kubectl printed, without warnings and log lines of its own. */
function essential(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() && !/^(Warning:|[EIW]\d{4} )/.test(line))
  return lines.join('\n').trim() || stderr.trim()
}

/** What a failure of kubectl means to the reader. */
export function explainKubectl(stderr: string): Problem {
  const known = maybeRun()?.target?.explain?.(stderr)
  if (known) return known
  const message = essential(stderr) || 'kubectl failed and gave no reason'
  // First: why a webhook does not answer sounds like the connection of the cluster itself, and a refusal by a policy
  // like a right that the user lacks.
  const refusal = refusalOf(message)
  if (refusal) return new Problem(message, refusal.remedy(message), { code: 'denied' })
  const meaning = MEANINGS.find(({ pattern }) => pattern.test(message))
  return new Problem(message, meaning?.remedy ?? 'Run the step again with --verbose to see the command.', {
    code: meaning?.code,
  })
}

/** Whether a failure of kubectl may pass by itself. */
export function isTransient(stderr: string): boolean {
  const message = essential(stderr)
  return !refusalOf(message) && Boolean(MEANINGS.find(({ pattern }) => pattern.test(message))?.transient)
}
