import { availableParallelism, totalmem } from 'node:os'
import { type Finding, failed, Problem } from '../base/problem.ts'
import { type Completed, onPath, type RunOptions, tryRun } from '../base/shell.ts'
import { atLeast, parseVersion } from '../base/version.ts'

// A first download of the modules, or a first build on a small machine, takes long; Go goes on where it was.
const LIMIT = 2 * 3600

/**
 * How much garbage Go's own programs may keep. A compiler ends before collecting would have paid: without it a build
 * takes a tenth less of the processors. With less than 2 GiB for each processor it collects, but less than by default.
 */
export function garbage(memory: number, processors: number): Record<string, string> {
  return memory / processors < 2 * 1024 ** 3 ? { GOGC: '400' } : { GOGC: 'off', GOMEMLIMIT: '1GiB' }
}

/** How Go is started in a folder: without cgo, and without a workspace that the reader may have set. */
export const goOptions = (cwd: string): RunOptions & { env: Record<string, string> } => ({
  cwd,
  env: {
    CGO_ENABLED: '0',
    GOWORK: 'off',
    // Without a limit constrainedMemory is 0, or more than there is.
    ...garbage(Math.min(totalmem(), process.constrainedMemory() || totalmem()), availableParallelism()),
  },
  timeout: LIMIT,
})

/** The Go that would build what is in a folder, such as `go1.26.8 linux amd64`. Throws a Problem when it cannot. */
export async function goVersion(folder: string, goMod: string): Promise<string> {
  // The first call may download the toolchain that go.mod asks for.
  const answer = onPath('go')
    ? await tryRun('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], goOptions(folder))
    : undefined
  const checked = checkGo(answer, goMod)
  if ('problem' in checked) throw Problem.all([checked.problem])
  return checked.go
}

/** What Go is there, or what keeps it from building. `answer` is that of `go env GOVERSION GOOS GOARCH`. */
export function checkGo(answer: Completed | undefined, goMod: string): { go: string } | { problem: Finding } {
  const needed = /^go (\S+)/m.exec(goMod)?.[1] ?? '1.26'
  const problem = (reason: string) => ({
    problem: failed(
      `The programs of the rehearsal cluster are not on PATH and cannot be downloaded, and ${reason}`,
      `Install Go ${needed} or later (https://go.dev/dl), or allow access to dl.k8s.io and github.com.`,
    ),
  })
  if (!answer) return problem('Go is not installed to build them')
  if (answer.exitCode !== 0) return problem(`Go cannot build them: ${answer.stderr.trim()}`)
  const go = answer.stdout.trim().split(/\s+/).join(' ')
  const version = parseVersion(go)
  if (!version || !atLeast(version, parseVersion(needed)!))
    return problem(`${go.split(' ')[0]} is too old to build them`)
  return { go }
}

/** Runs go in a folder; answers its stdout. Throws a Problem with the last lines that are not progress. */
export async function runGo(folder: string, args: string[], onStderr: (text: string) => void): Promise<string> {
  const { stdout, stderr, exitCode } = await tryRun('go', args, { ...goOptions(folder), onStderr })
  if (exitCode === 0) return stdout
  const lines = stderr.split('\n').filter((line) => line.trim() && !/^[\w.~/-]+$|^go: downloading/.test(line))
  throw new Problem(
    `The programs of the rehearsal cluster could not be built: ${lines.slice(-5).join('\n') || `go exited with ${exitCode}`}`,
    'Check that the Go module proxy can be reached (go env GOPROXY) and that 5 GB of disk are free, then run the same line again: it continues where it stopped.',
  )
}
