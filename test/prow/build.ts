import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../lib/config.ts'
import { run, tryRun } from '../../lib/shell.ts'

/** One of Prow's own programs, built of the Go module beside this file and kept in the cache. */
export async function program(name: string): Promise<string> {
  const module = join(ROOT, 'test', 'prow')
  const mark = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex')
    .slice(0, 12)
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'prow-runbook', 'prow', mark)
  const file = join(folder, name)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const aside = `${file}.${process.pid}`
  const nice = (await tryRun('nice', ['true'])).exitCode === 0 ? ['nice'] : []
  const [first = 'go', ...rest] = [...nice, 'go', 'build', '-o', aside, `sigs.k8s.io/prow/cmd/${name}`]
  await run(first, rest, { cwd: module })
  renameSync(aside, file)
  return file
}
