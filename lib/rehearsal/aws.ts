import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Problem } from '../base/problem.ts'
import { quote, run, sleep } from '../base/shell.ts'
import { ensurePython, SERVER } from './aws-python.ts'
import { control, type EmulatorOptions, emulatorPaths, seedAccount } from './aws-seed.ts'
import type { Progress, TaskResult } from './task.ts'

/** A running emulator. */
export interface Emulator {
  url: string
  /** The environment in which the real `aws` talks to it. */
  env: Record<string, string>
}

/**
 * Starts the AWS emulator beside a cluster, or finds it running: an account with that cluster in EKS, a certificate
 * and a hosted zone. It goes on when this process ends.
 */
export async function ensureEmulator(options: EmulatorOptions, progress: Progress): Promise<[Emulator, TaskResult]> {
  const { dir, ports, region } = options
  const { cert, key, log, env: envFile } = emulatorPaths(dir)
  const url = `http://127.0.0.1:${ports.http}`
  const emulator = { url, env: awsEnvironment(url, region) }
  const note = `an account of its own at ${url}`
  const running = await isRunning(url, dir)
  if (running && existsSync(envFile)) return [emulator, { outcome: 'unchanged', note }]
  if (!running) {
    // Written last, so that the account of a run that was killed before is seeded by the next.
    rmSync(envFile, { force: true })
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    if (!existsSync(cert)) await createCertificate(cert, key)
    await startServer(await ensurePython(progress), options, url, log, progress)
  }
  await seedAccount(options, url)
  const lines = Object.entries(emulator.env).map(([name, value]) => `export ${name}=${quote(value)}\n`)
  writeFileSync(envFile, lines.join(''), { mode: 0o600 })
  return [emulator, { outcome: 'created', note }]
}

async function startServer(
  python: string,
  { dir, ports, kubeconfig }: EmulatorOptions,
  url: string,
  log: string,
  progress: Progress,
): Promise<void> {
  progress('starting')
  const { cert, key } = emulatorPaths(dir)
  const output = openSync(log, 'w', 0o600)
  const args = ['--port', `${ports.http}`, '--tls-port', `${ports.tls}`, '--cert', cert, '--key', key]
  const child = spawn(python, [SERVER, '--dir', dir, ...args, '--kubeconfig', kubeconfig], {
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', MOTO_ACM_VALIDATION_WAIT: '0' },
  })
  closeSync(output)
  let ended = false
  for (const event of ['exit', 'error'])
    child.once(event, () => {
      ended = true
    })
  child.unref()
  for (const until = Date.now() + 90_000; !(await isRunning(url, dir)); await sleep(200)) {
    if (!ended && Date.now() < until) continue
    if (!ended) child.kill()
    throw new Problem(
      `the AWS emulator did not start: ${readFileSync(log, 'utf8').trim().split('\n').at(-1)}`,
      `Its log is ${log}.`,
    )
  }
}

// The API server calls admission webhooks by https only.
async function createCertificate(cert: string, key: string): Promise<void> {
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', ...subject]
  await run('openssl', [...request, '-keyout', key, '-out', `${cert}.new`])
  renameSync(`${cert}.new`, cert)
}

// Another emulator may have taken the port since.
async function isRunning(url: string, dir: string): Promise<boolean> {
  try {
    return (await control<{ dir: string }>(url, 'ready')).dir === dir
  } catch {
    return false
  }
}

/** The environment in which the real `aws` talks to the emulator only. */
export function awsEnvironment(url: string, region: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'AKIAREHEARSAL0000000',
    AWS_SECRET_ACCESS_KEY: 'rehearsal',
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
    // The operator's own settings, profiles and credentials are not read.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_MAX_ATTEMPTS: '1',
  }
}
