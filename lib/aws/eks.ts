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
import { Problem } from '../base/problem.ts'
import { quote } from '../base/shell.ts'
import { partition } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { awsProblem, readAws, tryAws } from './cli.ts'

/** Who the credentials are. */
export interface Caller {
  Account: string
  Arn: string
}

/** The cluster as EKS tells of it, as far as this runbook looks at it. */
export interface Cluster {
  name: string
  arn: string
  version: string
  status: string
  endpoint: string
  certificateAuthority: { data: string }
  identity?: { oidc?: { issuer?: string } }
  accessConfig?: { authenticationMode?: string }
  resourcesVpcConfig: { vpcId?: string; endpointPublicAccess?: boolean; publicAccessCidrs?: string[] }
  computeConfig?: { enabled?: boolean }
  storageConfig?: { blockStorage?: { enabled?: boolean } }
  kubernetesNetworkConfig?: { elasticLoadBalancing?: { enabled?: boolean } }
}

/** Who the credentials are. */
export async function callerIdentity(): Promise<Caller> {
  return (await readAws<Caller>(['sts', 'get-caller-identity']))!
}

/** The cluster of the settings; undefined when there is none of that name in the region. */
export async function describeCluster(settings: Settings): Promise<Cluster | undefined> {
  const args = ['eks', 'describe-cluster', '--name', settings.CLUSTER_NAME]
  return (await readAws<{ cluster: Cluster }>(args, /^ResourceNotFoundException/))?.cluster
}

/** The cluster that the target lock has seen. */
export async function eksCluster(settings: Settings): Promise<Cluster> {
  const found = await describeCluster(settings)
  if (!found) throw new Problem(`EKS has no cluster ${settings.CLUSTER_NAME}`, 'Set CLUSTER_NAME to one that it has.')
  return found
}

/** Whether EKS itself makes volumes for claims, as Auto Mode does. */
export function hasManagedStorage(about: Cluster): boolean {
  return Boolean(about.storageConfig?.blockStorage?.enabled ?? about.computeConfig?.enabled)
}

/** Whether EKS itself makes load balancers for Ingresses, as Auto Mode does. */
export function hasManagedLoadBalancers(about: Cluster): boolean {
  return Boolean(about.kubernetesNetworkConfig?.elasticLoadBalancing?.enabled ?? about.computeConfig?.enabled)
}

