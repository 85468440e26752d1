import { readAws } from '../aws/cli.ts'
import { CONTROLLER_IMAGE, controllerImage } from '../aws/load-balancer.ts'
import { Problem } from '../base/problem.ts'
import { manifests } from '../kubernetes/manifests.ts'
import type { Ahead } from '../run/result.ts'
import { partition, templateValues, UTILITY_IMAGES } from '../settings/derived.ts'
import { ROWS, type Settings } from '../settings/table.ts'
import { COMPONENTS } from './checks.ts'

/** An image where its makers publish it, and where the cluster will look for it. */
export interface ImageCopy {
  from: string
  to: string
}

/** Every image of an installation with these settings, each once. Images that your own jobs name are not among them. */
export function imagesOf(settings: Settings): ImageCopy[] {
  const upstream = { ...settings, PROW_IMAGE_REGISTRY: ROWS.PROW_IMAGE_REGISTRY.default, IMAGE_MIRROR: '' }
  const [from, to] = [named(upstream), named(settings)]
  const copies = from.map((image, index) => ({ from: image, to: to[index]! }))
  // 11-ingress installs it where there is none.
  if (settings.TARGET === 'eks' && settings.INGRESS === 'alb' && settings.IMAGE_MIRROR)
    copies.push({ from: CONTROLLER_IMAGE, to: controllerImage(settings)! })
  return copies.filter((one, index) => copies.findIndex((other) => other.to === one.to) === index)
}

function named(settings: Settings): string[] {
  const folders = [
    ...COMPONENTS,
    ...(settings.OBJECT_STORE === 'on' ? ['object-store'] : []),
    ...(settings.PUSHGATEWAY === 'on' ? ['pushgateway'] : []),
    ...(settings.LABEL_SYNC === 'on' ? ['labels'] : []),
    ...(settings.INGRESS === 'nginx' ? ['ingress-nginx/controller.yaml'] : []),
    ...(settings.INGRESS === 'nginx' && settings.NGINX_ADMISSION === 'on' ? ['ingress-nginx/admission-jobs.yaml'] : []),
  ]
  const prow = [...UTILITY_IMAGES, ...(settings.CHECKCONFIG === 'on' ? ['checkconfig'] : [])]
  return [
    ...manifests(settings, ...folders).flatMap(({ text }) =>
      [...text.matchAll(/^[\s-]*image: (\S+)$/gm)].map(([, image]) => image!),
    ),
    ...prow.map((name) => `${settings.PROW_IMAGE_REGISTRY}/${name}:${settings.PROW_IMAGE_TAG}`),
    templateValues(settings).HELLO_IMAGE!,
  ]
}

const ECR = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/(.+):[^:/]+$/

/**
 * A line about the mirrors: whether each image has its repository in ECR, or that nodes in China would have to reach
 * registries abroad. Undefined when there is nothing to say. Throws a Problem that names each repository that is
 * missing, or says what AWS does not allow.
 */
export async function checkMirrors(settings: Settings): Promise<string | Ahead | undefined> {
  const copies = imagesOf(settings)
  const abroad = copies.filter(({ from, to }) => from === to)
  if (partition(settings.AWS_REGION) === 'aws-cn' && abroad.length > 0) {
    const hosts = [...new Set(abroad.map(({ to }) => to.slice(0, to.indexOf('/'))))].join(', ')
    const message = `nodes in China seldom reach ${hosts}`
    const remedy = 'Set PROW_IMAGE_REGISTRY and IMAGE_MIRROR, and copy the images that npx tsx scripts/images.ts lists.'
    return { outcome: 'warning', message: message, finding: { message: message, remedy } }
  }
  const wanted = new Map<string, Set<string>>()
  for (const { to } of copies) {
    const [, account, region, repository] = ECR.exec(to) ?? []
    if (region !== settings.AWS_REGION) continue
    wanted.set(account!, (wanted.get(account!) ?? new Set()).add(repository!))
  }
  if (wanted.size === 0) return undefined
  const missing: string[] = []
  for (const [account, repositories] of wanted) {
    const args = ['ecr', 'describe-repositories', '--registry-id', account]
    const there = await readAws<{ repositories: { repositoryName: string }[] }>(args)
    const names = new Set(there?.repositories.map(({ repositoryName }) => repositoryName))
    missing.push(...[...repositories].filter((name) => !names.has(name)))
  }
  if (missing.length > 0) {
    throw new Problem(
      `ECR has no repository ${missing.join(', ')}`,
      'npx tsx scripts/images.ts lists each image and where it has to be; docs/guide.md, 00, has the line that copies them.',
    )
  }
  return `images: each of ${copies.length} has its repository in ECR`
}
