// GitHub has to be told where to deliver its events, and with which secret to sign them.

import { Problem } from '../lib/base/problem.ts'
import { withSpinner } from '../lib/base/terminal.ts'
import * as webhook from '../lib/github/webhook.ts'
import { need } from '../lib/kubernetes/check.ts'
import { snapshot } from '../lib/kubernetes/snapshot.ts'
import { waitUntilReady } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { readProwConfig } from '../lib/prow/config.ts'
import { webhookSecret } from '../lib/prow/secret-files.ts'
import { inspectSecrets } from '../lib/prow/secrets.ts'
import { signIn, signInAsApp } from '../lib/prow/sign-in.ts'
import { currentRun } from '../lib/run/context.ts'
import { after, note, skipped, task } from '../lib/run/task.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Tell GitHub where to deliver its events',
    reads: 'secrets/hmac-token, plugins.yaml, the webhooks on GitHub',
    creates:
      "the webhook of the organisation, of each repository, or the App's (WEBHOOK); a ping that is seen to arrive",
    needs: '03-secrets, 11-ingress',
  },
  async (settings) => {
    const url = webhook.hookUrl(settings)
    if (settings.WEBHOOK === 'none') return skipped('webhook', 'WEBHOOK=none')
    if (settings.GITHUB_CHECKS === 'off') {
      return skipped(
        'webhook',
        `GITHUB_CHECKS=off; by hand: URL ${url}, content type application/json, the secret in secrets/hmac-token`,
      )
    }
    await need(checks.namespaces, checks.secrets(settings))
    const hmac = inspectSecrets(settings, await snapshot()).values.get('hmac-token')?.text
    if (!hmac) return after('03-secrets', ['the secret that events are signed with'])
    const { plan } = currentRun()
    const { GITHUB_ORG: org, GITHUB_REPOS: repos } = settings
    const seconds = Math.min(settings.WAIT_SECONDS, 60)

    if (settings.GITHUB_AUTH === 'app') {
      const app = await signInAsApp(settings)
      if (!app) return after('03-secrets', ["the App's key"])
      const place = webhook.appTarget(settings)
      const secret = webhookSecret(hmac, org)
      const last = await webhook.lastDelivery(app, settings, place)
      await task(place.name, () =>
        webhook.ensureAppWebhook(app, settings, place, secret, plan, last?.status_code === 403),
      )
      if (!plan) tellOwn(await ownEvent(secret))
      const fault =
        last && last.status_code !== 403
          ? webhook.explainDelivery(
              last.status_code,
              last.status_code === 200 ? 'Event received' : await webhook.deliveryResponse(app, place, undefined, last),
              settings,
            )
          : undefined
      if (fault) note('warning', fault.message, fault.remedy)
      else if (last?.status_code === 200) note('holds', `GitHub's last delivery (${last.event}) was answered with 200`)
      else
        skipped(
          'a delivery seen',
          "GitHub has no ping for an App's webhook: the next event shows it, at the App's page, Advanced",
        )
      return
    }

    const github = await signIn(settings)
    if (!github) return after('03-secrets', ["the bot's token"])
    const events = webhook.wantedEvents(readProwConfig(settings).plugins.text)
    const each = settings.WEBHOOK === 'repositories' || (settings.WEBHOOK === 'auto' && repos.length > 0)
    const places = each
      ? repos.map((repo) => ({
          place: webhook.repositoryTarget(settings, repo),
          secret: webhookSecret(hmac, org, repo),
        }))
      : [{ place: webhook.organizationTarget(settings), secret: webhookSecret(hmac, org) }]
    if (places.length === 0)
      throw new Problem(
        'WEBHOOK=repositories needs GITHUB_REPOS',
        'Name the repositories, or set WEBHOOK=organisation.',
      )

    const ids: number[] = []
    for (const { place, secret } of places) {
      let twins: number[] = []
      await task(place.name, async () => {
        const done = await webhook.ensureWebhook(github, settings, place, { secret, events }, plan)
        if (done.id !== undefined) ids.push(done.id)
        if (done.outcome === 'created') await webhook.recordWebhook(place, done.id!)
        twins = done.duplicates
        return { outcome: done.outcome, differences: done.differences, note: url }
      })
      if (twins.length > 0)
        note(
          'warning',
          `another webhook of it delivers to ${url} too: each event would run twice`,
          `Remove one at ${place.page}`,
        )
    }
    if (plan) return

    // They come up while the steps run, and a ping that is sent before is one that did not arrive.
    const now = await snapshot()
    if (now.has('Deployment', 'hook', 'prow')) await waitUntilReady('Deployment', ['hook'], 'prow')
    if (now.has('Namespace', 'ingress-nginx'))
      await waitUntilReady('Deployment', ['ingress-nginx-controller'], 'ingress-nginx')
    const own = await ownEvent(places[0]!.secret)
    // Where this machine does not reach hook, GitHub's ping says what that is worth.
    let told = own.status !== 0
    if (told) tellOwn(own)
    for (const [index, { place, secret }] of places.entries()) {
      const id = ids[index]!
      let delivery = await withSpinner('GitHub pings it', (say) =>
        webhook.pingUntilDelivered(github, settings, place, id, seconds, say),
      )
      if (delivery?.status_code === 403) {
        // Only now is it known that the secret there is another.
        await task(`secret of the ${place.name}`, async () => {
          await webhook.correctSecret(github, settings, place, id, secret)
          return { outcome: 'changed', note: 'hook refused what was signed with the one that was there' }
        })
        delivery = await withSpinner('GitHub pings it', () => webhook.waitForPing(github, settings, place, id, seconds))
      }
      if (delivery?.status_code !== 200 && !told) {
        tellOwn(own)
        told = true
      }
      if (!delivery)
        throw new Problem(
          `GitHub shows no delivery of its ping within ${seconds} s`,
          `Look at ${place.page}, Recent Deliveries.`,
        )
      const answer = await webhook.deliveryResponse(github, place, id, delivery)
      const fault = webhook.explainDelivery(delivery.status_code, answer || delivery.status, settings)
      if (fault)
        throw new Problem(fault.message, `${fault.remedy}\nGitHub's own list: ${place.page}, Recent Deliveries.`)
      note('holds', `GitHub's ping reached hook: 200 in the deliveries of the ${place.name}`)
    }
    if (!told) skipped('an event of our own', `this machine does not reach ${url} (${own.answer}); GitHub does`)

    /** An event of our own says whether it is hook, or the way to it. */
    async function ownEvent(secret: string) {
      const sent = await withSpinner(`a signed event to ${url}`, () => webhook.sendTestEvent(url, secret))
      return { ...sent, fault: webhook.explainDelivery(sent.status, sent.answer, settings) }
    }

    function tellOwn({ fault }: Awaited<ReturnType<typeof ownEvent>>): void {
      if (fault) note('warning', `from here ${fault.message}`, fault.remedy)
      else note('holds', 'a signed event of our own is answered with 200')
    }
  },
)
