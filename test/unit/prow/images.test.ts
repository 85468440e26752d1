import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../../lib/base/paths.ts'
import { findingsOf } from '../../../lib/kubernetes/check.ts'
import { fillTemplate } from '../../../lib/kubernetes/manifests.ts'
import { ecrRepositories, imageMirrors, imagesOf } from '../../../lib/prow/images.ts'
import { currentRun } from '../../../lib/run/context.ts'
import { templateValues } from '../../../lib/settings/derived.ts'
import type { Settings } from '../../../lib/settings/table.ts'
import { type Answers, fakeAws, fakeProgram, refusal } from '../aws/fake.ts'
import { EKS, LOCAL, settings } from '../world.ts'

const MIRRORS = { PROW_IMAGE_REGISTRY: 'own.example.com/prow', IMAGE_MIRROR: 'own.example.com/others' }

test('every image that a manifest or a template names is listed, and nothing else', () => {
  const all = settings({ ...LOCAL, ...MIRRORS, OBJECT_STORE: 'on', LABEL_SYNC: 'on' })
  const named = (readdirSync(join(ROOT, 'manifests'), { recursive: true }) as string[])
    .map((name) => join(ROOT, 'manifests', name))
    .filter((file) => statSync(file).isFile() && !/labels\.yaml|controller-account|alb-|auto-classes/.test(file))
    .flatMap((file) => [
      ...fillTemplate(readFileSync(file, 'utf8'), templateValues(all), file).matchAll(
        /own\.example\.com\/\S+:[^\s"]+/g,
      ),
    ])
    .map(([image]) => image)
  const listed = imagesOf(all).map(({ to }) => to)
  assert.deepEqual(
    [...new Set([...named, 'own.example.com/prow/checkconfig:v20260729-7f8580d8d'])].sort(),
    listed.sort(),
  )
})

test('what is switched off is not listed, and without a mirror an image is where it is published', () => {
  const some = imagesOf(settings({ ...EKS, INGRESS: 'none', PUSHGATEWAY: 'off', CHECKCONFIG: 'off' }))
  assert.ok(some.every(({ from, to }) => from === to))
  assert.deepEqual(
    some.filter(({ to }) => !to.startsWith('us-docker.pkg.dev/k8s-infra-prow/images/')).map(({ to }) => to),
    ['docker.io/library/busybox:1.37'],
  )
  const controllers = (more: object) =>
    imagesOf(settings({ ...EKS, ...more })).filter(({ from }) => from.includes('load-balancer'))
  assert.deepEqual(controllers({}), [])
  const [controller] = controllers(MIRRORS)
  assert.match(`${controller!.from} ${controller!.to}`, /^public\.ecr\.aws\/(eks\/\S+) own\.example\.com\/others\/\1$/)
  const [one] = imagesOf(settings({ ...EKS, ...MIRRORS }))
  assert.equal(one!.from, 'us-docker.pkg.dev/k8s-infra-prow/images/hook:v20260729-7f8580d8d')
  assert.equal(one!.to, 'own.example.com/prow/hook:v20260729-7f8580d8d')
})

const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com'
const OWN = settings({ ...EKS, PROW_IMAGE_REGISTRY: `${ECR}/prow`, IMAGE_MIRROR: `${ECR}/mirror` })

test('repositories are those in ECR of the region, by account, each once', () => {
  const images = ['1', '2'].map((tag) => ({ from: '', to: `${ECR}/prow/hook:${tag}` }))
  const far = { from: '', to: `${ECR.replace('eu-central-1', 'us-west-2')}/prow/deck:1` }
  assert.deepEqual(ecrRepositories(OWN, [...images, far]), new Map([['123456789012', new Set(['prow/hook'])]]))
})

async function inspect(wanted: Settings, answers: Answers) {
  fakeAws(wanted, answers)
  currentRun().target = { kubeconfig: '', context: '', server: '' }
  fakeProgram('kubectl', { get: { kind: 'List', items: [] } })
  return (await findingsOf(imageMirrors(wanted))).flat()
}

test('repositories that ECR lacks are a failure; who may not list them has a warning, by the code of the error', async () => {
  const repositories = [...ecrRepositories(OWN, imagesOf(OWN)).values()].flatMap((names) => [...names])
  const has = (names: string[]) => ({ repositories: names.map((repositoryName) => ({ repositoryName })) })
  assert.deepEqual(
    (await inspect(OWN, { 'describe-repositories': has(repositories) })).map(({ outcome }) => outcome),
    ['passed'],
  )
  const [missing] = await inspect(OWN, { 'describe-repositories': has(repositories.slice(1)) })
  assert.deepEqual([missing?.outcome, missing?.message], ['failed', `ECR has no repository ${repositories[0]}`])
  const [denied] = await inspect(OWN, { 'describe-repositories': refusal('AccessDeniedException') })
  assert.equal(denied?.outcome, 'warning')
  const [broken] = await inspect(OWN, { 'describe-repositories': refusal('ServerException') })
  assert.equal(broken?.outcome, 'failed')
})

test('in China registries abroad are a warning; elsewhere, and off EKS, they are not asked about', async () => {
  const china = settings({ ...EKS, AWS_REGION: 'cn-north-1' })
  const [finding] = await inspect(china, {})
  assert.equal(finding?.outcome, 'warning')
  assert.match(finding!.message, /nodes in China often cannot reach us-docker\.pkg\.dev, docker\.io/)
  assert.deepEqual(await inspect(settings(EKS), {}), [])
  assert.deepEqual(imageMirrors(settings(LOCAL)), [])
})
