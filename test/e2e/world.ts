import { execFile } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parse } from 'dotenv'
import { cacheFolder } from '../../lib/base/cache.ts'
import { ROOT } from '../../lib/base/paths.ts'
import { findNamespaces, nsenterArgs } from '../../lib/rehearsal/namespaces.ts'
import { nodePaths } from '../../lib/rehearsal/node-processes.ts'

// How the tests of a real node reach Kubernetes, the bucket, GitHub, Prow and the scripts.

/** The folder of the rehearsal that the tests use; run.ts creates it. */
export const DIR = process.env.E2E_DIR ?? join(cacheFolder(), 'rehearsal-e2e')

const ENV_FILE = join(DIR, '.env')

const env = parse(readFileSync(ENV_FILE))

const namespaces = findNamespaces(DIR)!

export const ORG = env.GITHUB_ORG!

export const HOST = env.PROW_HOST!

export const BUCKET = env.LOG_BUCKET!

const GITHUB = env.GITHUB_HOST!

const FOLDER = nodePaths(DIR).github

const run = promisify(execFile)

const BIG = { maxBuffer: 64 << 20 }

/** The token of a user of the local GitHub. */
export const token = (who: string): string => JSON.parse(readFileSync(join(FOLDER, 'tokens.json'), 'utf8'))[who]

export const secret = (name: string): string => readFileSync(join(DIR, 'secrets', name), 'utf8').trim()

/** Calls `read` until it returns something, and returns that. Throws with its last error when `seconds` are over. */
export async function eventually<T>(
  what: string,
  seconds: number,
  read: () => Promise<T | undefined | false>,
): Promise<T> {
  const until = Date.now() + seconds * 1000
  let last: unknown
  for (;;) {
    try {
      const found = await read()
      if (found) return found
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > until) throw new Error(`${what}: not within ${seconds} s`, { cause: last })
    await sleep(500)
  }
}

export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await run('kubectl', ['--kubeconfig', join(DIR, 'kubeconfig'), ...args], BIG)
  return stdout
}

// biome-ignore lint/suspicious/noExplicitAny: an object of the API server or of GitHub
export type Json = any

export async function get(...args: string[]): Promise<Json> {
  return JSON.parse(await kubectl('get', '-o', 'json', ...args))
}

/** The ProwJobs that match, the newest first. */
export async function jobs(matches: (job: Json) => boolean): Promise<Json[]> {
  const { items } = await get('prowjobs', '-n', 'prow')
  return items
    .filter(matches)
    .sort((a: Json, b: Json) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))
}

/** The newest ProwJob of a name and pull request, once it has reached one of the states. */
export function job(name: string, pull: number | undefined, states: string[], seconds = 120): Promise<Json> {
  return eventually(`job ${name} ${pull ? `of #${pull} ` : ''}is ${states.join(' or ')}`, seconds, async () => {
    const [one] = await jobs(({ spec }) => spec.job === name && (!pull || spec.refs?.pulls?.[0]?.number === pull))
    return one && states.includes(one.status.state) && one
  })
}

/** The path of a job's files in the bucket. */
export function jobPath(one: Json): string {
  const { spec, status } = one
  const build = status.build_id
  if (spec.type === 'presubmit') {
    const { org, repo, pulls } = spec.refs
    return `pr-logs/pull/${org}_${repo}/${pulls[0].number}/${spec.job}/${build}`
  }
  if (spec.type === 'batch') return `pr-logs/pull/batch/${spec.job}/${build}`
  return `logs/${spec.job}/${build}`
}

// The hash of an empty body, which a signed request must contain.
const EMPTY_HASH = createHash('sha256').digest('hex')

/** The object of a key in the bucket; undefined when there is none. Read with a signature, from the node's network. */
export async function bucket(key: string): Promise<string | undefined> {
  const { access_key, secret_key, region, endpoint } = JSON.parse(secret('s3-credentials'))
  const [program, ...before] = nsenterArgs(namespaces)
  // Secrets go by stdin.
  const config = `user = "${access_key}:${secret_key}"\naws-sigv4 = "aws:amz:${region}:s3"\nheader = "x-amz-content-sha256: ${EMPTY_HASH}"\nurl = "${endpoint}/${BUCKET}/${key}"\n`
  const running = run(program!, [...before, 'curl', '-sS', '-w', '\n%{http_code}', '-K', '-'], BIG)
  running.child.stdin!.end(config)
  const { stdout } = await running
  const code = stdout.slice(stdout.lastIndexOf('\n') + 1)
  if (code === '404') return undefined
  if (code !== '200') throw new Error(`the bucket answered ${code}: ${stdout}`)
  return stdout.slice(0, stdout.lastIndexOf('\n'))
}

export interface Response {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** Sends a request to Prow through its ingress, as GitHub and users do. */
export function prow(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: namespaces.node,
        port: 80,
        path,
        method: options.method ?? 'GET',
        headers: { host: HOST, ...options.headers },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(options.body)
  })
}

/** Sends an event to hook, signed with `key`. */
export function event(name: string, payload: object, key = secret('hmac-token')): Promise<Response> {
  const body = JSON.stringify(payload)
  const sign = (kind: string) => `${kind}=${createHmac(kind, key).update(body).digest('hex')}`
  return prow('/hook', {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': name,
      'x-github-delivery': `e2e-${Date.now()}`,
      'x-hub-signature': sign('sha1'),
      'x-hub-signature-256': sign('sha256'),
    },
  })
}

