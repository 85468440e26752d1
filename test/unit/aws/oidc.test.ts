import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureOidcProvider, oidcProvider, oidcProviderArn } from '../../../lib/aws/oidc.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { EKS, settings } from '../world.ts'
import { type Answers, fakeAws, refusal } from './fake.ts'

const aws = (more: Answers, plan = false) =>
  fakeAws(
    settings(EKS),
    {
      'describe-cluster': {
        cluster: { identity: { oidc: { issuer: 'https://oidc.eks.eu-central-1.amazonaws.com/id/A' } } },
      },
      ...more,
    },
    plan,
  )
const ARN = 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/A'
const inspect = () => oidcProvider.inspect(new Snapshot(), settings(EKS))

test('a provider with the audience of STS passes and is not written', async () => {
  const log = aws({ 'get-open-id-connect-provider': { ClientIDList: ['sts.amazonaws.com', 'other'] } })
  assert.equal(await oidcProviderArn(settings(EKS)), ARN)
  assert.equal(await inspect(), true)
  assert.equal((await ensureOidcProvider(settings(EKS))).outcome, 'unchanged')
  assert.equal(log().length, 2)
})

test('one that does not exist is created, one without the audience gets it, and others stay', async () => {
  const log = aws({ 'get-open-id-connect-provider': refusal('NoSuchEntity'), 'create-open-id-connect-provider': {} })
  assert.equal(await inspect(), 'IAM has no OIDC provider for the cluster')
  assert.equal((await ensureOidcProvider(settings(EKS))).outcome, 'created')
  assert.match(log().at(-1)!, /--url https:\/\/oidc\.eks\S+ --client-id-list sts\.amazonaws\.com --tags/)
  // What IAM has acknowledged is not asked for again.
  const calls = log().length
  assert.equal(await inspect(), true)
  assert.equal(log().length, calls)

  const second = aws({
    'get-open-id-connect-provider': { ClientIDList: ['other'] },
    'add-client-id-to-open-id-connect-provider': {},
  })
  assert.match(String(await inspect()), /lacks the audience sts\.amazonaws\.com/)
  const { outcome, differences } = await ensureOidcProvider(settings(EKS))
  assert.equal(outcome, 'changed')
  assert.deepEqual(differences[0]?.lines, [' other', '+sts.amazonaws.com'])
  assert.match(second().at(-1)!, new RegExp(`${ARN} --client-id sts`))
})

test('a cluster without an issuer is a problem of its own', async () => {
  fakeAws(settings(EKS), { 'describe-cluster': { cluster: {} } })
  await assert.rejects(oidcProviderArn(settings(EKS)), /cluster prow has no OIDC issuer/)
})
