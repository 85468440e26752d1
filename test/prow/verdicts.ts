import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../lib/base/cache.ts'
import { ROOT } from '../../lib/base/paths.ts'
import { run } from '../../lib/base/shell.ts'
import { buildPrograms, prowSource } from '../../lib/rehearsal/go-build.ts'
import { PROW } from '../../lib/rehearsal/go-modules.ts'

/** A configuration as texts. */
export interface Configuration {
  config: string
  plugins: string
  /** Job files by name. */
  jobs: Record<string, string>
}

/** What checkconfig says about a configuration: what refuses it, empty when it is accepted. */
export interface Verdict {
  plain: string
  strict: string
}

const OURS = join(ROOT, 'test/prow/checkconfig/many.go')

/**
 * Builds checkconfig with many.go beside its own main.go, which are compiled from a module that is a copy of the
 * rehearsal's: a program for many configurations, where the real one starts anew for each. Answers its file.
 */
export async function buildVerdicts(): Promise<string> {
  // The module cache must be filled before its files can be copied.
  const source = await prowSource()
  const folder = join(cacheFolder(), 'programs', 'checkconfig-many')
  mkdirSync(folder, { recursive: true })
  for (const file of ['go.mod', 'go.sum']) copyFileSync(join(PROW.folder, file), join(folder, file))
  copyFileSync(join(source, 'cmd/checkconfig/main.go'), join(folder, 'main.go'))
  copyFileSync(OURS, join(folder, 'many.go'))
  const module = { folder, packages: { 'checkconfig-many': 'prow-runbook/prow' } }
  return join(await buildPrograms(module, ['checkconfig-many'], () => {}), 'checkconfig-many')
}

/** How many one process judges: each configuration leaves a watcher behind until it ends. */
const BATCH = 200

/** What checkconfig says about each of some configurations. */
export async function verdictsOf(program: string, configurations: Configuration[]): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), 'prow-verdicts-'))
  try {
    const folders = configurations.map(({ config, plugins, jobs }, index) => {
      const path = join(folder, String(index))
      mkdirSync(join(path, 'jobs'), { recursive: true })
      writeFileSync(join(path, 'config.yaml'), config)
      writeFileSync(join(path, 'plugins.yaml'), plugins)
      for (const [name, text] of Object.entries(jobs)) writeFileSync(join(path, 'jobs', name), text)
      return path
    })
    const verdicts: Verdict[] = []
    for (let first = 0; first < folders.length; first += BATCH) {
      const input = folders.slice(first, first + BATCH).join('\n')
      const answer = await run(program, [], { input, env: { MANY: '1' } })
      verdicts.push(
        ...answer
          .trim()
          .split('\n')
          .map((line): Verdict => JSON.parse(line)),
      )
    }
    assert.equal(verdicts.length, configurations.length)
    return verdicts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What Prow's reader makes of a YAML text: its value, and its values as strings, null when it has others. */
export interface GoReading {
  /** Whether it reads the text at all. */
  read: boolean
  value: unknown
  strings: Record<string, string> | null
}

/** What Prow's reader makes of each of some texts. */
export async function readingsOf(program: string, texts: string[]): Promise<GoReading[]> {
  const answer = await run(program, [], { input: JSON.stringify(texts), env: { YAML: '1' } })
  return answer
    .trim()
    .split('\n')
    .map((line): GoReading => JSON.parse(line))
}
