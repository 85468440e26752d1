import { z } from 'zod'

const onOff = z.enum(['on', 'off'], { error: 'must be on or off' })

const oneOf = <const T extends [string, ...string[]]>(...words: T) =>
  z.enum(words, { error: `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}` })

const like = (pattern: RegExp, says: string) => z.string().regex(pattern, { error: `must be ${says}` })

const number = (least: number, most: number, unit: string) =>
  like(/^\d+$/, `a whole number of ${unit}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error: `must be from ${least} to ${most} ${unit}` })

const list = (pattern: RegExp, says: string) =>
  z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((word) => word.trim())
        .filter(Boolean),
    )
    .refine((words) => words.every((word) => pattern.test(word)), { error: `must be ${says}, separated by commas` })

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$/

const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/

const HOST_PORT = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/

const HTTP = /^https?:\/\/[^\s"'/]+(?:\/[^\s"']*[^\s"'/])?$/

const IMAGE = /^[a-z0-9][a-z0-9.:-]*(?:\/[a-z0-9._-]+)*(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$/

const REGISTRY = /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?(?:\/[a-z0-9._-]+)*$/

const CIDR = /^(?:\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}|[0-9a-f:]+\/\d{1,3})$/i

const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/

const PATH = /^[^\n\r\0]+$/

interface Row {
  group: string
  /** What it means, as `.env.example` says it. */
  description: string
  type: z.ZodType<unknown, string>
  /** The value when nobody sets it; absent: none, and the setting may be empty. */
  default?: string
  example?: string
  /** Whether it has to be set, given the others. */
  required?: (raw: Record<string, string>) => boolean
}

export const always = () => true

export const onEks = (raw: Record<string, string>) => raw.TARGET === 'eks'

const onLocal = (raw: Record<string, string>) => raw.TARGET === 'local'

/** Every setting: what it means, how it must look, what it is when nobody sets it. `.env.example` is this table. */
export const ROWS = {
  TARGET: {
    group: 'Target',
    description: 'eks: an Amazon EKS cluster, logs in S3. local: any other cluster; nothing is asked of AWS.',
    type: oneOf('eks', 'local'),
    required: always,
    example: 'eks',
  },
  AWS_ACCOUNT_ID: {
    group: 'Target',
    description: 'The account the cluster is in. A run with credentials of another account ends before it writes.',
    type: like(/^\d{12}$/, 'the 12 digits of an AWS account'),
    required: onEks,
    example: '123456789012',
  },
  AWS_REGION: {
    group: 'Target',
    description: 'The region of the cluster and of the log bucket.',
    type: like(/^[a-z]{2}(?:-[a-z]+)+-\d$/, 'a region such as eu-central-1 or cn-north-1'),
    required: onEks,
    example: 'eu-central-1',
  },
  CLUSTER_NAME: {
    group: 'Target',
    description: 'The name of the EKS cluster.',
    type: like(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'the name of an EKS cluster'),
    required: onEks,
    example: 'prow',
  },
  KUBECONFIG_FILE: {
    group: 'Target',
    description: 'TARGET=local: the kubeconfig to use. The current context of your own is never used.',
    type: like(PATH, 'a path'),
    required: onLocal,
    example: './kubeconfig',
  },
  KUBE_CONTEXT: {
    group: 'Target',
    description: 'TARGET=local: the context in KUBECONFIG_FILE.',
    type: like(PATH, 'the name of a context'),
    required: onLocal,
    example: 'kind-prow',
  },

  PROW_HOST: {
    group: 'Prow',
    description: 'The host name of Prow: Deck is at https://PROW_HOST/ and GitHub delivers to https://PROW_HOST/hook.',
    type: like(HOST, 'a host name such as prow.example.com, without https:// and in lower case'),
    required: always,
    example: 'prow.example.com',
  },
  PROW_IMAGE_REGISTRY: {
    group: 'Prow',
    description: 'Where the images of Prow are; a mirror of your own in AWS China.',
    type: like(REGISTRY, 'a registry and path without a tag'),
    default: 'us-docker.pkg.dev/k8s-infra-prow/images',
  },
  PROW_IMAGE_TAG: {
    group: 'Prow',
    description:
      'The tag of all images of Prow, components and job utilities alike. Later tags break logs of 5 MiB and more on S3.',
    type: like(/^[\w][\w.-]{0,127}$/, 'an image tag'),
    default: 'v20260729-7f8580d8d',
  },
  IMAGE_MIRROR: {
    group: 'Prow',
    description:
      'A registry that holds the other images under their own paths, instead of docker.io and registry.k8s.io.',
    type: like(REGISTRY, 'a registry and path without a tag'),
    example: '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/mirror',
  },
  NODE_ARCH: {
    group: 'Prow',
    description: 'The architecture of the nodes that Prow itself runs on. The images of its components are amd64 only.',
    type: oneOf('amd64', 'arm64'),
    default: 'amd64',
  },
  POD_SECURITY: {
    group: 'Prow',
    description:
      'restricted: pods run as no root user with a read-only root. baseline: as the images have it, which is root.',
    type: oneOf('restricted', 'baseline'),
    default: 'restricted',
  },
  JOB_POD_SECURITY: {
    group: 'Prow',
    description:
      'What test-pods enforces on the pods of jobs: restricted, baseline, or privileged for builds of images in Docker.',
    type: oneOf('restricted', 'baseline', 'privileged'),
    default: 'baseline',
  },
  STORAGE_CLASS: {
    group: 'Prow',
    description:
      'The StorageClass of the claims. gp3 on EKS is made by 07-ebs-csi; on another cluster, name one that is there.',
    type: like(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, 'the name of a StorageClass'),
    default: 'gp3',
  },
  GHPROXY_STORAGE_GI: {
    group: 'Prow',
    description: "The size of ghproxy's claim in GiB. Four fifths of it are its cache of GitHub's answers.",
    type: number(5, 16000, 'GiB'),
    default: '50',
  },

  GITHUB_ORG: {
    group: 'GitHub',
    description: 'The organisation that Prow serves.',
    type: like(NAME, 'the name of a GitHub organisation'),
    required: always,
    example: 'my-org',
  },
  GITHUB_REPOS: {
    group: 'GitHub',
    description: 'Only these repositories of it. Empty: all of them.',
    type: list(/^[\w.-]{1,100}$/, 'names of repositories without the organisation'),
    example: 'website,backend',
  },
  GITHUB_AUTH: {
    group: 'GitHub',
    description:
      'pat: a token of a bot account (secrets/oauth-token). app: a GitHub App (GITHUB_APP_ID, secrets/github-app-key).',
    type: oneOf('pat', 'app'),
    default: 'pat',
  },
  GITHUB_APP_ID: {
    group: 'GitHub',
    description: 'GITHUB_AUTH=app: the id of the App.',
    type: like(/^[1-9]\d{0,15}$/, 'a number'),
    required: (raw) => raw.GITHUB_AUTH === 'app',
    example: '123456',
  },
  GITHUB_HOST: {
    group: 'GitHub',
    description: 'The host of GitHub; that of your own for GitHub Enterprise.',
    type: like(HOST_PORT, 'a host name'),
    default: 'github.com',
  },
  GITHUB_API: {
    group: 'GitHub',
    description: 'The address of its API; https://HOST/api/v3 for GitHub Enterprise.',
    type: like(HTTP, 'an http(s) address without a slash at its end'),
    default: 'https://api.github.com',
  },
  GITHUB_CHECKS: {
    group: 'GitHub',
    description:
      'off: GitHub is not asked about tokens, and steps that write to it leave it out. For a machine that cannot reach it.',
    type: onOff,
    default: 'on',
  },
  WEBHOOK: {
    group: 'GitHub',
    description:
      'Whose webhook 12-webhook makes. auto: each of GITHUB_REPOS has one, or the organisation. An App has its own.',
    type: oneOf('auto', 'organisation', 'repositories', 'none'),
    default: 'auto',
  },
  PRIVATE_CLONES: {
    group: 'GitHub',
    description:
      'on: jobs may clone private repositories, with secrets/clone-token: a token that can only read, since any job can mount it.',
    type: onOff,
    default: 'off',
  },

  LOG_BUCKET: {
    group: 'Logs',
    description: 'The bucket for the logs of jobs. 05-service-accounts makes it on EKS.',
    type: like(BUCKET, 'a bucket name: 3 to 63 of a-z, 0-9 and -, without dots'),
    required: always,
    example: 'my-org-prow-logs',
  },
  LOG_DAYS: {
    group: 'Logs',
    description: 'For how many days logs are kept.',
    type: number(1, 3650, 'days'),
    default: '90',
  },
  ROLE_PREFIX: {
    group: 'Logs',
    description:
      'What the names of our IAM roles begin with: an account has one namespace for all its clusters. Empty: CLUSTER_NAME.',
    type: like(/^[\w+=,.@-]{1,30}$/, 'up to 30 letters, digits and +=,.@_-'),
    example: 'prow-cn',
  },
  IDENTITY: {
    group: 'Logs',
    description: 'How Prow proves itself to S3. irsa: by roles (EKS). keys: by access keys in secrets/s3-credentials.',
    type: oneOf('irsa', 'keys'),
    default: 'irsa',
  },
  OBJECT_STORE: {
    group: 'Logs',
    description: 'TARGET=local: on puts a small S3 server into the cluster, for a try-out.',
    type: onOff,
    default: 'off',
  },

  INGRESS: {
    group: 'Edge',
    description:
      'alb: the AWS Load Balancer Controller. nginx: ingress-nginx as in the guide, retired upstream in March 2026. none: yours.',
    type: oneOf('alb', 'nginx', 'none'),
    default: 'alb',
  },
  NGINX_ADMISSION: {
    group: 'Edge',
    description: 'INGRESS=nginx: on also installs its admission webhook, which looks at every Ingress of the cluster.',
    type: onOff,
    default: 'on',
  },
  CERTIFICATE_ARN: {
    group: 'Edge',
    description: 'INGRESS=alb: the ACM certificate for PROW_HOST. Empty: looked for in ACM.',
    type: like(/^arn:aws[\w-]*:(?:acm|iam):[\w-]*:\d{12}:[\w/-]+$/, 'the ARN of a certificate'),
    example: 'arn:aws:acm:eu-central-1:123456789012:certificate/1b2c…',
  },
  HOSTED_ZONE: {
    group: 'Edge',
    description: 'The Route 53 zone in which the record for PROW_HOST is made. Empty: the record is made by you.',
    type: like(HOST, 'a domain such as example.com'),
    example: 'example.com',
  },
  DECK_ACCESS: {
    group: 'Edge',
    description:
      'Who reaches Deck: internal, public, or a list of CIDRs. Job logs of private repositories are on its pages.',
    type: z
      .string()
      .refine((text) => /^(internal|public)$/.test(text) || text.split(',').every((word) => CIDR.test(word.trim())), {
        error: 'must be internal, public or CIDRs separated by commas',
      }),
    default: 'internal',
  },
  HOOK_CIDRS: {
    group: 'Edge',
    description: "From where /hook is reached. Empty: from anywhere; what comes without GitHub's signature is refused.",
    type: list(CIDR, 'CIDRs'),
    example: '192.30.252.0/22,185.199.108.0/22',
  },

  HTTPS_PORT: {
    group: 'Edge',
    description: 'The port of https on the load balancer. In China 443 is closed for accounts without an ICP filing.',
    type: number(1, 65535, 'as a port'),
    default: '443',
  },
  HTTP_PORT: {
    group: 'Edge',
    description: 'The port whose visitors are sent on to https; off: none.',
    type: like(/^(off|[1-9]\d{0,4})$/, 'a port or off'),
    default: '80',
  },

  OAUTH: {
    group: 'Switches',
    description:
      'on: people log in to Deck with GitHub, see their pull requests and rerun jobs (secrets/github-oauth-config).',
    type: onOff,
    default: 'on',
  },
  PUSHGATEWAY: {
    group: 'Switches',
    description: 'on: the pushgateway of the guide. Nothing of Prow needs it when Prometheus reads port 9090.',
    type: onOff,
    default: 'on',
  },
  LABELS: {
    group: 'Switches',
    description: 'on: 10-labels writes the labels of labels.yaml to GitHub.',
    type: onOff,
    default: 'on',
  },
  LABELS_DELETE: {
    group: 'Switches',
    description:
      'on: 10-labels also deletes labels that labels.yaml says are to go (deleteAfter). Others are never deleted.',
    type: onOff,
    default: 'off',
  },
  LABEL_SYNC: {
    group: 'Switches',
    description:
      "on: the guide's label_sync Job and hourly CronJob too. Their image is a staging one, promised to nobody.",
    type: onOff,
    default: 'off',
  },
  LABEL_SYNC_IMAGE: {
    group: 'Switches',
    description: 'The image of label_sync.',
    type: like(IMAGE, 'an image'),
    default: 'gcr.io/k8s-staging-test-infra/label_sync:v20260729-f66136c16c',
  },
  VERIFY_JOB: {
    group: 'Switches',
    description:
      'on: 13-verify sends a harmless job through Prow and looks for its log in the bucket. Job and pod are removed.',
    type: onOff,
    default: 'off',
  },
  CONFIG_STRICT: {
    group: 'Switches',
    description:
      'off: what `checkconfig` only warns of, such as fields that Prow does not know, is told and does not stop 06-config.',
    type: onOff,
    default: 'on',
  },
  CHECKCONFIG: {
    group: 'Switches',
    description:
      "on: Prow's own checkconfig has the last word: the program on PATH, else a pod of the installed version.",
    type: onOff,
    default: 'on',
  },
  WAIT_SECONDS: {
    group: 'Switches',
    description: 'For how long a step waits for pods before it says why they are not ready.',
    type: number(5, 3600, 'seconds'),
    default: '600',
  },
  POLL_SECONDS: {
    group: 'Switches',
    description: 'How often a step that waits for AWS looks again.',
    type: number(1, 60, 'seconds'),
    default: '10',
  },
  SECRETS_DIR: {
    group: 'Switches',
    description: 'The folder of your secret files, from the folder of this file.',
    type: like(PATH, 'a path'),
    default: 'secrets',
  },
  CONFIG_DIR: {
    group: 'Switches',
    description:
      'The folder of your config.yaml, plugins.yaml, labels.yaml and jobs/. When it is not there, the templates are used.',
    type: like(PATH, 'a path'),
    default: 'config',
  },
} satisfies Record<string, Row>

export type SettingName = keyof typeof ROWS

export const settingRows = ROWS as Record<string, Row>

type Optional = 'IMAGE_MIRROR' | 'ROLE_PREFIX' | 'CERTIFICATE_ARN' | 'HOSTED_ZONE'

/** The settings of this run. What is not set and has no default is an empty text or list. */
export type Settings = {
  [Name in SettingName]: Name extends Optional ? string : z.output<(typeof ROWS)[Name]['type']>
} & {
  /** The file they were read from. */
  file: string
  /** Settings that the environment gave, not the file. */
  fromEnvironment: SettingName[]
}
