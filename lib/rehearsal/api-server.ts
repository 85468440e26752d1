import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { load } from 'js-yaml'
import { Problem } from '../base/problem.ts'
import { places } from './folder.ts'
import { space } from './namespaces.ts'
import { ours } from './processes.ts'

interface Access {
  server: string
  ca: Buffer
  cert: Buffer
  key: Buffer
}

export function access(dir: string): Access {
  const { cluster } = places(dir)
  const pem = (file: string) => readFileSync(join(cluster, 'pki', file))
  const own = /server: (\S+)/.exec(readFileSync(join(cluster, 'kubeconfig.yaml'), 'utf8'))![1]!
  // With a real node the control plane is in the node's network.
  const server = own.replace('127.0.0.1', space(dir)?.node ?? '127.0.0.1')
  return { server, ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') }
}

// One request to the API server. A start of kubectl for each would be most of the time that a second run takes.
function ask(
  to: Access,
  agent: Agent,
  method: string,
  path: string,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((settle, fail) => {
    const { server, ...tls } = to
    const asked = request(
      new URL(path, server),
      { ...tls, agent, method, timeout: 5000, headers: body ? { 'content-type': 'application/apply-patch+yaml' } : {} },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => settle({ status: answer.statusCode ?? 0, text }))
        answer.on('error', fail)
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer in 5 s')))
    asked.on('error', fail)
    asked.end(body)
  })
}

const DAEMONS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok-controller']

/** Whether all five programs of the cluster run and the API server says that it is ready. */
export async function whole(dir: string): Promise<boolean> {
  const names = new Set((await ours(dir)).map(({ name }) => name))
  if (!DAEMONS.every((name) => names.has(name))) return false
  const agent = new Agent()
  try {
    return (await ask(access(dir), agent, 'GET', '/readyz')).status === 200
  } catch {
    return false
  } finally {
    agent.destroy()
  }
}

const RESOURCES: Record<string, string> = {
  StorageClass: '/apis/storage.k8s.io/v1/storageclasses',
  Stage: '/apis/kwok.x-k8s.io/v1alpha1/stages',
  Node: '/api/v1/nodes',
  PersistentVolume: '/api/v1/persistentvolumes',
}

// Applies cluster.yaml and waits for its nodes. Answers whether any of it was not there.
export async function furnish(dir: string, yaml: string, nodes: number): Promise<boolean> {
  const to = access(dir)
  const agent = new Agent({ keepAlive: true })
  const until = Date.now() + 60_000
  let created = false
  try {
    for (const document of yaml.split(/^---$/m)) {
      const { kind, metadata } = load(document) as { kind: string; metadata: { name: string } }
      const path = `${RESOURCES[kind]}/${metadata.name}?fieldManager=rehearsal&force=true`
      for (;;) {
        const { status, text } = await ask(to, agent, 'PATCH', path, document)
        if (status === 201) created = true
        if (status === 200 || status === 201) break
        // The definition of Stages takes a moment until it is served.
        if (status !== 404 || Date.now() > until) throw new Error(`${kind} ${metadata.name}: ${status} ${text}`)
        await sleep(100)
      }
    }
    for (;;) {
      const { text } = await ask(to, agent, 'GET', '/api/v1/nodes')
      const listed = JSON.parse(text).items as { status: { conditions?: { type: string; status: string }[] } }[]
      const ready = listed.filter(({ status }) =>
        status.conditions?.some((is) => is.type === 'Ready' && is.status === 'True'),
      )
      if (ready.length >= nodes) return created
      if (Date.now() > until) {
        throw new Problem(
          'The nodes of the rehearsal cluster are not ready after a minute',
          `Its logs are in ${join(places(dir).cluster, 'logs')}.`,
        )
      }
      await sleep(100)
    }
  } finally {
    agent.destroy()
  }
}
