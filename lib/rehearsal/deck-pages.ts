import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { run } from '../base/shell.ts'
import { PACKAGES_FOLDER } from './npm-packages.ts'
import { cachedLayer, type Layer } from './oci.ts'

const FOLDERS = { static: 'cmd/deck/static', template: 'cmd/deck/template', lenses: 'pkg/spyglass/lenses' }

/** The layer with Deck's pages out of Prow's source: its scripts are bundled from their TypeScript. */
export async function deckLayer(source: string): Promise<Layer> {
  return cachedLayer(['deck pages 1', source], async (stage) => {
    const to = join(stage, 'var/run/ko')
    for (const [name, path] of Object.entries(FOLDERS)) {
      cpSync(join(source, path), join(to, name), { recursive: true })
    }
    // Go's module cache is read-only, and so are copies of it.
    await run('chmod', ['-R', 'u+w', to])
    for (const [entry, file] of bundles(source)) {
      await build({
        entryPoints: [entry],
        outfile: join(to, file),
        bundle: true,
        minify: true,
        format: 'iife',
        logLevel: 'silent',
        nodePaths: [PACKAGES_FOLDER],
      })
    }
  })
}

/** The entry point of each of Deck's scripts that the source has, and the file it is bundled into. */
export function bundles(source: string): [entry: string, file: string][] {
  const folders = (path: string) =>
    readdirSync(join(source, path), { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [one.name] : []))
  const pages = folders(FOLDERS.static).map((name): [string, string] => [
    join(source, FOLDERS.static, name, `${name}.ts`),
    `static/${name.replaceAll('-', '_')}_bundle.min.js`,
  ])
  const lenses = folders(FOLDERS.lenses).flatMap((name) => {
    const entry = [`${name}.ts`, 'lens.ts'].map((file) => join(source, FOLDERS.lenses, name, file)).find(existsSync)
    return entry ? [[entry, `lenses/${name}/script_bundle.min.js`] as [string, string]] : []
  })
  const lens: [string, string] = [
    join(source, FOLDERS.static, 'spyglass/lens.ts'),
    'static/spyglass_lens_bundle.min.js',
  ]
  return [...pages, lens, ...lenses].filter(([entry]) => existsSync(entry))
}
