import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll, YAML11_SCHEMA } from 'js-yaml'
import { Problem } from '../base/problem.ts'
import { ROOT, type Settings } from '../settings/settings.ts'

/** An object as the API server has it, as far as this runbook looks at it. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    [more: string]: unknown
  }
  [more: string]: unknown
}

/** One document for kubectl: its text as it is sent, and the object it says. */
export interface Manifest {
  text: string
  object: KubeObject
}

/** Images that are not Prow's. IMAGE_MIRROR, when set, replaces the registry in front. */
const IMAGES = {
  IMAGE_PUSHGATEWAY: 'docker.io/prom/pushgateway:v1.11.1',
  IMAGE_NGINX: 'docker.io/nginxinc/nginx-unprivileged:1.29-alpine',
  IMAGE_VERSITYGW: 'docker.io/versity/versitygw:v1.8.0',
  IMAGE_INGRESS_NGINX: 'registry.k8s.io/ingress-nginx/controller:v1.15.1',
  IMAGE_WEBHOOK_CERTGEN: 'registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.9',
  HELLO_IMAGE: 'docker.io/library/busybox:1.37',
}

/** The images of Prow that go into every pod of a decorated job. */
export const UTILITY_IMAGES = ['clonerefs', 'initupload', 'entrypoint', 'sidecar']

/** Where Prow is for a browser and for GitHub, without a slash at its end. */
export function prowUrl(settings: Settings): string {
  const port = settings.TARGET === 'eks' && settings.HTTPS_PORT !== 443 ? `:${settings.HTTPS_PORT}` : ''
  return `https://${settings.PROW_HOST}${port}`
}

/** Every place that a manifest or a template may have: the settings, and what follows from them. */
export function places(settings: Settings): Record<string, string> {
  const filled: Record<string, string> = {}
  for (const [name, value] of Object.entries(settings)) {
    if (/^[A-Z]/.test(name)) filled[name] = Array.isArray(value) ? value.join(',') : String(value)
  }
  for (const [name, image] of Object.entries(IMAGES)) filled[name] = mirrored(image, settings.IMAGE_MIRROR)
  return {
    ...filled,
    LABEL_SYNC_IMAGE: mirrored(settings.LABEL_SYNC_IMAGE, settings.IMAGE_MIRROR),
    // The volume holds a file system and the cache is counted per token: a cache as large as the volume fills it.
    GHPROXY_CACHE_GB: String(Math.floor(settings.GHPROXY_STORAGE_GI * 0.8)),
    GITHUB_SECRET: settings.GITHUB_AUTH === 'app' ? 'github-token' : 'oauth-token',
    // On GitHub Enterprise GraphQL is not below the REST base, so it cannot go through ghproxy.
    GITHUB_GRAPHQL: settings.GITHUB_API.endsWith('/api/v3')
      ? `${settings.GITHUB_API.slice(0, -'/v3'.length)}/graphql`
      : 'http://ghproxy/graphql',
    // label_sync takes repositories by their full names.
    LABEL_SYNC_SCOPE: settings.GITHUB_REPOS.length
      ? `--only=${settings.GITHUB_REPOS.map((repo) => `${settings.GITHUB_ORG}/${repo}`).join(',')}`
      : `--orgs=${settings.GITHUB_ORG}`,
    PROW_URL: prowUrl(settings),
    S3_CONSOLE: settings.TARGET === 'eks' ? CONSOLES[partition(settings.AWS_REGION)] : '',
    PROW_ROLE_ARN: roleArn(settings, 'controllers'),
    JOBS_ROLE_ARN: roleArn(settings, 'jobs'),
  }
}

function mirrored(image: string, mirror: string): string {
  return mirror ? `${mirror}/${image.slice(image.indexOf('/') + 1)}` : image
}

