import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cachedLayer, fileStamp, linkOrCopy, writeLayout } from '../../../lib/rehearsal/oci.ts'
import { folder } from '../world.ts'

const root = folder()
process.env.RUNBOOK_CACHE = root

const hello = (stage: string) => writeFileSync(join(stage, 'hello'), 'hello')

test('the same content has the same digest, and is laid out once', async () => {
  const one = await cachedLayer(['one'], hello)
  const other = await cachedLayer(['other'], hello)
  assert.equal(one.digest, other.digest)
  const again = await cachedLayer(['one'], () => assert.fail('laid out again'))
  assert.deepEqual(again, one)
})

test('a layer that cannot be laid out is not cached', async () => {
  await assert.rejects(
    cachedLayer(['broken'], () => Promise.reject(new Error('no space'))),
    /no space/,
  )
  assert.deepEqual(
    readdirSync(join(root, 'layers')).filter((name) => name.includes('partial')),
    [],
  )
  await cachedLayer(['broken'], hello)
})

test('images are written as an OCI layout, each layer once', async () => {
  const one = await cachedLayer(['one'], hello)
  const images = ['a', 'b'].map((name) => ({ name: `example.com/${name}:1`, layers: [one], entrypoint: [`/${name}`] }))
  const layout = join(root, 'layout')
  const digest = writeLayout(images, layout)
  assert.equal(writeLayout(images, layout), digest)
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'))
  assert.deepEqual(
    manifests.map((each: { annotations: Record<string, string> }) => each.annotations['io.containerd.image.name']),
    ['example.com/a:1', 'example.com/b:1'],
  )
  // The layer, and a configuration and a manifest for each image.
  assert.equal(readdirSync(join(layout, 'blobs/sha256')).length, 5)
  const manifest = JSON.parse(readFileSync(join(layout, 'blobs/sha256', manifests[0].digest.slice(7)), 'utf8'))
  assert.equal(manifest.layers[0].digest, one.digest)
})

test('a file that is rebuilt has another stamp, and one that is there is not replaced', () => {
  const dir = folder({ a: 'one', b: 'two' })
  const before = fileStamp(join(dir, 'a'))
  assert.equal(fileStamp(join(dir, 'a')), before)
  writeFileSync(join(dir, 'a'), 'longer')
  assert.notEqual(fileStamp(join(dir, 'a')), before)
  linkOrCopy(join(dir, 'a'), join(dir, 'b'))
  assert.equal(readFileSync(join(dir, 'b'), 'utf8'), 'two')
  linkOrCopy(join(dir, 'a'), join(dir, 'c'))
  assert.equal(readFileSync(join(dir, 'c'), 'utf8'), 'longer')
})
