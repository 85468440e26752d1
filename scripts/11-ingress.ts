// GitHub delivers to https://PROW_HOST/hook, people read https://PROW_HOST/: the way in for both.
import { need } from '../lib/check.ts'
import * as checks from '../lib/checks.ts'
import { world } from '../lib/kubectl.ts'
import { manifests } from '../lib/manifests.ts'
import { gone, note, ready, readyLater, skipped, step, tasks } from '../lib/step.ts'

await step(
  import.meta,
  {
    title: 'Open the way in for GitHub and for people',
    reads: 'nothing but the settings',
    makes: 'INGRESS=nginx: ingress-nginx in a namespace of its own, and the Ingress prow',
    needs: '02-namespaces; the Services of 08-prow for traffic to arrive anywhere',
  },
  async (settings) => {
    if (settings.INGRESS === 'none') {
      skipped(
        'ingress',
        `INGRESS=none: route https://${settings.PROW_HOST}/hook to hook:8888 and the rest to deck:80 yourself`,
      )
      // ingress-nginx stays: others may be using it by now. uninstall removes it.
      return gone([{ name: 'Ingress prow', manifests: manifests(settings, 'ingress/nginx.yaml') }])
    }
    await need(checks.namespaces)
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
      await gone([{ name: 'admission webhook', manifests: manifests(settings, 'ingress-nginx/admission.yaml') }])
    }
    await tasks([
      { name: 'namespace ingress-nginx', manifests: manifests(settings, 'ingress-nginx/namespace.yaml') },
      {
        name: 'controller',
        manifests: manifests(settings, 'ingress-nginx/rbac.yaml', 'ingress-nginx/controller.yaml'),
      },
      admission && { name: 'admission webhook', manifests: manifests(settings, 'ingress-nginx/admission.yaml') },
      // One makes the certificate that the controller mounts, the other tells the API server of it.
      admission && { name: 'admission Jobs', manifests: manifests(settings, 'ingress-nginx/admission-jobs.yaml') },
      !admission && ingress,
    ])
    if (admission) {
      // Until the webhook answers, the API server takes no Ingress.
      await ready('Job', jobs, 'ingress-nginx')
      await ready('Deployment', ['ingress-nginx-controller'], 'ingress-nginx')
      await tasks([ingress])
    } else await readyLater('Deployment', ['ingress-nginx-controller'], 'ingress-nginx')

    const service = (await world()).get('Service', 'ingress-nginx-controller', 'ingress-nginx')
    if (!service) return
    const { ports } = service.spec as { ports: { name: string; nodePort?: number }[] }
    note('holds', `nodes answer on ${ports.map((port) => `${port.nodePort} (${port.name})`).join(' and ')}`)
  },
)
