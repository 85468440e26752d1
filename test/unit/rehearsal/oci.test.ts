import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { layer, layOut } from '../../../lib/rehearsal/oci.ts'

const folder = mkdtempSync(join(tmpdir(), 'images-'))
process.env.RUNBOOK_CACHE = folder
after(() => rmSync(folder, { recursive: true }))

const hello = (stage: string) => writeFileSync(join(stage, 'hello'), 'hello')

test('the same content has the same digest, and is laid out once', async () => {
  const one = await layer(['one'], hello)
  const other = await layer(['other'], hello)
  assert.equal(one.digest, other.digest)
  const again = await layer(['one'], () => assert.fail('laid out again'))
  assert.deepEqual(again, one)
})

test('images are laid out as OCI says, each layer once', async () => {
  const one = await layer(['one'], hello)
  const images = ['a', 'b'].map((name) => ({ name: `example.com/${name}:1`, layers: [one], entrypoint: [`/${name}`] }))
  const at = join(folder, 'layout')
  const digest = layOut(images, at)
  assert.equal(layOut(images, at), digest)
  const { manifests } = JSON.parse(readFileSync(join(at, 'index.json'), 'utf8'))
  assert.deepEqual(
    manifests.map((each: { annotations: Record<string, string> }) => each.annotations['io.containerd.image.name']),
    ['example.com/a:1', 'example.com/b:1'],
  )
  // The layer, and a configuration and a manifest for each image.
  assert.equal(readdirSync(join(at, 'blobs/sha256')).length, 5)
  const manifest = JSON.parse(readFileSync(join(at, 'blobs/sha256', manifests[0].digest.slice(7)), 'utf8'))
  assert.equal(manifest.layers[0].digest, one.digest)
})
