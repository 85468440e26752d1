import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { ROOT } from '../base/paths.ts'
import { Problem } from '../base/problem.ts'
import { onPath, run } from '../base/shell.ts'
import { templateValues } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { PROW_PROGRAMS, prowSource } from './go-build.ts'
import { copyPrograms, debian, type Image, type Layer, layer, PAUSE, stamp } from './oci.ts'

// What the images hold beside their program: a shell with the usual commands, and git as Prow uses it.
const COMMANDS = [
  ...[
    'sh',
    'base64',
    'bash',
    'cat',
    'chmod',
    'cp',
    'curl',
    'cut',
    'date',
    'dd',
    'echo',
    'env',
    'false',
    'find',
    'git',
    'grep',
    'gzip',
  ],
  ...['head', 'id', 'ls', 'mkdir', 'mv', 'printf', 'rm', 'sed', 'seq', 'sleep', 'sort', 'tail', 'tar', 'tee', 'test'],
  ...['touch', 'tr', 'true', 'uname', 'wc', 'yes'],
]

const BUNDLE = 'etc/ssl/certs/ca-certificates.crt'

/** Every image that the manifests name, under the names that the settings give them, made from programs of this machine. */
export async function buildImages(
  settings: Settings,
  programs: Record<string, string>,
  authority: string,
  say: (text: string) => void,
): Promise<Image[]> {
  say('laying out the images')
  const base = [await system(), await trust(settings, authority)]
  const values = templateValues(settings)
  const own = async (program: string, at: string) => {
    const file = programs[program]!
    return layer(['program', at, stamp(file)], (stage) => put(stage, at, file))
  }
  const images: Image[] = []
  for (const name of PROW_PROGRAMS) {
    const layers = [...base, await own(name, `ko-app/${name}`)]
    const image = `${settings.PROW_IMAGE_REGISTRY}/${name}:${settings.PROW_IMAGE_TAG}`
    if (name === 'deck') {
      const pages = await deckPages(await prowSource())
      images.push({
        name: image,
        layers: [...layers, pages],
        entrypoint: ['/ko-app/deck'],
        env: ['KO_DATA_PATH=/var/run/ko'],
      })
    } else images.push({ name: image, layers, entrypoint: [`/ko-app/${name}`] })
  }
  const [nginx, gateway] = [
    await debian('nginx', '/usr/sbin/nginx'),
    await debian('prometheus-pushgateway', '/usr/bin/prometheus-pushgateway'),
  ]
  const copied = (file: string, at: string) =>
    layer(['copied', at, stamp(file)], (stage) => copyPrograms(stage, { [at]: file }))
  images.push(
    { name: values.HELLO_IMAGE!, layers: base, entrypoint: [], cmd: ['sh'] },
    { name: PAUSE, layers: base, entrypoint: ['/usr/bin/sleep', 'infinity'] },
    {
      name: values.IMAGE_VERSITYGW!,
      layers: [...base, await own('versitygw', 'usr/local/bin/versitygw')],
      entrypoint: ['/usr/local/bin/versitygw'],
    },
    {
      name: values.IMAGE_INGRESS_NGINX!,
      layers: [...base, await own('nginx-ingress-controller', 'nginx-ingress-controller'), await shutdown()],
      entrypoint: [],
    },
    {
      name: values.IMAGE_PUSHGATEWAY!,
      layers: [...base, await copied(gateway, 'bin/pushgateway')],
      entrypoint: ['/bin/pushgateway'],
    },
    {
      name: values.IMAGE_NGINX!,
      layers: [...base, await copied(nginx, 'usr/sbin/nginx')],
      entrypoint: [],
      cmd: ['nginx', '-g', 'daemon off;'],
    },
  )
  return images
}

function put(stage: string, at: string, from: string): void {
  mkdirSync(join(stage, at, '..'), { recursive: true })
  try {
    linkSync(from, join(stage, at))
  } catch {
    copyFileSync(from, join(stage, at))
  }
}

