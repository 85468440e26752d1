// The webhooks on GitHub and their deliveries.
import { explainDelivery } from '../../github/explain-delivery.ts'
import { hookUrl, wantedEvents, webhookDifferences } from '../../github/webhook.ts'
import { labelOf, objectLabel } from '../../kubernetes/objects.ts'
import { rerunLine } from '../../run/rerun.ts'
import type { Difference } from '../../run/result.ts'
import type { Evidence } from '../evidence.ts'
import type { WebhookEvidence } from '../github-evidence.ts'
import { isRecent, lasts } from '../job-evidence.ts'
import type { Found, Row } from '../row.ts'

/** What a field of a webhook that differs leads to. */
const EFFECTS: Record<string, (difference: Difference, events: string[]) => string> = {
  active: () => 'it is switched off, and GitHub delivers nothing',
  'config.content_type': ({ before }) => `its content type is ${before}, and hook accepts only json`,
  'config.url': ({ before }) => `it delivers to ${before}, and GitHub follows no redirect`,
  'config.insecure_ssl': () => 'GitHub does not verify the certificate of Prow',
  events: ({ before }, events) => {
    const missing = events.filter((event) => !String(before).split(', ').includes(event))
    return `it does not deliver ${missing.join(', ')}`
  },
}

function differencesOf({ settings, config }: Evidence, { hook, target }: WebhookEvidence): Found[] {
  if (!hook) return []
  const events = wantedEvents(config?.prow.plugins.text ?? '')
  const differences = webhookDifferences(hook, hookUrl(settings), events, target.name)
  if (differences.length === 0) return []
  return [
    {
      object: target.name,
      message: `the ${target.name} is not as hook needs it: ${differences.map((one) => EFFECTS[one.path]?.(one, events) ?? one.path).join('; ')}`,
      evidence: differences.map(({ path, before }) => `${path}: ${before}`).join('; '),
      remedy: `Run ${rerunLine('12-webhook')}, or correct it at ${target.page}.`,
    },
  ]
}

/** Nothing but the verification of the certificate: deliveries arrive all the same. */
const isMinor = ({ evidence = '' }: Found) => /^config\.insecure_ssl: \S+$/.test(evidence)

const each = (evidence: Evidence, find: (webhook: WebhookEvidence) => Found[]) =>
  (evidence.github?.webhooks ?? []).flatMap(find)

export const webhookRows: Row[] = [
  {
    id: 'PRW-GH-001',
    title: 'GitHub has the webhook',
    severity: 'error',
    find: (evidence) =>
      each(evidence, ({ target, hook, elsewhere }) => {
        if (hook) return []
        const url = hookUrl(evidence.settings)
        const other = elsewhere.map((one) => one.replace(/\?.*/, ''))
        return [
          {
            object: target.name,
            message: `no ${target.name} delivers to ${url}: hook gets no event${other.length > 0 ? `. One delivers to ${other.join(', ')}` : ''}`,
            evidence: other.length > 0 ? `webhooks: ${other.join(', ')}` : 'webhooks: none of them',
            remedy: `Run ${rerunLine('12-webhook')}.`,
          },
        ]
      }),
  },
  {
    id: 'PRW-GH-002',
    title: 'the webhook delivers what hook needs',
    severity: 'error',
    find: (evidence) =>
      each(evidence, (webhook) => differencesOf(evidence, webhook)).filter((found) => !isMinor(found)),
  },
  {
    id: 'PRW-GH-014',
    title: 'GitHub verifies the certificate of Prow',
    severity: 'warning',
    find: (evidence) => each(evidence, (webhook) => differencesOf(evidence, webhook)).filter(isMinor),
  },
  {
    id: 'PRW-GH-003',
    title: 'no event is delivered twice',
    severity: 'warning',
    find: (evidence) =>
      each(evidence, ({ target, hook, duplicates, twins }) => {
        const second = [
          ...(hook && duplicates.some(({ active }) => active) ? [`a second ${target.name}`] : []),
          ...(hook ? twins.map((name) => `the ${name}`) : []),
        ]
        if (second.length === 0) return []
        return [
          {
            object: `second ${target.name}`,
            message: `${second.join(' and ')} delivers to ${hookUrl(evidence.settings)} as well: each event is handled twice, and the bot answers twice`,
            evidence: `webhooks that deliver to hook: ${1 + duplicates.length + twins.length}`,
            remedy: `Remove one at ${target.page}.`,
          },
        ]
      }),
  },
  {
    // PRW-GH-004 for 403, 005 for nobody behind the address, 006 for all others.
    id: 'PRW-GH-006',
    title: 'hook accepts what GitHub delivers',
    severity: 'error',
    find: (evidence) => each(evidence, (webhook) => refusedDeliveries(evidence, webhook)),
  },
  {
    id: 'PRW-GH-013',
    title: 'hook has accepted nearly all recent deliveries',
    severity: 'warning',
    find: (evidence) =>
      each(evidence, (webhook) => {
        const { ended, failed } = count(evidence, webhook)
        const [newest] = ended
        // While the newest one fails too, that is the finding.
        if (!newest || !isAccepted(newest) || failed.length < 3 || failed.length < ended.length / 5) return []
        return [
          {
            object: `deliveries of the ${webhook.target.name}`,
            message: `hook accepts the deliveries of the ${webhook.target.name} again, but ${failed.length} of the last ${ended.length} failed (${codes(failed)}): their events were lost`,
            evidence: `${failed[0]!.delivered_at} ${failed[0]!.event}: ${failed[0]!.status_code} ${failed[0]!.status}`,
            remedy: `Redeliver those that matter at ${webhook.target.page}, Recent Deliveries; or repeat the comment, such as /retest.`,
          },
        ]
      }),
  },
]

