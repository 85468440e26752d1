import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { Problem } from '../base/problem.ts'
import { sleep } from '../base/shell.ts'
import { paths } from './folder.ts'
import { findNamespaces } from './namespaces.ts'
import { findProcesses } from './processes.ts'
import type { Progress } from './task.ts'

interface Access {
  server: string
  ca: Buffer
  cert: Buffer
  key: Buffer
}

/** The API server of the rehearsal in `dir`, with its administrator's certificate. */
export function adminAccess(dir: string): Access {
  const { cluster } = paths(dir)
  const pem = (file: string) => readFileSync(join(cluster, 'pki', file))
  const local = /server: (\S+)/.exec(readFileSync(join(cluster, 'kubeconfig.yaml'), 'utf8'))![1]!
  // With a real node the control plane is in the node's network.
  const server = local.replace('127.0.0.1', findNamespaces(dir)?.node ?? '127.0.0.1')
  return { server, ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') }
}

// One request. Starting kubectl for each would be most of the time that a second run takes.
function send(
  { server, ...tls }: Access,
  agent: Agent,
  method: string,
  path: string,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = body ? { 'content-type': 'application/apply-patch+yaml' } : {}
    const sent = request(new URL(path, server), { ...tls, agent, method, timeout: 5000, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in 5 s')))
    sent.on('error', reject)
    sent.end(body)
  })
}

const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok-controller']

/** Whether all programs of the cluster run and its API server is ready. */
export async function isHealthy(dir: string): Promise<boolean> {
  const names = new Set((await findProcesses(dir)).map(({ name }) => name))
  if (!COMPONENTS.every((name) => names.has(name))) return false
  const agent = new Agent()
  try {
    return (await send(adminAccess(dir), agent, 'GET', '/readyz')).status === 200
  } catch {
    return false
  } finally {
    agent.destroy()
  }
}

const API_PATHS: Record<string, string> = {
  StorageClass: '/apis/storage.k8s.io/v1/storageclasses',
  Stage: '/apis/kwok.x-k8s.io/v1alpha1/stages',
  Node: '/api/v1/nodes',
  PersistentVolume: '/api/v1/persistentvolumes',
}

/**
 * Applies the manifests that a cluster starts with, and waits until so many nodes are ready. Answers whether an
 * object was created.
 */
export async function seedCluster(dir: string, yaml: string, nodes: number, progress: Progress): Promise<boolean> {
  const access = adminAccess(dir)
  const agent = new Agent({ keepAlive: true })
  const until = Date.now() + 60_000
  let created = false
  try {
    for (const document of yaml.split(/^---$/m)) {
      const { kind, metadata } = load(document) as { kind: string; metadata: { name: string } }
      const path = `${API_PATHS[kind]}/${metadata.name}?fieldManager=rehearsal&force=true`
      for (;;) {
        const { status, text } = await send(access, agent, 'PATCH', path, document)
        if (status === 201) created = true
        if (status === 200 || status === 201) break
        // The CRD of Stage is not served at once.
        if (status !== 404 || Date.now() > until) throw new Error(`${kind} ${metadata.name}: ${status} ${text}`)
        await sleep(100)
      }
    }
    for (;;) {
      const ready = countReady((await send(access, agent, 'GET', '/api/v1/nodes')).text)
      if (ready >= nodes) return created
      progress(`waiting for the nodes: ${ready} of ${nodes} ready`)
      if (Date.now() > until) {
        throw new Problem(
          `only ${ready} of ${nodes} nodes of the rehearsal cluster are ready after a minute`,
          `See the logs in ${join(paths(dir).cluster, 'logs')}.`,
        )
      }
      await sleep(100)
    }
  } finally {
    agent.destroy()
  }
}

/** How many nodes of a NodeList are ready. */
export function countReady(list: string): number {
  const { items } = JSON.parse(list) as { items: { status: { conditions?: { type: string; status: string }[] } }[] }
  return items.filter(({ status }) =>
    status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
  ).length
}
