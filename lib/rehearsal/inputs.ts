import { randomBytes, randomInt } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACCOUNT } from './aws-seed.ts'
import { type Kind, paths } from './folder.ts'
import { findNamespaces } from './namespaces.ts'
import type { TaskResult } from './task.ts'

export const REGION = 'us-west-2'

/** The domain of a rehearsal, and the host names in it. */
export const ZONE = 'rehearsal.example'

export const HOST = 'prow.rehearsal.example'

export const GITHUB = 'github.rehearsal.example'

export const ORG = 'rehearsal-org'

/** The IMAGE_MIRROR of a rehearsal with a real node: its images are built on this machine under these names. */
export const MIRROR = 'registry.rehearsal.example/mirror'

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export const randomText = (length: number, letters: string) =>
  Array.from({ length }, () => letters[randomInt(letters.length)]).join('')

/**
 * Creates the settings and the secrets that only a person can provide. They are well-formed and valid nowhere. The
 * hmac-token and the cookie are not among them: the runbook generates those. Files that exist are kept.
 */
export function createInputs(dir: string, kind: Kind, context: string, eks: boolean): TaskResult['outcome'] {
  const { env, secrets } = paths(dir)
  mkdirSync(secrets, { recursive: true, mode: 0o700 })
  chmodSync(secrets, 0o700)
  const created = [
    createFile(env, eks ? eksSettings() : localSettings(kind, context, findNamespaces(dir)?.github)),
    createFile(join(secrets, 'oauth-token'), `ghp_${randomText(36, LETTERS)}\n`),
    createFile(
      join(secrets, 'github-oauth-config'),
      `client_id: "Ov23li${randomText(14, LETTERS)}"
client_secret: "${randomBytes(20).toString('hex')}"
redirect_url: "https://${HOST}/github-login/redirect"
scopes:
  - repo
`,
    ),
    createFile(
      join(secrets, 's3-credentials'),
      `${JSON.stringify(
        eks
          ? { region: REGION }
          : {
              region: REGION,
              endpoint: 'http://object-store.prow.svc.cluster.local:7070',
              insecure: true,
              s3_force_path_style: true,
              access_key: `AKIA${randomText(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
              secret_key: randomText(40, `${LETTERS}+/`),
            },
        null,
        2,
      )}\n`,
    ),
  ]
  return created.includes(true) ? 'created' : 'unchanged'
}

/** Writes a file that does not exist yet; answers whether it did. */
export function createFile(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The settings of a rehearsal without AWS; `github` is the address of the local GitHub. */
export function localSettings(kind: Kind, context: string, github = ''): string {
  return `# The settings of a rehearsal, created by npm run rehearse. .env.example describes each.
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
# By HTTP: nothing on this machine has to trust its certificate.
GITHUB_API=http://${github}
# Its image cannot be built on this machine.
LABEL_SYNC=off

# Images that were built on this machine.
NODE_ARCH=${process.arch === 'arm64' ? 'arm64' : 'amd64'}
PROW_IMAGE_REGISTRY=registry.rehearsal.example/prow
PROW_IMAGE_TAG=v20240619-cfb8754e0
IMAGE_MIRROR=${MIRROR}`
    : `# This organization does not exist on GitHub.
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
    : `# Its replacement in a rehearsal does not serve the webhook, without which no Ingress could be created.
NGINX_ADMISSION=off`
}
`
}

/** The settings of a rehearsal with the AWS emulator. */
export function eksSettings(): string {
  return `# The settings of a rehearsal with the AWS emulator, created by npm run rehearse. .env.example describes each.
TARGET=eks
AWS_ACCOUNT_ID=${ACCOUNT}
AWS_REGION=${REGION}
CLUSTER_NAME=rehearsal

PROW_HOST=${HOST}

GITHUB_ORG=${ORG}
GITHUB_AUTH=pat
# This organization does not exist on GitHub.
GITHUB_CHECKS=off
LABEL_SYNC=on

LOG_BUCKET=rehearsal-prow-logs
IDENTITY=irsa

INGRESS=alb
HOSTED_ZONE=${ZONE}

# The emulator is quick.
POLL_SECONDS=1
`
}