const isAccepted = ({ status_code: code }: { status_code: number }) => code >= 200 && code < 300

/** The deliveries that count, and those of them that failed. */
function count(evidence: Evidence, { deliveries }: WebhookEvidence) {
  const ended = deliveries.filter(
    ({ status_code: code, delivered_at: at }) => code !== 0 && (!evidence.since || isRecent(new Date(at), evidence)),
  )
  return { ended, failed: ended.filter((one) => !isAccepted(one)) }
}

/** `403 12 times, 502 once`. */
function codes(deliveries: { status_code: number }[]): string {
  const counts = new Map<number, number>()
  for (const { status_code: code } of deliveries) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].map(([code, times]) => `${code} ${times === 1 ? 'once' : `${times} times`}`).join(', ')
}

function refusedDeliveries(evidence: Evidence, webhook: WebhookEvidence): Found[] {
  const { target, hook, answer = '' } = webhook
  const { ended, failed } = count(evidence, webhook)
  const [newest] = ended
  if (!newest) return []
  const { status_code: code } = newest
  const problem = explainDelivery(code, answer, evidence.settings)
  if (!problem) return []
  const isForbidden = code === 403
  const isUnreachable =
    [502, 503, 504].includes(code) || /timed? ?out|failed to connect|could not|no such host/i.test(newest.status)
  const roots = isUnreachable
    ? [
        objectLabel('Service', 'hook', 'prow'),
        objectLabel('Deployment', 'hook', 'prow'),
        objectLabel('Deployment', 'ingress-nginx-controller', 'ingress-nginx'),
        ...evidence.objects.ofKind('Ingress').map(labelOf),
        'load balancer',
        'DNS',
        'certificate',
      ]
    : isForbidden
      ? [objectLabel('Secret', 'hmac-token', 'prow')]
      : // A content type or a URL that is wrong is a finding of its own.
        [...(hook ? [target.name] : []), ...evidence.objects.ofKind('Ingress').map(labelOf)]
  return [
    {
      id: isForbidden ? 'PRW-GH-004' : isUnreachable ? 'PRW-GH-005' : 'PRW-GH-006',
      object: `deliveries of the ${target.name}`,
      message: `${failed.length} of the last ${ended.length} deliveries of the ${target.name} failed, the newest ${lasts(new Date(newest.delivered_at), evidence)} ago: ${problem.message}`,
      evidence: `${newest.delivered_at} ${newest.event}: ${code} ${answer.split('\n')[0]?.slice(0, 120)}`,
      remedy: problem.remedy,
      follows: roots,
    },
  ]
}
