import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../../lib/base/paths.ts'
import { render } from '../bench/byhand.ts'
import { comment, DIR, get, type Json, job, kubectl, pullRequest, results, script, webhook } from './world.ts'

const KINDS =
  'deployments,services,secrets,configmaps,serviceaccounts,roles,rolebindings,persistentvolumeclaims,ingresses,pods'

/** Every object of Prow with its UID, which changes when it is recreated. */
async function identities(): Promise<string[]> {
  const { items } = await get(KINDS, '-n', 'prow')
  return items.map(({ kind, metadata }: Json) => `${kind} ${metadata.name} ${metadata.uid}`).sort()
}

test('an installation by hand is adopted: nothing is recreated, and a running job continues', async () => {
  await script('uninstall', {}, '--yes', '--delete-secrets', '--delete-claims')
  await kubectl('delete', 'namespace', 'prow', 'test-pods', 'ingress-nginx', '--ignore-not-found')
  const folder = render(DIR)
  rmSync(join(folder, 'labels'), { recursive: true })
  await promisify(execFile)('bash', [join(ROOT, 'test/bench/guide.sh'), folder], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, KUBECONFIG: join(DIR, 'kubeconfig') },
    maxBuffer: 64 << 20,
  })
  // After an installation by hand these are in the cluster only.
  for (const name of ['hmac-token', 'cookie']) rmSync(join(DIR, 'secrets', name), { force: true })
  rmSync(join(DIR, 'config'), { recursive: true, force: true })
  await script('03-secrets')
  await webhook()
  const number = await pullRequest('bob', 'While it is adopted', { 'adopted.md': 'x\n' })
  await comment('bob', number, '/test website-slow')
  const running = await job('website-slow', number, ['pending'])
  const before = await identities()

  const report = await script('install-all')
  assert.deepEqual(
    results(report, /hmac-token/).filter(({ outcome }) => outcome === 'created'),
    [],
  )
  const after = await identities()
  const recreated = before.filter((one) => !after.includes(one) && !one.startsWith('Pod '))
  assert.deepEqual(recreated, [], 'objects that were recreated')
  const pods = before.filter((one) => one.startsWith('Pod ') && !after.includes(one))
  assert.deepEqual(pods, [], 'pods that were replaced')
  const same = await job('website-slow', number, ['pending'])
  assert.equal(same.metadata.uid, running.metadata.uid)
  assert.equal((await get('pod', '-n', 'test-pods', running.metadata.name)).status.phase, 'Running')
})
