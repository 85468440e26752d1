import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { type Completed, onPath, tryRun } from '../base/shell.ts'
import { withSpinner } from '../base/terminal.ts'
import { explainKubectl } from '../kubernetes/errors.ts'
import { snapshot } from '../kubernetes/snapshot.ts'
import { currentRun } from '../run/context.ts'
import type { Settings } from '../settings/table.ts'
import { FOLDER, runPod } from './checkconfig-pod.ts'
import type { ProwConfig } from './config.ts'
import { jobTexts } from './config-maps.ts'
import { inspectNodes } from './simulation.ts'

/** What Prow's own checkconfig found out about a configuration. */
export type Verdict =
  /**
   * What it refuses, each error once; nothing when it accepts. `loads`: only --strict refuses it. `unmade`: checks that
   * it could not make.
   */
  | { ran: true; program: string; errors: string[]; loads: boolean; unmade: string[] }
  /** It did not check the configuration, as it was to be (`remedy` absent) or because something failed. */
  | { ran: false; reason: string; remedy?: string }

/** Where checkconfig may run: as a program on this machine, or else in a pod too. */
export type Place = 'machine' | 'cluster'

const unchecked = (reason: string, remedy?: string): Verdict => ({ ran: false, reason, ...(remedy ? { remedy } : {}) })

/**
 * Has Prow's own checkconfig check a configuration: the program on PATH, else that of the installed version in a pod,
 * which is removed afterwards. A pod is a write, so under --plan there is none.
 */
export async function runCheckconfig(settings: Settings, prow: ProwConfig, place: Place): Promise<Verdict> {
  const texts = jobTexts(prow)
  const jobs = Object.fromEntries(Object.entries(texts).map(([name, text]) => [`jobs/${name}`, text]))
  const files = { 'config.yaml': prow.config.text, 'plugins.yaml': prow.plugins.text, ...jobs }
  try {
    if (settings.CHECKCONFIG === 'off') return unchecked('CHECKCONFIG=off')
    if (onPath('checkconfig')) return await runProgram(files, settings, prow)
    if (place === 'machine') return unchecked('not on PATH; 06-config runs it in a pod')
    if (currentRun().plan) return unchecked('not on PATH, and a plan starts no pod')
    const nodes = await inspectNodes()
    if (nodes.count === 0) return unchecked('not on PATH, and the cluster has no nodes')
    if (nodes.simulated) return unchecked('not on PATH, and the nodes are simulated: no program runs there')
    if (!(await snapshot()).has('Namespace', 'prow')) return unchecked('not on PATH, and namespace prow does not exist')
    return await withSpinner('running checkconfig in the cluster', () => inCluster(files, settings, prow))
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'interrupted') throw error
    return unchecked(error.message, error.findings[0]!.remedy)
  }
}

/**
 * What checkconfig found out, by how it ended. Only its own log lines refuse a configuration: any other failure is one
 * of what runs it.
 */
export function verdict(program: string, { exitCode, stdout, stderr }: Completed): Verdict {
  if (exitCode === 0) return { ran: true, program, errors: [], loads: true, unmade: [] }
  const entries = logEntries(`${stdout}\n${stderr}`)
  if (entries.length === 0) {
    const reason = stderr.trim().split('\n')[0] || `exit code ${exitCode}`
    return unchecked(reason, `Check that ${program} works.`)
  }
  // cmd/checkconfig/main.go reports warnings one by one, and with --strict then ends with this line.
  const loads = entries.at(-1)!.msg.startsWith('Strict is set and there were warnings')
  const found = loads ? warningsOf(entries.slice(0, -1)) : errorsOf(entries)
  const errors = [...new Set(found.flatMap(splitErrors))]
  const unmade = errors.filter((error) => UNMADE.test(error))
  return { ran: true, program, errors: errors.filter((error) => !unmade.includes(error)), loads, unmade }
}

/**
 * What checkconfig reports when it cannot read plank.build_cluster_status_file, which lies in the bucket: it has no
 * credentials for it, and may not reach it.
 */
const UNMADE = /^error (opening|reading) build cluster status file/

interface LogEntry {
  msg: string
  error?: unknown
  /** The Go function that logged it. */
  func?: string
}

/** The warnings and errors that a program of Prow has logged, as JSON lines. */
function logEntries(log: string): LogEntry[] {
  return log.split('\n').flatMap((line): LogEntry[] => {
    try {
      const entry = JSON.parse(line)
      const isError = /^(warning|error|fatal|panic)$/.test(entry?.level ?? entry?.severity)
      return isError && typeof entry.msg === 'string' ? [entry] : []
    } catch {
      return []
    }
  })
}

/** The errors of a configuration that does not load: those that carry one, else all messages. */
function errorsOf(entries: LogEntry[]): string[] {
  const errors = entries.filter(({ error }) => error).map(({ error }) => String(error))
  return errors.length > 0 ? errors : entries.map(({ msg }) => msg)
}

/** What --strict refuses; a notice of something deprecated is none of it. */
function warningsOf(entries: LogEntry[]): string[] {
  const reported = entries.filter(({ func }) => func?.endsWith('reportWarning'))
  return (reported.length > 0 ? reported : entries).map(({ msg }) => msg)
}

/** The single errors of one that Go has put together as `[a, b]`; each begins with the same word. */
function splitErrors(error: string): string[] {
  const text = error.replace(/^error loading (prow config|Prow plugin config: failed to start plugins agent): /, '')
  const list = /^\[(\w+ .*)\]$/s.exec(text)?.[1]
  if (!list) return [text]
  const [first] = list.split(' ')
  return list.split(new RegExp(`, (?=${first} )`))
}

/** The same with the files as the reader knows them: checkconfig reads copies in `folder`. */
function withNames(found: Verdict, folder: string, prow: ProwConfig): Verdict {
  if (!found.ran) return found
  const names: [path: string, name: string][] = [
    [`${folder}/config.yaml`, prow.config.displayName],
    [`${folder}/plugins.yaml`, prow.plugins.displayName],
    ...[...prow.jobs].map(([name, { displayName }]): [string, string] => [`${folder}/jobs/${name}`, displayName]),
  ]
  const rename = (text: string) =>
    text.includes(folder) ? names.reduce((all, [path, name]) => all.replaceAll(path, name), text) : text
  return { ...found, errors: found.errors.map(rename) }
}

/** The arguments of checkconfig for the files in a folder. */
function flags(folder: string, settings: Settings): string[] {
  return [
    `--config-path=${folder}/config.yaml`,
    `--plugin-config=${folder}/plugins.yaml`,
    `--job-config-path=${folder}/jobs`,
    ...(settings.CONFIG_STRICT === 'on' ? ['--strict'] : []),
  ]
}

async function runProgram(files: Record<string, string>, settings: Settings, prow: ProwConfig): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'prow-runbook-'))
  try {
    chmodSync(folder, 0o700)
    mkdirSync(join(folder, 'jobs'))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const completed = await tryRun('checkconfig', flags(folder, settings))
    return withNames(verdict('the checkconfig on PATH', completed), folder, prow)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function inCluster(files: Record<string, string>, settings: Settings, prow: ProwConfig): Promise<Verdict> {
  const { completed, status } = await runPod(files, flags(FOLDER, settings), settings)
  const found = verdict('checkconfig in the cluster', completed)
  if (found.ran) return withNames(found, FOLDER, prow)
  if (status)
    return unchecked(`its pod shows ${status}`, 'Check that the nodes can pull its image and have room for it.')
  const { message, findings } = explainKubectl(completed.stderr)
  return unchecked(message, findings[0]!.remedy)
}
