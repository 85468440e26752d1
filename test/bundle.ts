import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { ROOT } from '../lib/base/paths.ts'

// Keeps the import.meta of each source in the bundle, which is in another folder. On the first line, so that no line moves.
const keepMeta: Plugin = {
  name: 'keep-meta',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const meta = JSON.stringify({ url: pathToFileURL(path).href, dirname: dirname(path) })
      const text = readFileSync(path, 'utf8').replaceAll('import.meta', 'IMPORT_META')
      return { contents: `const IMPORT_META = ${meta}; ${text}`, loader: 'ts' }
    })
  },
}

/** Bundles every script into a folder, so that node starts it without tsx. Stacks have the lines of the sources. */
export async function bundle(folder: string): Promise<void> {
  // Each file starts the rehearsal once only, and that runs programs from its own folder.
  const scripts = readdirSync(join(ROOT, 'scripts')).filter((name) => name !== 'rehearse.ts')
  await build({
    entryPoints: scripts.map((name) => join(ROOT, 'scripts', name)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
    // CommonJS packages load Node's own modules with it.
    banner: { js: "import { createRequire as of } from 'node:module'; const require = of(import.meta.url)" },
    plugins: [keepMeta],
  })
}
