// Starts a script of scripts/ quickly:  node lib/start.mjs 03-secrets --plan
// The first start after a change bundles all scripts, with lib and the packages, into node_modules/.cache; later ones
// load that. `npx tsx scripts/03-secrets.ts --plan` runs the same sources without it.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import * as module from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const CACHE = join(ROOT, 'node_modules/.cache/prow-runbook')

/** For how long a bundle is kept that nobody starts: a run may still load modules of it. In milliseconds. */
const KEPT = 24 * 60 * 60 * 1000

/** The files below a folder of which a bundle consists. */
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sources(path)
    return entry.name.endsWith('.ts') ? [path] : []
  })
}

/** The folder of the bundle of the sources as they are now, for this version of Node. */
function bundleFolder() {
  const files = [
    ...['scripts', 'lib'].flatMap((name) => sources(join(ROOT, name))),
    join(ROOT, 'package-lock.json'),
    fileURLToPath(import.meta.url),
  ]
  const stamps = files.map((file) => {
    const { mtimeMs, size } = statSync(file)
    return `${file} ${mtimeMs} ${size}`
  })
  const key = createHash('sha256')
    .update([process.version, ...stamps].join('\n'))
    .digest('hex')
  return join(CACHE, key.slice(0, 16))
}

/** Keeps the import.meta of each source in the bundle, which is elsewhere. On the first line, so that no line moves. */
const keepMeta = {
  name: 'keep-meta',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (path.includes('node_modules') || !text.includes('import.meta')) return undefined
      const url = JSON.stringify(pathToFileURL(path).href)
      // Packages are found from the bundle as well as from the source.
      const meta = `{ url: ${url}, dirname: ${JSON.stringify(dirname(path))}, resolve: (name) => import.meta.resolve(name) }`
      return { contents: `const META = ${meta}; ${text.replaceAll('import.meta', 'META')}`, loader: 'ts' }
    })
  },
}

/** Bundles every script into a folder. Those that start at the same moment do so side by side; the first one's stays. */
async function bundle(folder) {
  const draft = `${folder}.${process.pid}`
  try {
    mkdirSync(draft, { recursive: true })
    await build(draft)
    rename(draft, folder)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name)
    if (Date.now() - statSync(path).mtimeMs > KEPT) rmSync(path, { recursive: true, force: true })
  }
}

function rename(draft, folder) {
  try {
    renameSync(draft, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

async function build(folder) {
  const esbuild = await import('esbuild')
  const scripts = readdirSync(join(ROOT, 'scripts')).filter((name) => name.endsWith('.ts'))
  await esbuild.build({
    entryPoints: scripts.map((name) => join(ROOT, 'scripts', name)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifyWhitespace: true,
    sourcemap: 'external',
    sourcesContent: false,
    logLevel: 'silent',
    external: ['esbuild', 'tsx'],
    // CommonJS packages load Node's own modules with it.
    banner: { js: "import { createRequire as of } from 'node:module'; const require = of(import.meta.url)" },
    plugins: [keepMeta],
  })
}

/** Notes that a bundle is in use, unless it may only be read. */
function keep(folder) {
  try {
    utimesSync(folder, new Date(), new Date())
  } catch {}
}

/** A stack with the places in the sources instead of those in the bundle. */
function withSourceLines(stack) {
  const maps = new Map()
  return stack.replaceAll(/file:\/\/[^\s()]+\.mjs:\d+:\d+/g, (place) => {
    const [, url, line, column] = /^(.*):(\d+):(\d+)$/.exec(place)
    const file = `${fileURLToPath(url)}.map`
    if (!existsSync(file)) return place
    if (!maps.has(file)) maps.set(file, new module.SourceMap(JSON.parse(readFileSync(file, 'utf8'))))
    const { originalSource, originalLine, originalColumn } = maps.get(file).findEntry(line - 1, column - 1)
    if (originalSource === undefined) return place
    return `${resolve(dirname(file), originalSource)}:${originalLine + 1}:${originalColumn + 1}`
  })
}

const names = readdirSync(join(ROOT, 'scripts')).map((name) => name.replace(/\.ts$/, ''))
const [, , name, ...rest] = process.argv
if (!names.includes(name)) {
  process.stderr.write(`usage: node lib/start.mjs SCRIPT [options]\nSCRIPT is one of ${names.join(', ')}\n`)
  process.exit(64)
}
const script = join(ROOT, 'scripts', `${name}.ts`)
process.argv = [process.argv[0], script, ...rest]

let start = script
try {
  const folder = bundleFolder()
  if (existsSync(folder)) keep(folder)
  else await bundle(folder)
  module.enableCompileCache?.(join(folder, 'compiled'))
  // Node would print the line of the bundle that threw, which is as long as a module.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${withSourceLines(error?.stack ?? String(error))}\n`)
    process.exit(1)
  })
  start = join(folder, `${name}.mjs`)
} catch {
  // The folder cannot be written, or a source has an error, which tsx then reports with its place.
  const { register } = await import('tsx/esm/api')
  register()
}
await import(pathToFileURL(start).href)
