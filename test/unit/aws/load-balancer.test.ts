import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster } from '../../../lib/aws/eks.ts'
import { controllerImage, controllerRole, findController, helmArguments } from '../../../lib/aws/load-balancer.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { EKS, settings } from '../world.ts'
import { fakeAws, fakeProgram } from './fake.ts'

const CLUSTER = { resourcesVpcConfig: { vpcId: 'vpc-1' } } as Cluster
const MANAGED = { 'app.kubernetes.io/managed-by': 'prow-runbook' }
const deployment = { kind: 'Deployment', metadata: { name: 'aws-load-balancer-controller' } }
const account = (labels: object) => ({
  kind: 'ServiceAccount',
  metadata: { name: 'aws-load-balancer-controller', labels },
})
const ingressClass = (name: string, controller = 'ingress.k8s.aws/alb') => ({
  kind: 'IngressClass',
  metadata: { name },
  spec: { controller },
})

async function find(objects: object[], classes: object[], cluster = CLUSTER) {
  fakeAws(settings(EKS), {})
  currentRun().target = { kubeconfig: '', context: '', server: '' }
  fakeProgram('kubectl', {
    'get deployments.apps,serviceaccounts': { kind: 'List', items: objects },
    'nodes,': { kind: 'List', items: classes },
    '--show-managed-fields': { kind: 'List', items: [] },
  })
  return findController(cluster)
}

test('what creates load balancers: Auto Mode, a controller, the one of the runbook, or nothing', async () => {
  assert.deepEqual(await find([], [], { ...CLUSTER, computeConfig: { enabled: true } }), { kind: 'auto' })
  assert.deepEqual(await find([], []), { kind: 'none' })
  assert.deepEqual(
    await find([deployment, account({})], [ingressClass('nginx', 'k8s.io/ingress-nginx'), ingressClass('public')]),
    {
      kind: 'installed',
      class: 'public',
      managed: false,
    },
  )
  assert.deepEqual(await find([deployment, account(MANAGED)], [ingressClass('public'), ingressClass('alb')]), {
    kind: 'installed',
    class: 'alb',
    managed: true,
  })
})

test('an interrupted installation of the runbook continues; over that of somebody else nothing is installed', async () => {
  assert.deepEqual(await find([deployment, account(MANAGED)], []), { kind: 'none' })
  assert.deepEqual(await find([account(MANAGED)], []), { kind: 'none' })
  await assert.rejects(find([deployment, account({})], []), /installed, but no IngressClass names it/)
})

test('the image comes from the mirror, from the registry of EKS in China, or from the chart', () => {
  const image = (more: object) => controllerImage(settings({ ...EKS, ...more }))
  assert.equal(image({}), undefined)
  assert.match(
    image({ AWS_REGION: 'cn-north-1' })!,
    /^918309763551\.dkr\.ecr\.cn-north-1\.amazonaws\.com\.cn\/amazon\//,
  )
  assert.match(image({ IMAGE_MIRROR: 'm.example.com/x', AWS_REGION: 'cn-north-1' })!, /^m\.example\.com\/x\/eks\//)
})

test('helm gets the cluster, a ServiceAccount that exists, and nothing that China lacks', () => {
  const typed = helmArguments(settings({ ...EKS, WAIT_SECONDS: '30' }), CLUSTER).join(' ')
  for (const part of [
    'clusterName=prow',
    'vpcId=vpc-1',
    'serviceAccount.create=false',
    'enableShield=false',
    'enableServiceMutatorWebhook=false',
    '--timeout 30s',
  ])
    assert.ok(typed.includes(part), part)
  assert.ok(!typed.includes('image.repository'))
  const china = helmArguments(settings({ ...EKS, AWS_REGION: 'cn-north-1' }), CLUSTER).join(' ')
  assert.match(china, /image\.repository=918309763551\.\S+\/amazon\/aws-load-balancer-controller /)
})

test('its role is for its ServiceAccount alone', () => {
  assert.deepEqual(controllerRole(settings(EKS)).serviceAccounts, ['kube-system:aws-load-balancer-controller'])
  assert.equal(controllerRole(settings(EKS)).name, 'prow-load-balancer-controller')
})
