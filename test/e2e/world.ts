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
import { space, within } from '../../lib/rehearsal/namespaces.ts'

// What the tests of a real node ask: Kubernetes, the bucket, GitHub and Deck, each by its own door.

/** The folder of the rehearsal that the tests use; run.ts makes it. */
export const DIR = process.env.E2E_DIR ?? join(cacheFolder(), 'rehearsal-e2e')

const ENV_FILE = join(DIR, '.env')

const env = parse(readFileSync(ENV_FILE))

const at = space(DIR)!

export const ORG = env.GITHUB_ORG!

export const HOST = env.PROW_HOST!

export const BUCKET = env.LOG_BUCKET!

const GITHUB = env.GITHUB_HOST!

const FOLDER = join(DIR, 'node/github')

const run = promisify(execFile)

const BIG = { maxBuffer: 64 << 20 }

/** The token of one of the people that GitHub knows. */
export const token = (who: string): string => JSON.parse(readFileSync(join(FOLDER, 'tokens.json'), 'utf8'))[who]

export const secret = (name: string): string => readFileSync(join(DIR, 'secrets', name), 'utf8').trim()

/** Looks until `look` answers something, and gives that back. */
export async function eventually<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  const until = Date.now() + seconds * 1000
  let last: unknown
  for (;;) {
    try {
      const found = await look()
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

// biome-ignore lint/suspicious/noExplicitAny: whatever the API server has
export type Thing = any

export async function get(...args: string[]): Promise<Thing> {
  return JSON.parse(await kubectl('get', '-o', 'json', ...args))
}

/** The ProwJobs that fit, the youngest first. */
export async function jobs(fits: (job: Thing) => boolean): Promise<Thing[]> {
  const { items } = await get('prowjobs', '-n', 'prow')
  return items
    .filter(fits)
    .sort((a: Thing, b: Thing) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))
}

/** The youngest ProwJob of a name and pull request, when it has come to one of the states. */
export function job(name: string, pull: number | undefined, states: string[], seconds = 120): Promise<Thing> {
  return eventually(`job ${name} ${pull ? `of #${pull} ` : ''}is ${states.join(' or ')}`, seconds, async () => {
    const [one] = await jobs(({ spec }) => spec.job === name && (!pull || spec.refs?.pulls?.[0]?.number === pull))
    return one && states.includes(one.status.state) && one
  })
}

/** Where a job's files are in the bucket. */
export function place(one: Thing): string {
  const { spec, status } = one
  const build = status.build_id
  if (spec.type === 'presubmit') {
    const { org, repo, pulls } = spec.refs
    return `pr-logs/pull/${org}_${repo}/${pulls[0].number}/${spec.job}/${build}`
  }
  if (spec.type === 'batch') return `pr-logs/pull/batch/${spec.job}/${build}`
  return `logs/${spec.job}/${build}`
}

// The hash of an empty body, which a signed request has to name.
const NOTHING = createHash('sha256').digest('hex')

/** What the bucket has under a key; undefined when it has nothing. Asked with a signature, from the node's network. */
export async function bucket(key: string): Promise<string | undefined> {
  const { access_key, secret_key, region, endpoint } = JSON.parse(secret('s3-credentials'))
  const [program, ...before] = within(at)
  // What is secret goes in by stdin.
  const config = `user = "${access_key}:${secret_key}"\naws-sigv4 = "aws:amz:${region}:s3"\nheader = "x-amz-content-sha256: ${NOTHING}"\nurl = "${endpoint}/${BUCKET}/${key}"\n`
  const asked = run(program!, [...before, 'curl', '-sS', '-w', '\n%{http_code}', '-K', '-'], BIG)
  asked.child.stdin!.end(config)
  const { stdout } = await asked
  const code = stdout.slice(stdout.lastIndexOf('\n') + 1)
  if (code === '404') return undefined
  if (code !== '200') throw new Error(`bucket answers ${code}: ${stdout}`)
  return stdout.slice(0, stdout.lastIndexOf('\n'))
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** A request to Prow by its name through the way in, as GitHub and people come. */
export function prow(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((settle, fail) => {
    const asked = request(
      { host: at.node, port: 80, path, method: options.method ?? 'GET', headers: { host: HOST, ...options.headers } },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk) => chunks.push(chunk))
        answer.on('end', () =>
          settle({ status: answer.statusCode!, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
        )
      },
    )
    asked.on('error', fail)
    asked.end(options.body)
  })
}

/** Sends an event to hook, signed with `key`. */
export function event(name: string, payload: object, key = secret('hmac-token')): Promise<Answer> {
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

/** A call of GitHub's API as one of its people. */
export async function github(who: string, method: string, path: string, body?: unknown): Promise<Thing> {
  const answer = await fetch(`${env.GITHUB_API}${path}`, {
    method,
    headers: { authorization: `Bearer ${token(who)}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}

const REPO = `/repos/${ORG}/website`

/** That GitHub delivers to Prow; 12-webhook makes this hook where it is there. */
export async function webhook(): Promise<void> {
  const hooks: Thing[] = await github('alice', 'GET', `/orgs/${ORG}/hooks`)
  const config = { url: `https://${HOST}/hook`, content_type: 'json', secret: secret('hmac-token') }
  const there = hooks.find((one) => one.config.url === config.url)
  if (there) await github('alice', 'PATCH', `/orgs/${ORG}/hooks/${there.id}`, { config, events: ['*'] })
  else await github('alice', 'POST', `/orgs/${ORG}/hooks`, { name: 'web', active: true, events: ['*'], config })
}

/** Pushes a branch with some files as a person does, over https, and opens a pull request of it. Answers its number. */
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
    const to = ['-c', `http.curloptResolve=${GITHUB}:443:${at.github}`]
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

/** The status that a context has on the head of a pull request, once it is one of these. */
export function status(pull: number, context: string, states: string[], seconds = 120): Promise<Thing> {
  return eventually(`status ${context} of #${pull} is ${states.join(' or ')}`, seconds, async () => {
    const { head } = await github('alice', 'GET', `${REPO}/pulls/${pull}`)
    const { statuses } = await github('alice', 'GET', `${REPO}/commits/${head.sha}/status`)
    return statuses.find((one: Thing) => one.context === context && states.includes(one.state))
  })
}

export const comments = (pull: number): Promise<Thing[]> =>
  github('alice', 'GET', `${REPO}/issues/${pull}/comments?per_page=100`)

export const pull = (number: number): Promise<Thing> => github('alice', 'GET', `${REPO}/pulls/${number}`)

/** Runs a script of the runbook on the rehearsal, as a person would. */
export async function script(name: string, settings: Record<string, string> = {}, ...args: string[]): Promise<string> {
  const { stderr } = await run(
    process.execPath,
    ['--import', 'tsx', `scripts/${name}.ts`, '--env', ENV_FILE, ...args],
    {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings },
      ...BIG,
    },
  )
  return stderr
}

/** The folder of the user's own configuration, made from the templates the first time. */
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
