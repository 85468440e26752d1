import { Problem } from '../base/problem.ts'
import type { Check } from '../kubernetes/check.ts'
import { currentRun } from '../run/context.ts'
import type { Change } from '../run/result.ts'
import { change } from '../run/task.ts'
import { partition } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { readAws, rememberAws, writeAws } from './cli.ts'
import { eksCluster } from './eks.ts'
import { providerHost } from './policy.ts'
import { type Tag, tagArguments } from './tags.ts'

const AUDIENCE = 'sts.amazonaws.com'

interface Provider {
  ClientIDList?: string[]
  Tags?: Tag[]
}

/** The ARN of the cluster's OIDC provider in IAM, after the issuer that EKS reports: never derived from the region. */
export async function oidcProviderArn(settings: Settings): Promise<string> {
  const issuer = (await eksCluster(settings)).identity?.oidc?.issuer
  if (!issuer) throw new Problem(`cluster ${settings.CLUSTER_NAME} has no OIDC issuer`, 'Wait until it is ACTIVE.')
  const host = issuer.replace(/^https:\/\//, '')
  return `arn:${partition(settings.AWS_REGION)}:iam::${settings.AWS_ACCOUNT_ID}:oidc-provider/${host}`
}

/** The OIDC provider of the cluster in IAM; undefined when there is none. */
export async function readOidcProvider(settings: Settings): Promise<Provider | undefined> {
  const arn = await oidcProviderArn(settings)
  return readAws<Provider>(providerArguments(arn), /^NoSuchEntity/)
}

const providerArguments = (arn: string) => [
  'iam',
  'get-open-id-connect-provider',
  '--open-id-connect-provider-arn',
  arn,
]

/** That IAM trusts the service account tokens of the cluster. */
export const oidcProvider: Check = {
  fact: 'IAM has the OIDC provider of the cluster',
  step: '01-cluster',
  inspect: async (_, settings) => {
    const found = await readOidcProvider(settings)
    if (!found) return 'IAM has no OIDC provider for the cluster'
    return found.ClientIDList?.includes(AUDIENCE) || `the OIDC provider of the cluster lacks the audience ${AUDIENCE}`
  },
}

/** Creates the OIDC provider of the cluster in IAM, or adds the audience of STS to it. */
export async function ensureOidcProvider(settings: Settings): Promise<Change> {
  const { plan } = currentRun()
  const arn = await oidcProviderArn(settings)
  const found = await readOidcProvider(settings)
  const url = `https://${providerHost(arn)}`
  if (!found) {
    // IAM finds the thumbprint itself.
    const args = ['--url', url, '--client-id-list', AUDIENCE, ...tagArguments(settings)]
    if (!plan) {
      await writeAws(['iam', 'create-open-id-connect-provider', ...args], arn)
      rememberAws(providerArguments(arn), { ClientIDList: [AUDIENCE] })
    }
    return change(false, [], url)
  }
  const audiences = found.ClientIDList ?? []
  if (audiences.includes(AUDIENCE)) return change(true, [], url)
  const args = ['--open-id-connect-provider-arn', arn, '--client-id', AUDIENCE]
  if (!plan) await writeAws(['iam', 'add-client-id-to-open-id-connect-provider', ...args], arn)
  const lines = [...audiences.map((one) => ` ${one}`), `+${AUDIENCE}`]
  return change(true, [{ object: 'OIDC provider', path: 'audiences', lines }], url)
}
