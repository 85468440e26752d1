import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { cacheFolder } from '../base/cache.ts'
import { quote } from '../base/shell.ts'
import type { Settings } from '../settings/table.ts'
import { tryAws } from './cli.ts'
import type { Caller, Cluster } from './eks.ts'
import { explainAws } from './errors.ts'

/** The variable by which the token script knows whose token it may hand out: a hash of the caller's ARN and key. */
const IDENTITY = 'PROW_RUNBOOK_IDENTITY'
/** For how many minutes a kept token is handed out, of the fourteen that it is valid. */
const KEPT = 10

interface Kubeconfig {
  clusters: { name: string; cluster: { server: string; 'certificate-authority-data': string } }[]
  contexts: { name: string; context: { cluster: string; user: string } }[]
  users: { name: string; user: { exec: { apiVersion?: string; command: string; args?: string[]; env?: unknown } } }[]
  [more: string]: unknown
}

/** Where the kubeconfig of a cluster is, and the context in it. */
export interface Access {
  kubeconfig: string
  context: string
  server: string
}

/** A folder for each cluster, for nobody else to read. The endpoint is in its name: a recreated cluster has another. */
function folder(settings: Settings, endpoint: string): string {
  const mark = createHash('sha256').update(endpoint).digest('hex').slice(0, 8)
  const { AWS_ACCOUNT_ID: account, AWS_REGION: region, CLUSTER_NAME: name } = settings
  return join(cacheFolder(), 'eks', `${account}-${region}-${name}-${mark}`)
}

/** The command that gets a token of the cluster, as `aws eks update-kubeconfig` writes it. */
function tokenCommand(settings: Settings): string[] {
  return ['aws', '--region', settings.AWS_REGION, 'eks', 'get-token', '--cluster-name', settings.CLUSTER_NAME]
}

/**
 * The script that answers kubectl with a token: getting one takes a second or more, at each start of kubectl. It hands
 * out a kept token only to the identity that the target lock has checked; typed by a person it always gets a new one.
 */
export function tokenScript(command: string[]): string {
  const line = `${command.map(quote).join(' ')} --output json`
  return `#!/bin/sh
# Answers kubectl with a token of this cluster. Written by the runbook for Prow; nothing else uses it.
set -eu
umask 077
[ -n "\${${IDENTITY}-}" ] || exec ${line}
kept="$0-$${IDENTITY}.json"
if [ -n "$(find "$kept" -mmin -${KEPT} 2>/dev/null)" ]; then exec cat "$kept"; fi
${line} >"$kept.$$" || { rm -f "$kept.$$"; exit 1; }
mv "$kept.$$" "$kept"
exec cat "$kept"
`
}

/**
 * The runbook's own kubeconfig for the cluster, with what `aws eks update-kubeconfig` would take from the same answer of
 * EKS, except that a script gets the token and no profile stands in it: one that was set when it was written must not
 * decide who kubectl acts as today. Written again when the cluster, its endpoint or authority, or the script differs.
 */
export function ensureKubeconfig(settings: Settings, cluster: Cluster): Access {
  const home = folder(settings, cluster.endpoint)
  const file = join(home, 'kubeconfig')
  const script = join(home, 'token')
  const text = tokenScript(tokenCommand(settings))
  const access = { kubeconfig: file, context: cluster.arn, server: cluster.endpoint }
  if (isCurrent(file, cluster, script, text)) return access
  mkdirSync(home, { recursive: true, mode: 0o700 })
  chmodSync(home, 0o700)
  writeFileSync(script, text, { mode: 0o700 })
  chmodSync(script, 0o700)
  // Beside the one in use, which another run may be reading.
  const fresh = `${file}.${process.pid}`
  rmSync(fresh, { force: true })
  // JSON is YAML.
  writeFileSync(fresh, `${JSON.stringify(kubeconfigOf(cluster, script), null, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
  return access
}

function kubeconfigOf({ arn, endpoint, certificateAuthority: { data } }: Cluster, script: string): Kubeconfig {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1beta1', command: script, args: [] }
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: arn, cluster: { server: endpoint, 'certificate-authority-data': data } }],
    contexts: [{ name: arn, context: { cluster: arn, user: arn } }],
    'current-context': arn,
    users: [{ name: arn, user: { exec } }],
  }
}

function isCurrent(file: string, cluster: Cluster, script: string, text: string): boolean {
  try {
    const config = load(readFileSync(file, 'utf8')) as Kubeconfig
    const { server, 'certificate-authority-data': authority } = config.clusters[0]!.cluster
    const { exec } = config.users[0]!.user
    return (
      server === cluster.endpoint &&
      authority === cluster.certificateAuthority.data &&
      config.contexts[0]!.name === cluster.arn &&
      exec.command === script &&
      !exec.env &&
      readFileSync(script, 'utf8') === text
    )
  } catch {
    return false
  }
}

/**
 * Makes every kubectl of this run act as `caller`: names the identity in the environment, and has a token ready, so
 * that processes that start side by side do not each ask for one.
 */
export async function cacheToken(settings: Settings, caller: Caller, { kubeconfig }: Access): Promise<void> {
  const key = `${caller.Arn} ${process.env.AWS_ACCESS_KEY_ID ?? ''} ${process.env.AWS_PROFILE ?? ''}`
  const identity = createHash('sha256').update(key).digest('hex').slice(0, 12)
  process.env[IDENTITY] = identity
  const file = join(kubeconfig, '..', `token-${identity}.json`)
  // A run takes some minutes, and should not have to ask again.
  if (existsSync(file) && Date.now() - statSync(file).mtimeMs < (KEPT - 3) * 60_000) return
  const args = ['eks', 'get-token', '--cluster-name', settings.CLUSTER_NAME]
  const { stdout, stderr, exitCode } = await tryAws(args)
  if (exitCode !== 0) throw explainAws(args, stderr)
  writeFileSync(`${file}.${process.pid}`, stdout, { mode: 0o600 })
  renameSync(`${file}.${process.pid}`, file)
}

/** Drops the kept tokens beside a kubeconfig, so that the next kubectl asks for a new one. */
export function dropTokens({ kubeconfig }: Access): void {
  const home = join(kubeconfig, '..')
  for (const name of readdirSync(home)) if (/^token-.*json/.test(name)) rmSync(join(home, name), { force: true })
}
