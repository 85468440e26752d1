import { passed, warning } from '../base/problem.ts'
import type { Check } from '../kubernetes/check.ts'
import { type KubeObject, manifests, type Resource } from '../kubernetes/manifests.ts'
import { apply, prune, waitLater, waitUntilReady } from '../kubernetes/resources.ts'
import { getObjects, snapshot } from '../kubernetes/snapshot.ts'
import { isReady } from '../kubernetes/wait.ts'
import { currentRun } from '../run/context.ts'
import { findings } from '../run/findings.ts'
import { skipped } from '../run/task.ts'
import type { Settings } from '../settings/table.ts'

const NAMESPACE = 'ingress-nginx'
const CONTROLLER = 'ingress-nginx-controller'
const JOBS = ['ingress-nginx-admission-create', 'ingress-nginx-admission-patch']

/** That the controller is ready. */
export const ingressNginx: Check = {
  fact: 'ingress-nginx is ready',
  step: '11-ingress',
  inspect: (snapshot) => {
    const found = snapshot.get('Deployment', CONTROLLER, NAMESPACE)
    if (!found) return `Deployment ${NAMESPACE}/${CONTROLLER} does not exist`
    return isReady(found) || `Deployment ${NAMESPACE}/${CONTROLLER} is not ready`
  },
}

function resource(settings: Settings, name: string, ...files: string[]): Resource {
  return { name, manifests: manifests(settings, ...files.map((file) => `${file}.yaml`)) }
}

const admissionJobs = (settings: Settings) => resource(settings, 'admission Jobs', 'ingress-nginx/admission-jobs')

/** Installs ingress-nginx and the Ingress prow, with the admission webhook when NGINX_ADMISSION=on. */
export async function installIngressNginx(settings: Settings): Promise<void> {
  await findings(warning('ingress-nginx was retired upstream in March 2026', 'it gets no security fixes'))
  const parts = [
    resource(settings, `namespace ${NAMESPACE}`, 'ingress-nginx/namespace'),
    resource(settings, 'controller', 'ingress-nginx/rbac', 'ingress-nginx/controller'),
  ]
  const webhook = resource(settings, 'admission webhook', 'ingress-nginx/admission')
  const ingress = { ...resource(settings, 'Ingress prow', 'ingress/nginx'), note: settings.PROW_HOST }
  if (settings.NGINX_ADMISSION === 'on') {
    await removeFinishedJobs(settings)
    // One Job creates the certificate that the controller mounts, the other writes its authority into the webhook.
    await apply(...parts, webhook, admissionJobs(settings))
    await waitUntilReady('Job', JOBS, NAMESPACE)
    await waitUntilReady('Deployment', [CONTROLLER], NAMESPACE)
    // The API server refuses Ingresses until the webhook answers.
    await apply(ingress)
  } else {
    skipped('admission webhook', 'NGINX_ADMISSION=off')
    // Without its controller it would refuse every Ingress of the cluster; completed Jobs would not run again for it.
    await prune(webhook, admissionJobs(settings))
    const refuses = await isRefusedByWebhook()
    if (refuses) skipped('Ingress prow', 'cannot be planned before the admission webhook is removed')
    await apply(...parts, !refuses && ingress)
    await waitLater('Deployment', [CONTROLLER], NAMESPACE)
  }
  await printPorts()
}

/** Whether the webhook still decides about Ingresses: under --plan it is not removed, and answers for planned ones too. */
async function isRefusedByWebhook(): Promise<boolean> {
  return currentRun().plan && (await snapshot()).has('ValidatingWebhookConfiguration', 'ingress-nginx-admission')
}

/**
 * Removes the admission Jobs when they are complete and the webhook has no certificate: a recreated webhook gets it from
 * them alone, and without it the API server refuses every Ingress of the cluster.
 */
async function removeFinishedJobs(settings: Settings): Promise<void> {
  const kinds = 'validatingwebhookconfigurations.admissionregistration.k8s.io,jobs.batch'
  const objects = await getObjects(kinds, '-A', '-l', 'app.kubernetes.io/name=ingress-nginx')
  if (needsCertificate(objects))
    await prune({ ...admissionJobs(settings), note: 'recreated: the webhook has no certificate' })
}

/** Whether the Job that writes the certificate's authority is complete, and the webhook, if any, does not have it. */
export function needsCertificate(objects: KubeObject[]): boolean {
  const find = (name: string) => objects.find(({ metadata }) => metadata.name === name)
  const job = find('ingress-nginx-admission-patch') as { status?: { succeeded?: number } } | undefined
  const webhook = find('ingress-nginx-admission') as
    | { webhooks?: { clientConfig: { caBundle?: string } }[] }
    | undefined
  return Boolean(job?.status?.succeeded) && !webhook?.webhooks?.some(({ clientConfig }) => clientConfig.caBundle)
}

async function printPorts(): Promise<void> {
  const service = (await snapshot()).get('Service', CONTROLLER, NAMESPACE)
  if (!service) return
  const { ports } = service.spec as { ports: { name: string; nodePort?: number }[] }
  await findings(passed(`nodes answer on ${ports.map(({ name, nodePort }) => `${nodePort} (${name})`).join(' and ')}`))
}
