// GitHub delivers to https://PROW_HOST/hook, people read https://PROW_HOST/: the way in for both.

import { findCertificate, waitForCertificate } from '../lib/aws/certificate.ts'
import { allOrProblem } from '../lib/aws/cli.ts'
import { ensureRecord, findZones, waitForDns } from '../lib/aws/dns.ts'
import { eksCluster, hasManagedLoadBalancers } from '../lib/aws/eks.ts'
import { ensureRole, roleArn } from '../lib/aws/iam.ts'
import { findController, installController } from '../lib/aws/load-balancer.ts'
import { loadBalancerPolicy } from '../lib/aws/policy.ts'
import { Problem } from '../lib/base/problem.ts'
import { withSpinner } from '../lib/base/terminal.ts'
import { need } from '../lib/kubernetes/check.ts'
import { forgetList } from '../lib/kubernetes/cluster.ts'
import { manifests, manifestsWith } from '../lib/kubernetes/manifests.ts'
import { getObjects, snapshot } from '../lib/kubernetes/snapshot.ts'
import { apply, prune, waitLater, waitUntilReady } from '../lib/kubernetes/tasks.ts'
import * as checks from '../lib/prow/checks.ts'
import { readProwConfig } from '../lib/prow/config.ts'
import { ingressProblems, ingressResources, unwantedIngresses, waitForLoadBalancer } from '../lib/prow/ingress.ts'
import { checkPublicDeck, isPublic } from '../lib/prow/public-deck.ts'
import { currentRun } from '../lib/run/context.ts'
import { after, note, skipped, task } from '../lib/run/task.ts'
import { partition, prowUrl, roleName } from '../lib/settings/derived.ts'
import type { Settings } from '../lib/settings/table.ts'
import { step } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Open the way in for GitHub and for people',
    reads:
      'on EKS: the certificate in ACM, the zone in Route 53, what makes load balancers; with DECK_ACCESS=public what GitHub says of repositories with jobs',
    creates:
      'INGRESS=alb: two Ingresses with load balancers, the controller when there is none, the record. INGRESS=nginx: ingress-nginx in a namespace of its own, and the Ingress prow',
    needs: '02-namespaces; the Services of 08-prow for traffic to arrive anywhere',
  },
  async (settings) => {
    if (settings.INGRESS === 'none') {
      skipped(
        'ingress',
        `INGRESS=none: route https://${settings.PROW_HOST}/hook to hook:8888 and the rest to deck:80 yourself`,
      )
    } else {
      await need(checks.namespaces)
      if (isPublic(settings)) {
        const { faults, warnings } = await checkPublicDeck(settings, readProwConfig(settings))
        for (const { message, remedy } of warnings) note('warning', message, remedy)
        if (faults.length > 0) throw Problem.all(faults)
      }
      if (settings.INGRESS === 'nginx') await nginx(settings)
      if (settings.TARGET === 'eks') await balanced(settings)
    }
    // Last, so that one way in is there all the time.
    await prune(
      unwantedIngresses(settings, settings.TARGET === 'eks' && hasManagedLoadBalancers(await eksCluster(settings))),
    )
  },
)

async function nginx(settings: Settings): Promise<void> {
  note('warning', 'ingress-nginx was retired upstream in March 2026', 'it gets no security fixes')
  const admission = settings.NGINX_ADMISSION === 'on'

  const ingress = {
    name: 'Ingress prow',
    manifests: manifests(settings, 'ingress/nginx.yaml'),
    note: settings.PROW_HOST,
  }
  const jobs = ['ingress-nginx-admission-create', 'ingress-nginx-admission-patch']

  if (!admission) {
    skipped('admission webhook', 'NGINX_ADMISSION=off')
    // Left behind it would refuse every Ingress of the cluster.
    await prune([
      { name: 'admission webhook', manifests: manifests(settings, 'ingress-nginx/admission.yaml') },
      // A Job that is done would not run again, and the webhook of another day not get its certificate.
      { name: 'admission Jobs', manifests: manifests(settings, 'ingress-nginx/admission-jobs.yaml') },
    ])
  }
  // It answers for a planned Ingress, too, as long as it is there.
  const refuses =
    !admission &&
    currentRun().plan &&
    (await snapshot()).has('ValidatingWebhookConfiguration', 'ingress-nginx-admission')
  if (refuses) skipped('Ingress prow', 'cannot be asked about before the admission webhook is removed')
  if (admission) await renewed(settings)
  await apply([
    { name: 'namespace ingress-nginx', manifests: manifests(settings, 'ingress-nginx/namespace.yaml') },
    {
      name: 'controller',
      manifests: manifests(settings, 'ingress-nginx/rbac.yaml', 'ingress-nginx/controller.yaml'),
    },
    admission && { name: 'admission webhook', manifests: manifests(settings, 'ingress-nginx/admission.yaml') },
    // One makes the certificate that the controller mounts, the other tells the API server of it.
    admission && { name: 'admission Jobs', manifests: manifests(settings, 'ingress-nginx/admission-jobs.yaml') },
    !admission && !refuses && ingress,
  ])
  if (admission) {
    // Until the webhook answers, the API server takes no Ingress.
    await waitUntilReady('Job', jobs, 'ingress-nginx')
    await waitUntilReady('Deployment', ['ingress-nginx-controller'], 'ingress-nginx')
    await apply([ingress])
  } else await waitLater('Deployment', ['ingress-nginx-controller'], 'ingress-nginx')

  const service = (await snapshot()).get('Service', 'ingress-nginx-controller', 'ingress-nginx')
  if (!service) return
  const { ports } = service.spec as { ports: { name: string; nodePort?: number }[] }
  note('holds', `nodes answer on ${ports.map((port) => `${port.nodePort} (${port.name})`).join(' and ')}`)
}

