import type { Settings } from './table.ts'

/**
 * The name of an IAM role of the runbook, such as prow-prow-jobs for the use `prow-jobs`. An account has one namespace
 * of roles for all its clusters, so the name of the cluster is in it.
 */
export function roleName(settings: Settings, use: string): string {
  return `${settings.ROLE_PREFIX || settings.CLUSTER_NAME}-${use}`
}

/** The images that are not Prow's, by the name that manifests use. IMAGE_MIRROR replaces their registry. */
const IMAGES = {
  IMAGE_PUSHGATEWAY: 'docker.io/prom/pushgateway:v1.11.1',
  IMAGE_NGINX: 'docker.io/nginxinc/nginx-unprivileged:1.29-alpine',
  IMAGE_VERSITYGW: 'docker.io/versity/versitygw:v1.8.0',
  IMAGE_INGRESS_NGINX: 'registry.k8s.io/ingress-nginx/controller:v1.15.1',
  IMAGE_WEBHOOK_CERTGEN: 'registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.9',
  HELLO_IMAGE: 'docker.io/library/busybox:1.37',
}

/** The Prow images that are added to every pod of a decorated job. */
export const UTILITY_IMAGES = ['clonerefs', 'initupload', 'entrypoint', 'sidecar']

/** The URL of Prow for browsers and GitHub, without a slash at the end. */
export function prowUrl(settings: Settings): string {
  const port = settings.TARGET === 'eks' && settings.HTTPS_PORT !== 443 ? `:${settings.HTTPS_PORT}` : ''
  return `https://${settings.PROW_HOST}${port}`
}

/** What `${NAME}` stands for in manifests and templates: each setting as it is written in .env, and what is derived. */
export function templateValues(settings: Settings): Record<string, string> {
  const filled: Record<string, string> = {}
  for (const [name, value] of Object.entries(settings)) {
    if (/^[A-Z]/.test(name)) filled[name] = Array.isArray(value) ? value.join(',') : String(value)
  }
  for (const [name, image] of Object.entries(IMAGES)) filled[name] = mirrorImage(image, settings.IMAGE_MIRROR)
  return {
    ...filled,
    DECK_ACCESS: deckAccessText(settings),
    LABEL_SYNC_IMAGE: mirrorImage(settings.LABEL_SYNC_IMAGE, settings.IMAGE_MIRROR),
    // The file system takes its share, and the limit holds for each token: a cache as large as the volume fills it up.
    GHPROXY_CACHE_GB: String(Math.floor(settings.GHPROXY_STORAGE_GI * 0.8)),
    GITHUB_SECRET: settings.GITHUB_AUTH === 'app' ? 'github-token' : 'oauth-token',
    // On GitHub Enterprise GraphQL is not below the REST base, so it cannot go through ghproxy.
    GITHUB_GRAPHQL: settings.GITHUB_API.endsWith('/api/v3')
      ? `${settings.GITHUB_API.slice(0, -'/v3'.length)}/graphql`
      : 'http://ghproxy/graphql',
    // label_sync expects full names: org/repo.
    LABEL_SYNC_SCOPE: settings.GITHUB_REPOS.length
      ? `--only=${settings.GITHUB_REPOS.map((repo) => `${settings.GITHUB_ORG}/${repo}`).join(',')}`
      : `--orgs=${settings.GITHUB_ORG}`,
    PROW_URL: prowUrl(settings),
    S3_CONSOLE: settings.TARGET === 'eks' ? S3_CONSOLES[partition(settings.AWS_REGION)] : '',
    PROW_ROLE_ARN: roleArn(settings, roleName(settings, 'prow-controllers')),
    JOBS_ROLE_ARN: roleArn(settings, roleName(settings, 'prow-jobs')),
  }
}

/** DECK_ACCESS as it is written in .env: internal, public, or CIDRs separated by commas. */
export function deckAccessText({ DECK_ACCESS: { kind, cidrs } }: Settings): string {
  return kind === 'cidrs' ? cidrs.join(',') : kind
}

function mirrorImage(image: string, mirror: string): string {
  return mirror ? `${mirror}/${image.slice(image.indexOf('/') + 1)}` : image
}

/** The AWS partition of a region. */
export function partition(region: string): 'aws' | 'aws-cn' | 'aws-us-gov' {
  return region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

/** The page of a bucket in the AWS console, by partition; the name of the bucket is appended. */
export const S3_CONSOLES = {
  aws: 'https://console.aws.amazon.com/s3/buckets/',
  'aws-cn': 'https://console.amazonaws.cn/s3/buckets/',
  'aws-us-gov': 'https://console.amazonaws-us-gov.com/s3/buckets/',
}

/** The ARN of a role in the account of the settings. */
export function roleArn(settings: Settings, name: string): string {
  return `arn:${partition(settings.AWS_REGION)}:iam::${settings.AWS_ACCOUNT_ID}:role/${name}`
}
