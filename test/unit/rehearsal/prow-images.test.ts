import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gitConfig } from '../../../lib/rehearsal/base-image.ts'
import { bundles } from '../../../lib/rehearsal/deck-pages.ts'
import { PROW_PROGRAMS } from '../../../lib/rehearsal/go-modules.ts'
import { localSettings } from '../../../lib/rehearsal/inputs.ts'
import { type Layer, PAUSE } from '../../../lib/rehearsal/oci.ts'
import { composeImages } from '../../../lib/rehearsal/prow-images.ts'
import { readSettings } from '../../../lib/settings/settings.ts'
import { folder } from '../world.ts'

const layer = (name: string): Layer => ({ file: `/${name}.tar`, digest: name, size: 1 })
const names = [...PROW_PROGRAMS, 'versitygw', 'nginx-ingress-controller', 'nginx', 'pushgateway']

function images() {
  const env = join(folder({ '.env': localSettings('real', 'rehearsal', '198.18.0.3') }), '.env')
  return composeImages(readSettings(env, {}), {
    base: [layer('base')],
    programs: Object.fromEntries(names.map((name) => [name, layer(name)])),
    deck: layer('deck pages'),
    waitShutdown: layer('wait-shutdown'),
  })
}

test('every image has its program above the base layers, and a name of its own', () => {
  const all = images()
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length)
  for (const { name, layers } of all) {
    assert.equal(layers[0]?.digest, 'base', name)
    assert.ok(layers.every(Boolean), name)
  }
  const hook = all.find(({ name }) => name.includes('/hook:'))!
  assert.deepEqual(
    hook.layers.map(({ digest }) => digest),
    ['base', 'hook'],
  )
  assert.deepEqual(hook.entrypoint, ['/ko-app/hook'])
})

test('Deck has its pages, and the image of the pause process runs for ever', () => {
  const all = images()
  const deck = all.find(({ name }) => name.includes('/deck:'))!
  assert.deepEqual(
    deck.layers.map(({ digest }) => digest),
    ['base', 'deck', 'deck pages'],
  )
  assert.deepEqual(deck.env, ['KO_DATA_PATH=/var/run/ko'])
  assert.deepEqual(all.find(({ name }) => name === PAUSE)?.entrypoint, ['/usr/bin/sleep', 'infinity'])
})

test('the images of a rehearsal are those that the manifests name', () => {
  const root = join(import.meta.dirname, '../../../manifests')
  const wanted = new Set<string>()
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.yaml')) continue
    const text = readFileSync(join(root, file), 'utf8')
    for (const [, image] of text.matchAll(/image: \$\{PROW_IMAGE_REGISTRY\}\/([\w-]+):/g)) wanted.add(image!)
  }
  const built = images().map(({ name }) => /\/prow\/([\w-]+):/.exec(name)?.[1])
  assert.deepEqual(
    [...wanted].filter((name) => !built.includes(name)),
    [],
  )
})

test('git goes to the local GitHub where Prow names github.com', () => {
  assert.equal(gitConfig('github.com'), '')
  assert.match(gitConfig('github.rehearsal.example'), /\[url "https:\/\/github\.rehearsal\.example\/"\]/)
})

test("Deck's scripts are bundled page by page and lens by lens", () => {
  const source = folder({
    'cmd/deck/static/pr/pr.ts': '',
    'cmd/deck/static/job-history/job-history.ts': '',
    'cmd/deck/static/common/common.css': '',
    'cmd/deck/static/spyglass/lens.ts': '',
    'pkg/spyglass/lenses/buildlog/buildlog.ts': '',
    'pkg/spyglass/lenses/html/lens.ts': '',
    'pkg/spyglass/lenses/fake/fake.go': '',
  })
  assert.deepEqual(
    bundles(source)
      .map(([, file]) => file)
      .sort(),
    [
      'lenses/buildlog/script_bundle.min.js',
      'lenses/html/script_bundle.min.js',
      'static/job_history_bundle.min.js',
      'static/pr_bundle.min.js',
      'static/spyglass_lens_bundle.min.js',
    ],
  )
})