// The Jobs are done after an installation and do not run again by themselves. A webhook that is made anew then never
// hears of its certificate, and without that it refuses every Ingress of the cluster: so they are made anew too.
async function renewed(settings: Settings): Promise<void> {
  const kinds = 'validatingwebhookconfigurations.admissionregistration.k8s.io,jobs.batch'
  const found = await getObjects(kinds, '-A', '-l', 'app.kubernetes.io/name=ingress-nginx')
  const named = (name: string) => found.find((one) => one.metadata.name === name)
  const { status } = (named('ingress-nginx-admission-patch') ?? {}) as { status?: { succeeded?: number } }
  const { webhooks = [] } = (named('ingress-nginx-admission') ?? {}) as {
    webhooks?: { clientConfig: { caBundle?: string } }[]
  }
  if (!status?.succeeded || webhooks.some((one) => one.clientConfig.caBundle)) return
  await prune([
    {
      name: 'admission Jobs',
      manifests: manifests(settings, 'ingress-nginx/admission-jobs.yaml'),
      note: 'to be made anew: the webhook has no certificate',
    },
  ])
}

// On EKS a load balancer in front: of Prow's own Services, or of ingress-nginx as in the guide.
async function balanced(settings: Settings): Promise<void> {
  const { plan } = currentRun()
  const about = await eksCluster(settings)
  const faults = ingressProblems(settings, hasManagedLoadBalancers(about))
  if (faults.length > 0) throw Problem.all(faults)
  if (settings.INGRESS === 'alb') await need(checks.services)
  const [by, route] = await allOrProblem(
    findController(about),
    settings.HOSTED_ZONE ? findZones(settings) : Promise.resolve(undefined),
  )
  const certificate = await certified(settings)

  if (by.by === 'auto') note('holds', 'EKS Auto Mode makes load balancers itself')
  else if (by.by === 'controller' && !by.managed)
    note('holds', `the AWS Load Balancer Controller is there (class ${by.class}), not ours: left as it is`)
  else {
    await need(await checks.oidcProvider(settings))
    const role = roleName(settings, 'load-balancer-controller')
    await task(`role ${role}`, () =>
      ensureRole(settings, {
        name: role,
        description: 'The AWS Load Balancer Controller: makes load balancers of Ingresses',
        serviceAccounts: ['kube-system:aws-load-balancer-controller'],
        policy: { name: 'load-balancers', document: loadBalancerPolicy(partition(settings.AWS_REGION)) },
      }),
    )
    const values = { CONTROLLER_ROLE_ARN: roleArn(settings, role) }
    await apply([
      {
        name: 'account of the controller',
        manifests: manifestsWith(settings, values, 'ingress/controller-account.yaml'),
      },
    ])
    if (by.by === 'nothing') {
      await task('AWS Load Balancer Controller', () => installController(settings, about))
      forgetList()
    } else note('holds', `the AWS Load Balancer Controller is there (class ${by.class})`)
  }

  await apply(ingressResources(settings, by, certificate))
  if (
    plan &&
    !(await snapshot()).has('Ingress', 'prow-hook', settings.INGRESS === 'nginx' ? 'ingress-nginx' : 'prow')
  ) {
    return after('11-ingress', [`the record of ${settings.PROW_HOST}: its load balancer is not there yet`])
  }
  const [hook, deck] = await withSpinner('waiting for load balancers', (say) =>
    allOrProblem(waitForLoadBalancer(settings, 'prow-hook', say), waitForLoadBalancer(settings, 'prow-deck', say)),
  )
  note('holds', `${prowUrl(settings)}/hook is answered by ${hook}`)
  if (deck !== hook) note('holds', `Deck is answered by ${deck}`)

  if (route) {
    await task(`record ${settings.PROW_HOST}`, () => ensureRecord(settings, route.outside!, hook))
    if (deck !== hook && route.within)
      await task('the same inside the network', () => ensureRecord(settings, route.within!, deck))
  } else if (!plan) await withSpinner('waiting for DNS', (say) => waitForDns(settings, hook, say))
  if (deck !== hook && !route?.within)
    note(
      'warning',
      `inside the network ${settings.PROW_HOST} has to lead to ${deck}`,
      'in the DNS of that network, by you',
    )
}

// Under --plan what only a person can bring is a line, so that the rest is told too.
async function certified(settings: Settings): Promise<string> {
  if (!currentRun().plan) {
    const arn = await withSpinner('looking for the certificate', (say) => waitForCertificate(settings, say))
    note('holds', `certificate ${arn} is issued`)
    return arn
  }
  try {
    return (await findCertificate(settings)).arn
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    note('warning', error.message, error.findings[0]?.remedy.split('\n')[0])
    return 'arn:to-be-found'
  }
}
