// Makes the files that are yours and that git ignores: .env and secrets/. With --config also config/, when the
// templates are not enough. Never over a file that is there. npm run init
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { displayPath, ROOT } from '../lib/base/paths.ts'
import { EXIT, Problem } from '../lib/base/problem.ts'
import { paint, printLine, printProblems } from '../lib/base/terminal.ts'
import { fillTemplate } from '../lib/kubernetes/manifests.ts'
import { type FileName, SECRET_FILES } from '../lib/prow/secret-files.ts'
import { templateValues } from '../lib/settings/derived.ts'
import { envExample } from '../lib/settings/env-example.ts'
import { readSettings, settingsPath } from '../lib/settings/settings.ts'

const HELP = `npm run init -- [options]

Makes the files that are yours: .env and secrets/, with what to fill in.

Options:
  --config     also config/: the templates of Prow's configuration, filled from the settings, for you to change
  --env FILE   the settings file to make (default .env); secrets/ and config/ are beside it
  --help       this text
`

function made(file: string, make: () => void): void {
  const there = existsSync(file)
  if (!there) make()
  printLine(
    `  ${paint(there ? 'dim' : 'green', '✔')} ${displayPath(file).padEnd(32)}  ${paint('dim', there ? 'unchanged' : 'created')}`,
  )
}

function secretFiles(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const name of Object.keys(SECRET_FILES) as FileName[]) {
    // What the runbook makes itself, or on EKS knows from the settings, needs no file.
    if (
      'openssl' in SECRET_FILES[name] ||
      'follows' in SECRET_FILES[name] ||
      name === 'clone-token' ||
      name === 'github-app-key'
    )
      continue
    made(join(folder, name), () =>
      writeFileSync(join(folder, name), readFileSync(join(ROOT, 'secrets.example', name)), { mode: 0o600, flag: 'wx' }),
    )
  }
}

function configFiles(env: string): void {
  const settings = readSettings(env)
  const values = templateValues(settings)
  const from = join(ROOT, 'manifests', 'config')
  const to = settingsPath(settings, settings.CONFIG_DIR)
  for (const entry of readdirSync(from, { recursive: true }) as string[]) {
    if (statSync(join(from, entry)).isDirectory()) continue
    const file = join(to, entry)
    made(file, () => {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, fillTemplate(readFileSync(join(from, entry), 'utf8'), values, displayPath(join(from, entry))))
    })
  }
}

try {
  let options: { config?: boolean; env?: string; help?: boolean }
  try {
    options = parseArgs({
      options: { config: { type: 'boolean' }, env: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    }).values
  } catch (error) {
    throw new Problem((error as Error).message, 'Run npm run init -- --help to see its options.', {
      exitCode: EXIT.usage,
    })
  }
  if (options.help) process.stdout.write(HELP)
  else {
    const env = options.env ?? join(ROOT, '.env')
    printLine(`${paint('bold', 'init')}  Make the files that are yours`)
    mkdirSync(dirname(env), { recursive: true })
    made(env, () => writeFileSync(env, envExample({ TARGET: 'eks' }), { mode: 0o600, flag: 'wx' }))
    secretFiles(join(dirname(env), 'secrets'))
    if (options.config) configFiles(env)
    printLine()
    printLine(`Fill them in, then:  npm run install:all -- --plan`)
  }
} catch (error) {
  if (!(error instanceof Problem)) throw error
  printProblems(error.findings)
  process.exitCode = error.exitCode
}
