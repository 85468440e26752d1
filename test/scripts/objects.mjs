// What is in a cluster of everything that the runbook can create, by the API itself: kubectl takes three times as long.
//   node objects.mjs KUBECONFIG snapshot    a line for each object; see snapshot in helpers.bash
//   node objects.mjs KUBECONFIG untouched   what is there of the runbook, or new otherwise; see untouched

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { text } from 'node:stream/consumers'

const KINDS = {
  'api/v1': 'namespaces secrets configmaps serviceaccounts services persistentvolumeclaims pods',
  'apis/apps/v1': 'deployments',
  'apis/batch/v1': 'jobs cronjobs',
  'apis/networking.k8s.io/v1': 'ingresses ingressclasses',
  'apis/rbac.authorization.k8s.io/v1': 'roles rolebindings clusterroles clusterrolebindings',
  'apis/admissionregistration.k8s.io/v1': 'validatingwebhookconfigurations',
  'apis/apiextensions.k8s.io/v1': 'customresourcedefinitions',
}

const NAMESPACES = ['prow', 'test-pods', 'ingress-nginx']
const CRD = 'prowjobs.prow.k8s.io'
const BY_NAME = [CRD, 'ingress-nginx', 'ingress-nginx-admission', 'nginx', ...NAMESPACES]
// Their status moves by itself, and the resourceVersion with it.
const MOVING = [
  ...['Deployment', 'Job', 'CronJob', 'Pod', 'PersistentVolumeClaim'],
  ...['Namespace', 'Ingress', 'CustomResourceDefinition'],
]
// Of these an empty cluster has none.
const NONE = ['Secret', 'Deployment', 'Job', 'Ingress', 'Pod']

const [kubeconfig, question] = process.argv.slice(2)
const config = readFileSync(kubeconfig, 'utf8')
const field = (name) => new RegExp(`${name}: ["']?([^\\s"']+)`).exec(config)[1]
const pem = (name) => Buffer.from(field(`${name}-data`), 'base64')
const agent = new Agent({
  keepAlive: true,
  maxSockets: 2,
  ca: pem('certificate-authority'),
  cert: pem('client-certificate'),
  key: pem('client-key'),
})

/** The objects of a list, with their kind. */
async function list(path) {
  const answer = await new Promise((resolve, reject) => {
    const sent = get(`${field('server')}/${path}`, { agent, timeout: 30_000 }, async (response) => {
      try {
        const body = await text(response)
        if (response.statusCode === 200) resolve(JSON.parse(body))
        else reject(new Error(`${path}: ${body}`))
      } catch (error) {
        reject(error)
      }
    })
    sent.on('timeout', () => sent.destroy(new Error('the API server does not answer')))
    sent.on('error', reject)
  })
  return answer.items.map((item) => ({ ...item, kind: answer.kind.replace(/List$/, '') }))
}

function line({ kind, metadata, status: _, ...rest }) {
  const { name, namespace, uid, generation, resourceVersion, labels, annotations } = metadata
  if (namespace ? !NAMESPACES.includes(namespace) : !BY_NAME.includes(name)) return []
  const what = kind === 'Pod' ? [] : [{ ...rest, labels, annotations }]
  const mark = createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 12)
  const version = MOVING.includes(kind) ? '' : resourceVersion
  return [[kind, namespace ?? '', name, uid, generation ?? '', mark, version].join(' ')]
}

function touched({ kind, metadata: { name, labels } }) {
  if (kind === 'Namespace' && NAMESPACES.includes(name)) return true
  if (kind === 'CustomResourceDefinition' && name === CRD) return true
  return NONE.includes(kind) || labels?.['app.kubernetes.io/managed-by'] === 'prow-runbook'
}

const paths = Object.entries(KINDS).flatMap(([group, kinds]) => kinds.split(' ').map((kind) => `${group}/${kind}`))
const objects = (await Promise.all(paths.map(list))).flat()
agent.destroy()
const lines =
  question === 'snapshot'
    ? objects.flatMap(line)
    : objects.filter(touched).map(({ kind, metadata: { namespace, name } }) => [kind, namespace, name].join(' '))
console.log(lines.sort().join('\n'))
