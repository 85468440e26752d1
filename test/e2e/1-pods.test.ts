import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, type Json, kubectl } from './world.ts'

const pods = async (): Promise<Json[]> => (await get('pods', '-n', 'prow')).items

test('every pod of Prow is ready, and no container was restarted', async () => {
  for (const { metadata, status } of await pods()) {
    for (const one of status.containerStatuses) {
      assert.ok(one.ready, `${metadata.name} is not ready`)
      assert.equal(one.restartCount, 0, `${metadata.name} was restarted`)
    }
  }
})

test('no program runs as root, and none can write to its image', async () => {
  for (const app of ['hook', 'deck', 'tide', 'crier', 'sinker', 'horologium', 'ghproxy', 'statusreconciler']) {
    const output = await kubectl(
      'exec',
      '-n',
      'prow',
      `deploy/${app}`,
      '--',
      'sh',
      '-c',
      'id -u; touch /file 2>&1 || true',
    )
    assert.match(output, /^65532\n.*Read-only file system/, `${app}: ${output}`)
  }
})

test('hook has writable folders, which its image does not have', async () => {
  await kubectl('exec', '-n', 'prow', 'deploy/hook', '--', 'sh', '-c', 'touch /tmp/a /var/tmp/a "$HOME/b"')
})
