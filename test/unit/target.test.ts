import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { beforeEach, describe, test } from 'node:test'
import { EXIT, Problem } from '../../lib/base/problem.ts'
import { newRun, setRun, target } from '../../lib/run/context.ts'
import { readSettings } from '../../lib/settings/settings.ts'
import { lockTarget } from '../../lib/target.ts'
import { folder, LOCAL, write } from './world.ts'

const CLUSTER = { name: 'rehearsal', cluster: { server: 'https://127.0.0.1:6443' } }
const config = (more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'elsewhere',
  clusters: [CLUSTER, { name: 'other', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [
    { name: 'here', context: { cluster: 'rehearsal', user: 'me', namespace: 'x' } },
    { name: 'elsewhere', context: { cluster: 'other', user: 'me' } },
  ],
  users: [{ name: 'me', user: { token: 'secret-token-of-a-test' } }],
  ...more,
})

const home = folder()
process.env.XDG_CACHE_HOME = home
beforeEach(() => {
  for (const name of ['KUBECONFIG', 'KUBERC', 'KUBECACHEDIR']) delete process.env[name]
})

/** Locks the target of settings in a folder that has this kubeconfig. */
async function lock(kubeconfig: unknown, environment: NodeJS.ProcessEnv = {}): Promise<void> {
  const path = folder()
  write(path, {
    '.env': Object.entries(LOCAL)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    kubeconfig: typeof kubeconfig === 'string' ? kubeconfig : JSON.stringify(kubeconfig),
  })
  const settings = readSettings(`${path}/.env`, environment)
  setRun(newRun(settings))
  await lockTarget(settings)
}

const wrongTarget = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Problem)
  assert.equal(error.exitCode, EXIT.wrongTarget)
  assert.match(error.message, pattern)
  return true
}

describe('the target lock', () => {
  test('gives kubectl the context of the settings, whatever is current, and copies no credential', async () => {
    await lock(config())
    assert.equal(target().server, CLUSTER.cluster.server)
    const [ours = '', theirs = ''] = process.env.KUBECONFIG!.split(delimiter)
    assert.deepEqual(JSON.parse(readFileSync(ours, 'utf8')), {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'here',
    })
    assert.equal(theirs, target().kubeconfig)
  })

  const refused: [string, unknown, RegExp][] = [
    ['a file that is no kubeconfig', 'a: [', /cannot be read as a kubeconfig/],
    ['a context that does not exist', config({ contexts: [] }), /has no context here/],
    ['a context whose cluster does not exist', config({ clusters: [] }), /names cluster rehearsal, which/],
    ['a cluster without a server', config({ clusters: [{ name: 'rehearsal', cluster: {} }] }), /has no server/],
    [
      'a server that is not a URL',
      config({ clusters: [{ name: 'rehearsal', cluster: { server: 'not a url' } }] }),
      /is not a URL/,
    ],
    ['a context whose user does not exist', config({ users: [] }), /names user me, which/],
  ]
  for (const [name, kubeconfig, pattern] of refused) {
    test(`refuses ${name}`, async () => {
      await assert.rejects(lock(kubeconfig), wrongTarget(pattern))
      assert.equal(process.env.KUBECONFIG, undefined)
    })
  }

  test('refuses a target that the environment has otherwise than the file, naming both', async () => {
    await assert.rejects(
      lock(config(), { KUBE_CONTEXT: 'elsewhere' }),
      wrongTarget(/KUBE_CONTEXT is here .* elsewhere/),
    )
    await assert.doesNotReject(lock(config(), { KUBE_CONTEXT: 'here' }))
  })
})
