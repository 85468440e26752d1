// The steps undone, last one first. Only what the runbook made goes; what was there before stays, and so do the logs,
// the claims and the secrets unless you name them.

import { createInterface } from 'node:readline/promises'
import { removeBucket, removeDriver, removeRecord, removeRole } from '../lib/aws/removal.ts'
import { EXIT, Problem } from '../lib/base/problem.ts'
import { hookUrl, recordedWebhooks, removeWebhook } from '../lib/github/webhook.ts'
import type { KubeObject } from '../lib/kubernetes/manifests.ts'
import {
  deleteJobPods,
  deleteObjects,
  jobPods,
  leaderLeases,
  managedObjects,
  remainingObjects,
  unadopt,
} from '../lib/kubernetes/removal.ts'
import { forgetSnapshot, snapshot } from '../lib/kubernetes/snapshot.ts'
import { signIn } from '../lib/prow/sign-in.ts'
import { currentRun } from '../lib/run/context.ts'
import { note, skipped, task } from '../lib/run/task.ts'
import type { Settings } from '../lib/settings/table.ts'
import { step } from '../lib/step.ts'
import { serverAddress } from '../lib/target.ts'

const NAMESPACES = ['ingress-nginx', 'test-pods', 'prow']

const CLASSES = 'IngressClasses of Auto Mode'

/** The step that made an object. */
function madeBy({ kind, metadata: { name, namespace } }: KubeObject): string {
  if (kind === 'Namespace') return '02-namespaces'
  if (/^IngressClass/.test(kind) && name !== 'nginx') return CLASSES
  if (namespace === 'kube-system') return 'controller'
  if (kind === 'Ingress' || namespace === 'ingress-nginx' || /^(ingress-nginx|nginx$)/.test(name)) return '11-ingress'
  if (/^label-/.test(name)) return '10-labels'
  if (/^pushgateway/.test(name)) return '09-pushgateway'
  if (kind === 'StorageClass') return '07-ebs-csi'
  if (kind === 'ConfigMap') return '06-config'
  if (kind === 'ServiceAccount') return '05-service-accounts'
  if (kind === 'CustomResourceDefinition') return '04-crd'
  if (kind === 'Secret') return '03-secrets'
  return '08-prow'
}

/** Objects in a few words: `Deployment hook, Service hook and 5 more`. */
function words(objects: KubeObject[]): string {
  const told = objects.map((object) => `${object.kind} ${object.metadata.name}`)
  return told.length > 3 ? `${told.slice(0, 2).join(', ')} and ${told.length - 2} more` : told.join(', ')
}

async function confirmed(): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new Problem('nobody is here to say yes', 'See what would go with --plan; then run it with --yes.', {
      exitCode: EXIT.usage,
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`\nRemove Prow from ${serverAddress()}? Type yes: `)
  terminal.close()
  if (answer.trim() !== 'yes') throw new Problem('not removed', 'Nothing was touched.', { exitCode: EXIT.interrupted })
}

/** The webhooks that 12 has created; one that was there before is left, and said. */
async function webhooks(settings: Settings, plan: boolean): Promise<void> {
  const ours = recordedWebhooks((await snapshot()).get('Namespace', 'prow'))
  if (ours.length === 0) return
  const github = plan || settings.GITHUB_CHECKS === 'off' ? undefined : await signIn(settings)
  for (const { id, path } of ours) {
    const name = `webhook ${id} of ${path.replace(/^\/\w+\//, '')}`
    if (!plan && !github) {
      skipped(name, `kept: GitHub is not asked; remove it by hand, it delivers to ${hookUrl(settings)}`)
      continue
    }
    await task(name, async () => {
      if (github) await removeWebhook(github, settings, id, path)
      return { outcome: plan ? 'would remove' : 'removed' }
    })
  }
  forgetSnapshot()
}

/** The addresses of the load balancers of Ingresses that go. */
function balancers(going: KubeObject[]): string[] {
  type Status = { loadBalancer?: { ingress?: { hostname?: string }[] } } | undefined
  return going
    .filter(({ kind }) => kind === 'Ingress')
    .flatMap(({ status }) => (status as Status)?.loadBalancer?.ingress ?? [])
    .flatMap(({ hostname }) => (hostname ? [hostname.toLowerCase()] : []))
}

