import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { ROOT } from '../lib/base/paths.ts'

// What a source says of itself stays true in a bundle, which lies elsewhere. On its first line, so that no line moves.
const itself: Plugin = {
  name: 'itself',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const meta = JSON.stringify({ url: pathToFileURL(path).href, dirname: dirname(path) })
      const text = readFileSync(path, 'utf8').replaceAll('import.meta', 'ITSELF')
      return { contents: `const ITSELF = ${meta}; ${text}`, loader: 'ts' }
    })
  },
}

/** Puts every script into a folder as node starts it by itself. The stack of a failure names the lines of the sources. */
export async function bundle(folder: string): Promise<void> {
  // The rehearsal is started once a file, and itself starts programs from beside it.
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
    // Packages of the older kind ask for Node's own parts by it.
    banner: { js: "import { createRequire as of } from 'node:module'; const require = of(import.meta.url)" },
    plugins: [itself],
  })
}
