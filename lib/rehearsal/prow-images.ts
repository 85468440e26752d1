import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { templateValues } from '../settings/derived.ts'
import type { Settings } from '../settings/table.ts'
import { commandsLayer, trustLayer } from './base-image.ts'
import { deckLayer } from './deck-pages.ts'
import { prowSource } from './go-build.ts'
import { PROW_PROGRAMS } from './go-modules.ts'
import { copyPrograms, debianProgram } from './host-programs.ts'
import { cachedLayer, fileStamp, type Image, type Layer, linkOrCopy, PAUSE } from './oci.ts'
import type { Progress } from './task.ts'

/** The layers that images are composed of. */
export interface Layers {
  /** At the bottom of every image. */
  base: Layer[]
  /** The layer with one program each, by the program's name. */
  programs: Record<string, Layer>
  deck: Layer
  /** The command by which the manifests stop ingress-nginx. */
  waitShutdown: Layer
}

/** Builds every image that the manifests name out of programs of this machine; `authority` is a certificate to trust. */
export async function buildImages(
  settings: Settings,
  programs: Record<string, string>,
  authority: string,
  progress: Progress,
): Promise<Image[]> {
  progress('building the images')
  const base = [await commandsLayer(), await trustLayer(settings.GITHUB_HOST, authority)]
  const layers: Record<string, Layer> = {}
  for (const name of PROW_PROGRAMS) layers[name] = await staticProgram(`ko-app/${name}`, programs[name]!)
  layers.versitygw = await staticProgram('usr/local/bin/versitygw', programs.versitygw!)
  layers['nginx-ingress-controller'] = await staticProgram(
    'nginx-ingress-controller',
    programs['nginx-ingress-controller']!,
  )
  layers.nginx = await debianLayer('usr/sbin/nginx', await debianProgram('nginx', '/usr/sbin/nginx'))
  layers.pushgateway = await debianLayer(
    'bin/pushgateway',
    await debianProgram('prometheus-pushgateway', '/usr/bin/prometheus-pushgateway'),
  )
  const deck = await deckLayer(await prowSource())
  return composeImages(settings, { base, programs: layers, deck, waitShutdown: await waitShutdownLayer() })
}

/** The images, under the names that the settings give them. */
export function composeImages(settings: Settings, { base, programs, deck, waitShutdown }: Layers): Image[] {
  const values = templateValues(settings)
  const prow = PROW_PROGRAMS.map((name): Image => {
    const image = `${settings.PROW_IMAGE_REGISTRY}/${name}:${settings.PROW_IMAGE_TAG}`
    const layers = [...base, programs[name]!]
    if (name !== 'deck') return { name: image, layers, entrypoint: [`/ko-app/${name}`] }
    return { name: image, layers: [...layers, deck], entrypoint: ['/ko-app/deck'], env: ['KO_DATA_PATH=/var/run/ko'] }
  })
  return [
    ...prow,
    { name: values.HELLO_IMAGE!, layers: base, entrypoint: [], cmd: ['sh'] },
    { name: PAUSE, layers: base, entrypoint: ['/usr/bin/sleep', 'infinity'] },
    {
      name: values.IMAGE_VERSITYGW!,
      layers: [...base, programs.versitygw!],
      entrypoint: ['/usr/local/bin/versitygw'],
    },
    {
      name: values.IMAGE_INGRESS_NGINX!,
      layers: [...base, programs['nginx-ingress-controller']!, waitShutdown],
      entrypoint: [],
    },
    {
      name: values.IMAGE_PUSHGATEWAY!,
      layers: [...base, programs.pushgateway!],
      entrypoint: ['/bin/pushgateway'],
    },
    {
      name: values.IMAGE_NGINX!,
      layers: [...base, programs.nginx!],
      entrypoint: [],
      cmd: ['nginx', '-g', 'daemon off;'],
    },
  ]
}

function staticProgram(path: string, file: string): Promise<Layer> {
  return cachedLayer(['program', path, fileStamp(file)], (stage) => {
    mkdirSync(dirname(join(stage, path)), { recursive: true })
    linkOrCopy(file, join(stage, path))
  })
}

function debianLayer(path: string, file: string): Promise<Layer> {
  return cachedLayer(['copied', path, fileStamp(file)], (stage) => copyPrograms(stage, { [path]: file }))
}

function waitShutdownLayer(): Promise<Layer> {
  return cachedLayer(['wait-shutdown 1'], (stage) => {
    writeFileSync(join(stage, 'wait-shutdown'), '#!/bin/sh\nexit 0\n')
    chmodSync(join(stage, 'wait-shutdown'), 0o755)
  })
}
