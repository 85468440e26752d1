import { readAws } from '../aws/cli.ts'
import { CONTROLLER_IMAGE, controllerImage } from '../aws/load-balancer.ts'
import { type Finding, failed, Problem, passed, warning } from '../base/problem.ts'
import type { Check } from '../kubernetes/check.ts'
import { manifests } from '../kubernetes/manifests.ts'
import { partition, templateValues, UTILITY_IMAGES } from '../settings/derived.ts'
import { ROWS, type Settings } from '../settings/table.ts'
import { COMPONENTS } from './checks.ts'

/** An image where it is published, and where the cluster pulls it from. */
export interface ImageCopy {
  from: string
  to: string
}

/** Every image of an installation with these settings, each once. Images that jobs name are not among them. */
export function imagesOf(settings: Settings): ImageCopy[] {
  const upstream = { ...settings, PROW_IMAGE_REGISTRY: ROWS.PROW_IMAGE_REGISTRY.default, IMAGE_MIRROR: '' }
  const [from, to] = [imageNames(upstream), imageNames(settings)]
  const copies = from.map((image, index) => ({ from: image, to: to[index]! }))
  // 11-ingress installs it where there is none.
  if (settings.TARGET === 'eks' && settings.INGRESS === 'alb' && settings.IMAGE_MIRROR)
    copies.push({ from: CONTROLLER_IMAGE, to: controllerImage(settings)! })
  return copies.filter((one, index) => copies.findIndex((other) => other.to === one.to) === index)
}

function imageNames(settings: Settings): string[] {
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

/** The repositories in ECR of the settings' region that images are pulled from, by account. */
export function ecrRepositories({ AWS_REGION }: Settings, copies: ImageCopy[]): Map<string, Set<string>> {
  const wanted = new Map<string, Set<string>>()
  for (const { to } of copies) {
    const [, account, region, repository] = ECR.exec(to) ?? []
    if (region !== AWS_REGION) continue
    wanted.set(account!, (wanted.get(account!) ?? new Set()).add(repository!))
  }
  return wanted
}

/** On EKS, that nodes can pull the images: from registries that they reach, and from repositories in ECR that exist. */
export function imageMirrors(settings: Settings): Check[] {
  if (settings.TARGET !== 'eks') return []
  const copies = imagesOf(settings)
  return [
    { fact: 'nodes reach the registries of the images', inspect: () => abroad(settings, copies) },
    ...[...ecrRepositories(settings, copies)].map(([account, repositories]) => ({
      fact: `ECR of account ${account} has the repositories of the images`,
      inspect: () => inspectRepositories(account, [...repositories]),
    })),
  ]
}

function abroad({ AWS_REGION }: Settings, copies: ImageCopy[]): Finding[] {
  const own = copies.filter(({ from, to }) => from === to)
  if (partition(AWS_REGION) !== 'aws-cn' || own.length === 0) return []
  const hosts = [...new Set(own.map(({ to }) => to.slice(0, to.indexOf('/'))))].join(', ')
  return [
    warning(
      `nodes in China often cannot reach ${hosts}`,
      'Set PROW_IMAGE_REGISTRY and IMAGE_MIRROR, and copy the images that npx tsx scripts/images.ts lists.',
    ),
  ]
}

async function inspectRepositories(account: string, wanted: string[]): Promise<Finding> {
  try {
    const args = ['ecr', 'describe-repositories', '--registry-id', account]
    const answer = await readAws<{ repositories: { repositoryName: string }[] }>(args)
    const names = new Set(answer?.repositories.map(({ repositoryName }) => repositoryName))
    const missing = wanted.filter((name) => !names.has(name))
    if (missing.length === 0) return passed(`images: ECR has their ${wanted.length} repositories`)
    return failed(
      `ECR has no repository ${missing.join(', ')}`,
      'npx tsx scripts/images.ts lists each image and where it has to be; docs/guide.md, 00, has the line that copies them.',
    )
  } catch (error) {
    // The nodes may well be authorized.
    if (!(error instanceof Problem) || error.code !== 'denied') throw error
    return warning(`images in ECR were not checked: ${error.message}`, error.findings[0]?.remedy ?? '')
  }
}
