import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, kubectl, type Thing } from './world.ts'

const pods = async (): Promise<Thing[]> => (await get('pods', '-n', 'prow')).items

test('every pod of Prow is ready and none was started again', async () => {
  for (const { metadata, status } of await pods()) {
    for (const one of status.containerStatuses) {
      assert.ok(one.ready, `${metadata.name} is not ready`)
      assert.equal(one.restartCount, 0, `${metadata.name} was started again`)
    }
  }
})

test('no program is root, and none can write into its image', async () => {
  for (const app of ['hook', 'deck', 'tide', 'crier', 'sinker', 'horologium', 'ghproxy', 'statusreconciler']) {
    const seen = await kubectl(
      'exec',
      '-n',
      'prow',
      `deploy/${app}`,
      '--',
      'sh',
      '-c',
      'id -u; touch /here 2>&1 || true',
    )
    assert.match(seen, /^65532\n.*Read-only file system/, `${app}: ${seen}`)
  }
})

test('hook has room to work where the image has none', async () => {
  await kubectl('exec', '-n', 'prow', 'deploy/hook', '--', 'sh', '-c', 'touch /tmp/a /var/tmp/a "$HOME/b"')
})
