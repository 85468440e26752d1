// The lower bound: the objects that the runbook has created in one cluster, created in another one by requests and
// nothing else.  node --import tsx test/bench/bound.ts KUBECONFIG FILE
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { load } from 'js-yaml'
import type { KubeObject } from '../../lib/kubernetes/manifests.ts'
import { isReady } from '../../lib/kubernetes/wait.ts'

interface Kubeconfig {
  clusters: { cluster: Record<string, string> }[]
  users: { user: Record<string, string> }[]
}

const [, , kubeconfig = '', file = ''] = process.argv

const config = load(readFileSync(kubeconfig, 'utf8')) as Kubeconfig

const { cluster } = config.clusters[0]!

const { user } = config.users[0]!

const pem = (from: Record<string, string>, name: string) =>
  from[name] ? readFileSync(from[name]) : Buffer.from(from[`${name}-data`] ?? '', 'base64')

const agent = new Agent({
  keepAlive: true,
  maxSockets: 1,
  ca: pem(cluster, 'certificate-authority'),
  cert: pem(user, 'client-certificate'),
  key: pem(user, 'client-key'),
})

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const headers = body ? { 'content-type': 'application/apply-patch+yaml' } : {}
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, cluster.server), { method, agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.once('end', () => {
        if (response.statusCode! < 300) resolve(JSON.parse(text))
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
      })
    })
    sent.once('error', reject)
    sent.end(body ? JSON.stringify(body) : undefined)
  })
}

const resources = new Map<string, { name: string; kind: string; namespaced: boolean }[]>()

/** The path of an object in the API. */
async function pathOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): Promise<string> {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  if (!resources.has(base))
    resources.set(
      base,
      (await ask<{ resources: { name: string; kind: string; namespaced: boolean }[] }>('GET', base)).resources,
    )
  const found = resources.get(base)?.find((one) => one.kind === kind && !one.name.includes('/'))
  return [base, ...(found?.namespaced ? ['namespaces', namespace] : []), found?.name, name].join('/')
}

const objects = JSON.parse(readFileSync(file, 'utf8')).items as KubeObject[]

for (const object of objects) await ask('PATCH', `${await pathOf(object)}?fieldManager=bench&force=true`, object)

const wanted = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Job')

while (
  !(await Promise.all(wanted.map(async (one) => isReady(await ask<KubeObject>('GET', await pathOf(one)))))).every(
    Boolean,
  )
)
  await sleep(100)

agent.destroy()
