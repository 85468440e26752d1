import { isCidr } from '../base/cidr.ts'
import {
  BUCKET,
  deckAccess,
  GITHUB_NAME,
  HOST_NAME,
  HOST_PORT,
  HTTP,
  IMAGE,
  like,
  list,
  number,
  oneOf,
  onOff,
  PATH,
  port,
  portOrOff,
  REGISTRY,
  type Type,
} from './types.ts'

/** IAM allows 64 characters; the names of the runbook's roles append up to 29 to the prefix. */
const MAX_ROLE_PREFIX = 35

/** The texts of all settings by name, with defaults filled in and before they are parsed. */
type Raw = Record<string, string>

/** A value that is well formed, but not allowed together with other settings. */
interface Refusal {
  when: (raw: Raw) => boolean
  /** Continues `NAME=value `. */
  reason: string
  /** Continues `In .env, `. */
  remedy: string
}

interface Row {
  group: string
  /** What it means, as `.env.example` and the problems with it show it. */
  description: string
  type: Type<unknown>
  /** The value when it is not set. Without one the setting may be empty. */
  default?: string
  example?: string
  /** Whether it has to be set, given the others. */
  required?: (raw: Raw) => boolean
  refuse?: Refusal[]
}

export const always = () => true

export const onEks = (raw: Raw) => raw.TARGET === 'eks'

const onLocal = (raw: Raw) => raw.TARGET === 'local'

