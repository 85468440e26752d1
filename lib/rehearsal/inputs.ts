import { randomBytes, randomInt } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACCOUNT } from './aws.ts'
import { type Kind, places, type TaskResult } from './folder.ts'
import { space } from './namespaces.ts'

export const REGION = 'us-west-2'

export const ZONE = 'rehearsal.example'

export const ORG = 'rehearsal-org'

export const text = (length: number, letters: string) =>
  Array.from({ length }, () => letters[randomInt(letters.length)]).join('')

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export const HOST = 'prow.rehearsal.example'

export const GITHUB = 'github.rehearsal.example'

export const MIRROR = 'registry.rehearsal.example/mirror'

// The settings and the secrets that only a person can give. They look real and are worth nothing. The hmac-token and
// the cookie are not among them: the runbook makes those. What is there is kept, so that a second run changes nothing.
export function makeInput(dir: string, kind: Kind, context: string, eks: boolean): TaskResult['outcome'] {
  const { env, secrets } = places(dir)
  mkdirSync(secrets, { recursive: true, mode: 0o700 })
  chmodSync(secrets, 0o700)
  const made = [
    make(env, eks ? eksSettings() : settings(kind, context, space(dir)?.github)),
    make(join(secrets, 'oauth-token'), `ghp_${text(36, LETTERS)}\n`),
    make(
      join(secrets, 'github-oauth-config'),
      `client_id: "Ov23li${text(14, LETTERS)}"
client_secret: "${randomBytes(20).toString('hex')}"
redirect_url: "https://${HOST}/github-login/redirect"
scopes:
  - repo
`,
    ),
    make(
      join(secrets, 's3-credentials'),
      `${JSON.stringify(
        eks
          ? { region: REGION }
          : {
              region: 'us-west-2',
              endpoint: 'http://object-store.prow.svc.cluster.local:7070',
              insecure: true,
              s3_force_path_style: true,
              access_key: `AKIA${text(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
              secret_key: text(40, `${LETTERS}+/`),
            },
        null,
        2,
      )}\n`,
    ),
  ]
  return made.includes(true) ? 'created' : 'unchanged'
}

export function make(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The settings of a rehearsal. */
export function settings(kind: Kind, context: string, github = ''): string {
  return `# The settings of a rehearsal, made by npm run rehearse. What they may be is told in .env.example.
TARGET=local
KUBECONFIG_FILE=kubeconfig
KUBE_CONTEXT=${context}

PROW_HOST=${HOST}
STORAGE_CLASS=${kind === 'kind' ? 'standard' : 'rehearsal'}

GITHUB_ORG=${ORG}
GITHUB_AUTH=pat
${
  kind === 'real'
    ? `GITHUB_HOST=${GITHUB}
# By http, so that nothing on this machine has to trust its certificate.
GITHUB_API=http://${github}
# Its image cannot be made here.
LABEL_SYNC=off

# Images that were made on this machine.
NODE_ARCH=${process.arch === 'arm64' ? 'arm64' : 'amd64'}
PROW_IMAGE_REGISTRY=registry.rehearsal.example/prow
PROW_IMAGE_TAG=v20240619-cfb8754e0
IMAGE_MIRROR=${MIRROR}`
    : `# There is no such organisation on GitHub.
GITHUB_CHECKS=off
LABEL_SYNC=on`
}

LOG_BUCKET=rehearsal-prow-logs
IDENTITY=keys
OBJECT_STORE=on

INGRESS=nginx
${
  kind === 'kind'
    ? 'NGINX_ADMISSION=on'
    : `# What is in its place here cannot answer the webhook, and then no Ingress could be made.
NGINX_ADMISSION=off`
}
`
}

/** The settings of a rehearsal with AWS beside it. */
export function eksSettings(): string {
  return `# The settings of a rehearsal with AWS beside it, made by npm run rehearse. What they may be is told in .env.example.
TARGET=eks
AWS_ACCOUNT_ID=${ACCOUNT}
AWS_REGION=${REGION}
CLUSTER_NAME=rehearsal

PROW_HOST=${HOST}

GITHUB_ORG=rehearsal-org
GITHUB_AUTH=pat
# There is no such organisation on GitHub.
GITHUB_CHECKS=off
LABEL_SYNC=on

LOG_BUCKET=rehearsal-prow-logs
IDENTITY=irsa

INGRESS=alb
HOSTED_ZONE=${ZONE}

# The AWS beside it is quick.
POLL_SECONDS=1
`
}