/** The ARN of the cluster's OIDC provider in IAM: the issuer as EKS tells it, never one made of the region. */
export async function oidcProviderArn(settings: Settings): Promise<string> {
  const issuer = (await eksCluster(settings)).identity?.oidc?.issuer
  if (!issuer) throw new Problem(`cluster ${settings.CLUSTER_NAME} has no OIDC issuer`, 'Wait until it is ACTIVE.')
  const host = issuer.replace(/^https:\/\//, '')
  return `arn:${partition(settings.AWS_REGION)}:iam::${settings.AWS_ACCOUNT_ID}:oidc-provider/${host}`
}

/** The IAM principal behind a caller: an assumed role is known to EKS by the role, not by its session. */
export function principalArn(arn: string): string {
  const session = /^arn:([\w-]+):sts::(\d+):assumed-role\/([^/]+)\//.exec(arn)
  return session ? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}` : arn
}

// ---- The kubeconfig ---------------------------------------------------------------------------------------------

// One folder a cluster, for nobody else to read. The address is in its name: a cluster made anew has another.
let home = ''

function folder(settings: Settings, endpoint: string): string {
  const mark = createHash('sha256').update(endpoint).digest('hex').slice(0, 8)
  return join(
    cacheFolder(),
    'eks',
    `${settings.AWS_ACCOUNT_ID}-${settings.AWS_REGION}-${settings.CLUSTER_NAME}-${mark}`,
  )
}

interface Kubeconfig {
  clusters: { name: string; cluster: { server: string; 'certificate-authority-data': string } }[]
  contexts: { name: string; context: { cluster: string; user: string } }[]
  users: {
    name: string
    user: {
      exec: { apiVersion: string; command: string; args?: string[]; env?: { name: string; value: string }[] | null }
    }
  }[]
  [more: string]: unknown
}

/** Where our kubeconfig is, and the context in it. */
export interface Access {
  kubeconfig: string
  context: string
  server: string
}

/**
 * Our own kubeconfig for the cluster, as `aws eks update-kubeconfig` writes it, into a folder of our own. Only how the
 * token comes is changed: every start of kubectl would run aws for a second or more, so a script keeps the token, which
 * lives for a quarter of an hour. Written anew when the cluster has another address or authority.
 */
export async function ensureKubeconfig(settings: Settings, about: Cluster): Promise<Access> {
  home = folder(settings, about.endpoint)
  const dir = home
  const file = join(dir, 'kubeconfig')
  const script = join(dir, 'token')
  const access = { kubeconfig: file, context: about.arn, server: about.endpoint }
  if (isCurrent(file, about, script)) return access
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  chmodSync(dir, 0o700)
  // Beside ours, which another run may be reading.
  const fresh = `${file}.${process.pid}`
  rmSync(fresh, { force: true })
  const args = ['eks', 'update-kubeconfig', '--name', settings.CLUSTER_NAME, '--kubeconfig', fresh]
  const ended = await tryAws(args)
  if (ended.exitCode !== 0) throw awsProblem(args, ended.stderr)
  const config = load(readFileSync(fresh, 'utf8'), { filename: fresh }) as Kubeconfig
  const exec = config.users[0]!.user.exec
  const set = (exec.env ?? []).map(({ name, value }) => `export ${name}=${quote(value)}\n`).join('')
  writeFileSync(script, tokenScript([exec.command, ...(exec.args ?? [])], set), { mode: 0o700 })
  exec.command = script
  exec.args = []
  delete exec.env
  // JSON is YAML.
  writeFileSync(fresh, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  chmodSync(fresh, 0o600)
  renameSync(fresh, file)
  dropTokens()
  return access
}

function isCurrent(file: string, about: Cluster, script: string): boolean {
  if (!existsSync(file) || !existsSync(script)) return false
  try {
    const config = load(readFileSync(file, 'utf8')) as Kubeconfig
    const { server, 'certificate-authority-data': authority } = config.clusters[0]!.cluster
    return (
      server === about.endpoint &&
      authority === about.certificateAuthority.data &&
      config.contexts[0]!.name === about.arn &&
      config.users[0]!.user.exec.command === script
    )
  } catch {
    return false
  }
}

/** For how many minutes a kept token is handed out, of the fourteen that it lives. */
const KEPT = 10

// Other credentials have another file: what they are called is no secret, and a token is worth only what they may do.
function tokenScript(command: string[], set: string): string {
  return `#!/bin/sh
# Answers kubectl with the token of this cluster. It is kept beside this file, for nobody else to read, until it is
# ${KEPT} minutes old. Made by the runbook for Prow; nothing else uses it.
set -eu
umask 077
${set}kept="$0-$(printf %s "\${AWS_PROFILE-}.\${AWS_ACCESS_KEY_ID-}" | tr -c 'A-Za-z0-9' _).json"
if [ -n "$(find "$kept" -mmin -${KEPT} 2>/dev/null)" ]; then exec cat "$kept"; fi
${command.map(quote).join(' ')} >"$kept.$$" || { rm -f "$kept.$$"; exit 1; }
mv "$kept.$$" "$kept"
exec cat "$kept"
`
}

/** Has a token ready, so that kubectl programs that start side by side do not each ask for one. */
export async function cacheToken(settings: Settings): Promise<void> {
  const who = `${process.env.AWS_PROFILE ?? ''}.${process.env.AWS_ACCESS_KEY_ID ?? ''}`.replace(/[^A-Za-z0-9]/g, '_')
  const file = join(home, `token-${who}.json`)
  // A run takes some minutes, and should not have to ask again.
  if (existsSync(file) && Date.now() - statSync(file).mtimeMs < (KEPT - 3) * 60_000) return
  const args = ['eks', 'get-token', '--cluster-name', settings.CLUSTER_NAME]
  const ended = await tryAws(args)
  if (ended.exitCode !== 0) throw awsProblem(args, ended.stderr)
  writeFileSync(`${file}.${process.pid}`, ended.stdout, { mode: 0o600 })
  renameSync(`${file}.${process.pid}`, file)
}

/** Drops the kept tokens, so that the next kubectl asks for a new one. */
export function dropTokens(): void {
  if (!existsSync(home)) return
  for (const name of readdirSync(home)) if (/^token-.*json/.test(name)) rmSync(join(home, name), { force: true })
}

// ---- Versions ---------------------------------------------------------------------------------------------------

interface Version {
  clusterVersion: string
  endOfStandardSupportDate?: string | number
  endOfExtendedSupportDate?: string | number
}

/** Until when EKS supports the cluster's version; nothing when it does not tell. */
export async function supportStatus(
  settings: Settings,
): Promise<{ says: string; soon: boolean; more: string } | undefined> {
  const { version } = await eksCluster(settings)
  // An older aws does not know the question, and somebody may not be allowed to ask: it is only a word beside.
  const args = ['eks', 'describe-cluster-versions', '--cluster-versions', version]
  const told = await readAws<{ clusterVersions: Version[] }>(args).catch(() => undefined)
  const found = told?.clusterVersions.find((one) => one.clusterVersion === version)
  const standard = day(found?.endOfStandardSupportDate)
  const extended = day(found?.endOfExtendedSupportDate)
  if (!standard) return undefined
  const month = 30 * 24 * 3600 * 1000
  const over = standard.getTime() < Date.now()
  const end = over ? extended : standard
  const date = (when: Date | undefined) => when?.toISOString().slice(0, 10) ?? 'an unknown day'
  return {
    says: `EKS ${version} has ${over ? 'extended support, at a price,' : 'standard support'} until ${date(end)}`,
    soon: over || standard.getTime() - Date.now() < 2 * month,
    more: over
      ? 'plan the upgrade: AWS upgrades by itself when that ends'
      : `then extended, at a price, until ${date(extended)}`,
  }
}

// Version 1 of aws prints seconds, version 2 a date.
function day(value: string | number | undefined): Date | undefined {
  if (value === undefined) return undefined
  const when = new Date(typeof value === 'number' ? value * 1000 : value)
  return Number.isNaN(when.getTime()) ? undefined : when
}
