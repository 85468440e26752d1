import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../base/cache.ts'
import { withLock } from '../base/lock.ts'
import { Problem } from '../base/problem.ts'
import { onPath, run, tryRun } from '../base/shell.ts'
import { atLeast, parseVersion } from '../base/version.ts'
import { probe } from './probe.ts'
import type { Progress } from './task.ts'

const REQUIREMENTS = join(import.meta.dirname, 'fakes/aws/requirements.txt')

/** The program of the emulator. */
export const SERVER = join(import.meta.dirname, 'fakes/aws/server.py')

// A slow mirror of PyPI has to deliver 150 MB.
const PIP_LIMIT = 1800

/** Why the AWS emulator cannot run on this machine; undefined when it can. */
export async function missingPrerequisite(): Promise<string | undefined> {
  if (!onPath('aws')) return 'aws is not on PATH'
  if (!onPath('python3')) return 'python3 is not on PATH'
  const version = parseVersion((await probe('python3', ['--version'])).stdout)
  if (!version || !atLeast(version, [3, 10, 0])) return 'python3 is older than 3.10'
  const venv = await probe('python3', ['-c', 'import venv, ensurepip'])
  return venv.exitCode === 0 ? undefined : 'python3 lacks venv (on Debian: apt-get install python3-venv)'
}

/** The Python that runs the emulator: a virtual environment in the cache with pinned packages, created once. */
export async function ensurePython(progress: Progress): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 10)
  const home = join(cacheFolder(), `aws-emulator-${hash}`)
  const python = join(home, 'bin', 'python')
  const installed = join(home, 'installed')
  if (existsSync(installed)) return python
  return withLock(
    `${home}.lock`,
    (pid) => progress(`waiting for process ${pid}, which installs it`),
    async () => {
      if (existsSync(installed)) return python
      progress('creating a virtual environment')
      rmSync(home, { recursive: true, force: true })
      await run('python3', ['-m', 'venv', home], { timeout: 300 })
      progress('installing moto from PyPI')
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '-r', REQUIREMENTS]
      const { exitCode, stderr } = await tryRun(python, pip, { timeout: PIP_LIMIT })
      if (exitCode !== 0) {
        throw new Problem(
          `the AWS emulator could not be installed: ${stderr.trim().split('\n').at(-1)}`,
          'Check that PyPI can be reached, or name a mirror in PIP_INDEX_URL.',
        )
      }
      writeFileSync(installed, '')
      return python
    },
  )
}

/** Whether a command line is that of the emulator in a folder, started from whatever clone of this repository. */
export function isEmulator(dir: string, line: string): boolean {
  const at = line.indexOf(`fakes/aws/server.py --dir ${dir} `)
  return at >= 0 && /^\S*python[\d.]* (\S.*)?$/.test(line.slice(0, at))
}
