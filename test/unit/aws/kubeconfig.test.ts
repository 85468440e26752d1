import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import type { Cluster } from '../../../lib/aws/eks.ts'
import { cacheToken, dropTokens, ensureKubeconfig, tokenScript } from '../../../lib/aws/kubeconfig.ts'
import { newRun, setRun } from '../../../lib/run/context.ts'
import { lockTarget } from '../../../lib/target.ts'
import { EKS, folder, settings, write } from '../world.ts'

const CLUSTER: Cluster = {
  name: 'prow',
  arn: 'arn:aws:eks:eu-central-1:123456789012:cluster/prow',
  version: '1.36',
  status: 'ACTIVE',
  endpoint: 'https://1.eks.example.com',
  certificateAuthority: { data: 'Y2E=' },
  resourcesVpcConfig: {},
}
const ADMIN = { Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/admin' }
const READER = { Account: '123456789012', Arn: 'arn:aws:iam::123456789012:user/reader' }

// An aws whose token is that of AWS_PROFILE.
const AWS = `#!/bin/sh
echo "$*" >>"$FAKE_LOG"
case "$*" in
*get-token*) echo "{\\"token\\":\\"as-$AWS_PROFILE\\"}" ;;
*get-caller-identity*) echo '${JSON.stringify(ADMIN)}' ;;
*describe-cluster*) echo '${JSON.stringify({ cluster: CLUSTER })}' ;;
*) exit 99 ;;
esac
`

const root = folder()
const path = process.env.PATH
let home = ''
let count = 0
const log = () => {
  const file = join(home, 'log')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}
const tokens = (kubeconfig: string) => readdirSync(join(kubeconfig, '..')).filter((name) => name.startsWith('token-'))

beforeEach(() => {
  home = join(root, String(count++))
  write(home, { 'bin/aws': AWS })
  chmodSync(join(home, 'bin/aws'), 0o755)
  Object.assign(process.env, {
    PATH: `${join(home, 'bin')}:${path}`,
    RUNBOOK_CACHE: join(home, 'cache'),
    FAKE_LOG: join(home, 'log'),
    AWS_PROFILE: 'admin',
  })
  delete process.env.PROW_RUNBOOK_IDENTITY
  setRun(newRun(settings(EKS)))
})

/** What the exec plugin of a kubeconfig answers kubectl with. */
function answer(kubeconfig: string): { token: string } {
  const { command, args } = JSON.parse(readFileSync(kubeconfig, 'utf8')).users[0].user.exec
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8' }))
}

test('kubectl acts as the identity of this run, whatever profile was set when the kubeconfig was written', async () => {
  const access = ensureKubeconfig(settings(EKS), CLUSTER)
  await cacheToken(settings(EKS), ADMIN, access)
  assert.equal(answer(access.kubeconfig).token, 'as-admin')

  process.env.AWS_PROFILE = 'reader'
  const again = ensureKubeconfig(settings(EKS), CLUSTER)
  await cacheToken(settings(EKS), READER, again)
  assert.equal(answer(again.kubeconfig).token, 'as-reader')
  // And so does the script when it has to get the token.
  dropTokens(again)
  assert.equal(answer(again.kubeconfig).token, 'as-reader')
  assert.doesNotMatch(readFileSync(join(again.kubeconfig, '../token'), 'utf8'), /AWS_PROFILE|admin/)
})

test('a token is kept for one identity, asked for once, and for ten minutes only', async () => {
  const access = ensureKubeconfig(settings(EKS), CLUSTER)
  await cacheToken(settings(EKS), ADMIN, access)
  const asked = () => log().filter((line) => line.includes('get-token')).length
  assert.equal(asked(), 1)
  answer(access.kubeconfig)
  await cacheToken(settings(EKS), ADMIN, access)
  assert.equal(asked(), 1)
  const [kept] = tokens(access.kubeconfig)
  const file = join(access.kubeconfig, '..', kept!)
  assert.equal(statSync(file).mode & 0o77, 0)
  const old = Date.now() / 1000 - 11 * 60
  utimesSync(file, old, old)
  answer(access.kubeconfig)
  assert.equal(asked(), 2)
  await cacheToken(settings(EKS), READER, access)
  assert.equal(asked(), 3)
  assert.equal(tokens(access.kubeconfig).length, 2)
})

test('the access key is part of the identity: a session of the same role has a token of its own', async () => {
  const access = ensureKubeconfig(settings(EKS), CLUSTER)
  await cacheToken(settings(EKS), ADMIN, access)
  process.env.AWS_ACCESS_KEY_ID = 'ASIAOTHER'
  await cacheToken(settings(EKS), ADMIN, access)
  delete process.env.AWS_ACCESS_KEY_ID
  assert.equal(tokens(access.kubeconfig).length, 2)
})

test('typed by a person the script gets a new token and keeps none', async () => {
  const access = ensureKubeconfig(settings(EKS), CLUSTER)
  await cacheToken(settings(EKS), ADMIN, access)
  delete process.env.PROW_RUNBOOK_IDENTITY
  process.env.AWS_PROFILE = 'somebody'
  assert.equal(answer(access.kubeconfig).token, 'as-somebody')
  assert.equal(tokens(access.kubeconfig).length, 1)
})

test('a kubeconfig is written of what EKS answered, once, and again when the cluster, the script or its credentials differ', () => {
  const { kubeconfig } = ensureKubeconfig(settings(EKS), CLUSTER)
  const read = () => JSON.parse(readFileSync(kubeconfig, 'utf8'))
  const config = read()
  assert.deepEqual(config.clusters[0].cluster, { server: CLUSTER.endpoint, 'certificate-authority-data': 'Y2E=' })
  assert.deepEqual(config.contexts[0], { name: CLUSTER.arn, context: { cluster: CLUSTER.arn, user: CLUSTER.arn } })
  assert.equal(config['current-context'], CLUSTER.arn)
  assert.equal(config.users[0].user.exec.env, undefined)
  assert.equal(statSync(kubeconfig).mode & 0o77, 0)
  const written = () => statSync(kubeconfig).ino
  const first = written()
  ensureKubeconfig(settings(EKS), CLUSTER)
  assert.equal(written(), first)
  // No aws was started.
  assert.deepEqual(log(), [])

  // As an earlier version of the runbook wrote them.
  const script = join(kubeconfig, '../token')
  writeFileSync(script, readFileSync(script, 'utf8').replace('set -eu', 'set -eu\nexport AWS_PROFILE=admin'))
  ensureKubeconfig(settings(EKS), CLUSTER)
  assert.doesNotMatch(readFileSync(script, 'utf8'), /AWS_PROFILE/)

  config.users[0].user.exec.env = [{ name: 'AWS_PROFILE', value: 'admin' }]
  writeFileSync(kubeconfig, JSON.stringify(config))
  ensureKubeconfig(settings(EKS), CLUSTER)
  assert.equal(read().users[0].user.exec.env, undefined)

  ensureKubeconfig(settings(EKS), { ...CLUSTER, certificateAuthority: { data: 'b3RoZXI=' } })
  assert.equal(read().clusters[0].cluster['certificate-authority-data'], 'b3RoZXI=')
})

test('dropTokens removes the tokens of all identities, and nothing else', async () => {
  const access = ensureKubeconfig(settings(EKS), CLUSTER)
  await cacheToken(settings(EKS), ADMIN, access)
  await cacheToken(settings(EKS), READER, access)
  dropTokens(access)
  assert.deepEqual(tokens(access.kubeconfig), [])
  assert.deepEqual(readdirSync(join(access.kubeconfig, '..')).sort(), ['kubeconfig', 'token'])
})

test('after a 401 and after a 403 the next kubectl asks for a new token', async () => {
  for (const stderr of [
    'error: You must be logged in to the server (Unauthorized)',
    'Error from server (Forbidden): secrets is forbidden: User "admin" cannot list resource "secrets"',
  ]) {
    const run = newRun(settings(EKS))
    setRun(run)
    await lockTarget(settings(EKS))
    const { kubeconfig, explain } = run.target!
    assert.equal(tokens(kubeconfig).length, 1, stderr)
    assert.equal(explain?.(stderr)?.code, 'denied')
    assert.deepEqual(tokens(kubeconfig), [], stderr)
  }
})

test('arguments are quoted for the shell', () => {
  assert.match(
    tokenScript(['aws', 'eks', 'get-token', '--cluster-name', "a'b"]),
    /--cluster-name 'a'\\''b' --output json/,
  )
})
