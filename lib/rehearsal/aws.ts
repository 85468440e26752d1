import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { Problem } from '../base/problem.ts'
import { onPath, quote, run, tryRun } from '../base/shell.ts'
import { atLeast, parseVersion } from '../base/version.ts'

const FAKES = join(import.meta.dirname, 'fakes', 'aws')

const REQUIREMENTS = join(FAKES, 'requirements.txt')

export const SERVER = join(FAKES, 'server.py')

/** The account that the emulator plays. */
export const ACCOUNT = '123456789012'

/** The ports on loopback that the emulator listens on: the second speaks TLS, for the API server's webhooks. */
export interface Ports {
  http: number
  tls: number
}

/** An emulator that runs. */
export interface Emulator {
  url: string
  /** The environment in which the real `aws` talks to it. */
  env: Record<string, string>
}

export interface Options {
  /** Its folder; a cluster has one of its own. */
  dir: string
  ports: Ports
  /** The cluster beside it, by a kubeconfig with a client certificate in it, and how kubectl is started. */
  kubeconfig: string
  kubectl: string
  region: string
  cluster: string
  /** A domain for which it has a zone, and the host below it for which it has a certificate. */
  zone: string
  host: string
  say?: (text: string) => void
}

/** Why this machine cannot play AWS; undefined when it can. */
export async function lacks(): Promise<string | undefined> {
  if (!onPath('aws')) return 'aws is not on PATH'
  const python = onPath('python3')
  if (!python) return 'python3 is not on PATH'
  const version = parseVersion((await tryRun('python3', ['--version'])).stdout)
  if (!version || !atLeast(version, [3, 10, 0])) return 'python3 is older than 3.10'
  const venv = await tryRun('python3', ['-c', 'import venv, ensurepip'])
  return venv.exitCode === 0 ? undefined : 'python3 lacks venv (on Debian: apt-get install python3-venv)'
}

/** The Python in which the emulator lives: an environment of its own with pinned versions, made once. */
async function python(say: (text: string) => void): Promise<string> {
  const mark = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 10)
  const home = join(cacheFolder(), `aws-emulator-${mark}`)
  const program = join(home, 'bin', 'python')
  const whole = join(home, 'whole')
  if (existsSync(whole)) return program
  return withLock(
    `${home}.lock`,
    (pid) => say(`process ${pid} makes it`),
    async () => {
      if (existsSync(whole)) return program
      say('making an environment of its own for moto')
      rmSync(home, { recursive: true, force: true })
      await run('python3', ['-m', 'venv', home])
      say('installing moto')
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '-r', REQUIREMENTS]
      const ended = await tryRun(program, pip)
      if (ended.exitCode !== 0) {
        throw new Problem(
          `the emulator of AWS could not be installed: ${ended.stderr.trim().split('\n').at(-1)}`,
          'It comes from PyPI; a mirror is set by PIP_INDEX_URL.',
        )
      }
      writeFileSync(whole, '')
      return program
    },
  )
}

const places = (dir: string) => ({
  webhook: join(dir, 'token-webhook.yaml'),
  cert: join(dir, 'tls.pem'),
  key: join(dir, 'tls-key.pem'),
  log: join(dir, 'server.log'),
  env: join(dir, 'env.sh'),
})

/**
 * Writes what an API server is given with `--authentication-token-webhook-config-file`, before it starts, and answers
 * the file: with it the tokens of `aws eks get-token` open it. While no emulator runs, they are simply not known.
 */
export function tokenWebhook(dir: string, ports: Ports): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const { webhook } = places(dir)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'aws', cluster: { server: `http://127.0.0.1:${ports.http}/runbook/token-review` } }],
    users: [{ name: 'api-server', user: {} }],
    contexts: [{ name: 'aws', context: { cluster: 'aws', user: 'api-server' } }],
    'current-context': 'aws',
  }
  writeFileSync(webhook, `${JSON.stringify(config, null, 2)}\n`)
  return webhook
}

/** Asks the emulator something of ours: see server.py. */
export async function ask<T>(url: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${url}/runbook/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  if (!answer.ok) throw new Error(`the emulator answers ${answer.status} to ${path}: ${await answer.text()}`)
  return (await answer.json()) as T
}

async function answers(url: string, dir: string): Promise<boolean> {
  try {
    return (await ask<{ dir: string }>(url, 'ready')).dir === dir
  } catch {
    return false
  }
}