async function system(): Promise<Layer> {
  const helpers = (await run('git', ['--exec-path'])).trim()
  const found = COMMANDS.map((name) => {
    const file = onPath(name)
    if (!file) throw new Problem(`${name} is not on this machine`, `Install it: the images of the rehearsal hold it.`)
    return [name, realpathSync(file)] as const
  })
  const remote = realpathSync(join(helpers, 'git-remote-https'))
  return layer(['system 1', ...found.map(([, file]) => stamp(file)), stamp(remote)], async (stage) => {
    await copyPrograms(stage, {
      ...Object.fromEntries(found.map(([name, file]) => [`usr/bin/${name}`, file])),
      [join(helpers, 'git-remote-https')]: remote,
    })
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      mkdirSync(join(stage, 'usr', name), { recursive: true })
      symlinkSync(`usr/${name}`, join(stage, name))
    }
    symlinkSync('git-remote-https', join(stage, helpers, 'git-remote-http'))
    for (const name of ['git-upload-pack', 'git-receive-pack']) symlinkSync('git', join(stage, 'usr/bin', name))
    for (const name of ['git-submodule', 'git-sh-setup', 'git-sh-i18n']) {
      if (existsSync(join(helpers, name))) copyFileSync(join(helpers, name), join(stage, helpers, name))
    }
    const templates = '/usr/share/git-core/templates'
    if (existsSync(templates)) cpSync(templates, join(stage, templates), { recursive: true })
    mkdirSync(join(stage, 'etc'))
    writeFileSync(
      join(stage, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    )
    writeFileSync(join(stage, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
    for (const name of ['root', 'tmp', 'var/tmp']) mkdirSync(join(stage, name), { recursive: true })
    for (const name of ['tmp', 'var/tmp']) chmodSync(join(stage, name), 0o1777)
  })
}

// The certificates of the rehearsal's own authority among the others, where Go's programs and git look by themselves.
function trust(settings: Settings, authority: string): Promise<Layer> {
  const own = readFileSync(authority, 'utf8')
  const system = existsSync(`/${BUNDLE}`) ? readFileSync(`/${BUNDLE}`, 'utf8') : ''
  // The June 2024 programs name no other host than github.com where they start a retest or a batch.
  const gitconfig =
    settings.GITHUB_HOST === 'github.com'
      ? ''
      : `[url "https://${settings.GITHUB_HOST}/"]\n\tinsteadOf = https://github.com/\n`
  return layer(['trust', own, system, gitconfig], (stage) => {
    mkdirSync(join(stage, 'etc/ssl/certs'), { recursive: true })
    writeFileSync(join(stage, BUNDLE), `${system}\n${own}`)
    writeFileSync(join(stage, 'etc/gitconfig'), gitconfig)
  })
}

function shutdown(): Promise<Layer> {
  return layer(['wait-shutdown 1'], (stage) => {
    writeFileSync(join(stage, 'wait-shutdown'), '#!/bin/sh\nexit 0\n')
    chmodSync(join(stage, 'wait-shutdown'), 0o755)
  })
}

// Deck's scripts are not in the module, but the TypeScript they are made of is.
async function deckPages(source: string): Promise<Layer> {
  return layer(['deck pages 1', source], async (stage) => {
    const to = join(stage, 'var/run/ko')
    const from = { static: 'cmd/deck/static', template: 'cmd/deck/template', lenses: 'pkg/spyglass/lenses' }
    for (const [name, path] of Object.entries(from)) {
      cpSync(join(source, path), join(to, name), { recursive: true })
    }
    // The module cache is read-only, and so are copies of it.
    await run('chmod', ['-R', 'u+w', to])
    const bundle = (entry: string, outfile: string) =>
      build({
        entryPoints: [entry],
        outfile,
        bundle: true,
        minify: true,
        format: 'iife',
        logLevel: 'silent',
        nodePaths: [join(ROOT, 'node_modules')],
      })
    const folders = (path: string) =>
      readdirSync(join(source, path), { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [one.name] : []))
    for (const name of folders(from.static)) {
      const entry = join(source, from.static, name, `${name}.ts`)
      if (!existsSync(entry)) continue
      await bundle(entry, join(to, 'static', `${name.replaceAll('-', '_')}_bundle.min.js`))
    }
    const lens = join(source, from.static, 'spyglass/lens.ts')
    if (existsSync(lens)) await bundle(lens, join(to, 'static/spyglass_lens_bundle.min.js'))
    for (const name of folders(from.lenses)) {
      const entry = [`${name}.ts`, 'lens.ts'].map((file) => join(source, from.lenses, name, file)).find(existsSync)
      if (entry) await bundle(entry, join(to, 'lenses', name, 'script_bundle.min.js'))
    }
  })
}
