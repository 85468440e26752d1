import { Problem } from '../base/problem.ts'
import { summarize } from '../base/summarize.ts'
import type { GitHub } from '../github/client.ts'
import { hookUrl, removeWebhook } from '../github/webhook.ts'
import { recordedWebhooks } from '../github/webhook-record.ts'
import type { KubeObject } from '../kubernetes/manifests.ts'
import { deleteObjects, remainingObjects } from '../kubernetes/removal.ts'
import { forgetSnapshot, snapshot } from '../kubernetes/snapshot.ts'
import { currentRun } from '../run/context.ts'
import { removal, skipped, task } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'
import { signIn } from './sign-in.ts'

const NAMESPACES = ['ingress-nginx', 'test-pods', 'prow']

/** Removes the webhooks that 12-webhook has created; one that existed before is kept. */
export async function removeWebhooks(settings: Settings): Promise<void> {
  const { plan } = currentRun()
  const recorded = recordedWebhooks((await snapshot()).get('Namespace', 'prow'))
  if (recorded.length === 0) return
  const { github, reason } = plan ? {} : await signInOrReason(settings)
  for (const { id, path } of recorded) {
    const name = `webhook of ${path.replace(/^\/\w+\//, '')}`
    if (!plan && !github) {
      skipped(name, `kept, ${reason}; remove it by hand, it delivers to ${hookUrl(settings)}`)
      continue
    }
    await task(name, async () => {
      if (github) await removeWebhook(github, settings, id, path)
      return removal()
    })
  }
  forgetSnapshot()
}

/** GitHub, or why it cannot be asked: without a credential everything else can still be removed. */
async function signInOrReason(settings: Settings): Promise<{ github?: GitHub; reason?: string }> {
  if (settings.GITHUB_CHECKS === 'off') return { reason: 'GITHUB_CHECKS=off' }
  try {
    return { github: await signIn(settings) }
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'interrupted') throw error
    return { reason: error.message }
  }
}

/** The DNS names of the load balancers of Ingresses. */
export function loadBalancersOf(objects: KubeObject[]): string[] {
  type Status = { loadBalancer?: { ingress?: { hostname?: string }[] } } | undefined
  return objects
    .filter(({ kind }) => kind === 'Ingress')
    .flatMap(({ status }) => (status as Status)?.loadBalancer?.ingress ?? [])
    .flatMap(({ hostname }) => (hostname ? [hostname.toLowerCase()] : []))
}

/** Removes the namespaces of `created` that hold nothing besides `removed`; the others are kept, with what they hold. */
export async function removeNamespaces(created: KubeObject[], removed: KubeObject[]): Promise<void> {
  const own = created.filter(({ kind, metadata }) => kind === 'Namespace' && NAMESPACES.includes(metadata.name))
  const remaining = await Promise.all(
    own.map(({ metadata }) => remainingObjects(metadata.name, currentRun().plan ? removed : [])),
  )
  const empty = own.filter((_, index) => remaining[index]!.length === 0)
  const names = empty.map(({ metadata }) => metadata.name).join(', ')
  // In one request: the API server takes its time for each.
  if (empty.length > 0)
    await task(`${empty.length === 1 ? 'namespace' : 'namespaces'} ${names}`, () => deleteObjects(empty))
  for (const [index, { metadata }] of own.entries())
    if (remaining[index]!.length > 0)
      skipped(`namespace ${metadata.name}`, `kept: it holds ${summarize(remaining[index]!)}`)
}
