import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../../lib/base/paths.ts'
import { fillTemplate } from '../../lib/kubernetes/manifests.ts'
import { templateValues } from '../../lib/settings/derived.ts'
import { readSettings } from '../../lib/settings/settings.ts'

/** Writes the manifests as the guide's reader has them, with every value filled in; answers their folder. */
export function render(dir: string): string {
  const settings = readSettings(join(dir, '.env'), {})
  const values = templateValues(settings)
  const folder = join(dir, 'by-hand')
  const from = join(ROOT, 'manifests')
  for (const entry of readdirSync(from, { recursive: true }) as string[]) {
    if (statSync(join(from, entry)).isDirectory()) continue
    // The values of the AWS Ingresses come from AWS.
    if (/^ingress\/(?!nginx)/.test(entry)) continue
    mkdirSync(dirname(join(folder, entry)), { recursive: true })
    writeFileSync(join(folder, entry), fillTemplate(readFileSync(join(from, entry), 'utf8'), values, entry))
  }
  mkdirSync(join(folder, 'secrets'))
  const secrets = join(dir, 'secrets')
  for (const name of readdirSync(secrets))
    writeFileSync(join(folder, 'secrets', name), readFileSync(join(secrets, name)))
  const keys = JSON.parse(readFileSync(join(secrets, 's3-credentials'), 'utf8'))
  for (const key of ['access_key', 'secret_key', 'region']) writeFileSync(join(folder, 'secrets', key), keys[key])
  return folder
}