/** Calls GitHub's API as one of its users. */
export async function github(who: string, method: string, path: string, body?: unknown): Promise<Json> {
  const response = await fetch(`${env.GITHUB_API}${path}`, {
    method,
    headers: { authorization: `Bearer ${token(who)}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}

const REPO = `/repos/${ORG}/website`

/** Creates the webhook of GitHub that 12-webhook creates on a real one, or corrects it. */
export async function webhook(): Promise<void> {
  const hooks: Json[] = await github('alice', 'GET', `/orgs/${ORG}/hooks`)
  const config = { url: `https://${HOST}/hook`, content_type: 'json', secret: secret('hmac-token') }
  const existing = hooks.find((one) => one.config.url === config.url)
  if (existing) await github('alice', 'PATCH', `/orgs/${ORG}/hooks/${existing.id}`, { config, events: ['*'] })
  else await github('alice', 'POST', `/orgs/${ORG}/hooks`, { name: 'web', active: true, events: ['*'], config })
}

/** Pushes a branch with some files over HTTPS, as a user does, and opens a pull request; returns its number. */
export async function pullRequest(who: string, title: string, files: Record<string, string>): Promise<number> {
  const branch = `change-${Date.now()}`
  const work = mkdtempSync(join(tmpdir(), 'e2e-'))
  try {
    const git = (...args: string[]) =>
      run('git', args, {
        cwd: work,
        env: {
          PATH: process.env.PATH,
          GIT_SSL_CAINFO: join(FOLDER, 'ca.crt'),
          GIT_TERMINAL_PROMPT: '0',
          GIT_CONFIG_GLOBAL: '/dev/null',
          HOME: work,
        },
      })
    const to = ['-c', `http.curloptResolve=${GITHUB}:443:${namespaces.github}`]
    await git(...to, 'clone', '-q', `https://${who}:${token(who)}@${GITHUB}/${ORG}/website`, '.')
    await git('checkout', '-qb', branch)
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(work, path)), { recursive: true })
      writeFileSync(join(work, path), text)
    }
    await git('add', '-A')
    await git('-c', `user.name=${who}`, '-c', `user.email=${who}@example.com`, 'commit', '-qm', title)
    await git(...to, 'push', '-q', 'origin', branch)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  const { number } = await github(who, 'POST', `${REPO}/pulls`, { title, head: branch, base: 'main', body: '' })
  return number
}

export const comment = (who: string, pull: number, body: string) =>
  github(who, 'POST', `${REPO}/issues/${pull}/comments`, { body })

/** The status of a context on the head of a pull request, once it is one of `states`. */
export function status(pull: number, context: string, states: string[], seconds = 120): Promise<Json> {
  return eventually(`status ${context} of #${pull} is ${states.join(' or ')}`, seconds, async () => {
    const { head } = await github('alice', 'GET', `${REPO}/pulls/${pull}`)
    const { statuses } = await github('alice', 'GET', `${REPO}/commits/${head.sha}/status`)
    return statuses.find((one: Json) => one.context === context && states.includes(one.state))
  })
}

export const comments = (pull: number): Promise<Json[]> =>
  github('alice', 'GET', `${REPO}/issues/${pull}/comments?per_page=100`)

export const pull = (number: number): Promise<Json> => github('alice', 'GET', `${REPO}/pulls/${number}`)

/** The document that a script prints with --json, as far as the tests read it. */
export interface Report {
  exitCode: number
  steps: { step: string; results: { name: string; outcome: string; note?: string }[] }[]
  problems: { message: string; remedy: string }[]
}

/** Runs a script of the runbook on the rehearsal, also one that fails. */
export async function tryScript(
  name: string,
  settings: Record<string, string> = {},
  ...args: string[]
): Promise<Report> {
  const line = ['lib/start.mjs', name, '--env', ENV_FILE, '--json', ...args]
  const options = { cwd: ROOT, env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings }, ...BIG }
  const { stdout } = await run(process.execPath, line, options).catch((error) => {
    if (!error.stdout) throw error
    return error as { stdout: string }
  })
  return JSON.parse(stdout)
}

/** Runs a script of the runbook on the rehearsal; throws when it fails. */
export async function script(...[name, ...more]: Parameters<typeof tryScript>): Promise<Report> {
  const report = await tryScript(name, ...more)
  if (report.exitCode !== 0) throw new Error(`${name}: ${JSON.stringify(report.problems)}`)
  return report
}

/** The results of a run whose names match. */
export function results({ steps }: Report, name: RegExp) {
  return steps.flatMap((step) => step.results).filter((result) => name.test(result.name))
}

/** The folder of the user's own configuration; created from the ConfigMaps the first time. */
export async function ownConfig(): Promise<string> {
  const folder = join(DIR, 'config')
  if (!existsSync(folder)) {
    const now = { config: 'config.yaml', plugins: 'plugins.yaml', 'label-config': 'labels.yaml' }
    mkdirSync(join(folder, 'jobs'), { recursive: true })
    for (const [name, file] of Object.entries(now)) {
      const map = await get('configmap', name, '-n', 'prow')
      writeFileSync(join(folder, file), map.data[file])
    }
    const map = await get('configmap', 'job-config', '-n', 'prow')
    for (const [file, text] of Object.entries(map.data)) writeFileSync(join(folder, 'jobs', file), text as string)
  }
  return folder
}
