import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../../lib/base/paths.ts'
import { fillTemplate } from '../../../lib/kubernetes/manifests.ts'
import { imagesOf } from '../../../lib/prow/images.ts'
import { templateValues } from '../../../lib/settings/derived.ts'
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

test('what is switched off is not listed, and without a mirror an image is where its makers have it', () => {
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