await step(
  import.meta,
  {
    title: 'Remove what the runbook has made, last step first',
    reads: 'what carries the label app.kubernetes.io/managed-by=prow-runbook',
    creates: 'nothing',
    needs: 'the target in the settings',
    options: {
      yes: { type: 'boolean', description: 'do not ask' },
      'delete-secrets': { type: 'boolean', description: 'the Secrets too (secrets/ stays as it is)' },
      'delete-logs': { type: 'boolean', description: 'the log bucket too, with all that is in it (EKS)' },
      'delete-claims': {
        type: 'boolean',
        description: "the claims too: ghproxy's cache, the object store with all logs in it",
      },
    },
  },
  async (settings, given) => {
    const eks = settings.TARGET === 'eks'
    const { plan } = currentRun()
    if (!plan && !given.yes) await confirmed()

    const { created: made, adopted } = await managedObjects()
    const kept = made.filter(
      ({ kind }) =>
        (kind === 'Secret' && !given['delete-secrets']) ||
        // Volumes that stay are of its class.
        (/^(PersistentVolumeClaim|StorageClass)$/.test(kind) && !given['delete-claims']),
    )
    const going = made.filter((object) => !kept.includes(object) && object.kind !== 'Namespace')
    const of = (script: string) => going.filter((object) => madeBy(object) === script)
    const goes = async (script: string) => {
      const objects = of(script)
      if (objects.length > 0)
        await task(script, async () => ({ ...(await deleteObjects(objects, plan)), note: words(objects) }))
    }

    await webhooks(settings, plan)
    if (eks) await removeRecord(settings, balancers(of('11-ingress')))
    // The controller takes the load balancers along; it has to be there for that.
    await goes('11-ingress')
    await goes(CLASSES)
    await goes('10-labels')
    await goes('09-pushgateway')
    await goes('08-prow')
    // Nothing starts jobs any more.
    const spaces = made.filter((object) => object.kind === 'Namespace').map((object) => object.metadata.name)
    const pods = of('04-crd').length > 0 || spaces.includes('test-pods') ? await jobPods() : []
    if (pods.length > 0)
      await task('pods of jobs', async () => ({ ...(await deleteJobPods(pods, plan)), note: `${pods.length}` }))
    const locks = await leaderLeases()
    if (locks.length > 0)
      await task('leases', async () => ({ ...(await deleteObjects(locks, plan)), note: words(locks) }))
    await goes('07-ebs-csi')
    await goes('06-config')
    await goes('05-service-accounts')
    if (eks) {
      await removeDriver(settings)
      await removeRole(settings, 'prow-controllers')
      await removeRole(settings, 'prow-jobs')
      await removeBucket(settings, Boolean(given['delete-logs']))
    }
    await goes('04-crd')
    await goes('03-secrets')

    const own = made.filter((object) => object.kind === 'Namespace' && NAMESPACES.includes(object.metadata.name))
    const holds = await Promise.all(
      own.map(({ metadata }) => remainingObjects(metadata.name, plan ? [...going, ...pods] : [])),
    )
    const empty = own.filter((_, index) => holds[index]?.length === 0)
    const what = empty.length === 1 ? 'namespace' : 'namespaces'
    // Together: the API server takes its time over each.
    if (empty.length > 0)
      await task(`${what} ${empty.map((one) => one.metadata.name).join(', ')}`, () => deleteObjects(empty, plan))
    own.forEach(({ metadata }, index) => {
      const left = holds[index] ?? []
      const told = left.length > 3 ? `${left.slice(0, 2).join(', ')} and ${left.length - 2} more` : left.join(', ')
      if (left.length > 0) skipped(`namespace ${metadata.name}`, `kept: it holds ${told}`)
    })
    const secrets = kept.filter((object) => object.kind === 'Secret').length
    if (secrets > 0) skipped(`${secrets} Secrets`, 'kept; --delete-secrets removes them')
    if (of('controller').length > 0)
      skipped('AWS Load Balancer Controller', 'kept, with its role: other Ingresses of the cluster may need it')
    if (eks) skipped('OIDC provider', 'kept: roles of others may trust it')
    const claims = kept.filter((object) => object.kind === 'PersistentVolumeClaim').length
    if (claims > 0) skipped(`${claims} claims`, 'kept; --delete-claims removes them, and what is on their volumes')
    if (adopted.length > 0) {
      skipped(`${adopted.length} objects`, `were there before the runbook and stay: ${words(adopted)}`)
      if (!plan) await unadopt(adopted)
    }
    if (made.length + adopted.length === 0) note('holds', 'nothing of the runbook is here')
  },
)
