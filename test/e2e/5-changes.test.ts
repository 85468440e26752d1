import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { displayPath } from '../../lib/base/paths.ts'
import {
  bucket,
  DIR,
  event,
  eventually,
  get,
  type Json,
  job,
  jobPath,
  kubectl,
  ORG,
  ownConfig,
  prow,
  type Report,
  results,
  script,
  secret,
  tryScript,
} from './world.ts'

/** The pods of Prow with how often each was restarted. */
const restarts = async () =>
  ((await get('pods', '-n', 'prow')) as Json).items
    .map(({ metadata, status }: Json) => `${metadata.name} ${status.containerStatuses[0].restartCount}`)
    .sort()

test('a job that is added with 06-config runs, and nothing is restarted for it', async () => {
  const folder = await ownConfig()
  const before = await restarts()
  const { items } = await get('prowjobs', '-n', 'prow')
  assert.ok(items.every(({ spec }: Json) => spec.job !== 'nosy-periodic'))
  const hello = readFileSync(join(folder, 'jobs/hello.yaml'), 'utf8')
  // What a malicious job would try: the token of its service account, and the API without one.
  const nosy = hello
    .replace('hello-periodic', 'nosy-periodic')
    .replace(
      /- echo "Hello.*/,
      '- ls /var/run/secrets/kubernetes.io 2>&1; for p in api/v1/namespaces/prow/secrets api/v1/namespaces/test-pods/pods apis/prow.k8s.io/v1/prowjobs; do curl -sk -o /dev/null -w "$p %{http_code}\\n" https://kubernetes.default/$p; done',
    )
  writeFileSync(join(folder, 'jobs/nosy.yaml'), nosy)
  const report = await script('06-config')
  assert.deepEqual(
    results(report, /checkconfig|Deck has read/).map(({ outcome }) => outcome),
    ['passed', 'passed'],
  )
  const one = await job('nosy-periodic', undefined, ['success', 'failure'], 240)
  const log = await eventually('its log', 30, () => bucket(`${jobPath(one)}/build-log.txt`))
  assert.match(log, /cannot access|No such file/)
  assert.match(log, /prow\/secrets (401|403)\n/)
  assert.match(log, /test-pods\/pods (401|403)\n/)
  assert.match(log, /prowjobs (401|403)\n/)
  assert.deepEqual(await restarts(), before)
})

test('checkconfig in the cluster refuses what only Prow can find, and nothing is written', async () => {
  const folder = await ownConfig()
  const file = join(folder, 'jobs/greedy.yaml')
  const hello = readFileSync(join(folder, 'jobs/hello.yaml'), 'utf8')
  const greedy = hello.replace('hello-periodic', 'greedy-periodic').replace(/cpu: \S+/, 'cpu: much')
  writeFileSync(file, greedy)
  const versions = async () =>
    (await get('configmaps', '-n', 'prow')).items.map(({ metadata }: Json) => [metadata.name, metadata.resourceVersion])
  const before = await versions()
  const { exitCode, problems } = await tryScript('06-config')
  assert.equal(exitCode, 1)
  const name = displayPath(file)
  const line = greedy.split('\n').findIndex((text) => text.includes('cpu: much')) + 1
  assert.deepEqual(
    problems.map(({ message, remedy }) => ({ message, remedy })),
    [
      {
        message: `${name}:${line} periodics[0].spec.containers[0].resources.requests.cpu: much is not a valid quantity`,
        remedy: [
          `checkconfig: error unmarshalling ${name}: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
          'Write it like 500m, 2, 512Mi or 4Gi. Prow refuses it.',
        ].join('\n'),
      },
    ],
  )
  assert.deepEqual(await versions(), before)
  rmSync(file)
  await eventually('no pod of checkconfig', 60, async () => {
    const { items } = await get('pods', '-n', 'prow')
    return items.every(({ metadata }: Json) => !metadata.name.startsWith('checkconfig'))
  })
})

test('rollback-config restores the previous version, and Deck reads it', async () => {
  const folder = await ownConfig()
  const file = join(folder, 'config.yaml')
  const text = readFileSync(file, 'utf8')
  const ttl = async () => /terminated_pod_ttl: (\w+)/.exec((await prow('/config')).text)?.[1]
  const before = await ttl()
  writeFileSync(file, text.replace(/terminated_pod_ttl: \w+/, 'terminated_pod_ttl: 17m'))
  const isRead = (report: Report) => assert.equal(results(report, /^Deck has read/)[0]?.outcome, 'passed')
  isRead(await script('06-config'))
  assert.equal(await ttl(), '17m0s')
  isRead(await script('rollback-config'))
  assert.equal(await ttl(), before)
  writeFileSync(file, text)
})

test('the service account of job pods has no permissions in the cluster', async () => {
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
  // sinker reads a new period when the current one is over, or at its start.
  await kubectl('rollout', 'restart', '-n', 'prow', 'deployment/sinker')
  await eventually('no pod of a finished job', 120, async () => {
    const { items } = await get('pods', '-n', 'test-pods')
    return items.every(({ status }: Json) => !['Succeeded', 'Failed'].includes(status.phase))
  })
  writeFileSync(file, text)
  await script('06-config')
})

test('a new hmac-token takes effect without a restart', async () => {
  const ping = { zen: 'x', repository: { full_name: `${ORG}/website`, name: 'website', owner: { login: ORG } } }
  const old = secret('hmac-token')
  writeFileSync(join(DIR, 'secrets/hmac-token'), `${old.replace(/./, (one) => (one === 'a' ? 'b' : 'a'))}\n`)
  const before = await restarts()
  await script('03-secrets')
  // Each pod of hook reads it at another time, and only ready ones are asked: enough events to reach both.
  await eventually('every hook takes the new one and refuses the old one', 180, async () => {
    const { status } = await get('deployment/hook', '-n', 'prow')
    const send = (key?: string) => Promise.all(Array.from({ length: 16 }, () => event('ping', ping, key)))
    const answers = [await send(), await send(old)].map((all) => [...new Set(all.map((one) => one.status))])
    const found = `${status.readyReplicas} ready, new: ${answers[0]}, old: ${answers[1]}`
    assert.equal(found, `${status.replicas} ready, new: 200, old: 403`)
    return true
  })
  assert.deepEqual(await restarts(), before)
})

test('13-verify runs a test job whose log Deck shows, and removes it', async () => {
  const [job] = results(await script('13-verify', { VERIFY_JOB: 'on' }), /^a test job ran/)
  assert.match(job!.note!, /view\/s3/)
  assert.doesNotMatch(await kubectl('get', 'prowjobs', '-n', 'prow', '-o', 'name'), /verify-/)
})
