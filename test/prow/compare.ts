// Checks every case by the rules of this runbook and by checkconfig, and prints where they differ.
//   npx tsx test/prow/compare.ts CHECKCONFIG

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { tryRun } from '../../lib/base/shell.ts'
import { checkConfiguration } from '../../lib/prow/rules/index.ts'
import type { Violation } from '../../lib/prow/rules/rule.ts'
import { readSettings } from '../../lib/settings/settings.ts'
import { CASES, type Case } from './cases.ts'

export interface Compared {
  name: string
  strict: boolean
  /** Whether checkconfig accepts it. */
  theirs: boolean
  /** Whether our rules accept it. */
  ours: boolean
  /** The last problem that checkconfig logs. */
  log: string
  findings: Violation[]
}

/** Whether a rule is one that checkconfig cannot know: of this installation, or of what the YAML parser drops silently. */
export const HERE = ({ severity, rule }: Violation) => severity === 'here' || (severity === 'strict' && rule === 'yaml')

/** What checkconfig of the Go module judges otherwise only because it is older than the installed version. */
export const AGE = new Set([
  'config: newer field',
  'plugins: newer plugin',
  'plugins: newer field of trigger',
  'jobs: presubmit side container',
])

const settings = readSettings('/nowhere/.env', {
  TARGET: 'local',
  KUBECONFIG_FILE: 'k',
  KUBE_CONTEXT: 'c',
  PROW_HOST: 'prow.example.com',
  GITHUB_ORG: 'org',
  LOG_BUCKET: 'logs',
  IDENTITY: 'keys',
  INGRESS: 'none',
})

/** What our rules find in a case. */
export function findingsOf(one: Case): Violation[] {
  const jobs = new Map(Object.entries(one.jobs).map(([name, text]) => [name, { displayName: name, text }]))
  return checkConfiguration(
    {
      config: { displayName: 'config.yaml', text: one.config },
      plugins: { displayName: 'plugins.yaml', text: one.plugins },
      jobs,
    },
    settings,
  )
}

/** How many of those that only --strict refuses are checked once more without it. */
const PROOFS = 10

/** Both verdicts on every case, plain and strict. */
export async function compare(checkconfig: string, cases: readonly Case[] = CASES): Promise<Compared[]> {
  const folder = mkdtempSync(join(tmpdir(), 'prow-compare-'))
  const results: Compared[] = []
  const queue = [...cases.entries()]
  let proven = 0
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [index, one] = next
      const path = join(folder, String(index))
      mkdirSync(join(path, 'jobs'), { recursive: true })
      writeFileSync(join(path, 'config.yaml'), one.config)
      writeFileSync(join(path, 'plugins.yaml'), one.plugins)
      for (const [name, text] of Object.entries(one.jobs)) writeFileSync(join(path, 'jobs', name), text)
      const findings = findingsOf(one)
      const flags = [
        `--config-path=${join(path, 'config.yaml')}`,
        `--plugin-config=${join(path, 'plugins.yaml')}`,
        `--job-config-path=${join(path, 'jobs')}`,
      ]
      const asked = await tryRun(checkconfig, [...flags, '--strict'])
      const log = asked.stderr.split('\n').filter((line) => /"(error|warning|fatal)"/.test(line))
      // It ends so when there are only warnings, which pass without --strict: one process answers for both.
      const warned = log.at(-1)?.includes('Strict is set and there were warnings') ?? false
      if (warned && proven < PROOFS) {
        proven += 1
        assert.equal((await tryRun(checkconfig, flags)).exitCode, 0, one.name)
      }
      for (const strict of [true, false]) {
        const weights = strict ? ['invalid', 'strict', 'here'] : ['invalid', 'here']
        results.push({
          name: one.name,
          strict,
          theirs: asked.exitCode === 0 || (warned && !strict),
          ours: !findings.some((finding) => weights.includes(finding.severity)),
          log: log.at(-1)?.slice(0, 400) ?? '',
          findings,
        })
      }
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  rmSync(folder, { recursive: true })
  return results.sort((a, b) => a.name.localeCompare(b.name))
}

if (process.argv[1]?.endsWith('compare.ts')) {
  const results = await compare(process.argv[2] ?? 'checkconfig')
  const shown = (one: Compared) =>
    one.findings
      .map((finding) => `${finding.rule}/${finding.severity}: ${finding.file}:${finding.line} ${finding.message}`)
      .join(' | ')
  for (const strict of [true, false]) {
    const some = results.filter((one) => one.strict === strict)
    const count = (theirs: boolean, ours: boolean) => some.filter((one) => one.theirs === theirs && one.ours === ours)
    console.log(
      `${strict ? '--strict' : 'plain'}: both accept ${count(true, true).length}, both refuse ${count(false, false).length}, only ours refuses ${count(true, false).length}, only checkconfig refuses ${count(false, true).length}`,
    )
    for (const one of count(true, false))
      console.log(`  ours alone ${one.findings.some(HERE) ? '(here)' : '(!!!)'}: ${one.name}  ${shown(one)}`)
    for (const one of count(false, true))
      console.log(`  checkconfig alone: ${one.name}  ${one.log.replace(/.*"msg":/, '').slice(0, 250)}`)
  }
}
