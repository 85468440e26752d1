import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin, transform } from 'esbuild'
import { ROOT } from '../lib/base/paths.ts'

// Keeps the place of each source in its bundle, which is in another folder.
const keepPlace: Plugin = {
  name: 'keep-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta')) return undefined
      const { code } = await transform(text, {
        loader: 'ts',
        target: 'node20',
        sourcefile: path,
        sourcemap: 'inline',
        define: {
          'import.meta.dirname': JSON.stringify(dirname(path)),
          'import.meta.url': JSON.stringify(pathToFileURL(path).href),
        },
      })
      return { contents: code, loader: 'js' }
    })
  },
}

/**
 * Bundles unit tests into a folder, since node starts a process for each file: without tsx, in a quarter of the time.
 * Answers their paths there; stacks have the lines of the sources under --enable-source-maps.
 */
export async function bundle(tests: string[], folder: string): Promise<string[]> {
  await build({
    entryPoints: tests,
    outdir: folder,
    outbase: ROOT,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'error',
    // CommonJS packages load Node's own modules with it.
    banner: { js: "import { createRequire as of } from 'node:module'; const require = of(import.meta.url)" },
    plugins: [keepPlace],
  })
  return tests.map((test) => join(folder, relative(ROOT, test).replace(/ts$/, 'mjs')))
}
