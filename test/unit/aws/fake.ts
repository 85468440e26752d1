import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import { newRun, setRun } from '../../../lib/run/context.ts'
import type { Settings } from '../../../lib/settings/table.ts'

/** What a fake program answers to a command that holds a text: an object is printed as JSON, a string is its stderr. */
export type Answers = Record<string, object | string>

const path = process.env.PATH

/** Puts a program in front of PATH that gives fixed answers, and gives back what reads the commands that it got. */
export function fakeProgram(name: string, answers: Answers): () => string[] {
  const folder = mkdtempSync(join(tmpdir(), 'runbook-fake-'))
  after(() => {
    rmSync(folder, { recursive: true, force: true })
    process.env.PATH = path
  })
  const log = join(folder, 'log')
  const cases = Object.entries(answers).map(([command, answer], index) => {
    const file = join(folder, String(index))
    writeFileSync(file, typeof answer === 'string' ? answer : JSON.stringify(answer))
    const print = typeof answer === 'string' ? `cat ${file} >&2; exit 1` : `cat ${file}`
    return `*'${command}'*) ${print} ;;\n`
  })
  const unknown = '*) echo "unexpected: $*" >&2; exit 99 ;;\n'
  writeFileSync(
    join(folder, name),
    `#!/bin/sh\nprintf '%s\\n' "$*" >>${log}\ncase "$*" in\n${cases.join('')}${unknown}esac\n`,
  )
  chmodSync(join(folder, name), 0o755)
  process.env.PATH = `${folder}${delimiter}${process.env.PATH}`
  return () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [])
}

/** Begins a run with an aws that gives fixed answers. */
export function fakeAws(settings: Settings, answers: Answers, plan = false): () => string[] {
  setRun(newRun(settings, { plan }))
  return fakeProgram('aws', answers)
}

/** The stderr of aws when a service refuses. */
export function refusal(code: string, message = 'no', operation = 'Operation'): string {
  return `An error occurred (${code}) when calling the ${operation} operation: ${message}`
}
