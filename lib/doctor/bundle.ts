import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { ROOT } from '../base/paths.ts'
import { tryRun } from '../base/shell.ts'
import { tryKubectl } from '../kubernetes/kubectl.ts'
import { settingsPath } from '../settings/settings.ts'
import type { Evidence } from './evidence.ts'
import { knownSecrets, publicObject, Redactor } from './redact.ts'
import { diagnosesDocument } from './report.ts'
import type { Diagnosis } from './row.ts'
import { installationStatus } from './status.ts'

/** How many lines of each log are taken, and how long that may take, in seconds. */
const LINES = 300
const LIMIT = 60

/** The text of each file of a bundle, by name, with every secret out of it. */
export async function bundleFiles(evidence: Evidence, found: Diagnosis[]): Promise<Record<string, string>> {
  const { settings, objects, unread } = evidence
  const redactor = new Redactor(knownSecrets(objects.all, settingsPath(settings, 'secrets')))
  const [versions, logs, previous] = await Promise.all([readVersions(), readLogs(), readLogs('--previous')])
  const document = (value: unknown) => JSON.stringify(redactor.value(value), null, 2)
  const files: Record<string, string> = {
    'README.txt': README,
    'versions.json': document(versions),
    'settings.json': document(settings),
    'status.json': document({ ...installationStatus(evidence, found), findings: undefined }),
    'findings.json': document(diagnosesDocument(found)),
    'unread.json': document(unread.map(({ source, problem }) => ({ source, message: problem.message }))),
    'events.json': document(objects.ofKind('Event').map(publicObject)),
    'logs/components.log': redactor.text(logs),
    'logs/previous.log': redactor.text(previous),
  }
  const kinds = [...new Set(objects.all.map(({ kind }) => kind))].filter((kind) => kind !== 'Event')
  for (const kind of kinds) files[`objects/${kind}.json`] = document(objects.ofKind(kind).map(publicObject))
  return files
}

const README = `What doctor has read of an installation of Prow, for a bug report.

Left out: the values of Secrets and of environment variables, what jobs run, ConfigMaps that are not Prow's,
annotations that are not known, logs of jobs. Replaced in all files: every value of a Secret and of a file in secrets/,
in plain text, in base64, in a URL or in JSON, and whatever looks like a token, a key or a password.
`

/** The logs of Prow's components, each line with its pod; of containers that ended, with `--previous`. */
async function readLogs(...more: string[]): Promise<string> {
  const selector = 'app.kubernetes.io/part-of=prow'
  const { stdout, stderr } = await tryKubectl(
    [
      '-n',
      'prow',
      'logs',
      '-l',
      selector,
      '--all-containers',
      '--prefix',
      '--ignore-errors',
      '--max-log-requests=60',
      `--tail=${LINES}`,
      ...more,
    ],
    { timeout: LIMIT },
  )
  return stdout || stderr
}

async function readVersions(): Promise<Record<string, unknown>> {
  const runbook = await tryRun('git', ['-C', ROOT, 'rev-parse', 'HEAD']).catch(() => undefined)
  const kubernetes = await tryKubectl(['version', '-o', 'json'], { timeout: LIMIT })
  return {
    runbook: runbook?.exitCode === 0 ? runbook.stdout.trim() : 'unknown',
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    kubernetes: kubernetes.exitCode === 0 ? JSON.parse(kubernetes.stdout) : kubernetes.stderr,
  }
}

/** Writes files as an archive that only its owner may read. Throws when there is one of that name. */
export async function writeBundle(path: string, files: Record<string, string>): Promise<void> {
  const archive = pack()
  for (const [name, text] of Object.entries(files))
    archive.entry({ name: join('prow-bundle', name), mode: 0o600 }, text)
  archive.finalize()
  writeFileSync(path, gzipSync(await buffer(archive)), { flag: 'wx', mode: 0o600 })
}

/** The name of a new bundle: `prow-bundle-20261125-190412.tar.gz`. */
export function bundleName(now: Date): string {
  return `prow-bundle-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}.tar.gz`
}
