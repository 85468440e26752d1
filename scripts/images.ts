// The images of an installation, for copying them into a registry of your own. npx tsx scripts/images.ts

import { join } from 'node:path'
import { ROOT } from '../lib/base/paths.ts'
import { Problem } from '../lib/base/problem.ts'
import { printProblems } from '../lib/base/terminal.ts'
import { imagesOf } from '../lib/prow/images.ts'
import { parseOptions } from '../lib/run/command-line.ts'
import { readSettings } from '../lib/settings/settings.ts'

const HELP = `npx tsx scripts/images.ts [options]

Prints an image a line: where it is published, and where PROW_IMAGE_REGISTRY and IMAGE_MIRROR make the cluster pull it
from. Connects to nothing and changes nothing. Images that your own jobs name are not among them.

Options:
  --env FILE   the settings (default .env)
  --help       print this text
`

try {
  const { help, env } = parseOptions({ env: { type: 'string' }, help: { type: 'boolean', short: 'h' } })
  if (help) process.stdout.write(HELP)
  else {
    const images = imagesOf(readSettings((env as string | undefined) ?? join(ROOT, '.env')))
    process.stdout.write(images.map(({ from, to }) => `${from} ${to}\n`).join(''))
  }
} catch (error) {
  if (!(error instanceof Problem)) throw error
  printProblems(error.findings)
  process.exitCode = error.exitCode
}