/** The partition of AWS that a region is in. */
export function partition(region: string): 'aws' | 'aws-cn' | 'aws-us-gov' {
  return region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

/** Where people look at buckets in a browser. */
const CONSOLES = {
  aws: 'https://console.aws.amazon.com/s3/buckets/',
  'aws-cn': 'https://console.amazonaws.cn/s3/buckets/',
  'aws-us-gov': 'https://console.amazonaws-us-gov.com/s3/buckets/',
}

function roleArn(settings: Settings, use: 'controllers' | 'jobs'): string {
  return `arn:${partition(settings.AWS_REGION)}:iam::${settings.AWS_ACCOUNT_ID}:role/${settings.ROLE_PREFIX || settings.CLUSTER_NAME}-prow-${use}`
}

/**
 * Fills the places of a text: `${NAME}` with its value; a line that ends in `# when NAME`, `# when NAME=value` or
 * `# when NAME!=value` stays only if that is so. Throws a Problem that names what is left unfilled in `file`.
 */
export function fill(text: string, values: Record<string, string>, file: string): string {
  const unknown = new Set<string>()
  const value = (name: string): string => {
    const found = values[name]
    if (found === undefined) unknown.add(name)
    return found ?? ''
  }
  const lines: string[] = []
  for (const line of text.split('\n')) {
    const when = /^(.*?)\s+# when (\w+)(?:(!?=)(\S+))?\s*$/.exec(line)
    let kept = line
    if (when) {
      const [, before, name, sign, wanted] = when as unknown as [string, string, string, string?, string?]
      const set = value(name)
      const holds = sign ? (set === wanted) === (sign === '=') : set !== '' && set !== 'off'
      if (!holds) continue
      kept = before
    }
    lines.push(kept.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => value(name)))
  }
  if (unknown.size > 0) {
    throw new Problem(
      `${file} has places that nothing fills: ${[...unknown].join(', ')}`,
      'Use the names of settings in .env.example.',
    )
  }
  return lines.join('\n')
}

/** The documents of a YAML text, each as its own text: kubectl gets the text, never what a parser made of it. */
export function documents(text: string, file: string): Manifest[] {
  const manifests: Manifest[] = []
  for (const part of text.split(/^---.*$/m)) {
    // Parsed only to know what it is: js-yaml and kubectl disagree about `0644` and `yes`.
    const [object] = loadAll(part, { schema: YAML11_SCHEMA, filename: file }) as unknown as [KubeObject | undefined]
    if (object) manifests.push({ text: part.trim(), object })
  }
  return manifests
}

/** The manifests of a folder or file below manifests/, in the order of their files' names, filled from the settings. */
export function manifests(settings: Settings, ...paths: string[]): Manifest[] {
  return manifestsWith(settings, {}, ...paths)
}

/** The same, with places beyond the settings: what a step found out. */
export function manifestsWith(settings: Settings, more: Record<string, string>, ...paths: string[]): Manifest[] {
  const values = { ...places(settings), ...more }
  return paths.flatMap((path) => {
    const full = join(ROOT, 'manifests', path)
    const files = path.endsWith('.yaml')
      ? [full]
      : readdirSync(full)
          .filter((name) => name.endsWith('.yaml'))
          .sort()
          .map((name) => join(full, name))
    return files.flatMap((file) => {
      const told = file.slice(ROOT.length + 1)
      return documents(fill(readFileSync(file, 'utf8'), values, told), told)
    })
  })
}

/** An object made here, as a manifest. JSON is YAML. */
export function manifest(object: KubeObject): Manifest {
  return { text: JSON.stringify(object), object }
}

/** The label by which what the runbook made is known. */
export const OURS = { 'app.kubernetes.io/managed-by': 'prow-runbook', 'app.kubernetes.io/part-of': 'prow' }

/** A Secret; `data` holds the values as they are, by key. */
export function secret(namespace: string, name: string, data: Record<string, string>): Manifest {
  return manifest({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { ...OURS } },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  })
}
