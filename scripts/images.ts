// The images of an installation, for whoever copies them into a registry of their own. npx tsx scripts/images.ts

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../lib/base/paths.ts'
import { EXIT, Problem } from '../lib/base/problem.ts'
import { printProblems } from '../lib/base/terminal.ts'
import { imagesOf } from '../lib/prow/images.ts'
import { readSettings } from '../lib/settings/settings.ts'

const HELP = `npx tsx scripts/images.ts [options]

Prints a line an image: where its makers publish it, and where the cluster will look for it by PROW_IMAGE_REGISTRY and
IMAGE_MIRROR. Asks nobody and changes nothing. Images of your own jobs are not among them.

Options:
  --env FILE   the settings (default .env)
  --help       this text
`

try {
  let options: { env?: string; help?: boolean }
  try {
    options = parseArgs({ options: { env: { type: 'string' }, help: { type: 'boolean', short: 'h' } } }).values
  } catch (error) {
    throw new Problem((error as Error).message, 'Run npx tsx scripts/images.ts --help to see its options.', {
      exitCode: EXIT.usage,
    })
  }
  if (options.help) process.stdout.write(HELP)
  else {
    const lines = imagesOf(readSettings(options.env ?? join(ROOT, '.env'))).map(({ from, to }) => `${from} ${to}\n`)
    process.stdout.write(lines.join(''))
  }
} catch (error) {
  if (!(error instanceof Problem)) throw error
  printProblems(error.findings)
  process.exitCode = error.exitCode
}
