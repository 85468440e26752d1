import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../base/shell.ts'

/** The account that the emulator plays. */
export const ACCOUNT = '123456789012'

/** The ports on loopback that the emulator listens on: the second by TLS, for the API server's webhooks. */
export interface Ports {
  http: number
  tls: number
}

export interface EmulatorOptions {
  /** Its folder. */
  dir: string
  ports: Ports
  /** The cluster beside it, by a kubeconfig with a client certificate in it, and the file of kubectl. */
  kubeconfig: string
  kubectl: string
  region: string
  cluster: string
  /** A domain for which it has a hosted zone, and the host in it for which it has a certificate. */
  zone: string
  host: string
}

/** The files of the emulator in `dir`. */
export const emulatorPaths = (dir: string) => ({
  webhook: join(dir, 'token-webhook.yaml'),
  cert: join(dir, 'tls.pem'),
  key: join(dir, 'tls-key.pem'),
  log: join(dir, 'server.log'),
  env: join(dir, 'env.sh'),
})

/**
 * Writes the API server's `--authentication-token-webhook-config-file` and answers its path: with it, the API server
 * accepts the tokens of `aws eks get-token`. While no emulator runs, they are unknown.
 */
export function writeTokenWebhook(dir: string, ports: Ports): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const { webhook } = emulatorPaths(dir)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'aws', cluster: { server: `http://127.0.0.1:${ports.http}/runbook/token-review` } }],
    users: [{ name: 'api-server', user: {} }],
    contexts: [{ name: 'aws', context: { cluster: 'aws', user: 'api-server' } }],
    'current-context': 'aws',
  }
  writeFileSync(webhook, `${JSON.stringify(config, null, 2)}\n`)
  return webhook
}

/** Calls the emulator's own control API: see server.py. */
export async function control<T>(url: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}/runbook/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  if (!response.ok) throw new Error(`the emulator answered ${response.status} to ${path}: ${await response.text()}`)
  return (await response.json()) as T
}

/** Resets the account to the cluster in EKS, a certificate and a hosted zone. */
export async function seedAccount(options: EmulatorOptions, url: string): Promise<void> {
  const { kubeconfig, region, cluster, zone, host } = options
  await control(url, 'reset', {})
  await control(url, 'cluster', {
    name: cluster,
    region,
    zone,
    host,
    ...clusterEndpoint(readFileSync(kubeconfig, 'utf8')),
  })
  await applyManifests(options)
}

/** The API server's address and certificate authority in the text of a kubeconfig. */
export function clusterEndpoint(kubeconfig: string): { endpoint?: string; ca?: string } {
  return {
    endpoint: /server: ["']?([^\s"']+)/.exec(kubeconfig)?.[1],
    ca: /certificate-authority-data: ["']?([^\s"']+)/.exec(kubeconfig)?.[1],
  }
}

// The part of EKS that lives in the API server: its webhook that gives pods their role, and what provisions volumes
// and load balancers where nodes are simulated.
async function applyManifests({ dir, ports, kubeconfig, kubectl }: EmulatorOptions): Promise<void> {
  const webhook = podIdentityWebhook(ports, readFileSync(emulatorPaths(dir).cert))
  const manifests = readFileSync(join(import.meta.dirname, 'fakes/aws/cluster.yaml'), 'utf8')
  const args = ['--kubeconfig', kubeconfig, 'apply', '--server-side', '--force-conflicts', '--field-manager=rehearsal']
  await run(kubectl, [...args, '-f', '-'], {
    // The first line makes it YAML: kubectl reads what begins with a brace as JSON to its end.
    input: `---\n${JSON.stringify(webhook)}\n---\n${manifests}`,
    env: { KUBERC: 'off', KUBECACHEDIR: join(dir, 'kubectl') },
  })
}

/** The webhook that EKS has in every cluster, served by the emulator. */
export function podIdentityWebhook(ports: Ports, ca: Buffer) {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'pod-identity-webhook' },
    webhooks: [
      {
        name: 'iam-for-pods.amazonaws.com',
        // As in EKS: while the webhook is down, pods are created without its change and have the role of their node.
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
        clientConfig: { url: `https://127.0.0.1:${ports.tls}/runbook/inject`, caBundle: ca.toString('base64') },
        rules: [
          { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: 'Namespaced' },
        ],
      },
    ],
  }
}
