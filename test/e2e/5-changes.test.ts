import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  bucket,
  DIR,
  event,
  eventually,
  get,
  job,
  kubectl,
  ORG,
  ownConfig,
  place,
  prow,
  script,
  secret,
  type Thing,
} from './world.ts'

const started = async () =>
  ((await get('pods', '-n', 'prow')) as Thing).items
    .map(({ metadata, status }: Thing) => `${metadata.name} ${status.containerStatuses[0].restartCount}`)
    .sort()

test('a job that is added with 06-config runs, and nothing is started again for it', async () => {
  const folder = await ownConfig()
  const before = await started()
  const { items } = await get('configmap', 'config', '-n', 'prow').then(() => get('prowjobs', '-n', 'prow'))
  assert.ok(items.every(({ spec }: Thing) => spec.job !== 'nosy-periodic'))
  const hello = readFileSync(join(folder, 'jobs/hello.yaml'), 'utf8')
  // What a job that means no good would try: its own account's token, and the API without one.
  const nosy = hello
    .replace('hello-periodic', 'nosy-periodic')
    .replace(
      /- echo "Hello.*/,
      '- ls /var/run/secrets/kubernetes.io 2>&1; for p in api/v1/namespaces/prow/secrets api/v1/namespaces/test-pods/pods apis/prow.k8s.io/v1/prowjobs; do curl -sk -o /dev/null -w "$p %{http_code}\\n" https://kubernetes.default/$p; done',
    )
  writeFileSync(join(folder, 'jobs/nosy.yaml'), nosy)
  const told = await script('06-config')
  assert.match(told, /checkconfig in the cluster accepts it/)
  assert.match(told, /Deck has read it/)
  const one = await job('nosy-periodic', undefined, ['success', 'failure'], 240)
  const log = await eventually('its log', 30, () => bucket(`${place(one)}/build-log.txt`))
  assert.match(log, /cannot access|No such file/)
  assert.match(log, /prow\/secrets (401|403)\n/)
  assert.match(log, /test-pods\/pods (401|403)\n/)
  assert.match(log, /prowjobs (401|403)\n/)
  assert.deepEqual(await started(), before)
})

test('what only Prow itself knows to be wrong is refused by checkconfig in the cluster, and nothing is written', async () => {
  const folder = await ownConfig()
  const file = join(folder, 'jobs/greedy.yaml')
  const hello = readFileSync(join(folder, 'jobs/hello.yaml'), 'utf8')
  writeFileSync(file, hello.replace('hello-periodic', 'greedy-periodic').replace(/cpu: \S+/, 'cpu: much'))
  const held = async () =>
    (await get('configmaps', '-n', 'prow')).items.map(({ metadata }: Thing) => [
      metadata.name,
      metadata.resourceVersion,
    ])
  const before = await held()
  await assert.rejects(script('06-config'), ({ code, stderr }) => {
    assert.equal(code, 1)
    assert.match(stderr, /✖ checkconfig: .*quantit/)
    assert.match(stderr, /checkconfig in the cluster refuses it/)
    return true
  })
  assert.deepEqual(await held(), before)
  rmSync(file)
  await eventually('no pod of checkconfig is left', 60, async () => {
    const { items } = await get('pods', '-n', 'prow')
    return items.every(({ metadata }: Thing) => !metadata.name.startsWith('checkconfig'))
  })
})

test('--rollback puts the version before in force, and Deck is seen to have read it', async () => {
  const folder = await ownConfig()
  const file = join(folder, 'config.yaml')
  const text = readFileSync(file, 'utf8')
  const ttl = async () => /terminated_pod_ttl: (\w+)/.exec((await prow('/config')).text)?.[1]
  const before = await ttl()
  writeFileSync(file, text.replace(/terminated_pod_ttl: \w+/, 'terminated_pod_ttl: 17m'))
  assert.match(await script('06-config'), /Deck has read it/)
  assert.equal(await ttl(), '17m0s')
  assert.match(await script('06-config', {}, '--rollback'), /Deck has read it/)
  assert.equal(await ttl(), before)
  writeFileSync(file, text)
})

test('the account of jobs may do nothing in the cluster', async () => {
  const may = async (verb: string, what: string, namespace: string) =>
    (
      await kubectl(
        'auth',
        'can-i',
        verb,
        what,
        '-n',
        namespace,
        '--as',
        'system:serviceaccount:test-pods:prow-jobs',
      ).catch(({ stdout }) => stdout)
    ).trim()
  for (const namespace of ['prow', 'test-pods']) {
    for (const what of ['secrets', 'pods', 'configmaps', 'prowjobs.prow.k8s.io'])
      assert.equal(await may('list', what, namespace), 'no', `${what} in ${namespace}`)
  }
})

test('sinker removes the pods of finished jobs when their time is over', async () => {
  const folder = await ownConfig()
  const file = join(folder, 'config.yaml')
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text
      .replace(/resync_period: \w+/, 'resync_period: 10s')
      .replace(/terminated_pod_ttl: \w+/, 'terminated_pod_ttl: 5s'),
  )
  await script('06-config')
  // sinker takes a new period when the one that runs is over, so it is told by a new pod.
  await kubectl('rollout', 'restart', '-n', 'prow', 'deployment/sinker')
  await eventually('no pod of a finished job', 120, async () => {
    const { items } = await get('pods', '-n', 'test-pods')
    return items.every(({ status }: Thing) => !['Succeeded', 'Failed'].includes(status.phase))
  })
  writeFileSync(file, text)
  await script('06-config')
})

test('a new hmac-token is in force without a restart', async () => {
  const ping = { zen: 'x', repository: { full_name: `${ORG}/website`, name: 'website', owner: { login: ORG } } }
  const old = secret('hmac-token')
  writeFileSync(join(DIR, 'secrets/hmac-token'), `${old.replace(/./, (one) => (one === 'a' ? 'b' : 'a'))}\n`)
  const before = await started()
  await script('03-secrets')
  // The pods of hook read it each at a moment of its own: enough events to come to both.
  const all = async (status: number, key?: string) =>
    (await Promise.all(Array.from({ length: 16 }, () => event('ping', ping, key)))).every(
      (one) => one.status === status,
    )
  await eventually('every hook takes the new one', 180, () => all(200))
  await eventually('every hook refuses the old one', 60, () => all(403, old))
  assert.ok(await all(200), 'a hook has gone back to the old one')
  assert.deepEqual(await started(), before)
})

test('13-verify sends a job of its own all the way to its log, and removes it', async () => {
  const told = await script('13-verify', { VERIFY_JOB: 'on' })
  assert.match(told, /all the way to its log .*view\/s3/)
  assert.doesNotMatch(await kubectl('get', 'prowjobs', '-n', 'prow', '-o', 'name'), /verify-/)
})
