import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { load } from 'js-yaml'
import { allOrProblem } from './aws/cli.ts'
import { callerIdentity, describeCluster, principalArn } from './aws/eks.ts'
import { endpointProblem } from './aws/endpoint.ts'
import { cacheToken, dropTokens, ensureKubeconfig } from './aws/kubeconfig.ts'
import { usesMfa } from './aws/profile.ts'
import { cacheFolder } from './base/cache.ts'
import { displayPath } from './base/paths.ts'
import { EXIT, Problem } from './base/problem.ts'
import { currentRun } from './run/context.ts'
import { partition } from './settings/derived.ts'
import { settingsPath } from './settings/settings.ts'
import type { Settings } from './settings/table.ts'

interface Kubeconfig {
  contexts?: { name: string; context?: { cluster?: string; user?: string } }[]
  clusters?: { name: string; cluster?: { server?: string } }[]
  users?: { name: string }[]
}

/** The Problem of a target that is not the one in the settings. */
function wrongTarget(message: string, remedy: string): Problem {
  return new Problem(message, remedy, { exitCode: EXIT.wrongTarget })
}

/**
 * Makes sure that the cluster and account at hand are those that the settings name, before anything else is read or
 * written, and hands them to every program that is started: kubectl by KUBECONFIG, aws by its region. The current
 * context and region of the operator are never used. Throws a Problem with exit code 3 otherwise.
 */
export async function lockTarget(settings: Settings): Promise<void> {
  Object.assign(process.env, {
    // A person's kubectl preferences stay out of it, and discovery is cached apart from theirs.
    KUBERC: 'off',
    KUBECACHEDIR: process.env.KUBECACHEDIR ?? join(cacheFolder(), 'kubectl'),
    // kubectl ends before its garbage matters; collecting it takes a fifth of its time.
    GOGC: process.env.GOGC ?? '400',
  })
  if (settings.TARGET === 'eks') await lockEks(settings)
  else lockContext(settings)
}

function lockContext(settings: Settings): void {
  const file = settingsPath(settings, settings.KUBECONFIG_FILE)
  const shown = displayPath(file)
  const { KUBE_CONTEXT: name } = settings
  let config: Kubeconfig
  try {
    config = load(readFileSync(file, 'utf8'), { filename: file }) as Kubeconfig
    if (!Array.isArray(config?.contexts) || !Array.isArray(config.clusters)) throw new Error('it has no contexts')
  } catch (cause) {
    throw wrongTarget(
      `KUBECONFIG_FILE: ${shown} cannot be read as a kubeconfig (${(cause as Error).message.split('\n')[0]})`,
      'Name the kubeconfig of the cluster to install on.',
    )
  }
  const names = config.contexts?.map((one) => one?.name) ?? []
  const context = config.contexts?.find((one) => one?.name === name)?.context
  if (!context) {
    throw wrongTarget(
      `${shown} has no context ${name}`,
      names.length ? `Set KUBE_CONTEXT to one that it has: ${names.join(', ')}.` : 'It has no contexts at all.',
    )
  }
  // Without a server kubectl asks localhost:8080, whatever answers there.
  const cluster = config.clusters?.find((one) => one?.name === context.cluster)
  if (!cluster) {
    throw wrongTarget(
      `context ${name} in ${shown} names cluster ${context.cluster ?? '(none)'}, which the file does not have`,
      `Correct the file, or set KUBE_CONTEXT to another context: ${names.join(', ')}.`,
    )
  }
  const server = cluster.cluster?.server
  if (!server || !URL.canParse(server)) {
    throw wrongTarget(
      `cluster ${cluster.name} in ${shown} has ${server ? `the server ${server}, which is not a URL` : 'no server'}`,
      `Correct the file, or set KUBE_CONTEXT to another context: ${names.join(', ')}.`,
    )
  }
  if (context.user && !config.users?.some((one) => one?.name === context.user)) {
    throw wrongTarget(
      `context ${name} in ${shown} names user ${context.user}, which the file does not have`,
      `Correct the file, or set KUBE_CONTEXT to another context: ${names.join(', ')}.`,
    )
  }
  if (file.includes(delimiter)) {
    throw wrongTarget(
      `KUBECONFIG_FILE: kubectl takes no path with ${delimiter} in it: ${file}`,
      'Move or rename the file.',
    )
  }
  // The first file that sets a value wins: ours sets nothing but the current context, so no credential is copied.
  process.env.KUBECONFIG = [contextFile(name), file].join(delimiter)
  currentRun().target = { kubeconfig: file, context: name, server }
}

