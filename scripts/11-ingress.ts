// GitHub delivers webhooks to https://PROW_HOST/hook, people open https://PROW_HOST/. The guide installs ingress-nginx
// behind a load balancer of AWS; without it the load balancers route to hook and Deck themselves.

import { waitForCertificate } from '../lib/aws/certificate.ts'
import { allOrProblem } from '../lib/aws/cli.ts'
import { pointHost } from '../lib/aws/dns.ts'
import { eksCluster, hasManagedLoadBalancers } from '../lib/aws/eks.ts'
import { ensureController, findController } from '../lib/aws/load-balancer.ts'
import { findZones } from '../lib/aws/route53.ts'
import { type Checks, need } from '../lib/kubernetes/check.ts'
import { apply, prune } from '../lib/kubernetes/resources.ts'
import { loadBalancerNeeds, publicHost } from '../lib/prow/aws-checks.ts'
import { namespaces, services } from '../lib/prow/checks.ts'
import { readProwConfig } from '../lib/prow/config.ts'
import { ingresses, ingressProblems, ingressResources, unwantedIngresses } from '../lib/prow/ingress.ts'
import { installIngressNginx } from '../lib/prow/ingress-nginx.ts'
import { waitForLoadBalancers } from '../lib/prow/load-balancers.ts'
import { checkPublicDeck, isPublic, publicDeck } from '../lib/prow/public-deck.ts'
import { findings } from '../lib/run/findings.ts'
import { skipped } from '../lib/run/task.ts'
import type { Settings } from '../lib/settings/table.ts'
import { step } from '../lib/step.ts'

export const checks: Checks = (settings) => [
  ...ingresses(settings),
  ...publicHost(settings),
  ...(isPublic(settings) ? [publicDeck] : []),
]

export const prerequisites: Checks = loadBalancerNeeds

export default await step(
  import.meta,
  {
    title: 'Set up ingress',
    reads:
      'on EKS the certificate in ACM, the zone in Route 53, and what creates load balancers; with DECK_ACCESS=public whether repositories with jobs are private',
    creates:
      'INGRESS=alb: two Ingresses with load balancers, their controller when there is none, the DNS record; INGRESS=nginx: ingress-nginx in a namespace of its own, and the Ingress prow',
    needs: '02-namespaces; for traffic to arrive, the Services of 08-prow',
  },
  async (settings) => {
    const eks = settings.TARGET === 'eks'
    if (settings.INGRESS === 'none') {
      const host = `https://${settings.PROW_HOST}`
      skipped('ingress', `INGRESS=none: route ${host}/hook to hook:8888 and the rest to deck:80 yourself`)
    } else {
      await need(namespaces)
      if (isPublic(settings)) await findings(checkPublicDeck(settings, readProwConfig(settings)))
      if (settings.INGRESS === 'nginx') await installIngressNginx(settings)
      if (eks) await setUpLoadBalancers(settings)
    }
    // Last, so that Prow can be reached all the time.
    const auto = eks && hasManagedLoadBalancers(await eksCluster(settings))
    await prune(...unwantedIngresses(settings, auto))
  },
)

// On EKS load balancers in front: of Prow's own Services, or of ingress-nginx as in the guide.
async function setUpLoadBalancers(settings: Settings): Promise<void> {
  const cluster = await eksCluster(settings)
  await findings(ingressProblems(settings, hasManagedLoadBalancers(cluster)))
  if (settings.INGRESS === 'alb') await need(services)
  const [controller, zones] = await allOrProblem(findController(cluster), findZones(settings))
  const certificate = await waitForCertificate(settings)

  await ensureController(settings, cluster, controller)
  await apply(...ingressResources(settings, controller, certificate))
  const balancers = await waitForLoadBalancers(settings)
  if (balancers) await pointHost(settings, zones, balancers)
}
