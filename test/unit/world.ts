import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { readSettings } from '../../lib/settings/settings.ts'
import type { Settings } from '../../lib/settings/table.ts'

/** Settings that are right for TARGET=local. */
export const LOCAL = {
  TARGET: 'local',
  KUBECONFIG_FILE: 'kubeconfig',
  KUBE_CONTEXT: 'here',
  PROW_HOST: 'prow.example.com',
  GITHUB_ORG: 'my-org',
  LOG_BUCKET: 'my-logs',
  IDENTITY: 'keys',
  INGRESS: 'nginx',
}

/** Settings that are right for TARGET=eks. */
export const EKS = {
  TARGET: 'eks',
  AWS_ACCOUNT_ID: '123456789012',
  AWS_REGION: 'eu-central-1',
  CLUSTER_NAME: 'prow',
  PROW_HOST: 'prow.example.com',
  GITHUB_ORG: 'my-org',
  LOG_BUCKET: 'my-logs',
}

/** A folder for the tests of a file, with files in it, removed when they are done. */
export function folder(files: Record<string, string | Buffer> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'runbook-unit-'))
  after(() => rmSync(path, { recursive: true, force: true }))
  write(path, files)
  return path
}

/** Puts files into a folder. */
export function write(path: string, files: Record<string, string | Buffer>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
}

/** Settings made of a record, as if they stood in the .env of a folder. */
export function settings(values: Record<string, string>, path = folder()): Settings {
  const lines = Object.entries(values).map(([name, value]) => `${name}='${value}'\n`)
  write(path, { '.env': lines.join('') })
  return readSettings(join(path, '.env'), {})
}
