import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { allOrProblem, useRegion } from './aws/cli.ts'
import { cacheToken, callerIdentity, describeCluster, dropTokens, ensureKubeconfig, principalArn } from './aws/eks.ts'
import { displayPath } from './base/paths.ts'
import { EXIT, Problem } from './base/problem.ts'
import { explainDenied } from './kubernetes/errors.ts'
import { useCluster } from './kubernetes/kubectl.ts'
import { partition } from './settings/derived.ts'
import { settingsPath } from './settings/settings.ts'
import type { Settings } from './settings/table.ts'

interface Kubeconfig {
  contexts?: { name: string; context: { cluster: string } }[]
  clusters?: { name: string; cluster: { server: string } }[]
}

/** The Problem of a target that is not the one in the settings. */
function wrongTarget(message: string, remedy: string): Problem {
  return new Problem(message, remedy, { exitCode: EXIT.wrongTarget })
}

let server = ''

/** The address of the API server that this run talks to. */
export function serverAddress(): string {
  return server
}

/**
 * Makes sure that what is at hand is what the settings name, before anything is looked at or written; every kubectl
 * of this process goes there. Throws a Problem with exit code 3 otherwise.
 */
export async function lockTarget(settings: Settings): Promise<void> {
  if (settings.TARGET === 'eks') return lockEks(settings)
  const file = settingsPath(settings, settings.KUBECONFIG_FILE)
  let config: Kubeconfig
  try {
    config = load(readFileSync(file, 'utf8'), { filename: file }) as Kubeconfig
    if (!Array.isArray(config?.contexts) || !Array.isArray(config.clusters)) throw new Error('it has no contexts')
  } catch (cause) {
    throw wrongTarget(
      `KUBECONFIG_FILE: ${displayPath(file)} cannot be read as a kubeconfig (${(cause as Error).message.split('\n')[0]})`,
      'Name the kubeconfig of the cluster to install on.',
    )
  }
  const names = config.contexts?.map((one) => one?.name) ?? []
  const context = config.contexts?.find((one) => one?.name === settings.KUBE_CONTEXT)
  if (!context) {
    throw wrongTarget(
      `${displayPath(file)} has no context ${settings.KUBE_CONTEXT}`,
      names.length ? `Set KUBE_CONTEXT to one that it has: ${names.join(', ')}.` : 'It has no contexts at all.',
    )
  }
  server = config.clusters?.find((one) => one?.name === context.context?.cluster)?.cluster?.server ?? ''
  useCluster(file, settings.KUBE_CONTEXT)
}

async function lockEks(settings: Settings): Promise<void> {
  const { AWS_ACCOUNT_ID: account, AWS_REGION: region, CLUSTER_NAME: name } = settings
  useRegion(region)
  const [who, about] = await allOrProblem(callerIdentity(), describeCluster(settings))
  if (who.Account !== account) {
    throw wrongTarget(
      `the credentials are of account ${who.Account}, AWS_ACCOUNT_ID is ${account}`,
      `You are ${who.Arn}. Log in to ${account} (AWS_PROFILE), or correct AWS_ACCOUNT_ID.`,
    )
  }
  const part = who.Arn.split(':')[1]
  if (part !== partition(region)) {
    throw wrongTarget(
      `the credentials are of partition ${part}, ${region} is in ${partition(region)}`,
      'China and GovCloud have accounts and credentials of their own. Log in there, or correct AWS_REGION.',
    )
  }
  if (!about) {
    throw wrongTarget(
      `account ${account} has no EKS cluster ${name} in ${region}`,
      `aws eks list-clusters --region ${region} shows those it has; docs/ has an example for one.`,
    )
  }
  const owner = about.arn.split(':')
  if (owner[3] !== region || owner[4] !== account) {
    throw wrongTarget(`EKS answers with ${about.arn}`, 'Correct AWS_REGION and AWS_ACCOUNT_ID: it is another cluster.')
  }
  if (about.status !== 'ACTIVE' && about.status !== 'UPDATING') {
    throw new Problem(
      `cluster ${name} is ${about.status}`,
      about.status === 'CREATING'
        ? `Wait for it: aws eks wait cluster-active --name ${name} --region ${region}`
        : `See aws eks describe-cluster --name ${name} --region ${region}`,
    )
  }
  const access = await ensureKubeconfig(settings, about)
  await cacheToken(settings)
  server = access.server
  useCluster(access.kubeconfig, access.context)
  explainDenied((stderr) => {
    const you = principalArn(who.Arn)
    if (/Unauthorized|must be logged in/.test(stderr)) {
      // The token may be of credentials that were changed meanwhile.
      dropTokens()
      return new Problem(
        `cluster ${name} does not know you (401): ${you} has no access entry`,
        entryLines(settings, you, about.accessConfig?.authenticationMode),
      )
    }
    if (/forbidden: User /.test(stderr)) {
      return new Problem(
        `cluster ${name} knows you, but you lack the right (403): ${stderr.trim().split('\n').at(-1)}`,
        `Your access entry (${you}) has no policy that allows it. Somebody who may gives it one:\n${associateLine(settings, you)}`,
      )
    }
    return undefined
  })
}

function entryLines(settings: Settings, you: string, mode = ''): string {
  const where = `--cluster-name ${settings.CLUSTER_NAME} --region ${settings.AWS_REGION}`
  return [
    'Who made the cluster, or may change it, lets you in:',
    ...(mode === 'CONFIG_MAP'
      ? [
          `aws eks update-cluster-config --name ${settings.CLUSTER_NAME} --region ${settings.AWS_REGION} --access-config authenticationMode=API_AND_CONFIG_MAP`,
        ]
      : []),
    `aws eks create-access-entry ${where} --principal-arn ${you}`,
    associateLine(settings, you),
    'An entry takes a minute to hold. When you have one, log in anew: the credentials may be of somebody else.',
  ].join('\n')
}

function associateLine(settings: Settings, you: string): string {
  const policy = `arn:${partition(settings.AWS_REGION)}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`
  return `aws eks associate-access-policy --cluster-name ${settings.CLUSTER_NAME} --region ${settings.AWS_REGION} --principal-arn ${you} --policy-arn ${policy} --access-scope type=cluster`
}