/** A kubeconfig that only names a current context. */
function contextFile(name: string): string {
  const text = `${JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': name })}\n`
  const folder = join(cacheFolder(), 'contexts')
  const file = join(folder, `${createHash('sha256').update(name).digest('hex').slice(0, 12)}.yaml`)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return file
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.${process.pid}`, text, { mode: 0o600 })
  renameSync(`${file}.${process.pid}`, file)
  return file
}

async function lockEks(settings: Settings): Promise<void> {
  const { AWS_ACCOUNT_ID: account, AWS_REGION: region, CLUSTER_NAME: name } = settings
  Object.assign(process.env, {
    // Version 1 of aws reads the second one only.
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_DEFAULT_OUTPUT: 'json',
    // A pager would wait for a key, and a prompt for an answer. Newer versions may put details around an error.
    AWS_PAGER: '',
    AWS_CLI_AUTO_PROMPT: 'off',
    AWS_CLI_ERROR_FORMAT: 'legacy',
  })
  if (usesMfa()) await callerIdentity()
  const [caller, cluster] = await allOrProblem(callerIdentity(), describeCluster(settings))
  if (caller.Account !== account) {
    throw wrongTarget(
      `the credentials belong to account ${caller.Account}, AWS_ACCOUNT_ID is ${account}`,
      `You are ${caller.Arn}. Log in to ${account} (AWS_PROFILE), or correct AWS_ACCOUNT_ID.`,
    )
  }
  const part = caller.Arn.split(':')[1]
  if (part !== partition(region)) {
    throw wrongTarget(
      `the credentials belong to partition ${part}, ${region} is in ${partition(region)}`,
      'China and GovCloud have accounts and credentials of their own. Log in there, or correct AWS_REGION.',
    )
  }
  if (!cluster) {
    throw wrongTarget(
      `account ${account} has no EKS cluster ${name} in ${region}`,
      `aws eks list-clusters --region ${region} lists those it has; docs/ has an example of one.`,
    )
  }
  const owner = cluster.arn.split(':')
  if (owner[3] !== region || owner[4] !== account) {
    throw wrongTarget(
      `EKS answers with ${cluster.arn}, which is another cluster`,
      'Correct AWS_REGION and AWS_ACCOUNT_ID.',
    )
  }
  if (cluster.status !== 'ACTIVE' && cluster.status !== 'UPDATING') {
    throw new Problem(
      `cluster ${name} is ${cluster.status}`,
      cluster.status === 'CREATING'
        ? `Wait for it: aws eks wait cluster-active --name ${name} --region ${region}`
        : `See aws eks describe-cluster --name ${name} --region ${region}`,
    )
  }
  const access = ensureKubeconfig(settings, cluster)
  await cacheToken(settings, caller, access)
  process.env.KUBECONFIG = access.kubeconfig
  const explain = (stderr: string): Problem | undefined => {
    const you = principalArn(caller.Arn)
    const unknown = /Unauthorized|must be logged in/.test(stderr)
    if (!unknown && !/forbidden: User /.test(stderr)) return endpointProblem(settings, cluster, stderr)
    // The kept token may be of credentials that were changed meanwhile.
    dropTokens(access)
    return unknown
      ? new Problem(
          `cluster ${name} does not know you (401): ${you} has no access entry`,
          entryLines(settings, you, cluster.accessConfig?.authenticationMode),
          { code: 'denied' },
        )
      : new Problem(
          `cluster ${name} knows you, but denies this (403): ${stderr.trim().split('\n').at(-1)}`,
          `No policy of your access entry (${you}) allows it. Somebody with the permission can associate one:\n${associateLine(settings, you)}`,
          { code: 'denied' },
        )
  }
  currentRun().target = { ...access, explain }
}

function entryLines(settings: Settings, you: string, mode = ''): string {
  const where = `--cluster-name ${settings.CLUSTER_NAME} --region ${settings.AWS_REGION}`
  return [
    'Whoever created the cluster, or may change it, can give you access:',
    ...(mode === 'CONFIG_MAP'
      ? [
          `aws eks update-cluster-config --name ${settings.CLUSTER_NAME} --region ${settings.AWS_REGION} --access-config authenticationMode=API_AND_CONFIG_MAP`,
        ]
      : []),
    `aws eks create-access-entry ${where} --principal-arn ${you}`,
    associateLine(settings, you),
    'An entry takes a minute to take effect. If you have one, log in again: the credentials may be those of somebody else.',
  ].join('\n')
}

function associateLine(settings: Settings, you: string): string {
  const policy = `arn:${partition(settings.AWS_REGION)}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`
  return `aws eks associate-access-policy --cluster-name ${settings.CLUSTER_NAME} --region ${settings.AWS_REGION} --principal-arn ${you} --policy-arn ${policy} --access-scope type=cluster`
}
