// Creates the files that are yours and that git ignores: .env, and in secrets/ those that its settings ask for. With
// --config also config/, for when the settings are not enough. Never overwrites a file: npm run init
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { displayPath, ROOT } from '../lib/base/paths.ts'
import { Problem } from '../lib/base/problem.ts'
import { paint, printLine, printProblems, symbol } from '../lib/base/terminal.ts'
import { fillTemplate } from '../lib/kubernetes/manifests.ts'
import { secretFiles, wantedFiles } from '../lib/prow/secret-files.ts'
import { parseOptions } from '../lib/run/command-line.ts'
import { templateValues } from '../lib/settings/derived.ts'
import { envExample } from '../lib/settings/env-example.ts'
import { parseSettings, readSettings, settingsPath } from '../lib/settings/settings.ts'
import type { Settings } from '../lib/settings/table.ts'

const HELP = `npm run init -- [options]

Creates the files that are yours, for you to fill in: .env, and in secrets/ those
that the settings ask for. A file that exists is kept.

Options:
  --config     also create config/: Prow's configuration, filled from the settings, to change it by hand
  --env FILE   the settings file (default .env); secrets/ and config/ are beside it
  --help       print this text
`

/** Creates a file unless it exists, and prints a line. */
function createFile(file: string, text: () => string, mode = 0o644): void {
  const exists = existsSync(file)
  if (!exists) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text(), { mode, flag: 'wx' })
  }
  const outcome = exists ? 'unchanged' : 'created'
  printLine(
    `  ${paint(exists ? 'dim' : 'green', symbol('✔'))} ${displayPath(file).padEnd(32)}  ${paint('dim', outcome)}`,
  )
}

/** Creates the secret files that only a person can fill in. */
function createSecretFiles(settings: Settings): void {
  const folder = settingsPath(settings, settings.SECRETS_DIR)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const name of wantedFiles(settings)) {
    const { generated, derive } = secretFiles[name]
    if (generated || derive?.(settings)) continue
    createFile(join(folder, name), () => readFileSync(join(ROOT, 'secrets.example', name), 'utf8'), 0o600)
  }
}

function createConfigFiles(settings: Settings): void {
  const values = templateValues(settings)
  const templates = join(ROOT, 'manifests', 'config')
  const folder = settingsPath(settings, settings.CONFIG_DIR)
  for (const name of readdirSync(templates, { recursive: true }) as string[]) {
    const template = join(templates, name)
    if (statSync(template).isDirectory()) continue
    createFile(join(folder, name), () => fillTemplate(readFileSync(template, 'utf8'), values, displayPath(template)))
  }
}

try {
  const options = parseOptions({
    config: { type: 'boolean' },
    env: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  })
  if (options.help) process.stdout.write(HELP)
  else {
    const env = (options.env as string | undefined) ?? join(ROOT, '.env')
    printLine(`${paint('bold', 'init')}  Create the settings and secret files`)
    createFile(env, () => envExample({ TARGET: 'eks' }), 0o600)
    // Most settings are not filled in yet. The environment is not read: it must not decide which files are created.
    createSecretFiles(parseSettings(env, {}).settings)
    if (options.config) createConfigFiles(readSettings(env))
    printLine()
    printLine(`Fill them in, then run:  npm run install:all -- --plan`)
  }
} catch (error) {
  if (!(error instanceof Problem)) throw error
  printProblems(error.findings)
  process.exitCode = error.exitCode
}
