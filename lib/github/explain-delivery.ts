import { type Finding, failed } from '../base/problem.ts'
import { kubectlLine } from '../run/kubectl-line.ts'
import type { Settings } from '../settings/table.ts'
import { hookUrl } from './webhook.ts'

/** How hook's URL answered, continuing it, and what to do. */
type Explanation = [message: string, remedy: string]

/** What matches an answer, and what it means. `first` is the first line of the body. The first row that matches counts. */
const ANSWERS: {
  matches: (status: number, body: string) => boolean
  explain: (first: string, status: number, settings: Settings) => Explanation
}[] = [
  {
    matches: (status) => status === 200,
    explain: () => [
      'answers 200, but not with the response of hook',
      'Something else answers there, such as Deck: check that /hook routes to the Service hook (11-ingress).',
    ],
  },
  {
    matches: (status) => status === 0,
    explain: (first) => [
      `cannot be reached (${first})`,
      'Check its DNS record and certificate (11-ingress), and who may reach it (HOOK_CIDRS).',
    ],
  },
  {
    matches: (status, body) => status === 403 && /Missing X-Hub-Signature/.test(body),
    explain: (first) => [
      `answers 403: the event is not signed (${first})`,
      'The webhook has no secret. Run 12-webhook again.',
    ],
  },
  {
    matches: (status, body) => status === 403 && /appropriate hmac secret/.test(body),
    explain: (_first, _status, { GITHUB_ORG }) => [
      'answers 403: hook has no secret for this organization',
      `Give secrets/hmac-token an entry for ${GITHUB_ORG} or "*", and run 03-secrets.`,
    ],
  },
  {
    matches: (status, body) => status === 403 && /Invalid X-Hub-Signature|403 Forbidden/.test(body),
    explain: (first) => [
      `answers 403: the signature is not valid (${first})`,
      "hook's hmac-token and the secret of the webhook differ. A changed Secret reaches hook within two minutes; if it stays so, run 03-secrets and then 12-webhook.",
    ],
  },
  {
    matches: (status) => status === 403,
    explain: () => [
      'answers 403, but not with the response of hook',
      'A firewall or the load balancer denies it: check HOOK_CIDRS and what is in front of Prow.',
    ],
  },
  {
    matches: (status, body) => status === 400 && /content type|application\/json|hook only accepts/i.test(body),
    explain: () => [
      'answers 400: the content type is not exactly application/json',
      'Set it to application/json; a proxy in between must not add a charset.',
    ],
  },
  {
    matches: (status) => status === 400,
    explain: (first) => [
      `answers 400 (${first})`,
      'A header of GitHub is missing: a proxy in between drops X-GitHub-Event or X-GitHub-Delivery.',
    ],
  },
  {
    matches: (status) => status === 405,
    explain: () => [
      'answers 405: the request did not arrive as a POST',
      'Something in between redirects, which turns it into a GET.',
    ],
  },
  {
    matches: (status) => status >= 300 && status < 400,
    explain: (_, status) => [
      `answers ${status}, a redirect, which GitHub does not follow`,
      'Route https to hook without a redirect.',
    ],
  },
  {
    matches: (status) => status === 404,
    explain: () => ['answers 404', 'No rule routes /hook to the Service hook: run 11-ingress.'],
  },
  {
    matches: (status, body) => status === 502 && /failed to connect/.test(body),
    explain: () => [
      'cannot be reached by GitHub',
      'Check its DNS record, its certificate and HOOK_CIDRS. github.com never reaches an internal load balancer.',
    ],
  },
  {
    matches: (status) => [502, 503, 504].includes(status),
    explain: (_, status) => [
      `answers ${status}: the load balancer has no healthy target`,
      `Check the pods of hook: ${kubectlLine('-n', 'prow', 'get', 'pods', '-l', 'app=hook')}`,
    ],
  },
]

/** What failed about an answer to a delivery; undefined for the 200 of hook, which has a body of its own. */
export function explainDelivery(status: number, body: string, settings: Settings): Finding | undefined {
  if (status === 200 && /Event received/.test(body)) return undefined
  const first = body.split('\n')[0]?.slice(0, 160) ?? ''
  const row = ANSWERS.find(({ matches }) => matches(status, body))
  const [message, remedy] = row?.explain(first, status, settings) ?? [
    `answers ${status} (${first})`,
    `Check the log of hook: ${kubectlLine('-n', 'prow', 'logs', 'deployment/hook')}`,
  ]
  return failed(`${hookUrl(settings)} ${message}`, remedy)
}
