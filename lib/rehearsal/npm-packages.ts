import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { Problem } from '../base/problem.ts'
import { tryRun } from '../base/shell.ts'
import { type Progress, type TaskResult, UNCHANGED } from './task.ts'

/** Where the npm packages of package.json in this folder are installed: what only Deck's pages need. */
export const PACKAGES_FOLDER = join(import.meta.dirname, 'node_modules')

const LIMIT = 600

/** Installs the packages that Deck's pages are bundled from, unless those of this package-lock.json are there. */
export async function ensurePackages(
  progress: Progress,
  folder = import.meta.dirname,
): Promise<[undefined, TaskResult]> {
  const hash = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex')
  // npm ci removes the folder first, so this file is only there after it succeeded.
  const mark = join(folder, 'node_modules', '.installed')
  const isInstalled = () => existsSync(mark) && readFileSync(mark, 'utf8') === hash
  if (isInstalled()) return [undefined, UNCHANGED]
  return withLock(
    join(cacheFolder(), 'locks', `npm-${createHash('sha256').update(folder).digest('hex').slice(0, 10)}.lock`),
    (pid) => progress(`waiting for process ${pid}, which installs them`),
    async () => {
      if (isInstalled()) return [undefined, UNCHANGED]
      progress('installing them from the npm registry')
      const args = ['ci', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
      const { exitCode, stderr } = await tryRun('npm', args, { timeout: LIMIT })
      if (exitCode !== 0) {
        throw new Problem(
          `the npm packages of Deck's pages could not be installed: ${npmError(stderr) || `npm exited with ${exitCode}`}`,
          `Check that the npm registry can be reached (npm config get registry), then run the same line again.`,
        )
      }
      writeFileSync(mark, hash)
      return [undefined, { outcome: 'created', note: 'in lib/rehearsal/node_modules' }]
    },
  )
}

/** What npm reports as the cause: its first error line that is neither a code nor empty. */
export function npmError(stderr: string): string {
  const lines = stderr.split('\n').flatMap((line) => /^npm (?:error|ERR!) (.*)$/.exec(line)?.[1]?.trim() || [])
  return lines.find((line) => !/^(code|errno|syscall) /.test(line)) ?? ''
}
