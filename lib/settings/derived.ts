import type { Settings } from './table.ts'

/** The name of one of our roles: IAM has one namespace an account, so the cluster's name is in it. */
export function roleName(settings: Settings, use: string): string {
  return `${settings.ROLE_PREFIX || settings.CLUSTER_NAME}-${use}`
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
export function templateValues(settings: Settings): Record<string, string> {
  const filled: Record<string, string> = {}
  for (const [name, value] of Object.entries(settings)) {
    if (/^[A-Z]/.test(name)) filled[name] = Array.isArray(value) ? value.join(',') : String(value)
  }
  for (const [name, image] of Object.entries(IMAGES)) filled[name] = mirrorImage(image, settings.IMAGE_MIRROR)
  return {
    ...filled,
    LABEL_SYNC_IMAGE: mirrorImage(settings.LABEL_SYNC_IMAGE, settings.IMAGE_MIRROR),
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
    S3_CONSOLE: settings.TARGET === 'eks' ? S3_CONSOLES[partition(settings.AWS_REGION)] : '',
    PROW_ROLE_ARN: roleArn(settings, 'controllers'),
    JOBS_ROLE_ARN: roleArn(settings, 'jobs'),
  }
}

function mirrorImage(image: string, mirror: string): string {
  return mirror ? `${mirror}/${image.slice(image.indexOf('/') + 1)}` : image
}

/** The partition of AWS that a region is in. */
export function partition(region: string): 'aws' | 'aws-cn' | 'aws-us-gov' {
  return region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

/** Where people look at buckets in a browser. */
const S3_CONSOLES = {
  aws: 'https://console.aws.amazon.com/s3/buckets/',
  'aws-cn': 'https://console.amazonaws.cn/s3/buckets/',
  'aws-us-gov': 'https://console.amazonaws-us-gov.com/s3/buckets/',
}

function roleArn(settings: Settings, use: 'controllers' | 'jobs'): string {
  return `arn:${partition(settings.AWS_REGION)}:iam::${settings.AWS_ACCOUNT_ID}:role/${settings.ROLE_PREFIX || settings.CLUSTER_NAME}-prow-${use}`
}
