import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../../lib/base/paths.ts'
import { space, tag } from '../../lib/rehearsal/namespaces.ts'
import { DIR } from './world.ts'

const run = promisify(execFile)

/** The processes that have the folder in their command line. */
function processes(): string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid || Number(name) === process.ppid) return []
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return line.includes(`${DIR}/`) ? [line] : []
    } catch {
      return []
    }
  })
}

test('after a crash, --down leaves no process, mount, link, cgroup or folder', {
  skip: Boolean(process.env.KEEP),
}, async () => {
  const name = tag(DIR)
  assert.match((await run('ip', ['link', 'show', name])).stdout, /state UP/)
  // As a machine that runs out of memory would do it.
  process.kill(space(DIR)!.pid, 'SIGKILL')
  const env = { PATH: process.env.PATH, HOME: process.env.HOME }
  const line = ['--import', 'tsx', 'scripts/rehearse.ts', '--real', '--down', '--dir', DIR]
  await run(process.execPath, line, { cwd: ROOT, env })
  assert.deepEqual(processes(), [])
  await assert.rejects(run('ip', ['link', 'show', name]))
  assert.doesNotMatch(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(basename(DIR)))
  const groups = readdirSync('/sys/fs/cgroup', { withFileTypes: true }).filter((one) => one.isDirectory())
  assert.deepEqual(
    ['', ...groups.map((one) => one.name)].filter((group) => existsSync(`/sys/fs/cgroup/${group}/${name}`)),
    [],
  )
  assert.ok(!existsSync(DIR))
})
