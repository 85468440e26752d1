import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type KubeObject, secret } from '../../../lib/kubernetes/manifests.ts'
import { Snapshot } from '../../../lib/kubernetes/snapshot.ts'
import { outdatedConsumers, restarts, secretMarks } from '../../../lib/prow/restarts.ts'
import { LOCAL, settings } from '../world.ts'

/** A Deployment in prow that mounts `volumes` and has variables of `variables`. */
function deployment(name: string, volumes: string[], variables: string[] = [], startedWith?: string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace: 'prow',
      ...(startedWith === undefined ? {} : { annotations: { 'prow-runbook/started-with': startedWith } }),
    },
    spec: {
      template: {
        spec: {
          volumes: [{ emptyDir: {} }, ...volumes.map((secretName) => ({ secret: { secretName } }))],
          containers: [{ env: variables.map((name) => ({ valueFrom: { secretKeyRef: { name } } })) }, {}],
        },
      },
    },
  }
}

function existing(name: string, value: string, uid = `uid-${name}`): KubeObject {
  const { object } = secret('prow', name, { secret: value })
  return { ...object, metadata: { ...object.metadata, uid } }
}

function cluster(...objects: KubeObject[]): Snapshot {
  const snapshot = new Snapshot()
  for (const object of objects) snapshot.put(object)
  return snapshot
}

const DECK = deployment('deck', ['cookie', 'oauth-token', 'hmac-token'])

describe('the marks of Secrets', () => {
  test('are of those that a Deployment mounts, or has in variables, and reads only when it starts', () => {
    const marks = secretMarks(
      cluster(
        DECK,
        deployment('object-store', [], ['object-store']),
        deployment('hook', ['hmac-token', 'oauth-token']),
        ...['cookie', 'oauth-token', 'hmac-token', 'object-store'].map((name) => existing(name, 'x')),
      ),
    )
    assert.deepEqual(
      [...marks].map(([name, one]) => [name, Object.keys(one)]),
      [
        ['deck', ['cookie']],
        ['object-store', ['object-store']],
      ],
    )
  })

  test('change with the content and the uid, not with whitespace at the ends', () => {
    const mark = (value: string, uid?: string) =>
      secretMarks(cluster(DECK, existing('cookie', value, uid))).get('deck')!.cookie
    assert.match(mark('x') ?? '', /^[0-9a-f]{12}$/)
    assert.equal(mark('x'), mark(' x\n'))
    assert.notEqual(mark('x'), mark('y'))
    assert.notEqual(mark('x', 'one'), mark('x', 'another'))
  })

  test('are of the content that is to be applied, where there is one', () => {
    const wanted = [{ name: 'cookie', manifests: [secret('prow', 'cookie', { secret: 'new' })] }]
    const before = cluster(DECK, existing('cookie', 'old'))
    const after = cluster(DECK, existing('cookie', 'new'))
    assert.deepEqual(secretMarks(before, wanted), secretMarks(after))
    // One of another namespace is another Secret.
    const elsewhere = [{ name: 'cookie', manifests: [secret('test-pods', 'cookie', { secret: 'new' })] }]
    assert.deepEqual(secretMarks(before, elsewhere), secretMarks(before))
  })

  test('are none of a Secret that does not exist', () => {
    assert.equal(secretMarks(cluster(DECK)).size, 0)
  })
})

describe('outdated consumers', () => {
  const marks = (cookie: string) => new Map([['deck', { cookie }]])

  test('are those whose annotation has another mark', () => {
    const started = cluster(deployment('deck', ['cookie'], [], 'cookie=a s3-credentials=s'))
    assert.deepEqual([...outdatedConsumers(started, marks('a'))], [])
    assert.deepEqual([...outdatedConsumers(started, marks('b'))], [['deck', ['cookie']]])
  })

  test('without an annotation are found by the marks from before the run', () => {
    const unmarked = cluster(deployment('deck', ['cookie']))
    assert.deepEqual([...outdatedConsumers(unmarked, marks('b'), marks('a'))], [['deck', ['cookie']]])
    assert.deepEqual([...outdatedConsumers(unmarked, marks('b'), marks('b'))], [])
    assert.deepEqual([...outdatedConsumers(unmarked, marks('b'))], [])
    // The annotation counts more: a run may have ended between the Secret and the restart.
    const started = cluster(deployment('deck', ['cookie'], [], 'cookie=a'))
    assert.deepEqual([...outdatedConsumers(started, marks('b'), marks('b'))], [['deck', ['cookie']]])
  })

  test('are not those that mounted the Secret later, which restarted them', () => {
    const started = cluster(deployment('deck', ['cookie'], [], 's3-credentials=s'))
    assert.deepEqual([...outdatedConsumers(started, marks('b'))], [])
  })
})

test('the check fails with each Deployment that runs with an older Secret', () => {
  const [check] = restarts
  const secrets = [existing('cookie', 'x'), existing('s3-credentials', 'y')]
  const current = secretMarks(cluster(DECK, ...secrets)).get('deck')!.cookie
  const one = settings(LOCAL)
  assert.equal(check!.inspect(cluster(deployment('deck', ['cookie'], [], `cookie=${current}`), ...secrets), one), true)
  assert.deepEqual(
    check!.inspect(
      cluster(
        deployment('deck', ['cookie', 's3-credentials'], [], 'cookie=0 s3-credentials=0'),
        deployment('tide', ['s3-credentials'], [], 's3-credentials=0'),
        ...secrets,
      ),
      one,
    ),
    [
      {
        outcome: 'failed',
        message: 'deck runs with an older cookie, s3-credentials, which it reads only when it starts',
        remedy: 'Run npx tsx scripts/03-secrets.ts',
      },
      {
        outcome: 'failed',
        message: 'tide runs with an older s3-credentials, which it reads only when it starts',
        remedy: 'Run npx tsx scripts/03-secrets.ts',
      },
    ],
  )
})