/** Every setting: its meaning, its form, its default and what it cannot go with. `.env.example` is made of this table. */
export const ROWS = {
  TARGET: {
    group: 'Target',
    description: 'eks: an Amazon EKS cluster, with job logs in S3. local: any other cluster; AWS is not used.',
    type: oneOf('eks', 'local'),
    required: always,
    example: 'eks',
  },
  AWS_ACCOUNT_ID: {
    group: 'Target',
    description:
      'The AWS account of the cluster. A run with credentials of another account stops before it changes anything.',
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
    refuse: [
      {
        when: (raw) => onEks(raw) && !raw.ROLE_PREFIX && (raw.CLUSTER_NAME ?? '').length > MAX_ROLE_PREFIX,
        reason: 'is too long to be the prefix of the names of IAM roles',
        remedy: 'set ROLE_PREFIX to a shorter one.',
      },
    ],
  },
  KUBECONFIG_FILE: {
    group: 'Target',
    description: 'TARGET=local: the kubeconfig to use. Your own current context is never used.',
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
    description:
      'The host name of Prow. Deck is served at https://PROW_HOST/; GitHub sends webhooks to https://PROW_HOST/hook.',
    type: like(HOST_NAME, 'a host name in lower case such as prow.example.com, without https://'),
    required: always,
    example: 'prow.example.com',
  },
  PROW_IMAGE_REGISTRY: {
    group: 'Prow',
    description: "The registry of Prow's images. In AWS China, a mirror of your own.",
    type: like(REGISTRY, 'a registry and path without a tag'),
    default: 'us-docker.pkg.dev/k8s-infra-prow/images',
    refuse: [
      {
        when: (raw) => raw.PROW_IMAGE_REGISTRY?.startsWith('gcr.io/k8s-prow') ?? false,
        reason: 'was shut down in 2025',
        remedy: 'remove PROW_IMAGE_REGISTRY, which leaves its default, or name a mirror of that.',
      },
    ],
  },
  PROW_IMAGE_TAG: {
    group: 'Prow',
    description:
      'The tag of all Prow images, components and job utilities alike. Later tags break logs of 5 MiB and more on S3.',
    type: like(/^[\w][\w.-]{0,127}$/, 'an image tag'),
    default: 'v20260729-7f8580d8d',
  },
  IMAGE_MIRROR: {
    group: 'Prow',
    description:
      'A registry that mirrors the other images under their own paths, in place of docker.io and registry.k8s.io.',
    type: like(REGISTRY, 'a registry and path without a tag'),
    example: '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/mirror',
  },
  NODE_ARCH: {
    group: 'Prow',
    description: 'The architecture of the nodes that Prow runs on. The images of its components are amd64 only.',
    type: oneOf('amd64', 'arm64'),
    default: 'amd64',
  },
  POD_SECURITY: {
    group: 'Prow',
    description:
      "restricted: Prow's pods run as non-root with a read-only root file system. baseline: as the images are built, as root.",
    type: oneOf('restricted', 'baseline'),
    default: 'restricted',
  },
  JOB_POD_SECURITY: {
    group: 'Prow',
    description:
      "The Pod Security level that test-pods enforces on job pods: baseline, or privileged for Docker-in-Docker. Prow's own containers in them do not meet restricted.",
    type: oneOf('baseline', 'privileged'),
    default: 'baseline',
  },
  STORAGE_CLASS: {
    group: 'Prow',
    description:
      'The StorageClass of the PersistentVolumeClaims. On EKS 07-ebs-csi creates gp3; elsewhere, name one that exists.',
    type: like(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, 'the name of a StorageClass'),
    default: 'gp3',
  },
  GHPROXY_STORAGE_GI: {
    group: 'Prow',
    description:
      "The size of ghproxy's PersistentVolumeClaim in GiB. Four fifths of it hold its cache of GitHub's responses.",
    type: number(5, 16000, 'GiB'),
    default: '50',
  },

  GITHUB_ORG: {
    group: 'GitHub',
    description: 'The GitHub organization that Prow serves.',
    type: like(GITHUB_NAME, 'the name of a GitHub organization'),
    required: always,
    example: 'my-org',
  },
  GITHUB_REPOS: {
    group: 'GitHub',
    description: 'The repositories that Prow serves, without the organization. Empty: all of the organization.',
    type: list((word) => /^[\w.-]{1,100}$/.test(word), 'names of repositories without the organization'),
    example: 'website,backend',
  },
  GITHUB_AUTH: {
    group: 'GitHub',
    description:
      'pat: the token of a bot account (secrets/oauth-token). app: a GitHub App (GITHUB_APP_ID, secrets/github-app-key).',
    type: oneOf('pat', 'app'),
    default: 'pat',
  },
  GITHUB_APP_ID: {
    group: 'GitHub',
    description: 'GITHUB_AUTH=app: the ID of the GitHub App.',
    type: like(/^[1-9]\d{0,15}$/, 'a number'),
    required: (raw) => raw.GITHUB_AUTH === 'app',
    example: '123456',
  },
  GITHUB_HOST: {
    group: 'GitHub',
    description: 'The host name of GitHub, or of your GitHub Enterprise Server.',
    type: like(HOST_PORT, 'a host name such as github.com'),
    default: 'github.com',
  },
  GITHUB_API: {
    group: 'GitHub',
    description: "The URL of GitHub's API; https://HOST/api/v3 for GitHub Enterprise Server.",
    type: like(HTTP, 'an http or https URL without a slash at the end'),
    default: 'https://api.github.com',
  },
  GITHUB_CHECKS: {
    group: 'GitHub',
    description:
      'off: tokens are not checked against GitHub, and steps that write to GitHub are skipped. For machines that cannot reach it.',
    type: onOff,
    default: 'on',
  },
  WEBHOOK: {
    group: 'GitHub',
    description:
      'The webhooks that 12-webhook creates. auto: for each of GITHUB_REPOS, else for the organization. An App has its own.',
    type: oneOf('auto', 'organisation', 'repositories', 'none'),
    default: 'auto',
  },
  PRIVATE_CLONES: {
    group: 'GitHub',
    description:
      'on: jobs may clone private repositories with secrets/clone-token. Make it read-only: every job can mount it.',
    type: onOff,
    default: 'off',
  },

  LOG_BUCKET: {
    group: 'Logs',
    description: 'The bucket for job logs. On EKS 05-service-accounts creates it.',
    type: like(BUCKET, 'a bucket name: 3 to 63 of a-z, 0-9 and -, without dots'),
    required: always,
    example: 'my-org-prow-logs',
  },
  LOG_DAYS: {
    group: 'Logs',
    description: 'How many days job logs are kept.',
    type: number(1, 3650, 'days'),
    default: '90',
  },
  ROLE_PREFIX: {
    group: 'Logs',
    description: 'The prefix of the names of IAM roles, which all clusters of an account share. Empty: CLUSTER_NAME.',
    type: like(/^[\w+=,.@-]{1,30}$/, 'up to 30 letters, digits and +=,.@_-'),
    example: 'prow-cn',
  },
  IDENTITY: {
    group: 'Logs',
    description:
      'How Prow authenticates to S3. irsa: with IAM roles (EKS only). keys: with access keys (secrets/s3-credentials).',
    type: oneOf('irsa', 'keys'),
    default: 'irsa',
    refuse: [
      {
        when: (raw) => onLocal(raw) && raw.IDENTITY === 'irsa',
        reason: 'needs TARGET=eks',
        remedy: 'set IDENTITY=keys, and put access keys into secrets/s3-credentials.',
      },
    ],
  },
  OBJECT_STORE: {
    group: 'Logs',
    description: 'TARGET=local: on installs a small S3 server in the cluster, to try Prow out.',
    type: onOff,
    default: 'off',
    refuse: [
      {
        when: (raw) => onEks(raw) && raw.OBJECT_STORE === 'on',
        reason: 'needs TARGET=local',
        remedy: 'set OBJECT_STORE=off: on EKS job logs are in S3.',
      },
    ],
  },

  INGRESS: {
    group: 'Ingress',
    description:
      'alb: the AWS Load Balancer Controller. nginx: ingress-nginx as in the guide, retired in March 2026. none: your own.',
    type: oneOf('alb', 'nginx', 'none'),
    default: 'alb',
    refuse: [
      {
        when: (raw) => onLocal(raw) && raw.INGRESS === 'alb',
        reason: 'needs TARGET=eks',
        remedy: 'set INGRESS=nginx or INGRESS=none.',
      },
    ],
  },
  NGINX_ADMISSION: {
    group: 'Ingress',
    description: 'INGRESS=nginx: on also installs its admission webhook, which validates every Ingress of the cluster.',
    type: onOff,
    default: 'on',
  },
  CERTIFICATE_ARN: {
    group: 'Ingress',
    description: 'INGRESS=alb: the ACM certificate for PROW_HOST. Empty: found in ACM.',
    type: like(/^arn:aws[\w-]*:(?:acm|iam):[\w-]*:\d{12}:[\w/-]+$/, 'the ARN of a certificate'),
    example: 'arn:aws:acm:eu-central-1:123456789012:certificate/1b2c…',
  },
  HOSTED_ZONE: {
    group: 'Ingress',
    description: 'The Route 53 hosted zone in which the record for PROW_HOST is created. Empty: you create the record.',
    type: like(HOST_NAME, 'a domain such as example.com'),
    example: 'example.com',
  },
  DECK_ACCESS: {
    group: 'Ingress',
    description:
      'Who can reach Deck: internal, public, or CIDRs. Deck shows job logs, also those of private repositories.',
    type: deckAccess,
    default: 'internal',
  },
  HOOK_CIDRS: {
    group: 'Ingress',
    description: 'The CIDRs that can reach /hook. Empty: any; requests without a valid signature are rejected.',
    type: list(isCidr, 'CIDRs such as 192.30.252.0/22'),
    example: '192.30.252.0/22,185.199.108.0/22',
  },

  HTTPS_PORT: {
    group: 'Ingress',
    description: 'The HTTPS port of the load balancer. In China 443 is blocked for accounts without an ICP filing.',
    type: port,
    default: '443',
  },
  HTTP_PORT: {
    group: 'Ingress',
    description: 'The HTTP port, which redirects to HTTPS. off: none.',
    type: portOrOff,
    default: '80',
    refuse: [
      {
        when: (raw) => raw.HTTP_PORT === raw.HTTPS_PORT,
        reason: 'is HTTPS_PORT as well',
        remedy: 'set HTTP_PORT to another port, or to off.',
      },
    ],
  },

  OAUTH: {
    group: 'Features',
    description:
      'on: people sign in to Deck with GitHub to see their pull requests and rerun jobs (secrets/github-oauth-config).',
    type: onOff,
    default: 'on',
  },
  PUSHGATEWAY: {
    group: 'Features',
    description: "on: install the guide's Pushgateway. Prow does not need it when Prometheus scrapes port 9090.",
    type: onOff,
    default: 'on',
  },
  LABELS: {
    group: 'Features',
    description: 'on: 10-labels creates and updates the labels of labels.yaml on GitHub.',
    type: onOff,
    default: 'on',
  },
  LABELS_DELETE: {
    group: 'Features',
    description:
      'on: 10-labels also deletes the labels that labels.yaml marks for deletion (deleteAfter). No others are deleted.',
    type: onOff,
    default: 'off',
  },
  LABEL_SYNC: {
    group: 'Features',
    description:
      "on: also install the guide's label_sync Job and hourly CronJob. Their image is a staging build without support.",
    type: onOff,
    default: 'off',
  },
  LABEL_SYNC_IMAGE: {
    group: 'Features',
    description: 'The image of label_sync.',
    type: like(IMAGE, 'an image'),
    default: 'gcr.io/k8s-staging-test-infra/label_sync:v20260729-f66136c16c',
  },
  VERIFY_JOB: {
    group: 'Features',
    description:
      'on: 13-verify runs a harmless test job through Prow and checks that its log is in the bucket. Job and pod are removed.',
    type: onOff,
    default: 'off',
  },
  CONFIG_STRICT: {
    group: 'Features',
    description:
      'off: problems that checkconfig only warns about, such as fields unknown to Prow, do not stop 06-config.',
    type: onOff,
    default: 'on',
  },
  CHECKCONFIG: {
    group: 'Features',
    description:
      "on: Prow's own checkconfig has the last word in 06-config: the program on PATH, else in a pod of the installed version.",
    type: onOff,
    default: 'on',
  },
  WAIT_SECONDS: {
    group: 'Runbook',
    description: 'How long a step waits for pods before it reports why they are not ready.',
    type: number(5, 3600, 'seconds'),
    default: '600',
  },
  POLL_SECONDS: {
    group: 'Runbook',
    description: 'The interval at which a step that waits for AWS polls it.',
    type: number(1, 60, 'seconds'),
    default: '10',
  },
  DOCTOR_IGNORE: {
    group: 'Runbook',
    description: 'Ids of findings that npm run doctor does not report, such as PRW-POD-010.',
    type: list((word) => /^PRW-[A-Z]+-\d{3}$/.test(word), 'ids of findings such as PRW-POD-010'),
  },
  SECRETS_DIR: {
    group: 'Runbook',
    description: 'The folder of your secret files, relative to this file.',
    type: like(PATH, 'a path'),
    default: 'secrets',
  },
  CONFIG_DIR: {
    group: 'Runbook',
    description:
      'The folder of your config.yaml, plugins.yaml, labels.yaml and jobs/. If it does not exist, the templates are used.',
    type: like(PATH, 'a path'),
    default: 'config',
  },
} satisfies Record<string, Row>

export type SettingName = keyof typeof ROWS

export const settingRows = ROWS as Record<string, Row>

/** The settings of this run. One that is not set and has no default is an empty text or list. */
export type Settings = {
  [Name in SettingName]: (typeof ROWS)[Name]['type'] extends Type<infer Value> ? Value : never
} & {
  /** The file they were read from. */
  file: string
  /** The settings that come from the environment. */
  fromEnvironment: SettingName[]
  /** Those of them that the file sets to another value. */
  overridden: Overridden[]
}

/** A setting that the environment and the file set to different values. */
export interface Overridden {
  name: string
  group: string
  file: string
  environment: string
}
