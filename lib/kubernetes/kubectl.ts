import { type Finding, warning } from '../base/problem.ts'
import { type Completed, type RunOptions, tryRun } from '../base/shell.ts'
import { parseVersion } from '../base/version.ts'
import { readOnce, target } from '../run/context.ts'
import { explainKubectl } from './errors.ts'

/** The limit of one kubectl, in seconds; what waits for something has another. */
const LIMIT = 60

/** Runs kubectl against the target. Throws a Problem that explains what the API server answered. */
export async function kubectl(args: string[], options: RunOptions = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await tryKubectl(args, options)
  if (exitCode !== 0) throw explainKubectl(stderr)
  return stdout
}

/** Runs kubectl against the target and gives back how it ended. */
export function tryKubectl(args: string[], options: RunOptions = {}): Promise<Completed> {
  // Its kubeconfig and context are in the environment; without a target it would ask localhost.
  target()
  return tryRun('kubectl', args, { timeout: LIMIT, ...options })
}

/** Texts and objects as one input for `kubectl -f -`. It begins with ---: kubectl takes what begins with { for JSON alone. */
export function inputStream(documents: (string | object)[]): string {
  return documents.map((one) => `---\n${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join('')
}

/** The versions of kubectl and of the API server, such as `v1.36.3`. */
export function versions(): Promise<{ client: string; server: string }> {
  return readOnce('kubectl version', async () => {
    const { clientVersion, serverVersion } = JSON.parse(await kubectl(['version', '-o', 'json']))
    return { client: clientVersion.gitVersion, server: serverVersion.gitVersion }
  })
}

/** A warning when kubectl is more than one minor version older or newer than the API server, as Kubernetes supports it. */
export function versionSkew(client: string, server: string): Finding[] {
  const [kubectl, cluster] = [parseVersion(client), parseVersion(server)]
  // The dispatcher of Google's SDK starts the kubectl that fits the API server, and shows its own version.
  if (!kubectl || !cluster || client.endsWith('-dispatcher')) return []
  if (kubectl[0] === cluster[0] && Math.abs(kubectl[1] - cluster[1]) <= 1) return []
  return [
    warning(
      `kubectl ${client} is not supported with Kubernetes ${server}: their minor versions may differ by one`,
      `install kubectl ${cluster[0]}.${cluster[1]}; another may print or send what this API server does not know`,
    ),
  ]
}
