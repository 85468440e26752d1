import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../../lib/base/paths.ts'
import { findNamespaces } from '../../lib/rehearsal/namespaces.ts'
import { nodeTag } from '../../lib/rehearsal/node-processes.ts'
import { DIR } from './world.ts'

const run = promisify(execFile)

/** The command lines of processes that contain the folder. */
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

test('after a crash, --down removes every process, mount, link, cgroup and folder', {
  skip: Boolean(process.env.KEEP),
}, async () => {
  const name = nodeTag(DIR)
  assert.match((await run('ip', ['link', 'show', name])).stdout, /state UP/)
  // As the kernel does when memory runs out.
  process.kill(findNamespaces(DIR)!.pid, 'SIGKILL')
  const env = { PATH: process.env.PATH, HOME: process.env.HOME }
  const line = ['lib/start.mjs', 'rehearse', '--real', '--down', '--dir', DIR]
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