/**
 * Starts AWS beside a cluster, or finds it running: an account with that cluster in EKS, a certificate and a zone.
 * Answers also whether it was there already. It goes on when this process ends.
 */
export async function start(options: Options): Promise<Emulator & { there: boolean }> {
  const { dir, ports, kubeconfig, say = () => {} } = options
  const { cert, key, log, env: envFile } = places(dir)
  const url = `http://127.0.0.1:${ports.http}`
  const env = environment(url, options.region)
  if (await answers(url, dir)) return { url, env, there: true }
  const program = await python(say)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  if (!existsSync(cert)) {
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '3650',
      ...subject,
      '-keyout',
      key,
      '-out',
      `${cert}.new`,
    ])
    renameSync(`${cert}.new`, cert)
  }
  say('starting it')
  const out = openSync(log, 'w', 0o600)
  const args = ['--port', `${ports.http}`, '--tls-port', `${ports.tls}`, '--cert', cert, '--key', key]
  const child = spawn(program, [SERVER, '--dir', dir, ...args, '--kubeconfig', kubeconfig], {
    detached: true,
    stdio: ['ignore', out, out],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', MOTO_ACM_VALIDATION_WAIT: '0' },
  })
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  child.unref()
  for (const until = Date.now() + 90_000; !(await answers(url, dir)); await sleep(200)) {
    if (!ended && Date.now() < until) continue
    if (!ended) process.kill(child.pid!)
    throw new Problem(
      `the emulator of AWS did not start: ${readFileSync(log, 'utf8').trim().split('\n').at(-1)}`,
      `Its log is ${log}.`,
    )
  }
  await furnish(options, url)
  writeFileSync(
    envFile,
    Object.entries(env)
      .map(([name, value]) => `export ${name}=${quote(value)}\n`)
      .join(''),
    {
      mode: 0o600,
    },
  )
  return { url, env, there: false }
}

/** An empty account again, with the cluster in EKS, a certificate and a zone. */
export async function furnish(options: Options, url: string): Promise<void> {
  const { kubeconfig, region, cluster, zone, host } = options
  const text = readFileSync(kubeconfig, 'utf8')
  const endpoint = /server: ["']?([^\s"']+)/.exec(text)?.[1]
  const ca = /certificate-authority-data: ["']?([^\s"']+)/.exec(text)?.[1]
  await ask(url, 'reset', {})
  await ask(url, 'cluster', { name: cluster, region, endpoint, ca, zone, host })
  await applied(options)
}

// The part of EKS that lives in the API server: its webhook that gives pods their role, and what makes volumes and
// addresses on a cluster whose nodes are simulated.
async function applied({ dir, ports, kubeconfig, kubectl }: Options): Promise<void> {
  const webhook = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'pod-identity-webhook' },
    webhooks: [
      {
        name: 'iam-for-pods.amazonaws.com',
        // As EKS has it: a pod is made also when the webhook is away, and then has the role of its node.
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
        clientConfig: {
          url: `https://127.0.0.1:${ports.tls}/runbook/inject`,
          caBundle: readFileSync(places(dir).cert).toString('base64'),
        },
        rules: [
          { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: 'Namespaced' },
        ],
      },
    ],
  }
  const input = `${JSON.stringify(webhook)}\n---\n${readFileSync(join(FAKES, 'cluster.yaml'), 'utf8')}`
  const args = ['--kubeconfig', kubeconfig, 'apply', '--server-side', '--force-conflicts', '--field-manager=rehearsal']
  await run(kubectl, [...args, '-f', '-'], {
    input: `---\n${input}`,
    env: { KUBERC: 'off', KUBECACHEDIR: join(dir, 'kubectl') },
  })
}

/** The environment in which the real `aws` talks to the emulator and to nobody else. */
export function environment(url: string, region: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'AKIAREHEARSAL0000000',
    AWS_SECRET_ACCESS_KEY: 'rehearsal',
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
    // A person's own settings, profiles and credentials stay out of it.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_MAX_ATTEMPTS: '1',
  }
}

/** Whether a command line is that of the emulator in a folder. */
export function isEmulator(dir: string, commandLine: string): boolean {
  return commandLine.includes(` ${SERVER} --dir ${dir} `) || commandLine.includes(`fakes/aws/server.py --dir ${dir} `)
}
